//! Preflight: what the account has no room for is refused before anything is created, and nothing else is.

use super::{Answer, calls::AwsCalls, post, send_to, service_with, whole_body};
use http::HeaderValue;
use serde_json::{Value, json};
use std::time::Duration;

fn quota(name: &str, limit: u64, used: u64, needed: u64) -> Value {
    json!({"code": "L-F678F1CE", "name": name, "limit": limit, "used": used, "needed": needed})
}

async fn told(calls: &AwsCalls, key: Option<&str>) -> Answer {
    let mut request = post(whole_body().to_string());
    if let Some(key) = key {
        request.headers_mut().insert("idempotency-key", HeaderValue::from_str(key).expect("a header"));
    }
    let mut service = service_with(calls, false);
    service.budget = Duration::from_millis(50);
    send_to(service, request).await
}

fn sorted(mut calls: Vec<String>) -> Vec<String> {
    calls.sort();
    calls
}

#[tokio::test]
async fn what_fits_is_created_after_all_were_asked() {
    let calls = AwsCalls::default();
    calls.answer("Invoke network", json!({"quotas": [quota("VPCs per Region", 5, 4, 1)]}));
    assert_eq!(told(&calls, None).await.status, 202);
    let taken = calls.taken();
    assert_eq!(sorted(taken[..3].to_vec()), ["Invoke identity", "Invoke network", "prefect"], "{taken:?}");
    assert_eq!(taken[3], "TransactWriteItems", "then it is recorded: {taken:?}");
}

#[tokio::test]
async fn every_quota_without_room_is_told_and_nothing_is_created() {
    let calls = AwsCalls::default();
    let (vpcs, addresses) = (quota("VPCs per Region", 5, 5, 1), quota("EC2-VPC Elastic IPs", 5, 4, 1));
    let mut gateways = quota("NAT gateways per Availability Zone", 5, 7, 1);
    gateways["zone"] = json!("euw1-az1");
    calls.answer("Invoke network", json!({"quotas": [vpcs, addresses, gateways]}));
    calls.answer("Invoke identity", json!({"quotas": [quota("Roles per account", 1000, 998, 4)]}));
    let answer = told(&calls, None).await;
    let problem = answer.problem(422, "QUOTA_EXCEEDED");
    assert_eq!(problem["errors"], json!([vpcs, gateways, quota("Roles per account", 1000, 998, 4)]));
    assert_eq!(sorted(calls.taken()), ["Invoke identity", "Invoke network", "prefect"]);
}

/// The last free VPC may be the one that the first request has taken.
#[tokio::test]
async fn a_request_that_was_carried_out_before_is_not_asked_about() {
    let calls = AwsCalls::default();
    calls.answer("Invoke network", json!({"quotas": [quota("VPCs per Region", 5, 5, 1)]}));
    let item = json!({
        "schema": {"N": "1"}, "fingerprint": {"S": "of the first"}, "purge_at": {"N": "4102444800"},
        "environment_id": {"S": environment::EnvironmentId::new(1, 1)},
    });
    calls.answer("Query", json!({"Items": [item], "Count": 1}));
    told(&calls, Some("again")).await;
    assert_eq!(calls.taken()[..2], ["Query", "TransactWriteItems"], "the table has the last word on a used key");
    // An expired key counts for nothing.
    let mut expired = item;
    expired["purge_at"] = json!({"N": "1"});
    calls.answer("Query", json!({"Items": [expired], "Count": 1}));
    told(&calls, Some("again")).await.problem(422, "QUOTA_EXCEEDED");
}

#[tokio::test]
async fn who_does_not_answer_refuses_nothing() {
    for answer in [Value::Null, json!({"__type": "ResourceNotFoundException"}), json!("not a report")] {
        let calls = AwsCalls::default();
        calls.answer("Invoke network", answer.clone());
        assert_eq!(told(&calls, None).await.status, 202, "{answer}");
        // The other one's answer still counts.
        calls.answer("Invoke identity", json!({"quotas": [quota("Roles per account", 1000, 1000, 4)]}));
        told(&calls, None).await.problem(422, "QUOTA_EXCEEDED");
    }
}
