//! A post-mortem against an account that answers what it is told.

use super::*;
use crate::account::Account;
use environment::{Code, diagnosis::Cause};
use serde_json::{Value, json};
use std::collections::HashMap;

const KEY: &str = "the-key-of-the-team";

/// A worker that Prefect did not let in.
fn refused() -> HashMap<&'static str, (u16, Value)> {
    let task = |id: &str, stopped: f64, code: i32| {
        json!({
            "taskArn": format!("arn:aws:ecs:eu-west-1:1:task/blue-cluster/{id}"),
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/blue-worker-task:1",
            "stoppedAt": stopped,
            "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "prefect-worker", "exitCode": code}],
        })
    };
    let definition = json!({"taskDefinition": {"containerDefinitions": [{
        "name": "prefect-worker",
        "secrets": [{"name": "PREFECT_API_KEY", "valueFrom": "arn:aws:secretsmanager:eu-west-1:1:secret:blue-AbCdEf"}],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {"awslogs-group": "/ecs/blue-worker", "awslogs-stream-prefix": "prefect"},
        },
    }]}});
    let lines = ["Discovered type 'ecs'", &format!("with key {KEY}"), "Client error '401 Unauthorized' for url"];
    let events: Vec<Value> = lines.iter().map(|line| json!({"message": line})).collect();
    HashMap::from([
        ("ListTasks", (200, json!({"taskArns": ["a", "b"]}))),
        ("DescribeTasks", (200, json!({"tasks": [task("later", 200.0, 1), task("earlier", 100.0, 137)]}))),
        ("DescribeTaskDefinition", (200, definition)),
        ("GetSecretValue", (200, json!({"SecretString": KEY}))),
        ("GetLogEvents", (200, json!({"events": events}))),
    ])
}

async fn post_mortem(account: HashMap<&'static str, (u16, Value)>) -> Fault {
    let config = Account::config(move |action, _| account.get(action).cloned().unwrap_or((200, json!({}))));
    let (client, logs) = (Client::new(&config), aws_sdk_cloudwatchlogs::Client::new(&config));
    let log = ContainerLog { ecs: client.clone(), logs, secrets: aws_sdk_secretsmanager::Client::new(&config) };
    let post_mortem = PostMortem { client, log };
    post_mortem.of(Fault::new(Code::ResourceFailed, "It failed."), "blue-cluster", "dev-worker").await
}

#[tokio::test]
async fn the_last_task_tells_why_without_the_key() {
    let fault = post_mortem(refused()).await;
    assert!(fault.message.starts_with("It failed. Prefect does not accept the key"), "{}", fault.message);
    let diagnosis = fault.diagnosis.expect("a diagnosis");
    assert_eq!((diagnosis.cause, diagnosis.task.as_str(), diagnosis.exit_code), (Cause::KeyWrong, "later", Some(1)));
    assert_eq!(diagnosis.stopped_reason.as_deref(), Some("Essential container in task exited"));
    assert_eq!(diagnosis.log[1], "with key [removed]");
}

#[tokio::test]
async fn a_log_is_withheld_where_it_or_a_secret_cannot_be_read() {
    for call in ["GetSecretValue", "GetLogEvents"] {
        let mut account = refused();
        account.insert(call, (400, json!({"__type": "AccessDeniedException"})));
        let diagnosis = post_mortem(account).await.diagnosis.expect("a diagnosis");
        assert_eq!((diagnosis.log.len(), diagnosis.exit_code), (0, Some(1)), "{call}");
    }
}

#[tokio::test]
async fn a_task_that_never_started_has_a_reason_and_no_log() {
    let mut account = refused();
    let tasks = json!({"tasks": [{
        "taskArn": "arn:aws:ecs:eu-west-1:1:task/blue-cluster/1",
        "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/blue-worker-task:1",
        "stoppedReason": "CannotPullContainerError: pull image manifest: not found",
        "containers": [{"name": "prefect-worker"}],
    }]});
    account.insert("DescribeTasks", (200, tasks));
    account.insert("GetLogEvents", (400, json!({"__type": "ResourceNotFoundException"})));
    let diagnosis = post_mortem(account).await.diagnosis.expect("a diagnosis");
    assert_eq!((diagnosis.cause, diagnosis.log.len(), diagnosis.exit_code), (Cause::ImageNotPulled, 0, None));
}

#[tokio::test]
async fn what_cannot_be_read_leaves_the_fault_as_it_was() {
    for call in ["ListTasks", "DescribeTasks", "DescribeTaskDefinition"] {
        let mut account = refused();
        account.insert(call, (400, json!({"__type": "AccessDeniedException"})));
        let fault = post_mortem(account).await;
        assert_eq!((fault.message.as_str(), fault.diagnosis.is_none()), ("It failed.", true), "{call}");
    }
}
