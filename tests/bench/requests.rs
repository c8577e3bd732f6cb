//! What each request reads from the table and writes to it.

use crate::{idle::let_operations_do_nothing, journal::Mark, say};
use end_to_end::{
    Answer, Stage,
    requests::{request, unique},
};
use serde_json::json;
use std::future::Future;

#[tokio::test]
async fn requests_read_and_write_few_items() {
    let stage = Stage::set().await;
    // One that stays, so that there is something to read and to change.
    let environment = stage.create(&request(&unique("bench"))).await;
    let id = environment.id();
    let_operations_do_nothing(&stage.cloud).await;
    let api = &stage.api;
    let (path, body) = (format!("/environments/{id}"), request(&unique("bench")));

    say("\nCalls of the table for a request:");
    asks("GET /environments/{id}", 200, api.get(&path)).await;
    asks("GET /environments/{id}/operations", 200, api.get(&format!("{path}/operations"))).await;
    asks("GET /environments?page_size=50", 200, api.get("/environments?page_size=50")).await;
    asks("POST /environments?validate_only=true", 200, api.plan(&body)).await;
    asks("POST /environments", 202, api.create(&body)).await;
    asks("PATCH /environments/{id}", 202, api.update(id, &json!({"worker": {"cpu": 1024, "memory": 2048}}))).await;
    asks("DELETE /environments/{id}", 202, api.delete(id)).await;
}

async fn asks(what: &str, status: u16, request: impl Future<Output = Answer>) {
    let mark = Mark::now();
    request.await.expect(status);
    say(format!("  {what:<40} {}", mark.calls()));
}
