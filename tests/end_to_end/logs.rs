//! What the functions log: one JSON object a line, which says what it is about.

use end_to_end::{
    Service, Stage,
    requests::{request, unique},
    waiting::until,
};
use serde_json::Value;
use std::time::SystemTime;

/// The functions that work on steps, each with one of its steps.
const GROUPS: [(&str, &str); 4] =
    [("network", "egress"), ("identity", "identity"), ("cluster", "cluster"), ("worker", "worker-setup")];

#[tokio::test]
async fn every_line_about_an_environment_is_json_and_names_environment_operation_and_step() {
    let (stage, began) = (Stage::set().await, SystemTime::now());
    let environment = stage.create(&request(&unique("logged"))).await;
    let operation = environment.operation()["id"].as_str().expect("an operation has an id").to_owned();
    stage.delete(environment.id()).await;
    for (function, step) in GROUPS {
        let lines = lines_about(&stage, function, environment.id(), began).await;
        // What was asked before the environment was accepted belongs to no operation yet.
        let of_turns = lines.iter().map(Value::to_string).filter(|line| !line.contains("\"action\":\"preflight\""));
        for text in of_turns {
            for word in ["\"environment\":", "\"operation\":", "\"step\":"] {
                assert!(text.contains(word), "a line of {function} does not say {word} {text}");
            }
        }
        let of_the_create = |line: &Value| {
            let text = line.to_string();
            text.contains(&operation) && text.contains(&format!("\"step\":\"{step}\""))
        };
        assert!(lines.iter().any(of_the_create), "{function} says what it did for {step} in the create: {lines:#?}");
    }
    for function in ["api", "operation"] {
        let lines = lines_about(&stage, function, environment.id(), began).await;
        assert!(lines.iter().all(|line| line.to_string().contains("\"environment\":")), "{function}: {lines:#?}");
    }
}

/// The lines of a function's log that mention the environment, as JSON.
async fn lines_about(stage: &Stage, function: &str, environment: &str, since: SystemTime) -> Vec<Value> {
    let group = &format!("/aws/lambda/{}-{function}", Service::under_test().stack);
    // A line arrives a moment after its call has been answered.
    let lines = until(&format!("{function} has logged something about {environment}"), || async move {
        let lines = stage.cloud.log_lines(group, since).await.into_iter();
        let lines: Vec<String> = lines.filter(|line| line.contains(environment)).collect();
        if lines.is_empty() { Err("it has not".to_owned()) } else { Ok(lines) }
    })
    .await;
    let in_json = |line: &String| {
        serde_json::from_str(line).unwrap_or_else(|_| panic!("{function} logs a line that is no JSON: {line}"))
    };
    lines.iter().map(in_json).collect()
}
