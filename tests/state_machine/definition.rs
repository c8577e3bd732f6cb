//! The state machine's definition as the tests look at it: states with the place they stand in.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The file as it is deployed, placeholders and all.
pub const TEXT: &str = include_str!("../../state-machine/environment.asl.json");

/// A start and the states it can lead to: the machine itself, or one branch of a Parallel. States of
/// one region cannot lead into another.
pub struct Region {
    /// `the machine`, or the Parallel and the branch's first state.
    pub name: String,
    /// The first state.
    pub start: String,
    /// Every state of the region, without those of its Parallels' branches.
    pub states: Vec<State>,
    /// Whether it is a branch of a Parallel.
    pub is_branch: bool,
}

/// One state.
#[derive(Clone)]
pub struct State {
    /// Its name, as the console shows it.
    pub name: String,
    /// Its fields.
    pub body: Map<String, Value>,
}

impl Region {
    /// The state of that name.
    pub fn state(&self, name: &str) -> &State {
        self.states
            .iter()
            .find(|state| state.name == name)
            .unwrap_or_else(|| panic!("{}: there is no state `{name}`", self.name))
    }
}

impl State {
    /// `Task`, `Choice`, …
    pub fn kind(&self) -> &str {
        self.body["Type"].as_str().expect("a state's Type is a string")
    }

    /// A text field, or the empty text.
    pub fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A list field, or the empty list.
    pub fn list(&self, field: &str) -> &[Value] {
        self.body.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// A text field of a Task's payload, or the empty text.
    pub fn argument(&self, field: &str) -> &str {
        self.body.get("Arguments").and_then(|arguments| arguments[field].as_str()).unwrap_or_default()
    }

    /// Whether the state is a turn of a step (and not of the operation's own function).
    pub fn is_turn(&self) -> bool {
        !self.argument("step").is_empty()
    }

    /// Where the state can lead to.
    pub fn targets(&self) -> Vec<&str> {
        let rules = self.list("Choices").iter().chain(self.list("Catch")).map(|rule| &rule["Next"]);
        let own = ["Next", "Default"].into_iter().filter_map(|field| self.body.get(field));
        rules.chain(own).map(|next| next.as_str().expect("a target is a string")).collect()
    }

    /// Where the catch-all leads to.
    pub fn caught(&self) -> &str {
        self.list("Catch").last().and_then(|catch| catch["Next"].as_str()).unwrap_or_default()
    }
}

/// The machine, then every branch.
pub fn regions() -> Vec<Region> {
    let machine: Value = serde_json::from_str(TEXT).expect("the definition is JSON");
    let mut regions = Vec::new();
    collect("the machine".to_owned(), &machine, false, &mut regions);
    regions
}

/// The machine without the branches of its Parallels.
pub fn machine() -> Region {
    regions().swap_remove(0)
}

/// Every state of the machine and of every branch.
pub fn states() -> Vec<State> {
    regions().into_iter().flat_map(|region| region.states).collect()
}

/// Every state of one type.
pub fn states_of(kind: &str) -> Vec<State> {
    states().into_iter().filter(|state| state.kind() == kind).collect()
}

fn collect(name: String, region: &Value, is_branch: bool, into: &mut Vec<Region>) {
    let states = region["States"].as_object().expect("a region has States");
    let states: Vec<State> = states
        .iter()
        .map(|(name, body)| State { name: name.clone(), body: body.as_object().expect("a state is an object").clone() })
        .collect();
    let start = region["StartAt"].as_str().expect("a region has a StartAt").to_owned();
    into.push(Region { name, start, states: states.clone(), is_branch });
    for parallel in &states {
        for branch in parallel.list("Branches") {
            collect(format!("{} / {}", parallel.name, branch["StartAt"]), branch, true, into);
        }
    }
}

/// Every text in a value: keys are left out.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Every JSONata expression of the definition.
pub fn expressions() -> Vec<String> {
    let machine: Value = serde_json::from_str(TEXT).expect("the definition is JSON");
    texts(&machine).into_iter().filter(|text| text.starts_with("{%")).map(str::to_owned).collect()
}

/// What an expression takes by `$`, such as `$states.input.outcome`, `$fence` or `$count(`: the opening
/// parenthesis tells a function.
pub fn references(expression: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    expression
        .split('$')
        .skip(1)
        .map(|rest| {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let call = if rest[end..].starts_with('(') { "(" } else { "" };
            format!("${}{call}", &rest[..end])
        })
        .collect()
}

/// The words in single quotes.
pub fn quoted(expression: &str) -> BTreeSet<String> {
    expression.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}
