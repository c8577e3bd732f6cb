//! The story that the console shows: which steps are called, and where each outcome leads.

use crate::definition::{State, machine, quoted, states, states_of};
use engine::call::{Action, Outcome};
use environment::Step;
use std::collections::BTreeSet;

const SUPERSEDED: &str = "Superseded by a newer operation";
const HAND_OVER: &str = "Hand over to an operator";

fn words<const N: usize>(words: [&str; N]) -> BTreeSet<String> {
    words.map(str::to_owned).into()
}

/// Where a Choice leads for one outcome.
fn way(choice: &State, outcome: Outcome) -> &str {
    let rule = choice
        .list("Choices")
        .iter()
        .find(|rule| rule["Condition"].as_str().is_some_and(|condition| quoted(condition).contains(outcome.as_str())));
    rule.map_or(choice.text("Default"), |rule| rule["Next"].as_str().unwrap_or_default())
}

#[test]
fn each_step_is_made_removed_proven_gone_and_tidied_exactly_once() {
    let mut called: Vec<(String, String)> = states()
        .iter()
        .filter(|state| state.is_turn())
        .map(|task| (task.argument("step").to_owned(), task.argument("action").to_owned()))
        .collect();
    let mut all: Vec<(String, String)> = Step::ALL
        .iter()
        .flat_map(|step| Action::ALL.map(|action| (*step, action)))
        .filter(|(step, action)| *action != Action::Tidy || step.is_tidied())
        .map(|(step, action)| (step.as_str().to_owned(), action.as_str().to_owned()))
        .collect();
    called.sort();
    all.sort();
    assert_eq!(called, all, "the Tasks' steps and actions (left) are not those of Step and Action (right)");
}

#[test]
fn each_step_is_its_own_groups_function() {
    for task in states_of("Task") {
        let step = Step::ALL.into_iter().find(|step| step.as_str() == task.argument("step"));
        let function = match step {
            Some(Step::Network | Step::Egress) => "${NetworkFunctionArn}",
            Some(Step::Identity) => "${IdentityFunctionArn}",
            Some(Step::Cluster) => "${ClusterFunctionArn}",
            Some(Step::WorkerSetup | Step::Worker) => "${WorkerFunctionArn}",
            None => "${OperationFunctionArn}",
        };
        assert_eq!(task.text("Resource"), function, "`{}` calls another group's function", task.name);
    }
}

#[test]
fn an_operation_begins_is_declared_active_turns_and_closes_in_one_place_each() {
    let mut actions: Vec<String> = states_of("Task")
        .iter()
        .filter(|task| !task.is_turn())
        .map(|task| task.argument("action").to_owned())
        .collect();
    actions.sort();
    assert_eq!(actions, ["activate", "begin", "close", "turn"], "what the operation function is called for");
}

#[test]
fn the_outcomes_are_those_of_the_engine() {
    let tasks = states_of("Task");
    let asked = |choices: &[&str]| -> BTreeSet<String> {
        states_of("Choice")
            .iter()
            .filter(|choice| choices.contains(&choice.name.as_str()))
            .flat_map(|choice| choice.list("Choices").to_vec())
            .flat_map(|rule| quoted(rule["Condition"].as_str().unwrap_or_default()))
            .collect()
    };
    let after =
        |is_turn: bool| tasks.iter().filter(move |task| task.is_turn() == is_turn).map(|task| task.text("Next"));

    let turns: Vec<&str> = after(true).collect();
    assert_eq!(asked(&turns), words(Outcome::ALL.map(Outcome::as_str)), "what is asked after a turn of a step");

    let own: Vec<&str> = after(false).collect();
    assert_eq!(
        asked(&own),
        words(["apply", "delete", "deleted", "done", "failed", "left", "superseded", "turn"]),
        "what is asked after a call of the operation function"
    );
}

