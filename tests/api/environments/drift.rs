//! Drift: every resource is compared with the spec, property by property, and nothing is touched.

use end_to_end::{
    Refusal, Stage,
    api::{list, text},
    requests::{request, unique},
};
use http::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, env, fs};

#[tokio::test]
async fn what_was_changed_by_hand_is_told_and_left_and_a_repair_corrects_it() {
    let stage = Stage::set().await;
    let name = unique("drift");
    let environment = stage.create(&request(&name)).await;
    let path = format!("/environments/{}/drift", environment.id());

    let drift = stage.api.get(&path).await.expect(200);
    assert_eq!((&drift["in_sync"], &drift["status"]), (&json!(true), &json!("ACTIVE")), "{drift:#}");
    let keys = |resources: &[Value]| resources.iter().map(|it| text(&it["key"]).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(keys(list(&drift["resources"])), keys(environment.resources()), "every resource was looked at");

    let worker = format!("/ecs/{name}-worker");
    let retention = stage.cloud.logs.put_retention_policy().log_group_name(&worker).retention_in_days(1);
    retention.send().await.expect("change the retention");
    stage.cloud.logs.delete_log_group().log_group_name(format!("/ecs/{name}-flows")).send().await.expect("delete");
    let off = aws_sdk_ec2::types::AttributeBooleanValue::builder().value(false).build();
    let vpc = stage.cloud.ec2.modify_vpc_attribute().vpc_id(environment.physical("network/vpc"));
    vpc.enable_dns_hostnames(off).send().await.expect("turn DNS hostnames off");
    let route = environment.physical("network/private-route").split_once('|').expect("table and destination").0;
    let route = stage.cloud.ec2.delete_route().route_table_id(route).destination_cidr_block("0.0.0.0/0");
    route.send().await.expect("remove the private route");
    let (inventory, before) = (stage.inventory_of(&environment.marks()).await, calls_of(environment.id()));

    let drift = stage.api.get(&path).await.expect(200);

    assert_eq!(drift["in_sync"], false, "{drift:#}");
    let differ: Vec<String> = list(&drift["resources"])
        .iter()
        .filter(|it| it["outcome"] != "IN_SYNC")
        .map(|it| format!("{} {} {}", text(&it["key"]), text(&it["outcome"]), it["changes"]))
        .collect();
    assert_eq!(
        differ,
        [
            r#"network/vpc MODIFIED [{"property":"EnableDnsHostnames","seen":false,"wanted":true}]"#,
            "network/private-route DELETED null",
            r#"cluster/worker-log-group MODIFIED [{"property":"RetentionInDays","seen":1,"wanted":30}]"#,
            "cluster/flows-log-group DELETED null",
        ]
    );
    stage.inventory_of(&environment.marks()).await.must_be_as(&inventory, "after two looks");
    let since = calls_of(environment.id()).split_off(before.len());
    assert!(since.len() > 20, "the functions' calls are in the journal: {since:?}");
    let is_a_look = |call: &&String| ["Describe", "Get", "List", "Query"].iter().any(|verb| call.contains(verb));
    assert_eq!(since.iter().filter(|call| !is_a_look(call)).collect::<Vec<_>>(), [""; 0], "only looks");
    assert_eq!(stage.api.read(environment.id()).await, environment, "and nothing is recorded");

    let role = format!("{name}-worker-task-role");
    let refused = Refusal::of("identity", "iam:GetRole", "iam", &role);
    let drift = refused.during(&stage, stage.api.get(&path)).await.expect(200);
    let unseen = list(&drift["resources"]).iter().find(|it| it["key"] == "identity/worker-task-role");
    let unseen = unseen.unwrap_or_else(|| panic!("{drift:#}"));
    assert_eq!((&unseen["outcome"], &unseen["error"]["code"]), (&json!("NOT_CHECKED"), &json!("ACCESS_DENIED")));

    let repair = format!("/environments/{}/repair?validate_only=true", environment.id());
    let forecast = stage.api.send(Method::POST, &repair, &[], "").await.expect(200);
    let moves = list(&forecast["plan"]["resources"]).iter().filter(|it| it["action"] != "keep");
    let moves: Vec<String> = moves.map(|it| format!("{} {}", text(&it["action"]), text(&it["key"]))).collect();
    assert_eq!(
        moves,
        [
            "change network/vpc",
            "create network/private-route",
            "change cluster/worker-log-group",
            "create cluster/flows-log-group"
        ],
        "{forecast:#}"
    );
    assert_eq!(stage.api.read(environment.id()).await, environment, "nothing was done");

    stage.api.repair(environment.id()).await.expect(202);
    stage.api.get(&path).await.problem(409, "NOT_COMPARABLE");
    stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    let drift = stage.api.get(&path).await.expect(200);
    assert_eq!(drift["in_sync"], true, "the repair has corrected it: {drift:#}");
    stage.delete(environment.id()).await;
    stage.api.get(&path).await.problem(409, "NOT_COMPARABLE");
    stage.api.get("/environments/env-00000000000000000000000000/drift").await.problem(404, "NOT_FOUND");
}

/// The calls that the functions made for an environment so far, as `service:Action`.
fn calls_of(environment: &str) -> Vec<String> {
    let file = env::var("JOURNAL").expect("`make test` sets JOURNAL: it runs the functions behind the proxy");
    let journal = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let whole = journal.rfind('\n').map(|end| &journal[..end]).unwrap_or_default();
    let calls = whole.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    let of_it = calls.filter(|call| call["function"] != "" && call["environment"] == environment);
    of_it.map(|call| format!("{}:{}", text(&call["service"]), text(&call["action"]))).collect()
}
