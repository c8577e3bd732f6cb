//! What holds on every route.

use end_to_end::{
    Stage,
    api::list,
    requests::{request, unique},
};
use http::Method;

#[tokio::test]
async fn a_path_and_a_method_that_nobody_has_is_a_problem_like_any_other() {
    let stage = Stage::set().await;
    stage.api.get("/somewhere").await.problem(404, "NOT_FOUND");
    stage.api.get("/").await.problem(404, "NOT_FOUND");
    let answer = stage.api.send(Method::PUT, "/environments", &[], "{}").await;
    answer.problem(405, "METHOD_NOT_ALLOWED");
    assert!(answer.header("allow").contains("POST"), "what is allowed is said: {:?}", answer.headers);
}

#[tokio::test]
async fn nobody_is_let_in_without_a_signature() {
    let stage = Stage::set().await;
    let name = unique("unsigned");
    let tries = [
        (Method::GET, "/environments".to_owned()),
        (Method::POST, "/environments".to_owned()),
        (Method::GET, "/environments/env-00000000000000000000000000".to_owned()),
        (Method::DELETE, "/environments/env-00000000000000000000000000".to_owned()),
    ];
    for (method, path) in tries {
        let body = if method == Method::POST { request(&name).to_string() } else { String::new() };
        let answer = stage.api.send_unsigned(method, &path, body).await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    let all = stage.api.get("/environments?page_size=100").await.expect(200);
    assert!(list(&all["items"]).iter().all(|one| one["name"] != name.as_str()), "nothing was created: {all}");
}
