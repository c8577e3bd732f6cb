//! Strays: things with our tags that belong to no living environment.

use end_to_end::{
    Environment, Marks, Service, Stage,
    api::text,
    planting::Planter,
    requests::{request, unique},
    waiting::until,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

const GROUPS: [&str; 4] = ["network", "identity", "cluster", "worker"];

#[tokio::test]
async fn what_is_found_of_an_environment_that_has_ended_is_removed_by_an_operation_of_its_own() {
    let (stage, name, team) = (Stage::set().await, unique("ended"), unique("team"));
    let deleted = deleted_long_ago(&stage, &name, &team).await;
    let planter = Planter::of(deleted.id(), &name, &team);
    planter.network(&stage.cloud).await;
    planter.log_group(&stage.cloud).await;
    planter.role(&stage.cloud).await;
    planter.cluster(&stage.cloud).await;

    survey(&stage).await;

    let again = stage.api.at_rest(deleted.id()).await.must_be("DELETED");
    let [newest, delete, create] = again.operations() else { panic!("three operations: {again}") };
    assert_eq!((text(&newest["kind"]), text(&newest["status"])), ("delete", "SUCCEEDED"), "{newest:#}");
    assert_eq!(text(&newest["asked_by"]["name"]), "survey", "who asked for it: {newest:#}");
    assert_eq!([delete, create], [&deleted.operations()[0], &deleted.operations()[1]], "what was done before");
    stage.inventory_of(&Marks { id: deleted.id().to_owned(), ..Marks::name(&name) }).await.must_be_empty("afterwards");
    has_ended_properly(&stage, &again, &team).await;
    // Nothing is found any more: nothing is done.
    age(&stage, again.id()).await;
    survey(&stage).await;
    assert_eq!(stage.api.read(again.id()).await.operations().len(), 3, "no further operation");
}

#[tokio::test]
async fn a_create_that_had_failed_has_failed_afterwards_for_the_same_reason() {
    let (stage, name) = (Stage::set().await, unique("failed"));
    let theirs = stage.cloud.ecs.create_cluster().cluster_name(format!("{name}-cluster")).send().await;
    theirs.expect("somebody makes a cluster");
    let failed = stage.create_in_vain(&request(&name)).await;
    let before = stage.inventory_of(&Marks::name(&name)).await;
    age(&stage, failed.id()).await;
    let planter = Planter::of(failed.id(), &name, text(&failed.0["team"]));
    planter.network(&stage.cloud).await;

    survey(&stage).await;

    let again = stage.api.at_rest(failed.id()).await.must_be("FAILED");
    assert_eq!(again.operations().len(), 2, "a second operation: {again}");
    assert_eq!(again.verdict()["error"]["code"], failed.verdict()["error"]["code"], "why: {again}");
    let marks = Marks { id: failed.id().to_owned(), ..Marks::name(&name) };
    stage.inventory_of(&marks).await.must_be_as(&before, "the foreign cluster and nothing else");
}

/// Its name is another's by now: what goes by that name is not touched, what AWS has given an id of its own goes.
#[tokio::test]
async fn an_environment_that_has_the_name_by_now_is_left_alone() {
    let (stage, name, team) = (Stage::set().await, unique("heir"), unique("team"));
    let deleted = deleted_long_ago(&stage, &name, &team).await;
    let heir = stage.create(&of_team(&name, &team)).await;
    let before = stage.inventory_of(&heir.marks()).await;
    let vpc = Planter::of(deleted.id(), "other", &team).network(&stage.cloud).await;
    let counted = stage.table.counted(&team).await;

    survey(&stage).await;

    stage.api.at_rest(deleted.id()).await.must_be("DELETED");
    let of_the_old = Marks { id: deleted.id().to_owned(), vpc, ..Marks::name("no-such-name") };
    stage.inventory_of(&of_the_old).await.must_be_empty("of the one that had ended");
    stage.inventory_of(&heir.marks()).await.must_be_as(&before, "for the heir of the name");
    assert_eq!(stage.api.read(heir.id()).await, heir, "the record of the heir");
    assert_eq!(stage.table.counted(&team).await, counted, "what the team has");
    stage.api.create(&of_team(&name, &team)).await.problem(409, "NAME_TAKEN");
    stage.delete(heir.id()).await;
}

/// Lists show for a while what is gone.
#[tokio::test]
async fn an_environment_that_has_just_ended_or_lives_is_left_alone() {
    let (stage, name, team) = (Stage::set().await, unique("fresh"), unique("team"));
    let living = stage.create(&of_team(&name, &team)).await;
    let second = Planter::of(living.id(), &name, &team).network(&stage.cloud).await;
    let before = stage.inventory_of(&living.marks()).await;

    survey(&stage).await;

    assert_eq!(stage.api.read(living.id()).await, living, "the record");
    stage.inventory_of(&living.marks()).await.must_be_as(&before, "of the living one");
    remove_network(&stage, &second).await;
    let deleted = stage.delete(living.id()).await;
    let again = Planter::of(living.id(), &name, &team).network(&stage.cloud).await;

    survey(&stage).await;

    assert_eq!(stage.api.read(living.id()).await, deleted, "the record of the one that has just ended");
    remove_network(&stage, &again).await;
}

#[tokio::test]
async fn what_has_no_record_is_reported_and_removed_only_at_an_operators_command() {
    let (stage, name, began) = (Stage::set().await, unique("lost"), SystemTime::now());
    let (id, another) = (unknown_environment(1), unknown_environment(2));
    let planter = Planter::of(&id, &name, "nobody");
    let vpc = planter.network(&stage.cloud).await;
    planter.log_group(&stage.cloud).await;
    planter.role(&stage.cloud).await;
    planter.cluster(&stage.cloud).await;
    let foreign = unique("elsewhere");
    let stack = format!("{}-2", Service::under_test().stack);
    let theirs = Planter::of(&another, &foreign, "nobody").in_stack(&stack);
    let their_vpc = theirs.network(&stage.cloud).await;
    theirs.log_group(&stage.cloud).await;
    theirs.role(&stage.cloud).await;
    theirs.cluster(&stage.cloud).await;
    let marks = Marks { id: id.clone(), vpc: vpc.clone(), ..Marks::name(&name) };
    let their_marks = Marks { id: another.clone(), vpc: their_vpc.clone(), ..Marks::name(&foreign) };
    let (before, theirs_before) = (stage.inventory_of(&marks).await, stage.inventory_of(&their_marks).await);

    survey(&stage).await;
    let reported = reports(&stage, began, &vpc).await;
    stage.inventory_of(&marks).await.must_be_as(&before, "after the survey");
    let kinds: Vec<&str> = reported.iter().filter(|line| line.contains(&id)).map(String::as_str).collect();
    let planted = [
        "EC2::VPC",
        "EC2::InternetGateway",
        "Logs::LogGroup",
        "IAM::Role",
        "ECS::Cluster",
        "ECS::Service",
        "ECS::TaskDefinition",
    ];
    for kind in planted {
        assert!(kinds.iter().any(|line| line.contains(kind)), "no line about the {kind}: {kinds:#?}");
    }
    assert!(!reported.iter().any(|line| line.contains(&another)), "another stack's thing is reported: {reported:#?}");
    assert!(stage.table.partition(&id).await.is_empty(), "a survey makes no record");

    let plan = command(&stage, &id, json!({})).await;
    assert!(plan["operation_id"].is_null(), "without a word about it, it is a dry run: {plan:#}");
    assert_eq!(end_to_end::api::list(&plan["taken"]).len(), planted.len(), "what would be removed: {plan:#}");
    stage.inventory_of(&marks).await.must_be_as(&before, "after the dry run");
    assert!(stage.table.partition(&id).await.is_empty(), "a dry run makes no record");

    let began = command(&stage, &id, json!({"dry_run": false})).await;
    assert!(began["operation_id"].is_string(), "an operation has begun: {began:#}");
    let removed = stage.api.at_rest(&id).await.must_be("DELETED");
    assert_eq!((text(&removed.0["name"]), text(&removed.0["team"])), (name.as_str(), "nobody"), "{removed}");
    assert_eq!(text(&removed.operation()["asked_by"]["name"]), "operator", "{removed}");
    stage.inventory_of(&marks).await.must_be_empty("after the command");
    stage.inventory_of(&their_marks).await.must_be_as(&theirs_before, "another stack's, after all of it");
    has_ended_properly(&stage, &removed, "nobody").await;
}

/// Nobody may take a living environment down by this way.
#[tokio::test]
async fn a_living_environment_is_no_stray_whatever_an_operator_says() {
    let stage = Stage::set().await;
    let living = stage.create(&request(&unique("alive"))).await;
    let thing = json!({"kind": "AWS::EC2::VPC", "key": "network/vpc", "id": living.physical("network/vpc")});
    let stray = json!({"environment_id": living.id(), "ended": true, "things": [thing]});
    let command = json!({
        "action": "remove_strays",
        "environment_id": living.id(),
        "surveys": [{"strays": [stray], "whole": true}],
        "asked_by": {"name": "operator", "arn": "arn"},
        "dry_run": false,
    });
    let answer = stage.functions.invoke("operation", &command).await;
    assert!(answer["strays"]["refused"].is_string(), "{answer:#}");
    assert_eq!(stage.api.read(living.id()).await, living, "it is as it was");
    stage.delete(living.id()).await;
}

/// An environment of this team that was deleted hours ago, as far as its record says.
async fn deleted_long_ago(stage: &Stage, name: &str, team: &str) -> Environment {
    let active = stage.create(&of_team(name, team)).await;
    stage.delete(active.id()).await;
    age(stage, active.id()).await;
    stage.api.read(active.id()).await
}

fn of_team(name: &str, team: &str) -> Value {
    let mut body = request(name);
    body["team"] = json!(team);
    body
}

async fn age(stage: &Stage, id: &str) {
    stage.table.age(id, Duration::from_secs(2 * 3600)).await;
}

/// Lets the survey's own machine run, as its schedule would.
async fn survey(stage: &Stage) {
    stage.run("survey").await;
}

/// The lines that the alarm for strays counts, once this thing is among them.
async fn reports(stage: &Stage, since: SystemTime, thing: &str) -> Vec<String> {
    let group = &format!("/aws/lambda/{}-operation", Service::under_test().stack);
    until(&format!("{thing} is reported"), || async move {
        let lines = stage.cloud.log_lines(group, since).await.into_iter();
        let lines: Vec<String> = lines.filter(|line| line.contains(r#""stray":"REPORTED""#)).collect();
        if lines.iter().any(|line| line.contains(thing)) { Ok(lines) } else { Err(format!("{lines:#?}")) }
    })
    .await
}

/// What an operator's command comes to, made of what the surveys tell now.
async fn command(stage: &Stage, id: &str, more: Value) -> Value {
    let mut surveys = Vec::new();
    for group in GROUPS {
        surveys.push(stage.functions.invoke(group, &json!({"action": "survey"})).await);
    }
    let mut command = json!({
        "action": "remove_strays",
        "environment_id": id,
        "surveys": surveys,
        "asked_by": {"name": "operator", "arn": "arn:aws:iam::123456789012:user/operator"},
    });
    for (name, value) in more.as_object().expect("an object") {
        command[name] = value.clone();
    }
    stage.functions.invoke("operation", &command).await["strays"].clone()
}

/// It is among the ended ones, all of it expires, and neither name nor share of its team is held any more.
async fn has_ended_properly(stage: &Stage, environment: &Environment, team: &str) {
    let id = environment.id();
    let record = stage.table.record(id).await;
    let in_lists = record["all_pk"].as_s().expect("the key of a list");
    assert_eq!(in_lists, "ENDED", "the list that it is in");
    assert!(!record.contains_key("due_pk"), "nobody has to look at it any more");
    for (key, item) in stage.table.partition(id).await {
        assert!(item.contains("purge_at"), "{key} would stay for ever: {item}");
    }
    assert_eq!(stage.table.counted(team).await, (0, 0), "what the team {team} has");
    let name = text(&environment.0["name"]);
    let items: BTreeMap<String, String> = stage
        .table
        .everything()
        .await
        .into_iter()
        .filter_map(|item| {
            let pk = item["pk"].as_s().ok()?.clone();
            pk.starts_with("NAME#").then(|| (pk, end_to_end::table::written(&item)))
        })
        .collect();
    assert_eq!(items.get(&format!("NAME#{name}")), None, "the name is free");
}

/// An environment that no request has ever made.
fn unknown_environment(number: u32) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    format!("env-{:0>25}{number}", since.as_micros())
}

async fn remove_network(stage: &Stage, vpc: &str) {
    let gateways = stage.cloud.ec2.describe_internet_gateways().send().await.expect("describe gateways");
    let is_in = |gateway: &&aws_sdk_ec2::types::InternetGateway| {
        gateway.attachments().iter().any(|attachment| attachment.vpc_id() == Some(vpc))
    };
    let gateway = gateways.internet_gateways().iter().find(is_in).and_then(|gateway| gateway.internet_gateway_id());
    let gateway = gateway.expect("the gateway of the VPC");
    let ec2 = &stage.cloud.ec2;
    let detach = ec2.detach_internet_gateway().internet_gateway_id(gateway).vpc_id(vpc).send().await;
    detach.expect("detach the gateway");
    ec2.delete_internet_gateway().internet_gateway_id(gateway).send().await.expect("delete the gateway");
    ec2.delete_vpc().vpc_id(vpc).send().await.expect("delete the VPC");
}
