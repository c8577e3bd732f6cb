//! `?validate_only=true`: every check of the real request, and nothing made.

use super::{Answer, calls::AwsCalls, post, request, send_to, service_with, whole_body};
use http::Method;
use serde_json::{Value, json};

async fn validated(calls: &AwsCalls, body: Value) -> Answer {
    let mut request = post(body.to_string());
    *request.uri_mut() = "/environments?validate_only=true".parse().expect("a path");
    send_to(service_with(calls, false), request).await
}

/// What DynamoDB answers to a transaction of so many parts that is refused for these, by index.
fn refused(parts: usize, held: &[(usize, Value)]) -> Value {
    let reasons: Vec<Value> = (0..parts)
        .map(|index| match held.iter().find(|(held, _)| *held == index) {
            Some((_, item)) => json!({"Code": "ConditionalCheckFailed", "Item": item}),
            None if index == parts - 1 => json!({"Code": "ConditionalCheckFailed"}),
            None => json!({"Code": "None"}),
        })
        .collect();
    json!({"__type": "TransactionCanceledException", "CancellationReasons": reasons})
}

/// Reservations of name and pool, the team, the operation, the record, its event and 39 resources, and what never holds.
const PARTS: usize = 6 + 39 + 1;

#[tokio::test]
async fn what_would_be_created_is_told_and_nothing_is() {
    let calls = AwsCalls::default();
    calls.answer("TransactWriteItems", refused(PARTS, &[]));
    let quota = json!({"code": "L-F678F1CE", "name": "VPCs per Region", "limit": 5, "used": 4, "needed": 1});
    calls.answer("Invoke network", json!({"quotas": [quota]}));
    calls.answer("Invoke identity", json!("not a report"));

    let answer = validated(&calls, whole_body()).await;

    assert_eq!((answer.status.as_u16(), &answer.body["validate_only"]), (200, &json!(true)), "{}", answer.body);
    assert_eq!((&answer.body["plan"]["create"], &answer.body["plan"]["keep"]), (&json!(39), &json!(0)));
    assert_eq!(answer.body["quotas"], json!({"counted": [quota], "not_counted": ["identity"]}));
    assert_eq!(answer.body["eta"]["expected_seconds"], 202);
    assert_eq!((&answer.body["cost"]["priced"], &answer.body["cost"]["monthly"]), (&json!(true), &json!(57.61)));
    assert_eq!(answer.body["environment_id"], Value::Null);
    let mut taken = calls.taken();
    taken.sort();
    let asked = ["Invoke identity", "Invoke network", "Query", "TransactWriteItems", "prefect"];
    assert_eq!(taken, asked, "no secret, no execution");
}

#[tokio::test]
async fn it_fails_for_what_the_real_one_fails_for() {
    let calls = AwsCalls::default();
    let holder = json!({
        "schema": {"N": "1"}, "team": {"S": "data"},
        "environment_id": {"S": environment::EnvironmentId::new(1, 1)},
    });
    calls.answer("TransactWriteItems", refused(PARTS, &[(0, holder.clone())]));
    validated(&calls, whole_body()).await.problem(409, "NAME_TAKEN");
    calls.answer("TransactWriteItems", refused(PARTS, &[(1, holder)]));
    validated(&calls, whole_body()).await.problem(409, "WORK_POOL_IN_USE");
    calls.answer("Invoke network", json!({"quotas": [{"code": "x", "name": "x", "limit": 5, "used": 5, "needed": 1}]}));
    validated(&calls, whole_body()).await.problem(422, "QUOTA_EXCEEDED");
    let mut wrong = whole_body();
    wrong["name"] = json!("X");
    validated(&calls, wrong).await.problem(422, "INVALID_REQUEST");
}

/// If the last part held, DynamoDB would have written all of it.
#[tokio::test]
async fn a_rehearsal_that_was_carried_out_is_a_mistake() {
    let calls = AwsCalls::default();
    validated(&calls, whole_body()).await.problem(500, "INTERNAL");
    assert!(!calls.taken().contains(&"CreateSecret".to_owned()));
}

#[tokio::test]
async fn a_parameter_that_nobody_knows_makes_nothing() {
    let calls = AwsCalls::default();
    let id = environment::EnvironmentId::new(1, 1);
    for path in [
        "/environments?validate_onyl=true".to_owned(),
        "/environments?validate_only=yes".to_owned(),
        format!("/environments/{id}/repair?dry_run=true"),
    ] {
        let mut request = post(whole_body().to_string());
        *request.uri_mut() = path.parse().expect("a path");
        send_to(service_with(&calls, false), request).await.problem(400, "INVALID_QUERY");
    }
    let delete = request(Method::DELETE, &format!("/environments/{id}?dry_run=true"), "");
    send_to(service_with(&calls, false), delete).await.problem(400, "INVALID_QUERY");
    assert_eq!(calls.taken(), [""; 0]);
}
