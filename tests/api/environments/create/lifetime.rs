//! `POST /environments`: for how long the environment is to live.

use end_to_end::{
    Stage,
    api::{list, text},
    requests::{request, unique},
};
use jiff::Timestamp;
use serde_json::{Value, json};

#[tokio::test]
async fn what_is_protected_is_not_deleted_until_that_is_taken_back() {
    let stage = Stage::set().await;
    let environment = stage.create(&with("protected", "deletion_protection", json!({"reason": "month's end"}))).await;
    let id = environment.id();
    let protection = &environment.0["deletion_protection"];
    assert_eq!(text(&protection["reason"]), "month's end", "{environment}");
    assert_eq!(protection["by"], environment.0["created_by"], "who protects it");
    assert_eq!(list(&environment.0["actions"]), ["update", "repair"], "what may be done with it");

    let problem = stage.api.delete(id).await.problem(409, "DELETION_PROTECTED");
    assert_eq!(problem["environment_id"], id, "{problem}");
    assert_eq!(stage.api.read(id).await.status(), "ACTIVE", "nothing was done");

    stage.table.unprotect(id).await;
    stage.delete(id).await;
}

#[tokio::test]
async fn what_has_expired_is_deleted_by_the_sweep_but_not_while_it_is_protected() {
    let stage = Stage::set().await;
    let sweep = json!({"action": "sweep"});
    let expiring = stage.request(&with("expiring", "expires_at", json!("2100-01-01T00:00:00Z"))).await;
    assert_eq!(text(&stage.api.read(&expiring).await.0["expires_at"]), "2100-01-01T00:00:00Z");

    // Also what is still being made is deleted: the create turns round.
    stage.table.hold(&expiring, "worker").await;
    stage.table.expire(&expiring).await;
    stage.functions.invoke("operation", &sweep).await;
    stage.table.let_go(&expiring, "worker").await;
    let deleted = stage.api.at_rest(&expiring).await.must_be("DELETED");
    assert_eq!(text(&deleted.0["deleted_by"]["name"]), "expiry", "who asked for that: {deleted}");

    let mut body = with("kept", "expires_at", json!("2100-01-01T00:00:00Z"));
    body["deletion_protection"] = json!({"reason": "not yet"});
    let kept = stage.create(&body).await.id().to_owned();
    stage.table.expire(&kept).await;
    stage.functions.invoke("operation", &sweep).await;
    assert_eq!(stage.api.read(&kept).await.status(), "ACTIVE", "protection goes before expiry");
    stage.table.unprotect(&kept).await;
    stage.functions.invoke("operation", &sweep).await;
    stage.api.at_rest(&kept).await.must_be("DELETED");
}

#[tokio::test]
async fn a_time_to_live_counts_from_the_request() {
    let stage = Stage::set().await;
    let before = Timestamp::now();
    let id = stage.request(&with("ttl", "ttl", json!("P1DT12H"))).await;
    let shown = stage.api.read(&id).await;
    let expires_at: Timestamp = text(&shown.0["expires_at"]).parse().expect("a time");
    let lives = expires_at.duration_since(before);
    assert!((36 * 3600..36 * 3600 + 60).contains(&lives.as_secs()), "{lives} after the request: {shown}");
    stage.delete(&id).await;
}

#[tokio::test]
async fn a_time_that_is_over_is_refused() {
    let stage = Stage::set().await;
    let body = with("late", "expires_at", json!("2026-01-01T00:00:00Z"));
    assert_eq!(stage.api.create(&body).await.violations(), ["/expires_at OUT_OF_RANGE"]);
}

fn with(name: &str, field: &str, value: Value) -> Value {
    let mut body = request(&unique(name));
    body[field] = value;
    body
}
