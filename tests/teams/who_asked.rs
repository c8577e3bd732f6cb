//! Who asked is on every operation, and stays there whoever asks afterwards.

use crate::own_request;
use end_to_end::{Environment, Role, Stage, Team, api::text, requests::unique};
use futures::join;
use serde_json::{Value, json};

#[tokio::test]
async fn a_create_and_the_delete_that_turns_it_round_each_say_who_asked() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let grace = team.role.calls_as("grace").await;
    let platform = Role::that_may_call(&stage, &format!("platform-{}", unique("asks"))).await;
    let carol = platform.calls_as("carol").await;

    let id = Environment(team.api.create(&own_request(&unique("turned"))).await.expect(202)).id().to_owned();
    stage.table.hold(&id, "worker").await;
    grace.delete(&id).await.expect(202);
    carol.delete(&id).await.expect(202);
    stage.table.let_go(&id, "worker").await;

    let deleted = team.api.at_rest(&id).await.must_be("DELETED");
    assert_eq!(deleted.operations().len(), 1, "{deleted}");
    let (ada, grace) = (asker(&team.role, "ada"), asker(&team.role, "grace"));
    assert_eq!((&deleted.0["created_by"], &deleted.operation()["asked_by"]), (&ada, &ada), "the create");
    assert_eq!((&deleted.0["deleted_by"], &deleted.operation()["turned"]["by"]), (&grace, &grace), "who came first");
    join!(team.dissolve(&stage), platform.remove(&stage));
}

#[tokio::test]
async fn what_takes_over_from_a_create_that_was_to_be_deleted_is_asked_for_by_who_deletes() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let grace = team.role.calls_as("grace").await;
    let id = held_in_the_middle(&stage, &team).await;
    grace.delete(&id).await.expect(202);

    stop(&stage, &team, &id).await;

    let deleted = team.api.at_rest(&id).await.must_be("DELETED");
    let asked: Vec<&Value> = deleted.operations().iter().map(|operation| &operation["asked_by"]).collect();
    assert_eq!(asked, [&asker(&team.role, "grace"), &asker(&team.role, "ada")], "the newest first");
    assert_eq!(deleted.0["deleted_by"], asker(&team.role, "grace"));
    team.dissolve(&stage).await;
}

/// Nobody asked for what the sweep undoes but the one who asked for the create.
#[tokio::test]
async fn what_the_sweep_takes_over_goes_on_for_who_asked_before() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let id = held_in_the_middle(&stage, &team).await;
    stop(&stage, &team, &id).await;
    stage.table.make_due(&id).await;

    stage.functions.invoke("operation", &json!({"action": "sweep"})).await;

    let failed = team.api.at_rest(&id).await.must_be("FAILED");
    assert_eq!(failed.operation()["asked_by"], asker(&team.role, "ada"), "{failed}");
    assert_eq!(failed.0["deleted_by"], Value::Null, "nobody asked for a delete: {failed}");
    assert_eq!(stage.table.counted(&team.name).await, (0, 0), "it has given back its share");
    team.dissolve(&stage).await;
}

/// Who asked, as AWS authenticated it.
fn asker(role: &Role, session: &str) -> Value {
    json!({"name": role.name, "session": session, "arn": role.session_arn(session)})
}

/// An environment whose create cannot go on to its worker.
async fn held_in_the_middle(stage: &Stage, team: &Team) -> String {
    let id = Environment(team.api.create(&own_request(&unique("stopped"))).await.expect(202)).id().to_owned();
    stage.table.hold(&id, "worker").await;
    team.api.until(&id, "the network is done", |now| now.outcome("network", "ensure") == "done").await;
    id
}

/// Stops its execution by hand, and lets its worker go on.
async fn stop(stage: &Stage, team: &Team, id: &str) {
    let arn = text(&team.api.read(id).await.operation()["execution_arn"]).to_owned();
    stage.cloud.executions.stop_execution().execution_arn(arn).send().await.expect("stop the execution");
    stage.table.let_go(id, "worker").await;
}
