//! The look at the workers: what is told of it, and who is asked.

use super::{calls::AwsCalls, request, send_to, service_with};
use crate::view::WorkerView;
use environment::{Code, Fault};
use http::Method;
use serde_json::json;
use std::collections::BTreeMap;

fn seen(attributes: &[(&str, &str)], error: Option<Fault>) -> serde_json::Value {
    let attributes: BTreeMap<String, String> =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    serde_json::to_value(WorkerView::seen(&attributes, error)).expect("a view")
}

#[test]
fn what_was_seen_is_told_and_the_rest_left_open() {
    let look = [
        ("Status", "ONLINE"),
        ("LastHeartbeat", "2026-11-24T12:00:00Z"),
        ("DesiredCount", "2"),
        ("RunningCount", "1"),
        ("PendingCount", "1"),
        ("RolloutState", "IN_PROGRESS"),
        ("ImageDigest", "sha256:1"),
        ("ObservedAt", "2026-11-24T12:00:01Z"),
    ];
    let told = json!({
        "status": "ONLINE", "last_heartbeat_at": "2026-11-24T12:00:00Z", "desired_count": 2, "running_count": 1,
        "pending_count": 1, "rollout_state": "IN_PROGRESS", "image_digest": "sha256:1",
        "observed_at": "2026-11-24T12:00:01Z",
    });
    assert_eq!(seen(&look, None), told);
}

#[test]
fn why_prefect_says_nothing_is_told_beside_what_ecs_says() {
    let fault = Fault::new(Code::PrefectUnauthorized, "Prefect does not accept the key.");
    let told = seen(&[("Status", "UNKNOWN"), ("RunningCount", "1")], Some(fault));
    assert_eq!((&told["status"], &told["running_count"]), (&json!("UNKNOWN"), &json!(1)));
    assert_eq!(told["error"]["code"], "PREFECT_UNAUTHORIZED");
    assert!(seen(&[], None).is_null(), "nothing was seen");
}

#[test]
fn of_an_operations_look_and_the_watchs_the_later_one_is_told() {
    let look = |status: &str, at: &str| {
        let attributes = [("Status", status), ("ObservedAt", at), ("CrashedTasks", "2"), ("DeadLetters", "1")];
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        WorkerView::seen(&attributes.collect(), None).expect("a view")
    };
    let told = |other: Option<&str>| {
        let by_a_turn = look("ONLINE", "2026-11-24T12:00:00Z");
        let told = by_a_turn.unless_later(other.map(|at| look("OFFLINE", at)));
        serde_json::to_value(told).expect("a view")
    };
    assert_eq!(told(None)["status"], "ONLINE");
    assert_eq!(told(Some("2026-11-24T11:59:59.5Z"))["status"], "ONLINE", "the watch has looked before the operation");
    let watched = told(Some("2026-11-24T12:15:00Z"));
    let seen = ["status", "observed_at", "crashed_tasks", "dead_letters"].map(|field| watched[field].clone());
    assert_eq!(seen, [json!("OFFLINE"), json!("2026-11-24T12:15:00Z"), json!(2), json!(1)]);
}

#[tokio::test]
async fn of_an_environment_that_is_not_there_no_function_is_asked() {
    let calls = AwsCalls::default();
    let ask = |query: &str| {
        let path = format!("/environments/env-00000000000000000000000000/worker{query}");
        send_to(service_with(&calls, false), request(Method::GET, &path, ""))
    };
    ask("").await.problem(404, "NOT_FOUND");
    assert_eq!(calls.taken(), ["Query"], "the table, and nobody else");
    ask("?now=true").await.problem(400, "INVALID_QUERY");
}
