//! Asking twice: with a key it is one request, without one the name and the pool are taken.

use end_to_end::{
    Environment, Stage,
    requests::{request, unique},
};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn twenty_equal_requests_with_one_key_are_one_environment_and_twenty_equal_answers() {
    let stage = Stage::set().await;
    let name = unique("chorus");
    let body = request(&name);
    let answers = join_all((0..20).map(|_| stage.api.create_with_key(&body, &name))).await;
    let different: BTreeSet<_> = answers.iter().map(|answer| (answer.status, answer.text.as_str())).collect();
    assert_eq!(different.len(), 1, "twenty equal answers: {different:#?}");
    let environment = Environment(answers[0].expect(202));
    let replayed = answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count();
    assert_eq!(replayed, 19, "one of them was the first");

    let all = stage.api.get("/environments?page_size=100").await.expect(200);
    let of_that_name = all["items"].as_array().expect("a list").iter().filter(|one| one["name"] == name.as_str());
    assert_eq!(of_that_name.count(), 1, "one environment");
    let active = stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    assert_eq!(active.operations().len(), 1, "one operation: {active}");

    let late = stage.api.create_with_key(&body, &name).await;
    assert_eq!(late.text, answers[0].text, "a late repetition hears the same");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn a_key_is_not_used_for_another_request() {
    let stage = Stage::set().await;
    let name = unique("reused");
    let id = Environment(stage.api.create_with_key(&request(&name), &name).await.expect(202)).id().to_owned();
    let mut other = request(&name);
    other["worker"] = json!({"cpu": 1024, "memory": 2048});
    stage.api.create_with_key(&other, &name).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
    stage.delete(&id).await;
}

/// The API key is no part of what makes two requests equal: nothing that could tell it is kept.
#[tokio::test]
async fn a_repetition_may_carry_a_renewed_api_key() {
    let stage = Stage::set().await;
    let name = unique("renewed");
    let first = stage.api.create_with_key(&request(&name), &name).await;
    let id = Environment(first.expect(202)).id().to_owned();
    let mut body = request(&name);
    body["prefect"]["api_key"] = json!("pnu_renewed");
    let second = stage.api.create_with_key(&body, &name).await;
    assert_eq!((second.status, &second.text), (202, &first.text), "the same request");
    stage.delete(&id).await;
}

/// What a request was answered does not depend on what became of its environment.
#[tokio::test]
async fn a_create_that_is_sent_again_after_a_change_is_answered_as_it_was() {
    let stage = Stage::set().await;
    let name = unique("anew");
    let body = request(&name);
    let first = stage.api.create_with_key(&body, &name).await;
    let id = Environment(first.expect(202)).id().to_owned();
    let made = stage.api.at_rest(&id).await.must_be("ACTIVE");
    let patch = json!({"log_retention_days": 7, "ttl": "P1D", "tags": {"a": "b"}});
    update(&stage, &id, &patch).await.must_be("ACTIVE");
    let again = stage.api.create_with_key(&body, &name).await;
    assert_eq!((again.status, &again.text), (202, &first.text), "byte by byte");
    assert_eq!(again.header("idempotency-replayed"), "true", "{again:?}");
    let now = stage.api.read(&id).await;
    assert_eq!(now.0["spec"]["log_retention_days"], 7, "the change stays: {now}");
    stage.ends_without_a_trace(&made).await;
}

#[tokio::test]
async fn a_name_and_a_work_pool_belong_to_one_environment_at_a_time() {
    let stage = Stage::set().await;
    let (holder, other) = (unique("holder"), unique("other"));
    let id = stage.request(&request(&holder)).await;

    let taken = stage.api.create(&request(&holder)).await.problem(409, "NAME_TAKEN");
    assert_eq!(taken["environment_id"], id.as_str(), "who may see it is told which one: {taken}");
    let mut same_pool = request(&other);
    same_pool["prefect"]["work_pool"] = json!(format!("{holder}-pool"));
    stage.api.create(&same_pool).await.problem(409, "WORK_POOL_IN_USE");

    stage.delete(&id).await;
    let again = stage.request(&same_pool).await;
    stage.delete(&again).await;
}

async fn update(stage: &Stage, id: &str, patch: &Value) -> Environment {
    let accepted = Environment(stage.api.update(id, patch).await.expect(202));
    assert_eq!(accepted.status(), "UPDATING", "the update is accepted: {accepted}");
    stage.api.at_rest(id).await
}
