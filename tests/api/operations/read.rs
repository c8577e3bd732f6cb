//! `GET /environments/{id}/operations/{operation_id}`.

use end_to_end::{
    Stage,
    api::text,
    requests::{request, unique},
};

#[tokio::test]
async fn an_operation_is_shown_while_it_works_and_when_it_has_ended() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("operation"))).await;
    stage.table.hold(&id, "worker").await;
    let environment = stage.api.until(&id, "a step is done", |one| one.outcome("network", "ensure") == "done").await;
    let operation = text(&environment.operation()["id"]).to_owned();
    let path = format!("/environments/{id}/operations/{operation}");

    let working = stage.api.get(&path).await;
    let shown = working.expect(200);
    assert_eq!((text(&shown["status"]), text(&shown["environment_id"])), ("RUNNING", id.as_str()), "{shown:#}");
    assert!(!working.header("retry-after").is_empty(), "when to look again: {:?}", working.headers);

    stage.table.let_go(&id, "worker").await;
    let active = stage.api.at_rest(&id).await.must_be("ACTIVE");
    let ended = stage.api.get(&path).await;
    assert_eq!(ended.expect(200), *active.operation(), "the same as the environment shows");
    assert_eq!(ended.header("retry-after"), "", "it has ended: {:?}", ended.headers);
    stage.delete(&id).await;
}

#[tokio::test]
async fn an_operation_that_is_not_this_environments_is_not_found() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("owner"))).await;
    let operation = text(&stage.api.read(&id).await.operation()["id"]).to_owned();
    for path in [
        format!("/environments/{id}/operations/op-00000000000000000000000000"),
        format!("/environments/{id}/operations/x"),
        format!("/environments/env-00000000000000000000000000/operations/{operation}"),
    ] {
        stage.api.get(&path).await.problem(404, "NOT_FOUND");
    }
    stage.delete(&id).await;
}
