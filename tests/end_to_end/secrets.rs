//! Distinctive API keys are followed through a whole life: they must be in Secrets Manager and nowhere else.

use end_to_end::{
    Environment, Service, Stage,
    api::text,
    requests::{request, unique},
    table::written,
};
use serde_json::{Value, json};
use std::time::SystemTime;

const FUNCTIONS: [&str; 6] = ["api", "operation", "network", "identity", "cluster", "worker"];

#[tokio::test]
async fn api_keys_are_in_secrets_manager_and_nowhere_else() {
    let (stage, began) = (Stage::set().await, SystemTime::now());
    let name = unique("canary");
    let canary = format!("pnu_{}", unique("song"));
    let mut body = request(&name);
    body["prefect"]["api_key"] = json!(canary);
    let workers = format!("{canary}_of_the_worker");
    body["prefect"]["worker_api_key"] = json!(workers);

    for refused in refused_bodies(&body, &canary) {
        let answer = stage.api.create(&refused).await;
        assert!((400..500).contains(&answer.status), "must be refused: {answer:?}");
    }
    let cut_off = body.to_string();
    let cut_off = &cut_off[..cut_off.len() - 1];
    stage.api.send(http::Method::POST, "/environments", &[], cut_off).await.problem(400, "MALFORMED_JSON");

    let id = Environment(stage.api.create_with_key(&body, &name).await.expect(202)).id().to_owned();
    stage.api.create_with_key(&body, &name).await.expect(202);
    stage.api.create(&body).await.problem(409, "NAME_TAKEN");
    let active = stage.api.at_rest(&id).await.must_be("ACTIVE");
    stage.api.get("/environments").await.expect(200);
    for (secret, key) in [("identity/secret", &canary), ("identity/worker-secret", &workers)] {
        let value = stage.cloud.secrets.get_secret_value().secret_id(active.physical(secret)).send().await;
        assert_eq!(value.expect("the secret is there").secret_string(), Some(key.as_str()), "{secret} holds the key");
    }
    let definition = active.physical("worker/task-definition");
    let definition = stage.cloud.ecs.describe_task_definition().task_definition(definition).send().await;
    hides(&canary, "the task definition", &format!("{:?}", definition.expect("the task definition is there")));
    let deleted = stage.delete(&id).await;

    for answer in stage.api.everything_heard() {
        hides(&canary, "an answer", &answer);
    }
    for item in stage.table.everything().await {
        hides(&canary, "an item of the table", &written(&item));
    }
    for operation in deleted.operations() {
        execution_hides(&stage, &canary, text(&operation["execution_arn"])).await;
    }
    logs_hide(&stage, &canary, &id, began).await;
    for function in FUNCTIONS {
        let configuration = stage.functions.configuration(function).await;
        hides(&canary, &format!("the configuration of {function}"), &configuration.to_string());
    }
}

/// Requests that are refused with the key in them, at its place and at places where it does not belong.
fn refused_bodies(body: &Value, canary: &str) -> Vec<Value> {
    let with = |pointer: &str, value: Value| {
        let mut body = body.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        body.pointer_mut(parent).expect("the parent is there")[name] = value;
        body
    };
    vec![
        with("/name", json!("NOT A NAME")),
        with("/name", json!(canary)),
        with("/team", json!({"key": canary})),
        with("/prefect/api_key", json!([canary])),
        with("/prefect/worker_api_key", json!([canary])),
        with("/prefect/api_key", json!(format!("{canary}\n"))),
        with("/prefect/api_key_secret_arn", json!(canary)),
        with("/prefect/auth_string", json!(canary)),
        with("/prefect/api_url", json!(format!("https://user:{canary}@prefect.example.com/api"))),
        with("/worker", json!({"environment": {"PREFECT_API_KEY": canary}})),
        with("/worker", json!({"secrets": {"TOKEN": canary}})),
        with("/tags", json!({"prefect-environments:key": canary})),
        with("/network", json!({"vpc_cidr": canary})),
        json!(canary),
    ]
}

