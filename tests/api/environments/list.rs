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
