//! Repair: what somebody has removed or changed by hand is made anew or corrected, and nothing else is touched.

use end_to_end::{
    Environment, Refusal, Stage,
    api::text,
    requests::{request, unique},
    waiting::until,
};
use serde_json::json;

#[tokio::test]
async fn what_is_as_it_should_be_is_left_alone() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("whole"))).await;
    let before = stage.inventory_of(&environment.marks()).await;

    let repaired = repair(&stage, environment.id()).await.must_be("ACTIVE");

    assert_eq!(repaired.ids(), environment.ids(), "the same things as before");
    stage.inventory_of(&environment.marks()).await.must_be_as(&before, "after a repair of what was whole");
    let operation = repaired.operation();
    assert_eq!((text(&operation["kind"]), text(&operation["status"])), ("apply", "SUCCEEDED"), "{operation}");
    assert_eq!(repaired.verdict()["usable"], true, "{operation}");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn a_way_out_that_was_removed_is_made_anew() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("nat"))).await;
    let ec2 = &stage.cloud.ec2;
    let (gateway, route) = (environment.physical("network/nat-gateway"), environment.physical("network/private-route"));
    ec2.delete_nat_gateway().nat_gateway_id(gateway).send().await.expect("remove the NAT gateway");
    let public = environment.physical("network/public-route").split_once('|').expect("table and destination").0;
    let delete = ec2.delete_route().route_table_id(public).destination_cidr_block("0.0.0.0/0");
    delete.send().await.expect("remove the public route");

    let repaired = repair(&stage, environment.id()).await.must_be("ACTIVE");

    let anew = repaired.physical("network/nat-gateway");
    assert_ne!(anew, gateway, "another NAT gateway");
    assert_eq!(repaired.changed_since(&environment), ["network/nat-gateway"], "nothing else has another id");
    let leads_to = |table: &str| {
        let look = ec2.describe_route_tables().route_table_ids(table).send();
        async move {
            let tables = look.await.expect("the table is there").route_tables.unwrap_or_default();
            let routes = tables.into_iter().flat_map(|table| table.routes.unwrap_or_default());
            let way_out = routes.into_iter().find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
            let way_out = way_out.expect("a way out");
            way_out.nat_gateway_id.or(way_out.gateway_id)
        }
    };
    let private = route.split_once('|').expect("table and destination").0;
    assert_eq!(leads_to(private).await.as_deref(), Some(anew), "the private route leads to the new gateway");
    let internet = environment.physical("network/internet-gateway");
    assert_eq!(leads_to(public).await.as_deref(), Some(internet), "the public route is there again");
    stage.ends_without_a_trace(&repaired).await;
}

#[tokio::test]
async fn a_subnet_that_was_led_to_another_table_is_led_back() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("table"))).await;
    let ec2 = &stage.cloud.ec2;
    let association = environment.physical("network/private-association-1");
    let replace = ec2.replace_route_table_association().association_id(association);
    let elsewhere = replace.route_table_id(environment.physical("network/public-route-table")).send().await;
    elsewhere.expect("lead the subnet to the public table");
    let dissolved = environment.physical("network/private-association-2");
    ec2.disassociate_route_table().association_id(dissolved).send().await.expect("dissolve an association");

    let repaired = repair(&stage, environment.id()).await.must_be("ACTIVE");

    let both = ["network/private-association-1", "network/private-association-2"];
    assert_eq!(repaired.changed_since(&environment), both, "two new associations");
    let table = repaired.physical("network/private-route-table");
    let tables = ec2.describe_route_tables().route_table_ids(table).send().await.expect("the table is there");
    let associations = tables.route_tables().iter().flat_map(|table| table.associations());
    assert_eq!(associations.count(), 3, "the private table serves its three subnets");
    stage.ends_without_a_trace(&repaired).await;
}

