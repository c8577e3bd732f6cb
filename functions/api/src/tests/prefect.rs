//! What Prefect does not let in is refused before anything is created, with a code that says why.

use super::{Answer, calls::AwsCalls, post, send_to, service_with};
use serde_json::{Value, json};

/// What a request with these members of `prefect` is told, and the calls that it caused.
async fn told(calls: &AwsCalls, members: Value) -> (Answer, Vec<String>) {
    let mut body = json!({
        "name": "prefect", "team": "data",
        "prefect": {
            "account_id": "00000000-0000-0000-0000-000000000001",
            "workspace_id": "00000000-0000-0000-0000-000000000002",
            "api_key": "pnu_canary",
        },
    });
    for (name, value) in members.as_object().expect("members") {
        body["prefect"][name] = value.clone();
    }
    let answer = send_to(service_with(calls, false), post(body.to_string())).await;
    assert!(!answer.body.to_string().contains("pnu_canary"), "{}", answer.body);
    (answer, calls.taken())
}

fn pool(kind: &str, description: &str) -> Value {
    json!([{"id": "1", "name": "ecs-work-pool", "type": kind, "description": description}])
}

#[tokio::test]
async fn what_is_wrong_with_key_or_workspace_is_told_apart_and_nothing_is_recorded() {
    for (status, code) in [
        (401, "PREFECT_UNAUTHORIZED"),
        (403, "PREFECT_FORBIDDEN"),
        (404, "PREFECT_WORKSPACE_NOT_FOUND"),
        (502, "PREFECT_UNREACHABLE"),
    ] {
        let calls = AwsCalls::default();
        calls.answer("prefect", json!({"status": status}));
        let (answer, taken) = told(&calls, json!({})).await;
        answer.problem(422, code);
        assert!(!taken.contains(&"TransactWriteItems".to_owned()), "{taken:?}");
    }
}

#[tokio::test]
async fn a_pool_of_somebody_else_is_taken_only_where_that_is_asked_for() {
    let calls = AwsCalls::default();
    calls.answer("prefect", pool("ecs", "theirs"));
    told(&calls, json!({})).await.0.problem(422, "ALREADY_EXISTS");
    assert_eq!(told(&calls, json!({"adopt_pool": true})).await.0.status, 202);
    calls.answer("prefect", pool("docker", "theirs"));
    told(&calls, json!({"adopt_pool": true})).await.0.problem(422, "ALREADY_EXISTS");
}

#[tokio::test]
async fn a_server_that_nobody_here_reaches_is_not_asked() {
    let calls = AwsCalls::default();
    calls.answer("prefect", json!({"status": 502}));
    let (answer, taken) = told(&calls, json!({"verify": false})).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert!(!taken.contains(&"prefect".to_owned()), "{taken:?}");
}

#[tokio::test]
async fn with_a_key_that_is_only_named_the_function_that_may_read_it_asks() {
    let calls = AwsCalls::default();
    let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team-key-AbC123";
    let named = json!({"api_key": null, "api_key_secret_arn": secret});
    let refusal = json!({"code": "PREFECT_UNAUTHORIZED", "message": "Prefect does not accept the credential."});
    calls.answer("Invoke worker", json!({"quotas": [], "refusal": refusal}));
    let (answer, taken) = told(&calls, named.clone()).await;
    answer.problem(422, "PREFECT_UNAUTHORIZED");
    assert!(!taken.contains(&"prefect".to_owned()), "{taken:?}");
    // A function that throws, or a fault of this service's own, refuses nothing: the environment's own step says more.
    calls.answer("Invoke worker", json!({"quotas": [], "refusal": {"code": "THROTTLED", "message": "Slow down."}}));
    assert_eq!(told(&calls, named).await.0.status, 202);
}

#[tokio::test]
async fn a_key_of_the_workers_own_is_tried_too_and_named() {
    let calls = AwsCalls::default();
    calls.answer("prefect", json!({"status": 401}));
    let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team-key-AbC123";
    let (answer, _) =
        told(&calls, json!({"api_key": null, "api_key_secret_arn": secret, "worker_api_key": "pnu_w"})).await;
    assert!(answer.body["detail"].to_string().contains("prefect.worker_api_key"), "{}", answer.body);
    answer.problem(422, "PREFECT_UNAUTHORIZED");
    calls.answer("prefect", json!([]));
    let (answer, taken) = told(&calls, json!({"worker_api_key": "pnu_w"})).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(taken.iter().filter(|call| *call == "CreateSecret").count(), 2, "{taken:?}");
}

#[tokio::test]
async fn whoever_asks_prefect_too_often_is_not_refused() {
    let calls = AwsCalls::default();
    calls.answer("prefect", json!({"status": 429}));
    assert_eq!(told(&calls, json!({})).await.0.status, 202);
}
