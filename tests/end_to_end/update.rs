//! Update: what a patch names becomes so, nothing else is touched, and what cannot become so leaves all as it was.

use aws_sdk_ec2::types::{Filter, NatGatewayState};
use end_to_end::{
    Environment, Refusal, Stage,
    api::text,
    prefect::work_pool,
    requests::{request, unique},
    waiting::until,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn another_worker_takes_the_place_of_the_one_before() {
    let stage = Stage::set().await;
    let name = unique("image");
    let environment = stage.create(&request(&name)).await;
    let before = environment.physical("worker/task-definition").to_owned();
    let patch =
        json!({"worker": {"image": "busybox:2", "cpu": 1024, "memory": 2048, "environment": {"COLOUR": "blue"}}});

    let updated = update(&stage, environment.id(), &patch).await.must_be("ACTIVE");

    assert_eq!(updated.changed_since(&environment), ["worker/task-definition"], "one more revision, and nothing else");
    let definition = updated.physical("worker/task-definition");
    let (is, count) = service(&stage, &name).await;
    assert_eq!((is.task_definition(), is.running_count(), count), (Some(definition), 1, 1), "the service: {is:?}");
    let look = stage.cloud.ecs.describe_task_definition().task_definition(definition).send().await;
    let seen = look.expect("the definition is there").task_definition.expect("a definition");
    let container = &seen.container_definitions()[0];
    assert_eq!((container.image(), seen.cpu(), seen.memory()), (Some("busybox:2"), Some("1024"), Some("2048")));
    let variables: Vec<_> = container.environment().iter().filter(|one| one.name() == Some("COLOUR")).collect();
    assert_eq!(variables[0].value(), Some("blue"));
    let old = stage.cloud.ecs.describe_task_definition().task_definition(&before).send().await;
    let status = old.ok().and_then(|old| old.task_definition).and_then(|old| old.status);
    assert_ne!(status, Some("ACTIVE".into()), "nothing can be started from the revision before");
    assert_eq!(updated.0["spec"]["worker"]["image"], "busybox:2");
    let operation = updated.operation();
    assert_eq!((text(&operation["kind"]), text(&operation["status"])), ("apply", "SUCCEEDED"), "{operation}");
    stage.ends_without_a_trace(&updated).await;
}

#[tokio::test]
async fn a_worker_is_paused_and_goes_on() {
    let stage = Stage::set().await;
    let name = unique("pause");
    let environment = stage.create(&request(&name)).await;
    for count in [0, 2, 1] {
        let updated = update(&stage, environment.id(), &json!({"worker": {"desired_count": count}})).await;
        let updated = updated.must_be("ACTIVE");
        assert_eq!(updated.changed_since(&environment), Vec::<String>::new(), "nothing has another id");
        let (is, _) = service(&stage, &name).await;
        assert_eq!((is.desired_count(), is.running_count()), (count, count), "wanted and running tasks");
    }
    stage.ends_without_a_trace(&environment).await;
}

#[tokio::test]
async fn capacity_changes_to_spot_and_back() {
    let stage = Stage::set().await;
    let name = unique("spot");
    let environment = stage.create(&request(&name)).await;
    for (capacity, provider) in [("FARGATE_SPOT", "FARGATE_SPOT"), ("FARGATE", "FARGATE")] {
        let updated = update(&stage, environment.id(), &json!({"worker": {"capacity": capacity}})).await;
        updated.must_be("ACTIVE");
        let (is, _) = service(&stage, &name).await;
        let strategy: Vec<&str> = is.capacity_provider_strategy().iter().map(|one| one.capacity_provider()).collect();
        assert_eq!(strategy, [provider]);
    }
    // What is as it should be is left alone, although on demand it was made by another name.
    let before = service(&stage, &name).await.0;
    stage.api.repair(environment.id()).await.expect(202);
    stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    let after = service(&stage, &name).await.0;
    assert_eq!(after.deployments()[0].id(), before.deployments()[0].id(), "no new deployment");
    stage.ends_without_a_trace(&environment).await;
}

/// What the new spec does not ask for any more goes when the rest is settled, and comes back with the way back.
#[tokio::test]
async fn nat_gateways_come_and_go() {
    let stage = Stage::set().await;
    let name = unique("nat");
    let environment = stage.create(&request(&name)).await;
    let before = nat_gateways(&stage, &environment).await;
    assert_eq!(before.len(), 1, "{before:?}");

    let patch = json!({"network": {"nat": "per-az"}, "worker": {"image": "busybox:2"}});
    let refusal = Refusal::of("worker", "ecs:UpdateService", "ecs", &format!("cluster/{name}-cluster"));
    let failed = refusal.during(&stage, update(&stage, environment.id(), &patch)).await.must_be("UPDATE_FAILED");
    assert_eq!(failed.verdict()["usable"], true, "{failed}");
    assert_eq!(nat_gateways(&stage, &environment).await, before, "what was made on the way is gone: {failed}");
    assert_eq!(failed.resource("network/nat-gateway-1")["state"], "GONE", "{failed}");

    for (nat, gateways) in [("per-az", 3), ("single", 1)] {
        let updated = update(&stage, environment.id(), &json!({"network": {"nat": nat}})).await.must_be("ACTIVE");
        let now = nat_gateways(&stage, &environment).await;
        assert_eq!(now.len(), gateways, "{nat}: {now:?} of {updated}");
        let gateways_of_tasks = ways_out(&stage, &updated).await;
        assert_eq!(gateways_of_tasks, now, "every private subnet has a way out, and every gateway is one: {updated}");
    }
    let repaired = stage.api.repair(environment.id()).await;
    repaired.expect(202);
    let repaired = stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    assert_eq!(nat_gateways(&stage, &environment).await.len(), 1, "a repair brings nothing back: {repaired}");
    stage.ends_without_a_trace(&environment).await;
}

/// The ids of the NAT gateways that are there, or on their way.
async fn nat_gateways(stage: &Stage, environment: &Environment) -> BTreeSet<String> {
    let vpc = Filter::builder().name("vpc-id").values(environment.physical("network/vpc")).build();
    let found = stage.cloud.ec2.describe_nat_gateways().filter(vpc).send().await.expect("a list of NAT gateways");
    let there = found.nat_gateways().iter().filter(|one| one.state() != Some(&NatGatewayState::Deleted));
    there.filter_map(|one| one.nat_gateway_id().map(str::to_owned)).collect()
}

/// The NAT gateways that the private subnets' routes lead to.
async fn ways_out(stage: &Stage, environment: &Environment) -> BTreeSet<String> {
    let mut gateways = BTreeSet::new();
    for number in 1..=3 {
        let subnet = environment.physical(&format!("network/private-subnet-{number}"));
        let of_subnet = Filter::builder().name("association.subnet-id").values(subnet).build();
        let found = stage.cloud.ec2.describe_route_tables().filters(of_subnet).send().await.expect("route tables");
        let [table] = found.route_tables() else { panic!("one table of {subnet}: {found:?}") };
        let ways = table.routes().iter().filter_map(|route| route.nat_gateway_id());
        gateways.extend(ways.map(str::to_owned));
    }
    gateways
}

/// The new key is in use, the old one is gone, and the service was never without a running task.
#[tokio::test]
async fn a_new_key_takes_the_place_of_the_old_one() {
    let stage = Stage::set().await;
    let name = unique("key");
    let environment = stage.create(&request(&name)).await;
    for key in ["pnu_of_the_second", "pnu_of_the_third"] {
        stage.api.update(environment.id(), &json!({"prefect": {"api_key": key}})).await.expect(202);
        let updated = until("the change is through", || async {
            assert!(service(&stage, &name).await.0.running_count() > 0, "the service is without a running task");
            let environment = stage.api.read(environment.id()).await;
            if environment.status() == "UPDATING" { Err(environment.to_string()) } else { Ok(environment) }
        });
        let updated = updated.await.must_be("ACTIVE");

        assert_eq!(updated.changed_since(&environment), ["worker/task-definition"]);
        let secret = updated.physical("identity/secret");
        let version = only_version(&stage, secret, key).await;
        assert_eq!(updated.0["spec"]["prefect"]["key_version"], version);
        assert_eq!(stage.cloud.read_by_the_worker(&updated).await, format!("{secret}:::{version}"));
        let heard = stage.api.everything_heard().join("\n");
        assert!(!heard.contains(key), "nobody is told the key");
    }
    stage.ends_without_a_trace(&environment).await;
}

/// The version of a secret that is the current one and holds this key. No other version has a label.
async fn only_version(stage: &Stage, secret: &str, key: &str) -> String {
    let now = stage.cloud.secrets.get_secret_value().secret_id(secret).send().await.expect("the secret is there");
    assert_eq!(now.secret_string(), Some(key), "the current key");
    let version = now.version_id().expect("a version");
    let versions = stage.cloud.labelled_versions(secret).await;
    assert_eq!(versions, [(version.to_owned(), vec!["AWSCURRENT".to_owned()])].into(), "keys of before have no label");
    version.to_owned()
}

/// Worker and flow runs then read that key and no other, and this service goes on with its own.
#[tokio::test]
async fn a_key_of_the_workers_own_comes_changes_and_goes() {
    let stage = Stage::set().await;
    let name = unique("own");
    let environment = stage.create(&request(&name)).await;
    let first = environment.physical("identity/secret");
    let patch = |key: Value| json!({"prefect": {"worker_api_key": key}});

    // A change that is taken back leaves nothing of it.
    let refusal = Refusal::of("worker", "ecs:UpdateService", "ecs", &format!("cluster/{name}-cluster"));
    let failed = refusal.during(&stage, update(&stage, environment.id(), &patch(json!("pnu_in_vain")))).await;
    let failed = failed.must_be("UPDATE_FAILED");
    assert_eq!(failed.verdict()["usable"], true, "{failed}");
    assert_eq!(failed.resource("identity/worker-secret")["state"], "GONE", "{failed}");
    assert_eq!(stage.cloud.read_by_the_worker(&failed).await, first);

    for key in ["pnu_weak", "pnu_weaker"] {
        let updated = update(&stage, environment.id(), &patch(json!(key))).await.must_be("ACTIVE");
        let secret = updated.physical("identity/worker-secret");
        let version = only_version(&stage, secret, key).await;
        assert_eq!(updated.0["spec"]["prefect"]["worker_key"]["version"], version);
        assert_eq!(stage.cloud.read_by_the_worker(&updated).await, format!("{secret}:::{version}"));
        assert_eq!(updated.outputs()["worker_secret_arn"], secret);
        let pool = work_pool(&format!("{name}-pool")).await.expect("the pool is there");
        let default = &pool["base_job_template"]["variables"]["properties"]["prefect_api_key_secret_arn"]["default"];
        assert_eq!(default, secret, "what flow runs read");
        for role in ["task-execution-role", "flow-execution-role"] {
            let policies = readable(&stage, &format!("{name}-{role}")).await;
            assert!(policies.contains(secret) && !policies.contains(first), "what {role} may read: {policies}");
        }
        only_version(&stage, first, &format!("pnu_of_{name}")).await;
        let heard = stage.api.everything_heard().join("\n");
        assert!(!heard.contains(key), "nobody is told the key");
    }

    let updated = update(&stage, environment.id(), &patch(Value::Null)).await.must_be("ACTIVE");
    assert_eq!(updated.resource("identity/worker-secret")["state"], "GONE", "{updated}");
    assert_eq!(stage.cloud.read_by_the_worker(&updated).await, first);
    let gone = stage.cloud.secrets.describe_secret().secret_id(format!("{name}/worker-api-key")).send().await;
    assert!(gone.is_err(), "the secret went with it: {gone:?}");
    stage.ends_without_a_trace(&environment).await;
}

/// The policies that a role has of its own.
async fn readable(stage: &Stage, role: &str) -> String {
    let list = stage.cloud.iam.list_role_policies().role_name(role).send().await.expect("the role's policies");
    let mut documents = String::new();
    for name in list.policy_names() {
        let policy = stage.cloud.iam.get_role_policy().role_name(role).policy_name(name).send().await;
        documents += &policy.expect("the policy is there").policy_document.replace("%3A", ":").replace("%2F", "/");
    }
    documents
}

#[tokio::test]
async fn where_the_rollout_fails_the_old_key_is_the_current_one_again() {
    let stage = Stage::set().await;
    let name = unique("oldkey");
    let environment = stage.create(&request(&name)).await;
    let secret = environment.physical("identity/secret");
    let patch = json!({"prefect": {"api_key": "pnu_in_vain"}});
    let refusal = Refusal::of("worker", "ecs:UpdateService", "ecs", &format!("cluster/{name}-cluster"));

    let failed = refusal.during(&stage, update(&stage, environment.id(), &patch)).await.must_be("UPDATE_FAILED");

    assert_eq!(failed.verdict()["usable"], true, "{failed}");
    assert_eq!(failed.changed_since(&environment), Vec::<String>::new());
    only_version(&stage, secret, &format!("pnu_of_{name}")).await;

    update(&stage, environment.id(), &patch).await.must_be("ACTIVE");
    only_version(&stage, secret, "pnu_in_vain").await;
    stage.ends_without_a_trace(&environment).await;
}

#[tokio::test]
async fn logs_are_kept_for_as_long_as_is_wanted_by_now() {
    let stage = Stage::set().await;
    let name = unique("days");
    let environment = stage.create(&request(&name)).await;
    let updated = update(&stage, environment.id(), &json!({"log_retention_days": 7})).await.must_be("ACTIVE");
    assert_eq!(updated.changed_since(&environment), Vec::<String>::new());
    let groups = stage.cloud.logs.describe_log_groups().log_group_name_prefix(format!("/ecs/{name}-")).send().await;
    let groups = groups.expect("log groups").log_groups.unwrap_or_default();
    let days: Vec<_> = groups.iter().map(|group| group.retention_in_days()).collect();
    assert_eq!(days, [Some(7), Some(7)]);
    stage.ends_without_a_trace(&environment).await;
}

/// Also those that others have put there stay.
#[tokio::test]
async fn tags_reach_everything_and_those_of_others_stay() {
    let stage = Stage::set().await;
    let name = unique("tags");
    let mut body = request(&name);
    body["tags"] = json!({"gone": "1", "other": "1", "same": "1"});
    let environment = stage.create(&body).await;
    let (vpc, role) = (environment.physical("network/vpc"), format!("{name}-worker-task-role"));
    let theirs = aws_sdk_ec2::types::Tag::builder().key("theirs").value("1").build();
    stage.cloud.ec2.create_tags().resources(vpc).tags(theirs).send().await.expect("somebody tags the VPC");
    let theirs = aws_sdk_iam::types::Tag::builder().key("theirs").value("1").build().expect("a tag");
    stage.cloud.iam.tag_role().role_name(&role).tags(theirs).send().await.expect("somebody tags a role");
    let before = stage.inventory_of(&environment.marks()).await;

    let patch = json!({"tags": {"gone": null, "other": "2", "new": "3"}});
    let updated = update(&stage, environment.id(), &patch).await.must_be("ACTIVE");

    assert_eq!(updated.changed_since(&environment), Vec::<String>::new(), "nothing has another id");
    let after = stage.inventory_of(&environment.marks()).await;
    assert_eq!(before.len(), after.len(), "{before}\n{after}");
    let tagged = |lines: Vec<String>| lines.into_iter().filter(|line| line.contains("prefect-environments:id"));
    let (mut seen, mut tagged_by_others) = (0, 0);
    for line in tagged(after.lines()) {
        for (tag, is_there) in
            [("\"gone\"", false), ("\"other\": \"2\"", true), ("\"new\": \"3\"", true), ("\"same\": \"1\"", true)]
        {
            assert_eq!(line.contains(tag), is_there, "{tag} on {line}");
        }
        tagged_by_others += usize::from(line.contains("\"theirs\": \"1\""));
        seen += 1;
    }
    assert_eq!(tagged_by_others, 2, "the VPC and the role have the tags that somebody else has put there:\n{after}");
    assert_eq!(seen, tagged(before.lines()).count(), "everything carries our own tags still");
    assert!(seen > 20, "the environment was looked at: {seen}");
    stage.ends_without_a_trace(&updated).await;
}

#[tokio::test]
async fn a_change_that_fails_leaves_what_was_and_a_later_one_is_made() {
    let stage = Stage::set().await;
    let name = unique("denied");
    let environment = stage.create(&request(&name)).await;
    let before = stage.inventory_of(&environment.marks()).await;
    let patch = json!({"worker": {"image": "busybox:2"}, "log_retention_days": 7});
    let refusal = Refusal::of("worker", "ecs:UpdateService", "ecs", &format!("cluster/{name}-cluster"));

    let failed = refusal.during(&stage, update(&stage, environment.id(), &patch)).await.must_be("UPDATE_FAILED");

    let (operation, verdict) = (failed.operation(), failed.verdict());
    assert_eq!(text(&operation["status"]), "FAILED", "{operation}");
    assert_eq!(verdict["failed_step"], "worker", "{verdict:#}");
    assert_eq!(verdict["error"]["code"], "ACCESS_DENIED", "{verdict:#}");
    assert_eq!(verdict["usable"], true, "all is as it was: {verdict:#}");
    assert_eq!(failed.0["spec"], environment.0["spec"], "what was applied is wanted again");
    assert_eq!(failed.changed_since(&environment), Vec::<String>::new(), "the revision of before, too");
    stage.inventory_of(&environment.marks()).await.must_be_as(&before, "after a change that was taken back");

    let updated = update(&stage, environment.id(), &patch).await.must_be("ACTIVE");
    assert_eq!(updated.0["spec"]["log_retention_days"], 7);
    assert_eq!(updated.changed_since(&environment), ["worker/task-definition"]);
    stage.ends_without_a_trace(&updated).await;
}

#[tokio::test]
async fn a_delete_turns_a_change_round() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("turned"))).await;
    stage.table.hold(environment.id(), "worker").await;
    stage.api.update(environment.id(), &json!({"worker": {"image": "busybox:2"}})).await.expect(202);
    let halfway = |now: &Environment| now.outcome("worker-setup", "ensure") == "done";
    stage.api.until(environment.id(), "there is another revision", halfway).await;
    stage.api.delete(environment.id()).await.expect(202);
    stage.table.let_go(environment.id(), "worker").await;

    let deleted = stage.api.at_rest(environment.id()).await.must_be("DELETED");

    assert_eq!(deleted.operations().len(), 2, "the create, and the change that turned: {deleted}");
    stage.inventory_of(&environment.marks()).await.must_be_empty("after a delete during a change");
}

