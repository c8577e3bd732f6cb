//! `PATCH /environments/{id}`: what is refused, what starts nothing, what is asked twice, and what is only validated.

use end_to_end::{
    Environment, Stage,
    api::{list, text},
    requests::{request, unique},
};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_patch_is_refused_as_a_whole_and_with_every_reason() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("refuse"))).await;
    let patch = json!({
        "name": "other", "network": {"nat": "none"}, "prefect": {"work_pool": "other"},
        "worker": {"name": "other", "cpu": 300}, "log_retention_days": 2, "colour": null
    });
    let answer = stage.api.update(environment.id(), &patch).await;
    assert_eq!(
        answer.violations(),
        [
            "/colour UNKNOWN_FIELD",
            "/log_retention_days NOT_ALLOWED",
            "/name IMMUTABLE",
            "/network/nat IMMUTABLE",
            "/prefect/work_pool IMMUTABLE",
            "/worker/cpu NOT_ALLOWED",
            "/worker/name IMMUTABLE",
        ]
    );
    let after = stage.api.read(environment.id()).await;
    assert_eq!((after.status(), after.operations().len()), ("ACTIVE", 1), "nothing was begun: {after}");
    stage.api.update("env-00000000000000000000000000", &json!({})).await.problem(404, "NOT_FOUND");
    stage.delete(environment.id()).await;
    let gone = stage.api.update(environment.id(), &json!({"log_retention_days": 7})).await;
    let problem = gone.problem(409, "NOT_CHANGEABLE");
    assert!(text(&problem["detail"]).contains("DELETED"), "it says what it is: {problem}");
}

#[tokio::test]
async fn a_key_that_prefect_does_not_accept_is_refused_and_one_that_is_only_tried_is_put_nowhere() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("tried"))).await;
    for (key, code) in [("pnu_revoked", "PREFECT_UNAUTHORIZED"), ("pnu_forbidden", "PREFECT_FORBIDDEN")] {
        stage.api.update(environment.id(), &json!({"prefect": {"api_key": key}})).await.problem(422, code);
    }
    let path = format!("/environments/{}?validate_only=true", environment.id());
    let headers = [("content-type", "application/merge-patch+json")];
    let patch = json!({"prefect": {"api_key": "pnu_only_tried"}});
    let forecast = stage.api.send(Method::PATCH, &path, &headers, patch.to_string()).await.expect(200);
    let rollout = ["change identity/secret", "replace worker/task-definition", "change worker/service"];
    assert_eq!(moves(&forecast), rollout, "{forecast:#}");

    assert_eq!(stage.api.read(environment.id()).await, environment, "nothing is recorded");
    let secret = environment.physical("identity/secret");
    let described = stage.cloud.secrets.describe_secret().secret_id(secret).send().await.expect("the secret");
    assert_eq!(described.version_ids_to_stages.unwrap_or_default().len(), 1, "no key was put");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn what_changes_nothing_starts_nothing() {
    let stage = Stage::set().await;
    let name = unique("same");
    let environment = stage.create(&request(&name)).await;
    for patch in [json!({}), json!({"name": name, "worker": {"cpu": 512}, "tags": {"never": null}})] {
        let answer = stage.api.update(environment.id(), &patch).await;
        let shown = Environment(answer.expect(200));
        assert_eq!((shown.status(), shown.operations().len()), ("ACTIVE", 1), "{shown}");
    }
    stage.delete(environment.id()).await;
}

