//! Executions that end before their operation does: stopped by hand in the console, or never started.
//!
//! On the local cloud a stopped execution's branches go on calling functions. They have an older fence.

use end_to_end::{
    Environment, Stage,
    api::text,
    requests::{request, unique},
};
use serde_json::json;

#[tokio::test]
async fn a_delete_takes_over_from_an_execution_that_was_stopped() {
    let stage = Stage::set().await;
    let id = stopped_in_the_middle(&stage).await;

    let deleted = stage.delete(&id).await;

    let [delete, create] = deleted.operations() else { panic!("two operations: {deleted}") };
    assert_eq!((text(&create["kind"]), text(&create["status"])), ("apply", "FAILED"), "{create}");
    assert_eq!((text(&delete["kind"]), text(&delete["status"])), ("delete", "SUCCEEDED"), "{delete}");
    stage.inventory_of(&deleted.marks()).await.must_be_empty("after the delete");
}

#[tokio::test]
async fn the_sweep_takes_over_from_an_execution_that_was_stopped() {
    let stage = Stage::set().await;
    let id = stopped_in_the_middle(&stage).await;
    stage.table.make_due(&id).await;

    sweep(&stage).await;

    let failed = stage.api.at_rest(&id).await.must_be("FAILED");
    let verdict = failed.verdict();
    assert_eq!(text(&verdict["error"]["code"]), "STOPPED", "why: {verdict:#}");
    assert_eq!(verdict["repeatable"], true, "the same request may succeed: {verdict:#}");
    stage.inventory_of(&failed.marks()).await.must_be_empty("after the sweep has taken over");
}

/// Step Functions tells when an execution ends: nobody has to wait for the sweep.
#[tokio::test]
async fn an_environment_whose_execution_was_stopped_is_taken_over_at_once() {
    let stage = Stage::set().await;
    let id = stopped_in_the_middle(&stage).await;

    let failed = stage.api.at_rest(&id).await.must_be("FAILED");

    assert_eq!(text(&failed.verdict()["error"]["code"]), "STOPPED", "why: {:#}", failed.verdict());
    stage.inventory_of(&failed.marks()).await.must_be_empty("after the take-over");
}

/// An update is made again, and nothing of what was active is removed.
#[tokio::test]
async fn the_sweep_goes_on_with_an_update_that_was_stopped() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("stopped"))).await;
    let id = environment.id();
    let before = stage.inventory_of(&environment.marks()).await;
    stage.table.hold(id, "cluster").await;
    stage.api.repair(id).await.expect(202);
    let halfway = |now: &Environment| now.outcome("network", "ensure") == "done";
    let updating = stage.api.until(id, "the network is looked at", halfway).await.must_be("UPDATING");
    let arn = text(&updating.operation()["execution_arn"]);
    stage.cloud.executions.stop_execution().execution_arn(arn).send().await.expect("stop the execution");
    stage.table.let_go(id, "cluster").await;
    stage.table.make_due(id).await;

    sweep(&stage).await;

    let active = stage.api.at_rest(id).await.must_be("ACTIVE");
    let [again, stopped, _create] = active.operations() else { panic!("three operations: {active}") };
    assert_eq!(
        (text(&stopped["status"]), text(&stopped["verdict"]["error"]["code"])),
        ("FAILED", "STOPPED"),
        "{stopped}"
    );
    assert_eq!((text(&again["kind"]), text(&again["status"])), ("apply", "SUCCEEDED"), "{again}");
    stage.inventory_of(&environment.marks()).await.must_be_as(&before, "after the update was made again");
    stage.delete(id).await;
}

/// The time to look comes for every environment that is under way, and mostly there is nothing to do.
#[tokio::test]
async fn the_sweep_leaves_alone_what_is_at_work() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("busy"))).await;
    stage.table.hold(&id, "worker").await;
    stage.table.make_due(&id).await;
    let before = stage.table.fence(&id).await;

    sweep(&stage).await;

    assert_eq!(stage.table.fence(&id).await, before, "nobody took the environment from its operation");
    stage.table.let_go(&id, "worker").await;
    let active = stage.api.at_rest(&id).await.must_be("ACTIVE");
    assert_eq!(active.operations().len(), 1, "one operation: {active}");
    stage.delete(&id).await;
}

/// An environment whose create was stopped by hand when its network and roles were there.
async fn stopped_in_the_middle(stage: &Stage) -> String {
    let id = stage.request(&request(&unique("stopped"))).await;
    stage.table.hold(&id, "worker").await;
    let halfway = |now: &Environment| ["network", "identity"].iter().all(|step| now.outcome(step, "ensure") == "done");
    let environment = stage.api.until(&id, "network and roles are done", halfway).await;
    let arn = text(&environment.operation()["execution_arn"]);
    stage.cloud.executions.stop_execution().execution_arn(arn).send().await.expect("stop the execution");
    stage.table.let_go(&id, "worker").await;
    id
}

async fn sweep(stage: &Stage) {
    stage.functions.invoke("operation", &json!({"action": "sweep"})).await;
}
