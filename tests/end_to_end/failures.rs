//! Creates that fail for good, in each step: all that was made goes again, the verdict says why, and what
//! belongs to somebody else is as it was.

use aws_sdk_servicediscovery::types::OperationStatus;
use end_to_end::{
    Environment, Marks, Refusal, Service, Stage,
    api::{list, text},
    requests::{request, unique},
    waiting::until,
};
use futures::future::join_all;
use serde_json::json;

/// What a verdict must say.
struct Reason<'a> {
    step: &'a str,
    resource: &'a str,
    code: &'a str,
    /// AWS's own code, where AWS refused a call.
    aws_code: Option<&'a str>,
}

#[tokio::test]
async fn a_cluster_of_somebody_else_is_not_adopted() {
    let stage = Stage::set().await;
    let name = unique("foreign");
    let theirs = stage.cloud.ecs.create_cluster().cluster_name(format!("{name}-cluster")).send().await;
    theirs.expect("somebody makes a cluster");
    // CreateCluster would answer success for it: nobody but ourselves refuses here.
    let reason = Reason { step: "cluster", resource: "cluster/cluster", code: "ALREADY_EXISTS", aws_code: None };
    fails_and_leaves_the_foreign_thing(&stage, &name, &reason).await;
}

#[tokio::test]
async fn a_role_of_somebody_else_is_not_adopted() {
    let stage = Stage::set().await;
    let name = unique("foreign");
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let theirs = stage.cloud.iam.create_role().role_name(format!("{name}-worker-task-role"));
    theirs.assume_role_policy_document(trust).send().await.expect("somebody makes a role");
    let reason = Reason {
        step: "identity",
        resource: "identity/worker-task-role",
        code: "ALREADY_EXISTS",
        aws_code: Some("EntityAlreadyExists"),
    };
    fails_and_leaves_the_foreign_thing(&stage, &name, &reason).await;
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_neither_read_nor_overwritten() {
    let stage = Stage::set().await;
    let name = unique("foreign");
    let secret = format!("{name}-api-key");
    let theirs = stage.cloud.secrets.create_secret().name(&secret).secret_string("not yours");
    theirs.send().await.expect("somebody makes a secret");
    let reason = Reason { step: "identity", resource: "identity/secret", code: "ALREADY_EXISTS", aws_code: None };
    fails_and_leaves_the_foreign_thing(&stage, &name, &reason).await;
    let value = stage.cloud.secrets.get_secret_value().secret_id(&secret).send().await.expect("it is still there");
    assert_eq!(value.secret_string(), Some("not yours"), "the foreign secret's value");
}

#[tokio::test]
async fn a_log_group_of_somebody_else_is_not_adopted() {
    let stage = Stage::set().await;
    let name = unique("foreign");
    let theirs = stage.cloud.logs.create_log_group().log_group_name(format!("/ecs/{name}-flows"));
    theirs.send().await.expect("somebody makes a log group");
    let reason = Reason {
        step: "cluster",
        resource: "cluster/flows-log-group",
        code: "ALREADY_EXISTS",
        aws_code: Some("ResourceAlreadyExistsException"),
    };
    fails_and_leaves_the_foreign_thing(&stage, &name, &reason).await;
}

#[tokio::test]
async fn a_namespace_of_somebody_else_is_not_adopted() {
    let stage = Stage::set().await;
    let name = unique("foreign");
    let vpc = stage.cloud.ec2.create_vpc().cidr_block("10.9.0.0/16").send().await.expect("somebody makes a VPC");
    let vpc = vpc.vpc().and_then(|vpc| vpc.vpc_id()).expect("a VPC has an id");
    let namespaces = &stage.cloud.namespaces;
    let theirs = namespaces.create_private_dns_namespace().name(format!("default.{name}.local")).vpc(vpc).send().await;
    let operation = theirs.expect("somebody makes a namespace").operation_id.expect("an operation");
    until("the foreign namespace is there", || async {
        let look = namespaces.get_operation().operation_id(&operation).send().await.expect("an operation");
        let status = look.operation().and_then(|operation| operation.status()).cloned();
        if status == Some(OperationStatus::Success) { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    let reason = Reason {
        step: "cluster",
        resource: "cluster/namespace",
        code: "ALREADY_EXISTS",
        aws_code: Some("NamespaceAlreadyExists"),
    };
    fails_and_leaves_the_foreign_thing(&stage, &name, &reason).await;
}

#[tokio::test]
async fn a_task_definition_of_somebody_else_is_not_adopted() {
    let stage = Stage::set().await;
    let name = unique("foreign");
    let container =
        aws_sdk_ecs::types::ContainerDefinition::builder().name("theirs").image("theirs").memory(64).build();
    let theirs = stage.cloud.ecs.register_task_definition().family(format!("{name}-worker-task"));
    theirs.container_definitions(container).send().await.expect("somebody registers a task definition");
    let reason =
        Reason { step: "worker-setup", resource: "worker/task-definition", code: "ALREADY_EXISTS", aws_code: None };
    fails_and_leaves_the_foreign_thing(&stage, &name, &reason).await;
}

/// The create fails, nothing of ours is left, and what stood in its way is as before.
async fn fails_and_leaves_the_foreign_thing(stage: &Stage, name: &str, reason: &Reason<'_>) {
    let before = stage.inventory_of(&Marks::name(name)).await;
    assert!(!before.is_empty(), "the foreign thing is there");
    let failed = stage.create_in_vain(&request(name)).await;
    gives(&failed, reason);
    let after = stage.inventory_of(&failed.marks()).await;
    after.must_be_as(&before, "after the rollback: the foreign thing and nothing else");
    // Nothing of it exists: a delete only closes the file, and the name is free.
    assert_eq!(Environment(stage.api.delete(failed.id()).await.expect(200)).status(), "DELETED");
}

/// Nobody asked for it to be gone: once nothing is left of it, it is a create that failed, and still says why.
#[tokio::test]
async fn a_rollback_that_aws_refuses_is_finished_by_the_sweep() {
    let stage = Stage::set().await;
    let name = unique("undone");
    let group = format!("/ecs/{name}-worker");
    let service = Refusal::of("worker", "ecs:CreateService", "ecs", &format!("cluster/{name}-cluster"));
    let log_group = Refusal::of("cluster", "logs:DeleteLogGroup", "logs", &format!("log-group:{group}*"));
    let left = async {
        let asked = stage.request(&request(&name)).await;
        stage.api.at_rest(&asked).await.must_be("DELETE_FAILED")
    };
    let left = log_group.during(&stage, service.during(&stage, left)).await;
    stage.table.make_due(left.id()).await;

    stage.functions.invoke("operation", &json!({"action": "sweep"})).await;

    let failed = stage.api.at_rest(left.id()).await.must_be("FAILED");
    assert_eq!(failed.operations().len(), 2, "the create, and the sweep's try: {failed}");
    let verdict = failed.verdict();
    assert_eq!(verdict["failed_step"], "worker", "the create's own failure: {verdict:#}");
    stage.inventory_of(&failed.marks()).await.must_be_empty("after the sweep has tried again");
}

/// Calls that the local cloud can be told to refuse for one environment alone.
#[tokio::test]
async fn access_denied_in_a_step_is_rolled_back_and_named() {
    let stage = Stage::set().await;
    let stage = &stage;
    let cases = [
        ("identity", "identity/flow-task-role", "iam:CreateRole", "iam", "-flow-task-role"),
        ("identity", "identity/worker-task-role", "iam:PutRolePolicy", "iam", "-worker-task-role"),
        ("identity", "identity/task-execution-role", "iam:AttachRolePolicy", "iam", "-task-execution-role"),
        ("cluster", "cluster/worker-log-group", "logs:CreateLogGroup", "logs", "-worker"),
        ("cluster", "cluster/flows-log-group", "logs:PutRetentionPolicy", "logs", "-flows"),
        ("worker", "worker/service", "ecs:CreateService", "ecs", "-cluster"),
    ];
    join_all(cases.map(|(step, resource, action, service, suffix)| async move {
        let name = unique("denied");
        let refused = match service {
            "logs" => format!("log-group:/ecs/{name}{suffix}*"),
            "ecs" => format!("cluster/{name}{suffix}"),
            _ => format!("{name}{suffix}"),
        };
        let function = if step == "worker" { "worker" } else { step };
        let refusal = Refusal::of(function, action, service, &refused);
        let failed = refusal.during(stage, stage.create_in_vain(&request(&name))).await;
        let reason = Reason { step, resource, code: "ACCESS_DENIED", aws_code: Some(denied_in_the_words_of(service)) };
        gives(&failed, &reason);
        stage.inventory_of(&failed.marks()).await.must_be_empty(&format!("after {action} was refused"));
    }))
    .await;
}

fn denied_in_the_words_of(service: &str) -> &'static str {
    if service == "iam" { "AccessDenied" } else { "AccessDeniedException" }
}

/// The verdict names step, resource and AWS's code, and what was made before is listed as cleaned up.
#[track_caller]
fn gives(failed: &Environment, reason: &Reason<'_>) {
    assert_eq!(failed.operations().len(), 1, "the create itself cleans up: {failed}");
    let operation = failed.operation();
    assert_eq!((text(&operation["kind"]), text(&operation["status"])), ("apply", "FAILED"), "{failed}");
    let verdict = failed.verdict();
    assert_eq!(verdict["failed_step"], reason.step, "the step: {verdict:#}");
    let error = &verdict["error"];
    assert_eq!(error["resource"], reason.resource, "the resource: {verdict:#}");
    assert_eq!(error["code"], reason.code, "the code: {verdict:#}");
    assert!(!text(&error["message"]).is_empty(), "a message: {verdict:#}");
    match reason.aws_code {
        Some(code) => {
            assert_eq!(error["aws_code"], code, "AWS's code: {verdict:#}");
            // The local cloud's denials carry no request id in their headers.
            let has_one = reason.code == "ACCESS_DENIED" || !text(&error["request_id"]).is_empty();
            assert!(has_one, "AWS's request id: {verdict:#}");
        }
        None => assert_eq!(error.get("aws_code"), None, "AWS refused nothing: {verdict:#}"),
    }
    assert_eq!(verdict["usable"], false, "{verdict:#}");
    assert_eq!(verdict["repeatable"], false, "the same request would fail again: {verdict:#}");
    assert_eq!(list(&verdict["left_behind"]).len(), 0, "nothing is left: {verdict:#}");
    let cleaned_up: Vec<_> = list(&verdict["cleaned_up"]).iter().map(text).collect();
    assert!(cleaned_up.contains(&"network/vpc"), "what was made before is named: {verdict:#}");
    for resource in failed.resources() {
        assert_eq!(resource["state"], "GONE", "{resource}");
    }
    let words = failed.0.to_string();
    assert!(!words.contains("not authorized"), "AWS's own words stay in the log: {words}");
    assert!(
        !words.contains(&format!("assumed-role/{}", Service::under_test().stack)),
        "no role of ours is named: {words}"
    );
}

/// A delete that AWS refuses goes on as far as it can, says what is left, and can be asked for again.
#[tokio::test]
async fn a_delete_that_aws_refuses_says_what_is_left_and_can_be_repeated() {
    let stage = Stage::set().await;
    let name = unique("left");
    let environment = stage.create(&request(&name)).await;
    let group = format!("/ecs/{name}-worker");
    let refusal = Refusal::of("cluster", "logs:DeleteLogGroup", "logs", &format!("log-group:{group}*"));
    let left = refusal
        .during(&stage, async {
            stage.api.delete_with_key(environment.id(), &name).await.expect(202);
            stage.api.at_rest(environment.id()).await.must_be("DELETE_FAILED")
        })
        .await;
    let again = stage.api.delete_with_key(environment.id(), &name).await;
    assert_eq!(Environment(again.expect(202)).status(), "DELETE_FAILED", "the same request is not another try");
    assert!(again.headers.contains_key("idempotency-replayed"), "{again:?}");
    let named = list(&left.verdict()["left_behind"]);
    let one = named.iter().find(|one| one["key"] == "cluster/worker-log-group");
    let one = one.unwrap_or_else(|| panic!("the verdict does not say what is left: {:#}", left.verdict()));
    assert_eq!((text(&one["id"]), text(&one["error"]["code"])), (group.as_str(), "ACCESS_DENIED"), "{one}");
    let inventory = stage.inventory_of(&environment.marks()).await;
    assert!(inventory.has("log-group", &group), "the log group is left:\n{inventory}");
    assert_eq!(inventory.len(), 1, "everything else is gone:\n{inventory}");
    stage.api.create(&request(&name)).await.problem(409, "NAME_TAKEN");

    let deleted = stage.delete(environment.id()).await;
    assert_eq!(deleted.operations().len(), 3, "one create, two deletes: {deleted}");
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the second delete");
}
