//! Workers that cannot start: the create ends, says why, and leaves nothing behind.

use crate::{request, server::Server};
use end_to_end::Stage;
use serde_json::{Value, json};

#[tokio::test]
async fn an_image_that_cannot_be_had_ends_the_create() {
    let (stage, server) = (Stage::set().await, Server::real());
    let mut body = request(&server, "no-image");
    body["worker"]["image"] = json!("registry.example.com/nobody/has-this:1");
    let diagnosis = ends_in_vain(&stage, &server, &body).await;
    assert_eq!(diagnosis["cause"], "IMAGE_NOT_PULLED", "{diagnosis:#}");
    let said = diagnosis["stopped_reason"].as_str().unwrap_or_default();
    assert!(said.contains("CannotPullContainerError"), "ECS's own words: {diagnosis:#}");
}

#[tokio::test]
async fn a_command_that_exits_ends_the_create() {
    let (stage, server) = (Stage::set().await, Server::real());
    let mut body = request(&server, "no-worker");
    // It has its credential in its last words, as a traceback may have.
    let last_words = "import os; print('last words', os.environ['PREFECT_API_AUTH_STRING'], flush=True); exit(3)";
    body["worker"]["command"] = json!(["python", "-c", last_words]);
    let diagnosis = ends_in_vain(&stage, &server, &body).await;
    assert_eq!((&diagnosis["cause"], &diagnosis["exit_code"]), (&json!("UNKNOWN"), &json!(3)), "{diagnosis:#}");
    assert_eq!(diagnosis["log"], json!(["last words [removed]"]), "the end of its log, without the credential");
}

/// The environment ends FAILED because of the worker's service, and nothing is left. Why the worker did not run.
async fn ends_in_vain(stage: &Stage, server: &Server, body: &Value) -> Value {
    let environment = stage.create_in_vain(body).await;
    let verdict = environment.verdict();
    assert_eq!(verdict["error"]["resource"], "worker/service", "what failed: {verdict:#}");
    let diagnosis = verdict["error"]["diagnosis"].clone();
    let (message, meaning) = (&verdict["error"]["message"], diagnosis["meaning"].as_str().unwrap_or("no diagnosis"));
    assert!(message.as_str().is_some_and(|message| message.ends_with(meaning)), "what it means: {verdict:#}");
    assert_eq!(verdict["left_behind"], json!([]), "nothing is left behind");
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the create was undone");
    let pool = body["prefect"]["work_pool"].as_str().expect("a pool");
    assert_eq!(server.pool(pool).await, None, "no pool is left in Prefect");
    diagnosis
}
