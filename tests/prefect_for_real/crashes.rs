//! A flow run whose task ends before Prefect hears of it: only ECS's event tells the worker.

use crate::{calls::Call, request, rights, server::Server};
use end_to_end::{Stage, api::text};
use serde_json::json;

#[tokio::test]
async fn a_task_that_ends_early_makes_its_flow_run_crashed_with_the_tasks_last_words() {
    let (stage, server) = (Stage::set().await, Server::real());
    let environment = stage.create(&request(&server, "crash")).await;
    let pool = text(&environment.outputs()["work_pool"]);

    let deployment = server.deploy("greet", pool, json!({"command": "sh -c 'echo no-luck; exit 3'"})).await;
    let run = server.schedule(&deployment).await;
    let ended = server.ended(&run).await;
    assert_eq!(ended["state_type"], "CRASHED", "the run ended otherwise: {}", ended["state"]);
    server.has_logged(&run, "no-luck").await;

    // Between them the worker has done all that a worker does.
    rights::were_enough();
    rights::were_used(&stage, text(&environment.0["name"]), &Call::all()).await;

    server.withdraw(&deployment).await;
    stage.delete(environment.id()).await;
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the delete");
}