/// Neither the execution's input and output nor any event of its history.
async fn execution_hides(stage: &Stage, canary: &str, arn: &str) {
    let execution = stage.cloud.executions.describe_execution().execution_arn(arn).send().await.expect("an execution");
    // The SDK hides inputs and outputs from its own debug output, so each is asked for.
    let input = execution.input().expect("an execution has an input");
    assert!(input.contains("env-"), "there is an input to look at: {input}");
    for (what, text) in [("input", Some(input)), ("output", execution.output()), ("cause", execution.cause())] {
        hides(canary, &format!("an execution's {what}"), text.unwrap_or_default());
    }
    let history = stage.cloud.executions.get_execution_history().execution_arn(arn).include_execution_data(true);
    let events = history.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await.expect("a history");
    assert!(events.len() > 10, "there is a history to look at: {events:?}");
    for event in events {
        hides(canary, "an execution's history", &in_full(&event));
    }
}

fn in_full(event: &aws_sdk_sfn::types::HistoryEvent) -> String {
    let entered = event.state_entered_event_details().and_then(|details| details.input());
    let exited = event.state_exited_event_details().and_then(|details| details.output());
    let scheduled = event.lambda_function_scheduled_event_details().and_then(|details| details.input());
    let answered = event.lambda_function_succeeded_event_details().and_then(|details| details.output());
    let failed = event.lambda_function_failed_event_details().and_then(|details| details.cause());
    let task = event.task_scheduled_event_details().map(|details| details.parameters());
    let task_answered = event.task_succeeded_event_details().and_then(|details| details.output());
    let task_failed = event.task_failed_event_details().and_then(|details| details.cause());
    let started = event.execution_started_event_details().and_then(|details| details.input());
    let ended = event.execution_succeeded_event_details().and_then(|details| details.output());
    let given_up = event.execution_failed_event_details().and_then(|details| details.cause());
    let parts =
        [entered, exited, scheduled, answered, failed, task, task_answered, task_failed, started, ended, given_up];
    format!("{event:?} {}", parts.into_iter().flatten().collect::<Vec<_>>().join("\n"))
}

/// No line of any function's log, nor of the state machine's or the gateway's.
async fn logs_hide(stage: &Stage, canary: &str, environment: &str, since: SystemTime) {
    let stack = &Service::under_test().stack;
    for prefix in ["/aws/", "/ecs/", stack] {
        for group in stage.cloud.log_groups(prefix).await {
            for line in stage.cloud.log_lines(&group, since).await {
                hides(canary, &group, &line);
            }
        }
    }
    for function in FUNCTIONS {
        let lines = stage.cloud.log_lines(&format!("/aws/lambda/{stack}-{function}"), since).await;
        assert!(lines.iter().any(|line| line.contains(environment)), "{function} logs what it does for {environment}");
    }
}

#[track_caller]
fn hides(canary: &str, place: &str, text: &str) {
    assert!(!text.contains(canary), "the API key is in {place}: {text}");
}

/// The state machine is told ids, step names, waits and codes, and nothing that a caller has chosen.
#[tokio::test]
async fn an_execution_knows_nothing_that_its_caller_has_chosen() {
    let stage = Stage::set().await;
    let name = unique("discreet");
    let mut body = request(&name);
    body["tags"] = json!({"cost-center": "tag-of-the-caller"});
    body["worker"] = json!({"environment": {"LEVEL": "value-of-the-caller"}});
    let active = stage.create(&body).await;
    let deleted = stage.delete(active.id()).await;
    for operation in deleted.operations() {
        let arn = text(&operation["execution_arn"]);
        for chosen in [name.as_str(), "tag-of-the-caller", "value-of-the-caller"] {
            execution_hides(&stage, chosen, arn).await;
        }
    }
}
