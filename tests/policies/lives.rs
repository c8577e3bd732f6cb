//! Real lives of environments on the local cloud, and what the functions asked AWS for in them.

use crate::{
    journal::{self, Call},
    policy::Request,
    reference::Place,
    rehearsed,
    world::World,
};
use aws_sdk_secretsmanager::types::Tag;
use end_to_end::{
    Environment, Service, Stage,
    requests::{TEAM, request, unique},
};
use futures::join;
use serde_json::json;
use tokio::sync::OnceCell;

/// What one call asks of the policies of the function that makes it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) function: String,
    /// The call, as `service:Action`.
    pub(crate) call: String,
    pub(crate) requests: Vec<Request>,
}

/// The calls of a create and a delete, a rollback, a delete during a create, a take-over, a repair and a change.
/// They are lived once.
pub(crate) async fn recorded() -> &'static Vec<Asked> {
    static RECORDED: OnceCell<Vec<Asked>> = OnceCell::const_new();
    RECORDED.get_or_init(live).await
}

/// The service as it would be deployed to AWS with the template's defaults.
pub(crate) fn place() -> Place {
    let service = Service::under_test();
    Place {
        account: service.account().to_owned(),
        region: service.region.clone(),
        role_path: format!("/prefect-environments/{}/", service.stack),
    }
}

async fn live() -> Vec<Asked> {
    let stage = Stage::set().await;
    let before = journal::read().last().map_or(0, |call| call.order);
    let mut world = World::default();
    let secret = shared_secret(&stage, &mut world).await;
    join!(
        whole(&stage, &secret),
        rolled_back(&stage),
        turned_round(&stage),
        stopped(&stage),
        repaired(&stage),
        updated(&stage)
    );

    let mut calls: Vec<Call> = journal::read().into_iter().filter(|call| call.order > before).collect();
    let environments =
        calls.iter().filter_map(|call| call.environment.as_ref()).collect::<std::collections::BTreeSet<_>>();
    assert!(environments.len() >= 6, "six lives were lived: {environments:?}");
    let rehearsed = rehearsed::calls(&calls);
    calls.extend(rehearsed);
    let (place, mut asked) = (place(), Vec::new());
    for call in &calls {
        assert!(!call.function.is_empty(), "nobody says that it made call {}: {}", call.order, call.name());
        asked.push(Asked {
            function: call.function.clone(),
            call: call.name(),
            requests: place.requests(call, &world),
        });
        world.learn(call);
    }
    asked
}

/// A create and a delete, with lists, a name that is taken and a secret of the team's own.
async fn whole(stage: &Stage, secret: &str) {
    let mut body = request(&unique("whole"));
    body["worker"] = json!({"secrets": {"TOKEN": secret}});
    let key = json!({"api_key": null, "api_key_secret_arn": secret});
    body["prefect"].as_object_mut().expect("a section").extend(key.as_object().expect("members").clone());
    let environment = stage.create(&body).await;
    stage.api.get("/environments").await.expect(200);
    stage.api.get(&format!("/environments?team={TEAM}")).await.expect(200);
    stage.api.create(&body).await.problem(409, "NAME_TAKEN");
    // Somebody attaches more to one of its roles: it goes with the role.
    let role = format!("{}-worker-task-role", environment.marks().name);
    let document = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]});
    let more =
        stage.cloud.iam.put_role_policy().role_name(role).policy_name("by-hand").policy_document(document.to_string());
    more.send().await.expect("somebody puts a policy into the role");
    // The survey looks around while it lives, and the watch at its worker.
    for group in ["network", "identity", "cluster", "worker"] {
        stage.functions.invoke(group, &json!({"action": "survey"})).await;
    }
    stage.functions.invoke("operation", &json!({"action": "watchlist"})).await;
    stage.functions.invoke("worker", &json!({"action": "watch", "environments": [environment.id()]})).await;
    stage.delete(environment.id()).await;
}

