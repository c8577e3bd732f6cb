//! What a Prefect server itself says to a wrong request is known before anything is made.

use crate::{request, server::Server};
use end_to_end::{Marks, Stage};
use serde_json::json;

#[tokio::test]
async fn a_wrong_auth_string_a_wrong_path_and_a_server_that_is_down_are_refused_at_once() {
    let (stage, server) = (Stage::set().await, Server::real());
    // Nobody listens on the port that is kept for the multiplexer of TCP.
    let down = "http://127.0.0.1:1/api".to_owned();
    for (member, value, code) in [
        ("auth_string", "admin:another".to_owned(), "PREFECT_UNAUTHORIZED"),
        ("api_url", format!("{}/elsewhere", server.api_url), "PREFECT_WORKSPACE_NOT_FOUND"),
        ("api_url", down, "PREFECT_UNREACHABLE"),
    ] {
        let mut body = request(&server, "refused");
        body["prefect"][member] = json!(value);
        stage.api.create(&body).await.problem(422, code);
        let name = body["name"].as_str().expect("a name");
        stage.inventory_of(&Marks::name(name)).await.must_be_empty("after a request that was refused");
    }
}
