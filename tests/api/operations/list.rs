//! `GET /environments/{id}/operations`.

use end_to_end::{
    Environment, Stage,
    api::{list, text},
    requests::{request, unique},
};

#[tokio::test]
async fn the_whole_history_comes_in_pages_newest_first() {
    let stage = Stage::set().await;
    let id = stage.create(&request(&unique("history"))).await.id().to_owned();
    stage.api.repair(&id).await.expect(202);
    stage.api.at_rest(&id).await.must_be("ACTIVE");
    let deleted: Environment = stage.delete(&id).await;
    let path = format!("/environments/{id}/operations");

    let whole = stage.api.get(&path).await.expect(200);
    assert_eq!(whole["items"], deleted.0["operations"], "the same as the environment shows");
    let kinds: Vec<&str> = list(&whole["items"]).iter().map(|one| text(&one["kind"])).collect();
    assert_eq!(kinds, ["delete", "apply", "apply"], "{whole:#}");
    assert!(whole["next_page_token"].is_null(), "{whole:#}");

    let first = stage.api.get(&format!("{path}?page_size=2")).await.expect(200);
    let token = text(&first["next_page_token"]);
    let second = stage.api.get(&format!("{path}?page_size=2&page_token={token}")).await.expect(200);
    let paged: Vec<_> = list(&first["items"]).iter().chain(list(&second["items"])).collect();
    assert_eq!(paged, list(&whole["items"]).iter().collect::<Vec<_>>(), "the pages together are the list");
    assert!(second["next_page_token"].is_null(), "{second:#}");

    stage.api.get(&format!("{path}?status=FAILED")).await.problem(400, "INVALID_QUERY");
    stage.api.get(&format!("/environments?page_token={token}")).await.problem(400, "INVALID_QUERY");
    let nobodys = "/environments/env-00000000000000000000000000/operations";
    stage.api.get(nobodys).await.problem(404, "NOT_FOUND");
}