/// A create that fails: a namespace of its name is there already, and not ours. Then its file is closed.
async fn rolled_back(stage: &Stage) {
    let (name, cloud) = (unique("foreign"), &stage.cloud);
    let vpc = cloud.ec2.create_vpc().cidr_block("10.9.0.0/16").send().await.expect("somebody makes a VPC");
    let vpc = vpc.vpc().and_then(|vpc| vpc.vpc_id()).expect("a VPC has an id");
    let theirs = cloud.namespaces.create_private_dns_namespace().name(format!("default.{name}.local")).vpc(vpc);
    theirs.send().await.expect("somebody makes a namespace");
    let failed = stage.create_in_vain(&request(&name)).await;
    stage.api.delete(failed.id()).await.expect(200);
}

/// A create whose execution somebody stops: the sweep looks at it, and takes it over.
async fn stopped(stage: &Stage) {
    let id = stage.request(&request(&unique("stopped"))).await;
    stage.table.hold(&id, "worker").await;
    let halfway = |now: &Environment| ["network", "identity"].iter().all(|step| now.outcome(step, "ensure") == "done");
    let environment = stage.api.until(&id, "network and roles are done", halfway).await;
    let arn = environment.operation()["execution_arn"].as_str().expect("an execution").to_owned();
    stage.cloud.executions.stop_execution().execution_arn(arn).send().await.expect("stop the execution");
    stage.table.let_go(&id, "worker").await;
    stage.table.make_due(&id).await;
    stage.functions.invoke("operation", &json!({"action": "sweep"})).await;
    stage.api.at_rest(&id).await.must_be("FAILED");
}

/// A delete while everything but the NAT gateway is there.
async fn turned_round(stage: &Stage) {
    let id = stage.request(&request(&unique("turned"))).await;
    stage.table.hold(&id, "egress").await;
    let waits = |now: &Environment| now.outcome("worker-setup", "ensure") == "done";
    stage.api.until(&id, "all is there that needs no gateway", waits).await;
    stage.api.delete(&id).await.expect(202);
    stage.table.let_go(&id, "egress").await;
    stage.api.at_rest(&id).await.must_be("DELETED");
}

/// Drift and repair of a network that somebody has led elsewhere.
async fn repaired(stage: &Stage) {
    let environment = stage.create(&request(&unique("led"))).await;
    let ec2 = &stage.cloud.ec2;
    let (route, internet) = ("network/private-route", environment.physical("network/internet-gateway"));
    let (table, destination) = environment.physical(route).split_once('|').expect("table and destination");
    let replace = ec2.replace_route().route_table_id(table).destination_cidr_block(destination).gateway_id(internet);
    replace.send().await.expect("somebody leads a route elsewhere");
    let association = environment.physical("network/private-association-1");
    let replace = ec2.replace_route_table_association().association_id(association);
    let replace = replace.route_table_id(environment.physical("network/public-route-table"));
    replace.send().await.expect("somebody leads a subnet elsewhere");
    let drift = stage.api.get(&format!("/environments/{}/drift", environment.id())).await.expect(200);
    assert_eq!(drift["in_sync"], false, "every function has looked: {drift:#}");
    stage.api.repair(environment.id()).await.expect(202);
    stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    stage.delete(environment.id()).await;
}

/// Another worker with another key, other tags and other bounds.
async fn updated(stage: &Stage) {
    let mut body = request(&unique("changed"));
    body["tags"] = json!({"gone": "1", "other": "1"});
    body["worker"] = json!({"autoscaling": {"max": 2}});
    let environment = stage.create(&body).await;
    let patch = json!({
        "tags": {"gone": null, "other": "2", "new": "3"},
        "worker": {"image": "busybox:2", "capacity": "FARGATE_SPOT", "autoscaling": {"max": 3}}, "log_retention_days": 7,
        "prefect": {"api_key": "pnu_another", "worker_api_key": "pnu_weaker"}
    });
    stage.api.update(environment.id(), &patch).await.expect(202);
    stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    stage.delete(environment.id()).await;
}

async fn shared_secret(stage: &Stage, world: &mut World) -> String {
    let tag = Tag::builder().key("prefect-environments:team").value(TEAM).build();
    let create = stage.cloud.secrets.create_secret().name(unique("token")).secret_string("t").tags(tag);
    let arn = create.send().await.expect("the team makes a secret").arn.expect("it has an ARN");
    world.given(&arn, [("prefect-environments:team".to_owned(), TEAM.to_owned())].into());
    arn
}
