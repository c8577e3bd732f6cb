//! `?validate_only=true`: every check of the real request, nothing made, and a forecast of what would be.

use end_to_end::{
    Answer, Stage,
    api::{list, text},
    requests::{request, unique},
    table::written,
};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every item of the table in which this name stands.
async fn records_of(stage: &Stage, name: &str) -> Vec<String> {
    let items = stage.table.everything().await;
    let mut shown: Vec<String> = items.iter().map(written).filter(|item| item.contains(name)).collect();
    shown.sort();
    shown
}

#[tokio::test]
async fn a_create_that_is_only_validated_makes_nothing_and_tells_what_it_would() {
    let stage = Stage::set().await;
    let name = unique("would");
    let body = request(&name);

    let forecast = stage.api.plan(&body).await.expect(200);

    assert_eq!(records_of(&stage, &name).await, [""; 0], "nothing is recorded");
    let secrets = stage.cloud.secrets.list_secrets().send().await.expect("secrets");
    assert!(secrets.secret_list().iter().all(|secret| !secret.name().unwrap_or_default().contains(&name)));
    assert_eq!(forecast["environment_id"], Value::Null, "{forecast}");
    assert_eq!(forecast["quotas"]["not_counted"], json!([]), "{forecast}");
    assert_eq!(forecast["cost"]["currency"], "USD", "{forecast}");

    // What was told is what comes to be.
    let environment = stage.create(&body).await;
    let planned: BTreeMap<&str, &str> =
        list(&forecast["plan"]["resources"]).iter().map(|it| (text(&it["key"]), text(&it["type"]))).collect();
    let made: BTreeMap<&str, &str> =
        environment.resources().iter().map(|it| (text(&it["key"]), text(&it["type"]))).collect();
    assert_eq!(planned, made);
    assert_eq!(forecast["plan"]["create"], json!(made.len()));
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn it_fails_for_what_the_real_one_fails_for() {
    let stage = Stage::set().await;
    let name = unique("fails");
    let environment = stage.create(&request(&name)).await;
    let before = records_of(&stage, &name).await;

    for body in [request(&name), with_pool(&format!("{name}-pool")), json!({"name": "X"})] {
        let (tried, real) = (stage.api.plan(&body).await, stage.api.create(&body).await);
        let code =
            |answer: &Answer| (answer.status, answer.json()["code"].clone(), answer.json()["environment_id"].clone());
        assert_eq!(code(&tried), code(&real), "{}", tried.text);
        assert!(real.status >= 400, "{}", real.text);
    }

    assert_eq!(records_of(&stage, &name).await, before, "the environment is as it was");
    stage.delete(environment.id()).await;
}

fn with_pool(pool: &str) -> Value {
    let mut body = request(&unique("pool"));
    body["prefect"]["work_pool"] = json!(pool);
    body
}

#[tokio::test]
async fn a_key_is_not_used_up_and_what_was_done_under_it_would_not_be_done_again() {
    let stage = Stage::set().await;
    let (body, key) = (request(&unique("key")), unique("k"));
    let path = "/environments?validate_only=true";
    let tried = stage.api.send(Method::POST, path, &[("idempotency-key", &key)], body.to_string()).await.expect(200);
    assert_eq!(tried["plan"]["keep"], 0, "{tried}");

    let accepted = stage.api.create_with_key(&body, &key).await;
    assert_eq!(accepted.header("idempotency-replayed"), "", "the key was free");
    let id = accepted.expect(202)["id"].clone();
    stage.api.at_rest(text(&id)).await.must_be("ACTIVE");

    let again = stage.api.send(Method::POST, path, &[("idempotency-key", &key)], body.to_string()).await.expect(200);
    assert_eq!((&again["environment_id"], &again["plan"]["create"]), (&id, &json!(0)), "{again}");
    assert!(again["plan"]["keep"].as_u64() > Some(20), "{again}");
    assert_eq!(again["cost"]["difference"]["monthly"], 0.0, "{}", again["cost"]);
    let other =
        stage.api.send(Method::POST, path, &[("idempotency-key", &key)], request(&unique("o")).to_string()).await;
    other.problem(422, "IDEMPOTENCY_KEY_REUSED");
    stage.delete(text(&id)).await;
}

#[tokio::test]
async fn a_change_that_is_only_validated_changes_nothing_and_tells_what_it_would() {
    let stage = Stage::set().await;
    let name = unique("would");
    let environment = stage.create(&request(&name)).await;
    let (before, inventory) = (records_of(&stage, &name).await, stage.inventory_of(&environment.marks()).await);
    let path = format!("/environments/{}?validate_only=true", environment.id());
    let (patch, key) = (json!({"worker": {"cpu": 1024, "memory": 2048}, "log_retention_days": 7}), unique("k"));
    let validate = |patch: &Value| {
        let headers = [("content-type", "application/merge-patch+json"), ("idempotency-key", key.as_str())];
        let (patch, path, stage) = (patch.to_string(), path.clone(), &stage);
        async move { stage.api.send(Method::PATCH, &path, &headers, patch).await }
    };

    let forecast = validate(&patch).await.expect(200);

    let moves = list(&forecast["plan"]["resources"]).iter().filter(|it| it["action"] != "keep");
    let moves: Vec<String> = moves.map(|it| format!("{} {}", text(&it["action"]), text(&it["key"]))).collect();
    assert_eq!(
        moves,
        [
            "change cluster/worker-log-group",
            "change cluster/flows-log-group",
            "replace worker/task-definition",
            "change worker/service"
        ],
        "{forecast:#}"
    );
    assert!(forecast["cost"]["difference"]["monthly"].as_f64() > Some(10.0), "{}", forecast["cost"]["difference"]);
    assert_eq!(stage.api.read(environment.id()).await, environment, "it is as it was");
    assert_eq!(records_of(&stage, &name).await, before, "and so are its records");
    stage.inventory_of(&environment.marks()).await.must_be_as(&inventory, "after a change that was only validated");

    for refused in [json!({"name": "other", "worker": {"cpu": 300}}), json!({"colour": 1})] {
        let (tried, real) = (validate(&refused).await, stage.api.update(environment.id(), &refused).await);
        assert_eq!((tried.status, tried.violations()), (422, real.violations()), "as the real one is: {}", tried.text);
    }

    // The key is free, and what was told is what comes to be.
    let accepted = stage.api.update_with_key(environment.id(), &patch, &key).await;
    assert_eq!(accepted.header("idempotency-replayed"), "", "the key was free");
    accepted.expect(202);
    let changed = stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    assert_eq!(changed.changed_since(&environment), ["worker/task-definition"], "one more revision");
    let again = validate(&patch).await.expect(200);
    assert_eq!(again["plan"]["change"], 0, "under the same key it would not be done again: {again}");
    validate(&json!({"log_retention_days": 14})).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn a_delete_that_is_only_validated_changes_nothing_and_tells_what_it_would() {
    let stage = Stage::set().await;
    let name = unique("spared");
    let environment = stage.create(&request(&name)).await;
    let (before, inventory) = (records_of(&stage, &name).await, stage.inventory_of(&environment.marks()).await);
    let path = format!("/environments/{}?validate_only=true", environment.id());
    let validate = || stage.api.send(Method::DELETE, &path, &[], "");

    let forecast = validate().await.expect(200);

    assert_eq!(forecast["plan"]["delete"], json!(environment.resources().len()), "{forecast}");
    assert_eq!(text(&forecast["eta"]["waits_for"]), "worker/online", "{forecast}");
    assert!(forecast["cost"]["difference"]["monthly"].as_f64() < Some(-50.0), "{forecast}");
    assert_eq!(stage.api.read(environment.id()).await, environment, "it is as it was");
    assert_eq!(records_of(&stage, &name).await, before, "and so are its records");
    stage.inventory_of(&environment.marks()).await.must_be_as(&inventory, "after a delete that was only validated");

    stage.delete(environment.id()).await;
    assert_eq!(validate().await.expect(200)["plan"]["delete"], 0, "nothing is left to remove");
    let nobody = "/environments/env-00000000000000000000000000?validate_only=true";
    stage.api.send(Method::DELETE, nobody, &[], "").await.problem(404, "NOT_FOUND");
}