/// Nothing is built of it, so that it needs no operation, and one that is under way is not in its way.
#[tokio::test]
async fn how_long_it_lives_is_changed_at_any_moment() {
    let stage = Stage::set().await;
    let mut body = request(&unique("live"));
    body["deletion_protection"] = json!({"reason": "in use"});
    let id = stage.request(&body).await;
    stage.table.hold(&id, "worker").await;
    stage.api.delete(&id).await.problem(409, "DELETION_PROTECTED");
    let patch = json!({"deletion_protection": null, "expires_at": "2040-01-01T00:00:00Z"});
    let now = Environment(stage.api.update(&id, &patch).await.expect(200));
    assert_eq!(now.0["expires_at"], "2040-01-01T00:00:00Z", "{now}");
    assert!(now.0["deletion_protection"].is_null(), "{now}");
    let over = stage.api.update(&id, &json!({"expires_at": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(over.violations(), ["/expires_at OUT_OF_RANGE"]);
    stage.table.let_go(&id, "worker").await;
    let active = stage.api.at_rest(&id).await.must_be("ACTIVE");
    assert_eq!(active.operations().len(), 1, "the create alone: {active}");
    stage.ends_without_a_trace(&active).await;
}

/// Sent again later, when it would change something, it must not.
#[tokio::test]
async fn a_patch_that_changes_nothing_uses_up_its_key() {
    let stage = Stage::set().await;
    let name = unique("nothing");
    let environment = stage.create(&request(&name)).await;
    let as_it_is = json!({"log_retention_days": environment.0["spec"]["log_retention_days"]});
    stage.api.update_with_key(environment.id(), &as_it_is, &name).await.expect(200);
    assert_eq!(stage.api.read(environment.id()).await, environment, "nothing is recorded of the environment");
    update(&stage, environment.id(), &json!({"log_retention_days": 7})).await.must_be("ACTIVE");
    let again = stage.api.update_with_key(environment.id(), &as_it_is, &name).await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{again:?}");
    assert_eq!(again.expect(200)["spec"]["log_retention_days"], 7, "it does nothing anew");
    let other = json!({"log_retention_days": 14});
    stage.api.update_with_key(environment.id(), &other, &name).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn asked_for_twice_it_is_one_update() {
    let stage = Stage::set().await;
    let name = unique("twice");
    let environment = stage.create(&request(&name)).await;
    let patch = json!({"log_retention_days": 7});
    stage.table.hold(environment.id(), "network").await;
    let first = Environment(stage.api.update_with_key(environment.id(), &patch, &name).await.expect(202));
    assert_eq!((first.status(), &first.0["spec"]["log_retention_days"]), ("UPDATING", &json!(7)), "{first}");
    let again = stage.api.update_with_key(environment.id(), &patch, &name).await;
    assert_eq!(again.header("idempotency-replayed"), "true", "{again:?}");
    assert_eq!(Environment(again.expect(202)).operation()["id"], first.operation()["id"], "the same operation");
    let other = json!({"log_retention_days": 14});
    stage.api.update_with_key(environment.id(), &other, &name).await.problem(422, "IDEMPOTENCY_KEY_REUSED");
    let problem = stage.api.update(environment.id(), &other).await.problem(409, "NOT_CHANGEABLE");
    assert!(text(&problem["detail"]).contains("UPDATING"), "it says what it is: {problem}");
    stage.table.let_go(environment.id(), "network").await;
    let updated = stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    assert_eq!(updated.operations().len(), 2, "the create and one update: {updated}");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn only_what_the_caller_has_seen_is_changed() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("seen"))).await;
    let path = format!("/environments/{}", environment.id());
    let seen = stage.api.get(&path).await.header("etag").to_owned();
    update(&stage, environment.id(), &json!({"log_retention_days": 7})).await.must_be("ACTIVE");
    let patch = json!({"log_retention_days": 14}).to_string();
    let late = stage.api.send(http::Method::PATCH, &path, &[("if-match", &seen)], patch).await;
    late.problem(412, "PRECONDITION_FAILED");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn a_change_that_is_only_validated_changes_nothing_and_tells_what_it_would() {
    let stage = Stage::set().await;
    let name = unique("would");
    let environment = stage.create(&request(&name)).await;
    let (before, inventory) = (stage.table.records_of(&name).await, stage.inventory_of(&environment.marks()).await);
    let path = format!("/environments/{}?validate_only=true", environment.id());
    let (patch, key) = (json!({"worker": {"cpu": 1024, "memory": 2048}, "log_retention_days": 7}), unique("k"));
    let validate = |patch: &Value| {
        let headers = [("content-type", "application/merge-patch+json"), ("idempotency-key", key.as_str())];
        let (patch, path, stage) = (patch.to_string(), path.clone(), &stage);
        async move { stage.api.send(Method::PATCH, &path, &headers, patch).await }
    };

    let forecast = validate(&patch).await.expect(200);

    assert_eq!(
        moves(&forecast),
        [
            "change cluster/worker-log-group",
            "change cluster/flows-log-group",
            "replace worker/task-definition",
            "change worker/service"
        ],
        "{forecast:#}"
    );
    assert!(forecast["cost"]["difference"]["monthly"].as_f64() > Some(10.0), "{}", forecast["cost"]["difference"]);
    assert_eq!(forecast["quotas"], Value::Null, "it needs no part of any: {forecast}");
    let wider = validate(&json!({"network": {"nat": "per-az"}})).await.expect(200);
    let addresses = list(&wider["quotas"]["counted"]).iter().find(|quota| quota["code"] == "L-0263D0A3");
    assert_eq!(addresses.expect("addresses are counted")["needed"], 3, "beside the one that there is: {wider}");
    assert_eq!(stage.api.read(environment.id()).await, environment, "it is as it was");
    assert_eq!(stage.table.records_of(&name).await, before, "and so are its records");
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

async fn update(stage: &Stage, id: &str, patch: &Value) -> Environment {
    let accepted = Environment(stage.api.update(id, patch).await.expect(202));
    assert_eq!(accepted.status(), "UPDATING", "the update is accepted: {accepted}");
    stage.api.at_rest(id).await
}

/// What a change would touch, as `action key`.
fn moves(forecast: &Value) -> Vec<String> {
    let moves = list(&forecast["plan"]["resources"]).iter().filter(|it| it["action"] != "keep");
    moves.map(|it| format!("{} {}", text(&it["action"]), text(&it["key"]))).collect()
}
