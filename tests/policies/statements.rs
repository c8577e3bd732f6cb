//! What can be said of the policies without any call.

use crate::template::{FUNCTIONS, Template};
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn no_statement_has_a_wildcard_in_an_action() {
    for (role, policies) in Template::processed("aws").roles() {
        for statement in &policies.statements {
            for action in &statement.actions {
                assert!(!action.contains(['*', '?']), "{role}, {}: {action}", statement.sid);
            }
        }
    }
}

/// `LocalCloud` widens resources and conditions, never the list of actions.
#[test]
fn the_local_cloud_gets_the_same_actions() {
    let actions = |variant: &str| {
        let roles = Template::processed(variant).roles().into_iter();
        let actions = roles.map(|(role, policies)| {
            let actions: BTreeSet<_> =
                policies.statements.into_iter().flat_map(|statement| statement.actions).collect();
            (role, actions)
        });
        actions.collect::<Vec<_>>()
    };
    assert_eq!(actions("local-cloud"), actions("aws"));
}

/// The stack is refused while its boundary does not exist, because IAM refuses a role with it.
#[test]
fn the_stack_needs_its_boundary_unless_a_parameter_says_none() {
    let bounded = |variant: &str| {
        let template = Template::processed(variant).0;
        let resources = template["Resources"].as_object().expect("resources").clone();
        let boundary = |resource: &Value| resource["Properties"]["PermissionsBoundary"].as_str().map(str::to_owned);
        resources.values().filter_map(boundary).collect::<Vec<_>>()
    };
    let arn = format!("arn:aws:iam::{}:policy/prefect-environments-boundary", crate::lives::place().account);
    assert_eq!(bounded("aws"), [arn]);
    assert_eq!(bounded("no-boundary"), Vec::<String>::new());
}

#[test]
fn each_function_has_a_role_of_its_own() {
    let template = Template::processed("aws");
    let functions = template.functions();
    assert_eq!(functions.keys().map(String::as_str).collect::<BTreeSet<_>>(), FUNCTIONS.into());
    let names = |function: &str| functions[function].statements.iter().any(|one| one.sid == "OwnLogs");
    assert!(FUNCTIONS.iter().all(|function| names(function)), "each writes its own log");
}

/// Their calls pass no proxy, so that their rights are held against a list.
#[test]
fn the_machines_and_the_schedules_call_functions_and_start_surveys_and_watches_and_nothing_else() {
    let roles = Template::processed("aws").roles();
    let rights = |role: &str| -> BTreeSet<String> {
        let own = roles[role].statements.iter().filter(|statement| statement.sid != "LogsAndTraces");
        own.flat_map(|one| one.actions.iter().flat_map(|action| one.resources.iter().map(move |on| (action, on))))
            .map(|(action, on)| format!("{action} {}", on.rsplit([':', '-']).next().unwrap_or_default()))
            .collect()
    };
    let calls = |functions: &[&str]| functions.iter().map(|one| format!("lambda:InvokeFunction {one}")).collect();
    let all: BTreeSet<String> = calls(&["network", "identity", "cluster", "worker", "operation"]);
    assert_eq!(rights("StateMachineRole"), all);
    assert_eq!(rights("SweepRole"), calls(&["operation"]));
    assert_eq!(rights("SurveyRole"), ["states:StartExecution survey".to_owned()].into());
    assert_eq!(rights("WatchRole"), ["states:StartExecution watch".to_owned()].into());
}
