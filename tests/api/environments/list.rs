//! `GET /environments`: filters, and pages of what they leave.

use end_to_end::{
    Stage,
    api::{list, text},
    requests::{request, unique},
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_list_has_what_every_filter_lets_through() {
    let stage = Stage::set().await;
    let team = unique("filters");
    let of = |stage_tag: &str| {
        let mut body = request(&unique("filtered"));
        body["team"] = json!(team);
        body["tags"] = json!({"stage": stage_tag, "cost centre": "4711"});
        body
    };
    let gone = stage.create(&of("test")).await;
    stage.delete(gone.id()).await;
    let (test, live) = (stage.create(&of("test")).await, stage.create(&of("live")).await);
    let name = text(&test.0["name"]);
    let (born, reborn) = (text(&test.0["created_at"]), text(&live.0["created_at"]));

    let (test, live, gone) = (test.id(), live.id(), gone.id());
    for (query, expected) in [
        ("".to_owned(), vec![live, test]),
        ("&status=ACTIVE&status=FAILED".to_owned(), vec![live, test]),
        ("&status=DELETED&status=ACTIVE".to_owned(), vec![live, test, gone]),
        ("&status=DELETED".to_owned(), vec![gone]),
        (format!("&name={name}"), vec![test]),
        ("&tag[stage]=test".to_owned(), vec![test]),
        ("&tag%5Bstage%5D=live&tag[cost%20centre]=4711".to_owned(), vec![live]),
        ("&tag[stage]=test&tag[cost%20centre]=1".to_owned(), vec![]),
        (format!("&created_after={reborn}"), vec![live]),
        (format!("&created_before={reborn}"), vec![test]),
        (format!("&created_after={born}&created_before={reborn}"), vec![test]),
    ] {
        let path = format!("/environments?team={team}{query}");
        let page = stage.api.get(&path).await.expect(200);
        assert_eq!(ids(&page), expected, "{path}: {page:#}");
        // Page by page it is the same list.
        let (mut paged, mut token) = (Vec::new(), String::new());
        loop {
            let page = stage.api.get(&format!("{path}&page_size=1{token}")).await.expect(200);
            paged.extend(ids(&page).into_iter().map(str::to_owned));
            let Some(next) = page["next_page_token"].as_str() else { break };
            token = format!("&page_token={next}");
        }
        assert_eq!(paged, expected, "{path}, page by page");
    }

    let page = stage.api.get(&format!("/environments?team={team}&page_size=1")).await.expect(200);
    let token = text(&page["next_page_token"]);
    for other in ["&status=ACTIVE", "&tag[stage]=live", "&created_before=2100-01-01T00:00:00Z", "&name=x"] {
        let misused = stage.api.get(&format!("/environments?team={team}{other}&page_token={token}")).await;
        misused.problem(400, "INVALID_QUERY");
    }
    for id in [test, live] {
        stage.delete(id).await;
    }
}

fn ids(page: &Value) -> Vec<&str> {
    list(&page["items"]).iter().map(|one| text(&one["id"])).collect()
}

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

fn of_team(team: &str) -> Value {
    let mut body = request(&unique("listed"));
    body["team"] = json!(team);
    body
}

fn ids_of(page: &Value) -> Vec<&str> {
    list(&page["items"]).iter().map(|one| text(&one["id"])).collect()
}
