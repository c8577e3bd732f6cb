//! The survey's own machine: four looks beside each other, none of which can fail, and one judgement.

use serde_json::{Value, json};

const TEXT: &str = include_str!("../../state-machine/survey.asl.json");
/// The functions' `Timeout` in template.yaml.
const FUNCTION_TIMEOUT_SECONDS: u64 = 30;

fn machine() -> Value {
    serde_json::from_str(TEXT).expect("the definition is JSON")
}

fn looks() -> Vec<Value> {
    let branches = machine()["States"]["Look around"]["Branches"].as_array().cloned().expect("branches");
    branches.into_iter().map(|branch| branch["States"][branch["StartAt"].as_str().expect("a start")].clone()).collect()
}

#[test]
fn every_group_looks_and_the_operation_function_judges() {
    let functions: Vec<Value> = looks().iter().map(|look| look["Resource"].clone()).collect();
    let groups = ["Network", "Identity", "Cluster", "Worker"].map(|group| format!("${{{group}FunctionArn}}"));
    assert_eq!(functions, groups.map(Value::from), "one look for each group");
    for look in looks() {
        assert_eq!(look["Arguments"], json!({"action": "survey"}), "a look that changes nothing");
    }
    let judge = &machine()["States"]["Judge what was found"];
    assert_eq!(judge["Resource"], "${OperationFunctionArn}");
    assert_eq!(judge["Arguments"], json!({"action": "judge", "surveys": "{% $states.input %}"}));
}

/// On AWS a failing branch stops the others while their functions run on, and what they have seen is lost.
#[test]
fn a_look_that_fails_has_seen_nothing_and_says_so() {
    let branches = machine()["States"]["Look around"]["Branches"].as_array().cloned().expect("branches");
    for branch in branches {
        let states = branch["States"].as_object().expect("states");
        let start = &states[branch["StartAt"].as_str().expect("a start")];
        let catch = &start["Catch"][0];
        assert_eq!(catch["ErrorEquals"], json!(["States.ALL"]), "{start:#}");
        assert_eq!(catch["Output"], json!({}), "of the error nothing goes on: {start:#}");
        let rest = &states[catch["Next"].as_str().expect("a target")];
        assert_eq!((&rest["Type"], &rest["End"]), (&json!("Pass"), &json!(true)), "{rest:#}");
        let seen: Result<engine::Survey, _> = serde_json::from_value(rest["Output"].clone());
        let seen = seen.expect("what the judgement reads");
        assert!(seen.strays.is_empty() && !seen.whole, "it has not seen everything: {seen:?}");
        assert_eq!(states.len(), 2, "a look and its rest");
    }
}

#[test]
fn no_task_ends_before_its_function_and_each_is_repeated_like_those_of_operations() {
    let operations: Value = serde_json::from_str(crate::definition::TEXT).expect("the definition is JSON");
    let standard = &operations["States"]["Begin"]["Retry"];
    let tasks = looks().into_iter().chain([machine()["States"]["Judge what was found"].clone()]);
    for task in tasks {
        assert!(task["TimeoutSeconds"].as_u64().is_some_and(|seconds| seconds > FUNCTION_TIMEOUT_SECONDS), "{task:#}");
        assert_eq!(&task["Retry"], standard, "{task:#}");
    }
}
