//! Looking at environments: one, all, page by page, by team and by status.

use end_to_end::{
    Stage,
    api::{list, text},
    requests::{request, unique},
};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_list_is_newest_first_and_comes_in_pages() {
    let stage = Stage::set().await;
    let team = unique("pages");
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(stage.request(&of_team(&team)).await);
    }
    ids.reverse();

    let whole = stage.api.get(&format!("/environments?team={team}")).await.expect(200);
    assert_eq!(ids_of(&whole), ids, "the team's environments, newest first");
    assert_eq!(whole["next_page_token"], Value::Null, "there is no further page: {whole}");

    let (mut paged, mut token, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let page = stage.api.get(&format!("/environments?team={team}&page_size=2{token}")).await.expect(200);
        sizes.push(list(&page["items"]).len());
        paged.extend(ids_of(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_page_token"].as_str() else { break };
        token = format!("&page_token={next}");
    }
    assert_eq!(paged, ids, "the pages together are the list");
    assert!(sizes.iter().all(|size| *size <= 2), "no page is larger than asked for: {sizes:?}");

    let page = stage.api.get(&format!("/environments?team={team}&page_size=2")).await.expect(200);
    let token = text(&page["next_page_token"]);
    let misused = stage.api.get(&format!("/environments?team={}&page_token={token}", unique("another"))).await;
    misused.problem(400, "INVALID_QUERY");
    for id in &ids {
        stage.delete(id).await;
    }
}

#[tokio::test]
async fn a_list_has_the_deleted_only_when_asked_for_them() {
    let stage = Stage::set().await;
    let team = unique("status");
    let gone = stage.create(&of_team(&team)).await.id().to_owned();
    stage.delete(&gone).await;
    let alive = stage.create(&of_team(&team)).await.id().to_owned();

    let list = |query: &'static str| {
        let (api, path) = (&stage.api, format!("/environments?team={team}{query}"));
        async move { api.get(&path).await.expect(200) }
    };
    assert_eq!(ids_of(&list("").await), [alive.as_str()], "the living");
    assert_eq!(ids_of(&list("&status=ACTIVE").await), [alive.as_str()], "the active");
    assert_eq!(ids_of(&list("&status=DELETED").await), [gone.as_str()], "the deleted");
    assert_eq!(ids_of(&list("&status=FAILED").await), [""; 0], "none has failed");
    let shown = &list("").await["items"][0];
    let whole = stage.api.read(&alive).await.0;
    for field in ["id", "name", "team", "status", "created_at", "updated_at"] {
        assert_eq!(shown[field], whole[field], "{field} in the list is that of the environment");
    }
    assert_eq!(stage.api.read(&gone).await.status(), "DELETED", "a deleted one can still be looked at");
    stage.delete(&alive).await;
}

#[tokio::test]
async fn a_query_that_the_service_does_not_know_is_refused() {
    let stage = Stage::set().await;
    for (query, wrong) in [
        ("colour=red", "colour"),
        ("page_size=many", "page_size"),
        ("page_size=-1", "page_size"),
        ("status=HAPPY", "status"),
        ("page_size=1&page_size=2", "page_size"),
        ("page_token=x", "page_token"),
    ] {
        let problem = stage.api.get(&format!("/environments?{query}")).await.problem(400, "INVALID_QUERY");
        assert_eq!(problem["errors"][0]["pointer"], wrong, "?{query}: {problem}");
    }
}

#[tokio::test]
async fn an_id_that_nobody_has_is_not_found() {
    let stage = Stage::set().await;
    for id in ["env-00000000000000000000000000", "env-", "x", "ENV-00000000000000000000000000", "%20"] {
        stage.api.get(&format!("/environments/{id}")).await.problem(404, "NOT_FOUND");
        stage.api.delete(id).await.problem(404, "NOT_FOUND");
    }
}

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
async fn the_service_says_that_it_is_well_to_anybody() {
    let stage = Stage::set().await;
    let health = stage.api.send_unsigned(Method::GET, "/health", "").await.expect(200);
    assert_eq!(health["status"], "ok", "{health}");
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

fn of_team(team: &str) -> Value {
    let mut body = request(&unique("listed"));
    body["team"] = json!(team);
    body
}

fn ids_of(page: &Value) -> Vec<&str> {
    list(&page["items"]).iter().map(|one| text(&one["id"])).collect()
}
