//! What the engine relies on: no Task ends before its function, nothing that a function does or fails to
//! do can break a branch or the machine, and the execution's history holds ids only.

use crate::definition::{State, TEXT, expressions, machine, references, regions, states, states_of};
use environment::Code;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The functions' `Timeout` in template.yaml.
const FUNCTION_TIMEOUT_SECONDS: u64 = 30;

/// At most 30 s, whole seconds, 30 where the answer has none: this expression cannot fail, whatever it gets.
const WAIT_SECONDS: &str = "{% $type($states.input.seconds) = 'number' \
    ? $min([30, $max([0, $ceil($states.input.seconds)])]) : 30 %}";

fn tasks() -> Vec<State> {
    let tasks = states_of("Task");
    assert!(!tasks.is_empty(), "the definition has no Task");
    tasks
}

#[test]
fn no_task_ends_before_its_function() {
    for task in tasks() {
        let timeout = task.body.get("TimeoutSeconds");
        let seconds = timeout.and_then(Value::as_u64);
        assert!(
            seconds.is_some_and(|seconds| seconds > FUNCTION_TIMEOUT_SECONDS),
            "`{}` has TimeoutSeconds {timeout:?}: it must be a literal number above the function's \
             {FUNCTION_TIMEOUT_SECONDS} s, or the run goes on while the function is still at work",
            task.name
        );
    }
}

#[test]
fn every_task_is_repeated_when_lambda_falters_or_a_function_throws_what_may_pass() {
    let mut errors = vec![
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
        "Lambda.Unknown",
        "Runtime.ExitError",
        "Sandbox.Timedout",
        "States.Timeout",
    ];
    errors.extend(Code::ALL.into_iter().filter(|code| code.is_retryable()).map(Code::as_str));
    let standard = json!([{
        "ErrorEquals": errors,
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 30,
        "MaxAttempts": 6,
        "JitterStrategy": "FULL"
    }]);
    for task in tasks() {
        assert_eq!(task.body.get("Retry"), Some(&standard), "`{}` does not have the standard Retry", task.name);
    }
}

#[test]
fn whatever_is_thrown_is_caught() {
    for state in tasks().into_iter().chain(states_of("Parallel")) {
        let last = state.list("Catch").last().map(|catch| &catch["ErrorEquals"]);
        assert_eq!(last, Some(&json!(["States.ALL"])), "`{}` does not catch everything", state.name);
    }
}

#[test]
fn of_a_thrown_error_only_its_name_goes_on() {
    for state in states() {
        for catch in state.list("Catch") {
            assert!(
                catch.get("Output").is_some(),
                "a Catch of `{}` has no Output: the whole error, with its Cause, would be the next state's input",
                state.name
            );
        }
    }
    for expression in expressions() {
        for reference in references(&expression).iter().filter(|it| it.starts_with("$states.errorOutput")) {
            assert_eq!(reference, "$states.errorOutput.Error", "the Cause may hold AWS's words: {expression}");
        }
    }
}

#[test]
fn no_branch_of_a_parallel_can_fail() {
    let branches: Vec<_> = regions().into_iter().filter(|region| region.is_branch).collect();
    assert!(!branches.is_empty(), "the definition has no Parallel");
    for branch in branches {
        for state in &branch.states {
            let (name, kind) = (&state.name, state.kind());
            assert!(
                matches!(kind, "Task" | "Choice" | "Wait" | "Pass"),
                "{}: `{name}` is a {kind}; a branch may neither fail nor hide a further branch",
                branch.name
            );
            if kind == "Choice" {
                assert!(state.body.contains_key("Default"), "{}: `{name}` fails without a Default", branch.name);
            }
            assert!(
                !Value::Object(state.body.clone()).to_string().contains("\"Assign\""),
                "{}: `{name}` assigns a variable; AWS forgets it with the branch, the local cloud does not",
                branch.name
            );
        }
        let ends: Vec<_> = branch.states.iter().filter(|state| state.targets().is_empty()).collect();
        let [end] = ends[..] else { panic!("{}: a branch has one end", branch.name) };
        assert!(
            end.kind() == "Pass" && end.name.ends_with("at rest") && end.body["End"] == true,
            "{}: it ends in `{}`, a {}; a branch ends in a Pass `… at rest`",
            branch.name,
            end.name,
            end.kind()
        );
        let step = branch.state(&branch.start).argument("step");
        let outcome =
            format!("{{% {{ 'step': '{step}', 'outcome': $states.input.outcome, 'cause': $states.input.cause }} %}}");
        assert_eq!(end.text("Output"), outcome, "{}: it does not end with its outcome", branch.name);
    }
}

