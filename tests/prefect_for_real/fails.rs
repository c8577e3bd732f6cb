//! Workers that cannot start: the create ends, says why, and leaves nothing behind.

use crate::{request, server::Server};
use end_to_end::Stage;
use serde_json::{Value, json};

#[tokio::test]
async fn an_image_that_cannot_be_had_ends_the_create() {
    let (stage, server) = (Stage::set().await, Server::real());
    let mut body = request(&server, "no-image");
    body["worker"]["image"] = json!("registry.example.com/nobody/has-this:1");
    ends_in_vain(&stage, &server, &body).await;
}

#[tokio::test]
async fn a_command_that_exits_ends_the_create() {
    let (stage, server) = (Stage::set().await, Server::real());
    let mut body = request(&server, "no-worker");
    body["worker"]["command"] = json!(["python", "-c", "exit(3)"]);
    ends_in_vain(&stage, &server, &body).await;
}

/// The environment ends FAILED because of the worker's service, and nothing is left.
async fn ends_in_vain(stage: &Stage, server: &Server, body: &Value) {
    let environment = stage.create_in_vain(body).await;
    let verdict = environment.verdict();
    assert_eq!(verdict["error"]["resource"], "worker/service", "what failed: {verdict:#}");
    assert_eq!(verdict["left_behind"], json!([]), "nothing is left behind");
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the create was undone");
    let pool = body["prefect"]["work_pool"].as_str().expect("a pool");
    assert_eq!(server.pool(pool).await, None, "no pool is left in Prefect");
}
