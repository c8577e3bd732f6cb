//! The evaluator is itself tested: every statement of every function is loosened, and tightened, in each way that
//! it can be, and each time the judgement must turn red.

use crate::{
    documented::undocumented,
    judgement::judge,
    lives::{self, Asked},
    policy::texts,
    template::Template,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A change of one statement that must be noticed.
struct Change {
    what: String,
    /// The function whose calls can tell; nothing where it is of every function.
    function: Option<String>,
    template: Template,
}

#[tokio::test]
async fn a_condition_less_turns_it_red() {
    let conditions = changes(|statement| {
        let mut less = Vec::new();
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            // The resource's own name says the same.
            for key in keys.as_object().into_iter().flatten().map(|(key, _)| key).filter(|key| *key != "ecs:cluster") {
                let mut changed = statement.clone();
                changed["Condition"][operator].as_object_mut().expect("keys").remove(key);
                less.push((format!("{operator} {key}"), changed));
            }
        }
        less
    });
    let count = all_are_noticed(conditions).await;
    assert!(count > 15, "there are conditions to leave out: {count}");
}

#[tokio::test]
async fn a_wider_resource_turns_it_red() {
    let narrow = |statement: &Value| !texts(&statement["Resource"]).contains(&"*".to_owned());
    let resources = changes(|statement| match narrow(statement) {
        true => vec![("Resource *".to_owned(), with(statement, "Resource", json!("*")))],
        false => Vec::new(),
    });
    let count = all_are_noticed(resources).await;
    assert!(count > 30, "there are resources to widen: {count}");
}

#[tokio::test]
async fn an_action_more_turns_it_red() {
    let actions = changes(|statement| {
        let more = [texts(&statement["Action"]), vec!["ec2:RunInstances".to_owned()]].concat();
        vec![("ec2:RunInstances".to_owned(), with(statement, "Action", json!(more)))]
    });
    all_are_noticed(actions).await;
}

/// And the other way round: without a right that the lives used, something is refused.
#[tokio::test]
async fn an_action_less_turns_it_red() {
    let excepted = |action: &str| crate::exceptions::UNUSED.iter().any(|one| one.action == action);
    let actions = changes(|statement| {
        let actions = texts(&statement["Action"]);
        let used = actions.iter().filter(|action| !excepted(action));
        let less = used.map(|left_out| {
            let rest: Vec<_> = actions.iter().filter(|action| *action != left_out).collect();
            // A statement must name an action: one that nobody asks for does nothing.
            let rest = if rest.is_empty() { json!("xray:PutTraceSegments") } else { json!(rest) };
            (format!("no {left_out}"), with(statement, "Action", rest))
        });
        less.collect()
    });
    let count = all_are_noticed(actions).await;
    assert!(count > 80, "there are actions to leave out: {count}");
}

/// Makes each change alone and fails unless it is noticed. How many there were.
async fn all_are_noticed(changes: Vec<Change>) -> usize {
    let recorded = lives::recorded().await;
    let template = Template::processed("aws");
    // The calls of one function say nothing about another's policies, and there are many.
    let calls_of = |function: &Option<String>| -> Vec<Asked> {
        let own = recorded.iter().filter(|asked| function.as_ref().is_none_or(|function| asked.function == *function));
        own.cloned().collect()
    };
    let mut before = BTreeMap::new();
    let mut unnoticed = Vec::new();
    for Change { what, function, template: changed } in &changes {
        let calls = calls_of(function);
        let before = before.entry(function).or_insert_with(|| findings(&template, &calls));
        if findings(changed, &calls).is_subset(before) {
            unnoticed.push(what);
        }
    }
    assert!(unnoticed.is_empty(), "nobody notices: {unnoticed:#?}");
    changes.len()
}

fn findings(template: &Template, asked: &[Asked]) -> BTreeSet<String> {
    let mut findings = judge(&lives::place(), &template.functions(), asked).findings;
    findings.extend(undocumented(template));
    findings
}

/// The template with one statement changed, for each statement of a function and each change of it.
fn changes(change: impl Fn(&Value) -> Vec<(String, Value)>) -> Vec<Change> {
    let template = Template::processed("aws");
    let mut changes = Vec::new();
    for place in statements(&template.0) {
        let statement = template.0.pointer(&place).expect("a statement");
        for (what, changed) in change(statement) {
            let mut template = template.clone();
            *template.0.pointer_mut(&place).expect("a statement") = changed;
            let role = place.split('/').nth(2).and_then(|name| name.strip_suffix("Role"));
            let function = role.map(str::to_ascii_lowercase);
            changes.push(Change { what: format!("{place} {}: {what}", statement["Sid"]), function, template });
        }
    }
    changes
}

/// Where the statements of the functions' policies stand in the template, as JSON pointers.
fn statements(template: &Value) -> Vec<String> {
    let mut places = Vec::new();
    for (name, resource) in template["Resources"].as_object().expect("resources") {
        let is_function = !["StateMachineRole", "SweepRole", "SurveyRole", "WatchRole"].contains(&name.as_str());
        let documents = match resource["Type"].as_str() {
            Some("AWS::IAM::ManagedPolicy") => vec!["PolicyDocument".to_owned()],
            Some("AWS::IAM::Role") if is_function => {
                let count = resource["Properties"]["Policies"].as_array().map_or(0, Vec::len);
                (0..count).map(|number| format!("Policies/{number}/PolicyDocument")).collect()
            }
            _ => Vec::new(),
        };
        for document in
            documents.into_iter().map(|document| format!("/Resources/{name}/Properties/{document}/Statement"))
        {
            let count = template.pointer(&document).and_then(Value::as_array).map_or(0, Vec::len);
            places.extend((0..count).map(|number| format!("{document}/{number}")));
        }
    }
    places
}

fn with(statement: &Value, member: &str, value: Value) -> Value {
    let mut changed = statement.clone();
    changed[member] = value;
    changed
}