#[test]
fn no_wait_is_longer_than_30_seconds() {
    for wait in states_of("Wait") {
        assert_eq!(
            wait.text("Seconds"),
            WAIT_SECONDS,
            "`{}`: a delete is noticed at the next turn, so no Wait may last longer than 30 s or be able to fail",
            wait.name
        );
    }
}

#[test]
fn a_payload_holds_ids_and_what_to_do_and_nothing_else() {
    for task in tasks() {
        let (name, action) = (&task.name, task.argument("action"));
        let source = if action == "begin" { "$states.input." } else { "$" };
        let mut payload = json!({
            "environment_id": format!("{{% {source}environment_id %}}"),
            "operation_id": format!("{{% {source}operation_id %}}"),
            "fence": format!("{{% {source}fence %}}"),
            "action": action,
        });
        if task.is_turn() {
            payload["step"] = task.argument("step").into();
        } else if action == "turn" {
            payload["generation"] = "{% $generation %}".into();
            payload["cause"] = "{% $cause %}".into();
        }
        assert_eq!(task.body.get("Arguments"), Some(&payload), "the payload of `{name}`");
        assert!(!task.argument("step").starts_with("{%") && !action.starts_with("{%"), "`{name}`: not literal");
    }
}

#[test]
fn nothing_else_of_an_input_is_ever_looked_at() {
    let looked_at: BTreeSet<String> = expressions()
        .iter()
        .flat_map(|expression| references(expression))
        .filter_map(|reference| reference.strip_prefix("$states.").map(str::to_owned))
        .collect();
    let agreed = [
        "errorOutput.Error",
        "input",
        "input.cause",
        "input.environment_id",
        "input.error",
        "input.error.code",
        "input.fence",
        "input.kind",
        "input.operation_id",
        "input.outcome",
        "input.seconds",
        "result.generation",
    ];
    assert_eq!(looked_at, agreed.map(str::to_owned).into(), "what expressions take from inputs and answers");
}

#[test]
fn every_variable_is_assigned_at_the_beginning() {
    let machine = machine();
    let begin = &machine.state("Begin").body["Assign"];
    for expression in expressions() {
        for reference in references(&expression) {
            let is_function = reference.ends_with('(');
            if is_function || reference.starts_with("$states.") {
                continue;
            }
            assert!(
                begin.get(&reference[1..]).is_some(),
                "{expression}: `{reference}` is not assigned by `Begin`; an undefined variable ends the execution"
            );
        }
    }
}

#[test]
fn every_state_is_reachable_and_every_target_exists() {
    for region in regions() {
        let mut reached = BTreeSet::from([region.start.as_str()]);
        let mut next = vec![region.start.as_str()];
        while let Some(name) = next.pop() {
            // Fails where the region has no such state.
            let targets = region.state(name).targets();
            next.extend(targets.into_iter().filter(|target| reached.insert(target)));
        }
        for state in &region.states {
            assert!(reached.contains(state.name.as_str()), "{}: nothing leads to `{}`", region.name, state.name);
        }
    }
}

#[test]
fn no_two_states_share_a_name() {
    let states = states();
    // Two states of one name in one region would be one in JSON: only the text still shows both.
    assert_eq!(TEXT.matches("\"Type\":").count(), states.len(), "a state's name is used twice in one place");
    let mut names = BTreeSet::new();
    for state in &states {
        assert!(names.insert(&state.name), "`{}` is the name of two states", state.name);
        assert!(state.name.chars().count() <= 80, "`{}` is longer than the 80 characters of AWS", state.name);
    }
}
