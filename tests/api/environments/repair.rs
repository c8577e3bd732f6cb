//! `POST /environments/{id}/repair`: asked for twice, and when there is nothing to repair.

use end_to_end::{
    Environment, Stage,
    requests::{request, unique},
};

#[tokio::test]
async fn asked_for_twice_it_is_one_repair() {
    let stage = Stage::set().await;
    let name = unique("twice");
    let environment = stage.create(&request(&name)).await;
    stage.table.hold(environment.id(), "network").await;
    let first = Environment(stage.api.repair_with_key(environment.id(), &name).await.expect(202));
    assert_eq!(first.status(), "UPDATING", "{first}");
    for again in [stage.api.repair(environment.id()).await, stage.api.repair_with_key(environment.id(), &name).await] {
        let again = Environment(again.expect(202));
        assert_eq!(again.operation()["id"], first.operation()["id"], "the same operation: {again}");
    }
    stage.table.let_go(environment.id(), "network").await;
    let repaired = stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    assert_eq!(repaired.operations().len(), 2, "the create and one repair: {repaired}");

    let late = stage.api.repair_with_key(environment.id(), &name).await;
    assert_eq!(late.header("idempotency-replayed"), "true", "{late:?}");
    assert_eq!(Environment(late.expect(202)).operations().len(), 2, "the key's repair has been: {}", late.text);
    let anew = repair(&stage, environment.id()).await.must_be("ACTIVE");
    assert_eq!(anew.operations().len(), 3, "another request is another repair: {anew}");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn what_is_being_made_or_removed_is_not_repaired() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("refused"))).await;
    stage.table.hold(&id, "worker").await;
    stage.api.until(&id, "it is being made", |now| now.status() == "CREATING").await;
    stage.api.repair(&id).await.problem(409, "NOT_REPAIRABLE");
    stage.api.delete(&id).await.expect(202);
    stage.api.repair(&id).await.problem(409, "NOT_REPAIRABLE");
    stage.table.let_go(&id, "worker").await;
    stage.api.at_rest(&id).await.must_be("DELETED");
    stage.api.repair(&id).await.problem(409, "NOT_REPAIRABLE");
    stage.api.repair("env-00000000000000000000000000").await.problem(404, "NOT_FOUND");
}

async fn repair(stage: &Stage, id: &str) -> Environment {
    let accepted = Environment(stage.api.repair(id).await.expect(202));
    assert_eq!(accepted.status(), "UPDATING", "the repair is accepted: {accepted}");
    stage.api.at_rest(id).await
}
