//! `?validate_only=true` on POST: every check of the real request, nothing made, and a forecast of what would be.

use end_to_end::{
    Answer, Stage,
    api::{list, text},
    requests::{request, unique},
};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test]
async fn a_create_that_is_only_validated_makes_nothing_and_tells_what_it_would() {
    let stage = Stage::set().await;
    let name = unique("would");
    let body = request(&name);

    let forecast = stage.api.plan(&body).await.expect(200);

    assert_eq!(stage.table.records_of(&name).await, [""; 0], "nothing is recorded");
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
    let before = stage.table.records_of(&name).await;

    for body in [request(&name), with_pool(&format!("{name}-pool")), json!({"name": "X"})] {
        let (tried, real) = (stage.api.plan(&body).await, stage.api.create(&body).await);
        let code =
            |answer: &Answer| (answer.status, answer.json()["code"].clone(), answer.json()["environment_id"].clone());
        assert_eq!(code(&tried), code(&real), "{}", tried.text);
        assert!(real.status >= 400, "{}", real.text);
    }

    assert_eq!(stage.table.records_of(&name).await, before, "the environment is as it was");
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