#[test]
fn a_turn_that_waits_is_called_again() {
    let states = states();
    let named = |name: &str| states.iter().find(|state| state.name == name).expect("targets exist");
    for turn in states.iter().filter(|state| state.is_turn()) {
        let wait = named(way(named(turn.text("Next")), Outcome::Waiting));
        assert_eq!(
            (wait.kind(), wait.text("Next")),
            ("Wait", turn.name.as_str()),
            "`{}` waits in `{}`",
            turn.name,
            wait.name
        );
    }
}

#[test]
fn a_superseded_operation_ends_quietly() {
    let machine = machine();
    assert_eq!(machine.state(SUPERSEDED).kind(), "Succeed");
    for choice in machine.states.iter().filter(|state| state.kind() == "Choice") {
        assert_eq!(way(choice, Outcome::Superseded), SUPERSEDED, "`{}` goes on although superseded", choice.name);
    }
}

#[test]
fn a_branch_goes_to_rest_whatever_its_outcome() {
    let states = states();
    let turns_in_branches = crate::definition::regions().into_iter().filter(|region| region.is_branch);
    for branch in turns_in_branches {
        let task = branch.state(&branch.start);
        let rest = task.caught();
        assert!(rest.ends_with("at rest"), "`{}`: a thrown error leads to `{rest}`", task.name);
        for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Waiting) {
            assert_eq!(way(branch.state(task.text("Next")), outcome), rest, "`{}`: {}", task.name, outcome.as_str());
        }
    }
    for parallel in states.iter().filter(|state| state.kind() == "Parallel") {
        let choice = states.iter().find(|state| state.name == parallel.text("Next")).expect("targets exist");
        assert_eq!(choice.kind(), "Choice", "`{}` does not ask how its branches ended", parallel.name);
        assert_eq!(parallel.caught(), choice.text("Default"), "`{}`: where a thrown error leads", parallel.name);
    }
}

#[test]
fn an_apply_that_fails_turns_round_and_a_delete_that_fails_goes_on() {
    let machine = machine();
    for task in machine.states.iter().filter(|state| state.is_turn()) {
        let choice = machine.state(task.text("Next"));
        let failed = way(choice, Outcome::Failed);
        let expected = match task.argument("action") {
            "ensure" => "Turn round",
            _ => way(choice, Outcome::Done),
        };
        assert_eq!(failed, expected, "`{}`: where `failed` leads", task.name);
        assert_eq!(task.caught(), failed, "`{}`: a thrown error leads elsewhere than `failed`", task.name);
        assert_eq!(choice.text("Default"), failed, "`{}`: an unknown answer leads elsewhere than `failed`", task.name);
    }
    assert_eq!(machine.state("All built?").text("Default"), "Turn round");
    assert_eq!(machine.state("Declare it active").caught(), "Turn round");
    assert_eq!(way(machine.state("Declare it active: done?"), Outcome::Turn), "Turn round");
}

#[test]
fn only_an_operation_that_cannot_begin_turn_or_close_is_handed_over() {
    let machine = machine();
    let handing_over: BTreeSet<String> = machine
        .states
        .iter()
        .filter(|state| state.targets().contains(&HAND_OVER))
        .map(|state| state.name.clone())
        .collect();
    let expected = ["Begin", "Apply or delete?", "Turn round", "Close the record", "How did it end?"];
    assert_eq!(handing_over, words(expected), "states that hand over");
}

#[test]
fn the_story_has_these_ends() {
    let machine = machine();
    let ends: BTreeSet<(String, String)> = machine
        .states
        .iter()
        .filter(|state| state.targets().is_empty())
        .map(|state| (state.name.clone(), state.kind().to_owned()))
        .collect();
    let expected = [
        ("Active", "Succeed"),
        ("Deleted", "Succeed"),
        (SUPERSEDED, "Succeed"),
        ("Rolled back", "Fail"),
        ("Left as it was", "Fail"),
        ("Something is left", "Fail"),
        (HAND_OVER, "Fail"),
    ];
    assert_eq!(ends, expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())).into());
    assert_eq!(machine.state("Something is left").text("Error"), "DELETE_FAILED");
    assert_eq!(machine.state("Left as it was").text("Error"), "UPDATE_FAILED");
}