#[tokio::test]
async fn named_things_that_were_removed_or_changed_are_as_before() {
    let stage = Stage::set().await;
    let name = unique("named");
    let environment = stage.create(&request(&name)).await;
    let (iam, logs) = (&stage.cloud.iam, &stage.cloud.logs);
    let role = format!("{name}-worker-task-role");
    let policy = format!("{name}-worker-access");
    iam.delete_role_policy().role_name(&role).policy_name(&policy).send().await.expect("remove the policy");
    iam.delete_role().role_name(&role).send().await.expect("remove the role");
    let flows = format!("{name}-flow-execution-role");
    let turned = iam.put_role_policy().role_name(&flows).policy_name(format!("{name}-flow-execution"));
    let nothing = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
    turned.policy_document(nothing).send().await.expect("turn a policy round");
    logs.delete_log_group().log_group_name(format!("/ecs/{name}-flows")).send().await.expect("remove the log group");
    let worker = format!("/ecs/{name}-worker");
    let retention = logs.put_retention_policy().log_group_name(&worker).retention_in_days(1);
    retention.send().await.expect("change the retention");
    let namespace = environment.physical("cluster/namespace");
    stage.cloud.namespaces.delete_namespace().id(namespace).send().await.expect("remove the namespace");
    let vpc = environment.physical("network/vpc");
    let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
    let hostnames = stage.cloud.ec2.modify_vpc_attribute().vpc_id(vpc).enable_dns_hostnames(off);
    hostnames.send().await.expect("turn DNS hostnames off");

    let repaired = repair(&stage, environment.id()).await.must_be("ACTIVE");

    assert_eq!(repaired.changed_since(&environment), ["cluster/namespace"], "what has a name is known by it");
    let seen = iam.get_role_policy().role_name(&role).policy_name(&policy).send().await;
    assert!(seen.is_ok(), "the role has its policy again: {seen:?}");
    let seen = iam.get_role_policy().role_name(&flows).policy_name(format!("{name}-flow-execution")).send().await;
    assert!(
        seen.expect("the policy is there").policy_document().contains("GetAuthorizationToken"),
        "it is whole again"
    );
    let groups = logs.describe_log_groups().log_group_name_prefix(format!("/ecs/{name}-")).send().await;
    let groups = groups.expect("log groups").log_groups.unwrap_or_default();
    let days: Vec<_> = groups.iter().map(|group| group.retention_in_days()).collect();
    assert_eq!(days, [Some(30), Some(30)], "both log groups keep what they should");
    let name = aws_sdk_ec2::types::VpcAttributeName::EnableDnsHostnames;
    let seen = stage.cloud.ec2.describe_vpc_attribute().vpc_id(vpc).attribute(name).send().await;
    let seen = seen.expect("an attribute").enable_dns_hostnames.and_then(|on| on.value);
    assert_eq!(seen, Some(true), "DNS hostnames");
    stage.ends_without_a_trace(&repaired).await;
}

#[tokio::test]
async fn a_worker_that_was_taken_down_runs_again() {
    let stage = Stage::set().await;
    let name = unique("worker");
    let environment = stage.create(&request(&name)).await;
    let ecs = &stage.cloud.ecs;
    let cluster = format!("{name}-cluster");
    let service = environment.physical("worker/service");
    ecs.delete_service().cluster(&cluster).service(service).force(true).send().await.expect("remove the service");
    let definition = environment.physical("worker/task-definition");
    ecs.deregister_task_definition().task_definition(definition).send().await.expect("deregister the definition");
    until("the cluster can be removed: its tasks have stopped", || async {
        let delete = ecs.delete_cluster().cluster(&cluster).send().await;
        delete.map(drop).map_err(|error| format!("{error:?}"))
    })
    .await;

    let repaired = repair(&stage, environment.id()).await.must_be("ACTIVE");

    assert_eq!(repaired.changed_since(&environment), ["worker/task-definition"], "one more revision");
    let seen = ecs.describe_services().cluster(&cluster).services(repaired.physical("worker/service")).send().await;
    let seen = seen.expect("the cluster is there").services.unwrap_or_default();
    let [seen] = &seen[..] else { panic!("one service: {seen:?}") };
    let is = (seen.status(), seen.running_count(), seen.task_definition());
    assert_eq!(is, (Some("ACTIVE"), 1, Some(repaired.physical("worker/task-definition"))), "the service");
    stage.ends_without_a_trace(&repaired).await;
}

