//! The watch's own machine: a loop of three calls. The looks are in batches, none of which can fail.

use serde_json::{Value, json};

const TEXT: &str = include_str!("../../state-machine/watch.asl.json");
/// The functions' `Timeout` in template.yaml.
const FUNCTION_TIMEOUT_SECONDS: u64 = 30;
/// The schedule's rate in template.yaml.
const EVERY_SECONDS: u64 = 15 * 60;

fn machine() -> Value {
    serde_json::from_str(TEXT).expect("the definition is JSON")
}

fn state(name: &str) -> Value {
    machine()["States"][name].clone()
}

fn looks() -> Value {
    state("Look at their workers")["ItemProcessor"]["States"].clone()
}

#[test]
fn the_worker_function_looks_and_the_operation_function_lists_and_counts() {
    let (list, count) = (state("List whose workers are watched"), state("Count what was seen"));
    assert_eq!(list["Resource"], "${OperationFunctionArn}");
    assert_eq!(list["Arguments"], json!({"action": "watchlist", "after": "{% $after %}"}));
    assert_eq!(count["Resource"], "${OperationFunctionArn}");
    let arguments = json!({
        "action": "tally", "so_far": "{% $tally %}", "seen": "{% $states.input %}", "is_last": "{% $after = null %}",
    });
    assert_eq!(count["Arguments"], arguments);
    let look = &looks()["Look at some"];
    assert_eq!(look["Resource"], "${WorkerFunctionArn}");
    assert_eq!(look["Arguments"], json!({"action": "watch", "environments": "{% $states.input %}"}));
}

/// On AWS a failing batch would stop the others while their functions run on, and what they have seen is lost.
#[test]
fn a_batch_that_fails_is_counted_as_unseen() {
    let (states, rest) = (looks(), looks()["These were not seen"].clone());
    let catch = &states["Look at some"]["Catch"][0];
    assert_eq!(catch["ErrorEquals"], json!(["States.ALL"]));
    assert_eq!((&catch["Next"], &catch["Output"]), (&json!("These were not seen"), &json!("{% $states.input %}")));
    assert_eq!((&rest["Type"], &rest["End"]), (&json!("Pass"), &json!(true)));
    let mut counted = rest["Output"].clone();
    for (_, count) in counted.as_object_mut().expect("an object") {
        assert_eq!(*count, "{% $count($states.input) %}", "as many as the batch had");
        *count = json!(10);
    }
    let counted: engine::watch::Tally = serde_json::from_value(counted).expect("what is counted on");
    assert_eq!((counted.watched, counted.workers_unseen, counted.workers_offline), (10, 10, 0));
}

#[test]
fn a_round_ends_with_the_last_page_and_before_the_next_begins() {
    let end = state("Was that all?");
    assert_eq!(end["Choices"], json!([{"Condition": "{% $after = null %}", "Next": "Watched"}]));
    assert_eq!(end["Default"], "List whose workers are watched");
    assert_eq!(state("Watched")["Type"], "Succeed");
    assert!(machine()["TimeoutSeconds"].as_u64().is_some_and(|seconds| seconds < EVERY_SECONDS));
}

#[test]
fn no_task_ends_before_its_function_and_each_is_repeated_like_those_of_operations() {
    let operations: Value = serde_json::from_str(crate::definition::TEXT).expect("the definition is JSON");
    let standard = &operations["States"]["Begin"]["Retry"];
    let tasks =
        [state("List whose workers are watched"), state("Count what was seen"), looks()["Look at some"].clone()];
    for task in tasks {
        assert!(task["TimeoutSeconds"].as_u64().is_some_and(|seconds| seconds > FUNCTION_TIMEOUT_SECONDS), "{task:#}");
        assert_eq!(&task["Retry"], standard, "{task:#}");
    }
}
