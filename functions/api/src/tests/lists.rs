//! Lists: how much of the table a page reads.

use super::{calls::AwsCalls, request, send_to, service_with};
use http::Method;
use serde_json::{Value, json};

/// A table in which there are always more environments, and all of them are active.
fn endless(page: usize) -> AwsCalls {
    let calls = AwsCalls::default();
    let id = "env-01m84mgv4d43tch440e50s91ry";
    let text = |text: &str| json!({"S": text});
    let item = json!({
        "id": text(id), "name": text("prefect"), "team": text("data"), "status": text("ACTIVE"),
        "tags": {"M": {"stage": text("test")}},
        "created_at": text("2026-11-24T12:00:00Z"), "updated_at": text("2026-11-24T12:00:00Z"),
    });
    let last = json!({"pk": text("ENV"), "sk": text("RECORD"), "all_pk": text("LIVE"), "all_sk": text(id)});
    calls.answer("Query", json!({"Items": vec![item; page], "LastEvaluatedKey": last}));
    calls
}

async fn listed(calls: &AwsCalls, query: &str) -> (usize, Value, usize) {
    let answer = send_to(service_with(calls, false), request(Method::GET, &format!("/environments?{query}"), "")).await;
    let items = answer.body["items"].as_array().unwrap_or_else(|| panic!("{query}: {}", answer.body)).len();
    (items, answer.body["next_page_token"].clone(), calls.taken().len())
}

#[tokio::test]
async fn a_page_that_lets_everything_through_is_one_query() {
    let (items, token, queries) = listed(&endless(5), "page_size=5").await;
    assert_eq!((items, queries), (5, 1));
    assert!(token.is_string(), "there is more");
}

/// Of 10,000 environments as of 100.
#[tokio::test]
async fn a_filter_that_lets_nothing_through_reads_four_times_the_page_and_no_more() {
    for filter in ["status=FAILED", "name=other", "tag[stage]=live", "status=FAILED&status=DELETED"] {
        let (items, token, queries) = listed(&endless(5), &format!("page_size=5&{filter}")).await;
        assert_eq!((items, queries), (0, 4), "{filter}: four queries of five");
        assert!(token.is_string(), "{filter}: the search goes on with the next page");
    }
}