/// What the change had already taken off the spec, but not away, goes as well.
#[tokio::test]
async fn a_delete_during_a_change_takes_both_ways_out() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("ways"))).await;
    stage.table.hold(environment.id(), "worker").await;
    stage.api.update(environment.id(), &json!({"network": {"nat": "per-az"}})).await.expect(202);
    let halfway = |now: &Environment| now.outcome("egress", "ensure") == "done" && now.0["status"] == "UPDATING";
    let now = stage.api.until(environment.id(), "there are gateways of both", halfway).await;
    assert_eq!(now.resource("network/nat-gateway")["state"], "READY", "until all is settled: {now}");
    stage.api.delete(environment.id()).await.expect(202);
    stage.table.let_go(environment.id(), "worker").await;

    stage.api.at_rest(environment.id()).await.must_be("DELETED");

    stage.inventory_of(&environment.marks()).await.must_be_empty("after a delete during a change");
}

/// The execution is stopped when half of the change is made: the sweep takes it back.
#[tokio::test]
async fn a_change_that_is_stopped_is_taken_back() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("stopped"))).await;
    let before = stage.inventory_of(&environment.marks()).await;
    stage.table.hold(environment.id(), "worker").await;
    stage.api.update(environment.id(), &json!({"worker": {"image": "busybox:2"}})).await.expect(202);
    let halfway = |now: &Environment| now.outcome("worker-setup", "ensure") == "done";
    let now = stage.api.until(environment.id(), "there is another revision", halfway).await;
    let execution = text(&now.operation()["execution_arn"]);
    stage.cloud.executions.stop_execution().execution_arn(execution).send().await.expect("stop the execution");
    stage.table.let_go(environment.id(), "worker").await;
    stage.table.make_due(environment.id()).await;
    stage.functions.invoke("operation", &json!({"action": "sweep"})).await;

    let taken_back = stage.api.at_rest(environment.id()).await.must_be("UPDATE_FAILED");

    assert_eq!(taken_back.verdict()["error"]["code"], "STOPPED", "{taken_back}");
    assert_eq!(taken_back.verdict()["usable"], true, "{taken_back}");
    assert_eq!(taken_back.0["spec"], environment.0["spec"]);
    stage.inventory_of(&environment.marks()).await.must_be_as(&before, "after a change that was stopped");
    stage.ends_without_a_trace(&taken_back).await;
}

async fn update(stage: &Stage, id: &str, patch: &Value) -> Environment {
    let accepted = Environment(stage.api.update(id, patch).await.expect(202));
    assert_eq!(accepted.status(), "UPDATING", "the update is accepted: {accepted}");
    stage.api.at_rest(id).await
}

/// The worker's service, and how many services its cluster has.
async fn service(stage: &Stage, name: &str) -> (aws_sdk_ecs::types::Service, usize) {
    let cluster = format!("{name}-cluster");
    let look = stage.cloud.ecs.describe_services().cluster(&cluster).services("dev-worker").send().await;
    let all = stage.cloud.ecs.list_services().cluster(&cluster).send().await.expect("the cluster is there");
    let found = look.expect("the cluster is there").services.unwrap_or_default();
    (found.into_iter().next().expect("the service is there"), all.service_arns().len())
}