#[tokio::test]
async fn a_worker_that_was_scaled_down_is_scaled_up_again() {
    let stage = Stage::set().await;
    let name = unique("scaled");
    let environment = stage.create(&request(&name)).await;
    let (cluster, service) = (format!("{name}-cluster"), environment.physical("worker/service"));
    let scale = stage.cloud.ecs.update_service().cluster(&cluster).service(service).desired_count(0);
    scale.send().await.expect("scale the service down");

    let repaired = repair(&stage, environment.id()).await.must_be("ACTIVE");

    let seen = stage.cloud.ecs.describe_services().cluster(&cluster).services(service).send().await.expect("a service");
    let counts: Vec<_> = seen.services().iter().map(|seen| (seen.desired_count(), seen.running_count())).collect();
    assert_eq!(counts, [(1, 1)], "wanted and running tasks");
    stage.ends_without_a_trace(&repaired).await;
}

/// Nobody here has the key that was in it.
#[tokio::test]
async fn a_secret_that_was_removed_cannot_be_made_anew() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("keyless"))).await;
    let secret = environment.physical("identity/secret");
    let delete = stage.cloud.secrets.delete_secret().secret_id(secret).force_delete_without_recovery(true);
    delete.send().await.expect("remove the secret");

    let failed = repair(&stage, environment.id()).await.must_be("UPDATE_FAILED");

    let verdict = failed.verdict();
    assert_eq!(verdict["error"]["code"], "SECRET_MISSING", "why: {verdict:#}");
    assert_eq!(verdict["error"]["resource"], "identity/secret", "of what: {verdict:#}");
    assert_eq!((&verdict["usable"], &verdict["repeatable"]), (&json!(false), &json!(false)), "{verdict:#}");
    stage.ends_without_a_trace(&failed).await;
}

#[tokio::test]
async fn a_delete_turns_a_repair_round() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("turned"))).await;
    stage.table.hold(environment.id(), "cluster").await;
    stage.api.repair(environment.id()).await.expect(202);
    let halfway = |now: &Environment| ["network", "identity"].iter().all(|step| now.outcome(step, "ensure") == "done");
    stage.api.until(environment.id(), "network and roles are looked at", halfway).await;
    stage.api.delete(environment.id()).await.expect(202);
    stage.table.let_go(environment.id(), "cluster").await;

    let deleted = stage.api.at_rest(environment.id()).await.must_be("DELETED");

    assert_eq!(deleted.operations().len(), 2, "the create, and the repair that turned: {deleted}");
    stage.inventory_of(&environment.marks()).await.must_be_empty("after a delete during a repair");
}

#[tokio::test]
async fn a_repair_that_fails_removes_nothing_and_a_later_one_heals() {
    let stage = Stage::set().await;
    let name = unique("denied");
    let environment = stage.create(&request(&name)).await;
    let group = format!("/ecs/{name}-flows");
    stage.cloud.logs.delete_log_group().log_group_name(&group).send().await.expect("remove the log group");
    let before = stage.inventory_of(&environment.marks()).await;
    let refusal = Refusal::of("cluster", "logs:CreateLogGroup", "logs", &format!("log-group:{group}*"));

    let failed = refusal.during(&stage, repair(&stage, environment.id())).await.must_be("UPDATE_FAILED");

    let (operation, verdict) = (failed.operation(), failed.verdict());
    assert_eq!(text(&operation["status"]), "FAILED", "{operation}");
    assert_eq!(verdict["failed_step"], "cluster", "{verdict:#}");
    assert_eq!(verdict["error"]["code"], "ACCESS_DENIED", "{verdict:#}");
    assert_eq!(verdict["error"]["resource"], "cluster/flows-log-group", "{verdict:#}");
    assert_eq!(verdict["usable"], false, "a log group is missing: {verdict:#}");
    stage.inventory_of(&environment.marks()).await.must_be_as(&before, "after a repair that failed");

    let healed = repair(&stage, environment.id()).await.must_be("ACTIVE");
    assert_eq!(healed.ids(), environment.ids(), "whole again");
    stage.ends_without_a_trace(&healed).await;
}

async fn repair(stage: &Stage, id: &str) -> Environment {
    let accepted = Environment(stage.api.repair(id).await.expect(202));
    assert_eq!(accepted.status(), "UPDATING", "the repair is accepted: {accepted}");
    stage.api.at_rest(id).await
}
