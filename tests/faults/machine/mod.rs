//! The state machine, run from its own definition in virtual time.
//!
//! One state at a time, always the one whose time comes first: the branches of a Parallel go on beside each other,
//! and nothing is left out when one of them fails. A form of the language that is not known here ends the run.

mod expression;

use crate::account::Account;
use engine::Clock;
use expression::{Scope, fill};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::OnceLock};

/// The definition.
pub fn definition() -> &'static Value {
    static DEFINITION: OnceLock<Value> = OnceLock::new();
    DEFINITION.get_or_init(|| {
        serde_json::from_str(include_str!("../../../state-machine/environment.asl.json")).expect("JSON")
    })
}

/// How an execution is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// At work.
    Running,
    /// Ended as it should.
    Succeeded,
    /// Ended in a Fail state, or by an error that nothing caught.
    Failed,
    /// Stopped from outside.
    Aborted,
    /// Took too long.
    TimedOut,
}

impl Status {
    /// Its name in answers of Step Functions.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Running => "RUNNING",
            Status::Succeeded => "SUCCEEDED",
            Status::Failed => "FAILED",
            Status::Aborted => "ABORTED",
            Status::TimedOut => "TIMED_OUT",
        }
    }
}

/// One execution.
#[derive(Clone, Debug)]
pub struct Execution {
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: Value,
    /// How it is.
    pub status: Status,
    started: Timestamp,
    /// States that were entered.
    pub transitions: u32,
    /// How often it was redriven.
    pub redriven: u32,
    whole: Branch,
}

/// A state machine at one of its states: the execution itself, or a branch of a Parallel.
#[derive(Clone, Debug)]
struct Branch {
    definition: &'static Value,
    state: String,
    input: Value,
    variables: Map<String, Value>,
    /// When it goes on.
    at: Timestamp,
    /// How often each Retry of this state was used.
    retried: BTreeMap<usize, u32>,
    branches: Vec<Branch>,
    ended: Option<Result<Value, Thrown>>,
}

/// An error, as states see it.
#[derive(Clone, Debug)]
struct Thrown {
    error: String,
    cause: String,
}

/// What a Task asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The function.
    pub function: String,
    /// What it is told.
    pub payload: Value,
    path: Vec<usize>,
}

impl Execution {
    /// An execution that begins now.
    pub fn new(name: &str, input: Value, now: Timestamp) -> Execution {
        let whole = Branch::new(definition(), input.clone(), Map::new(), now);
        Execution {
            name: name.to_owned(),
            input,
            status: Status::Running,
            started: now,
            transitions: 0,
            redriven: 0,
            whole,
        }
    }

    /// Somebody lets it go on from the state at which it was stopped.
    pub fn redrive(&mut self, now: Timestamp) {
        self.status = Status::Running;
        self.redriven += 1;
        self.started = now;
        self.whole.wake(now);
    }

    /// When it goes on.
    pub fn at(&self) -> Timestamp {
        self.whole.earliest().0
    }

    /// Goes on with the state whose time has come. A Task is left to whoever runs the functions.
    pub fn go_on(&mut self, account: &Account) -> Option<Asked> {
        let now = account.clock.now();
        let limit = definition()["TimeoutSeconds"].as_i64().expect("a limit");
        if now > self.started + SignedDuration::from_secs(limit) {
            self.status = Status::TimedOut;
            return None;
        }
        let (_, path) = self.whole.earliest();
        let branch = self.whole.at_path_mut(&path);
        self.transitions += u32::from(branch.retried.is_empty() && branch.branches.is_empty());
        let asked = branch.go_on(now).map(|(function, payload)| Asked { function, payload, path: path.clone() });
        self.settle(account);
        asked
    }

    /// Takes in what a Task's function answered, or the error's name.
    pub fn answered(&mut self, asked: &Asked, answer: Result<Value, String>, account: &Account) {
        let now = account.clock.now();
        self.whole.at_path_mut(&asked.path).answered(answer, now);
        self.settle(account);
    }

    fn settle(&mut self, account: &Account) {
        self.whole.join(account.clock.now());
        if self.status == Status::Running
            && let Some(end) = &self.whole.ended
        {
            self.status = if end.is_ok() { Status::Succeeded } else { Status::Failed };
            account.note(&format!("execution {} ended: {end:?}", self.name));
        }
    }
}

impl Branch {
    fn new(definition: &'static Value, input: Value, variables: Map<String, Value>, at: Timestamp) -> Branch {
        let state = definition["StartAt"].as_str().expect("a first state").to_owned();
        Branch { definition, state, input, variables, at, retried: BTreeMap::new(), branches: Vec::new(), ended: None }
    }

    fn wake(&mut self, now: Timestamp) {
        if matches!(self.ended, Some(Err(_))) {
            self.ended = None;
        }
        self.at = now;
        self.retried.clear();
        self.branches.iter_mut().for_each(|branch| branch.wake(now));
    }

    /// The innermost branch that goes on first.
    fn earliest(&self) -> (Timestamp, Vec<usize>) {
        let living = self.branches.iter().enumerate().filter(|(_, branch)| branch.ended.is_none());
        let first = living.map(|(index, branch)| (branch.earliest(), index)).min_by_key(|((at, _), _)| *at);
        match first {
            Some(((at, path), index)) => (at, [vec![index], path].concat()),
            None => (self.at, Vec::new()),
        }
    }

    fn at_path_mut(&mut self, path: &[usize]) -> &mut Branch {
        path.iter().fold(self, |branch, index| &mut branch.branches[*index])
    }

    fn definition(&self) -> &'static Value {
        let state = &self.definition["States"][self.state.as_str()];
        assert!(state.is_object(), "there is no state {}", self.state);
        state
    }

    fn scope(&self, more: &Value) -> Scope<'_> {
        let mut states = json!({"input": self.input});
        if let (Value::Object(states), Value::Object(more)) = (&mut states, more) {
            states.extend(more.clone());
        }
        Scope { states, variables: &self.variables }
    }

    fn go_on(&mut self, now: Timestamp) -> Option<(String, Value)> {
        let state = self.definition();
        only_known(&self.state, state);
        match state["Type"].as_str().unwrap_or_default() {
            "Task" => {
                let resource = state["Resource"].as_str().unwrap_or_default();
                let function = resource.strip_prefix("${").and_then(|it| it.strip_suffix("FunctionArn}"));
                let function = function.unwrap_or_else(|| panic!("{resource} is no function")).to_lowercase();
                return Some((function, fill(&state["Arguments"], &self.scope(&Value::Null))));
            }
            "Wait" => {
                let seconds = fill(&state["Seconds"], &self.scope(&Value::Null));
                let seconds = seconds.as_i64().unwrap_or_else(|| panic!("{}: {seconds} are no seconds", self.state));
                let input = self.input.clone();
                self.leave(state, input, now + SignedDuration::from_secs(seconds));
            }
            "Choice" => {
                let scope = self.scope(&Value::Null);
                let rules = state["Choices"].as_array().expect("rules");
                let condition = |rule: &&Value| fill(&rule["Condition"], &scope) == true;
                let (way, next) = match rules.iter().find(condition) {
                    Some(rule) => (rule, &rule["Next"]),
                    None => (state, &state["Default"]),
                };
                let output = output(way, &scope).unwrap_or_else(|| self.input.clone());
                let assigned = fill(&way["Assign"], &scope);
                self.assign(assigned);
                self.go_to(next, output, now);
            }
            "Pass" => {
                let scope = self.scope(&Value::Null);
                let output = output(state, &scope).unwrap_or_else(|| self.input.clone());
                let assigned = fill(&state["Assign"], &scope);
                self.assign(assigned);
                self.leave(state, output, now);
            }
            "Parallel" if self.branches.is_empty() => {
                let branches = state["Branches"].as_array().expect("branches").iter();
                let begun = branches.map(|it| Branch::new(it, self.input.clone(), self.variables.clone(), now));
                self.branches = begun.collect();
            }
            "Parallel" => {}
            "Succeed" => self.ended = Some(Ok(self.input.clone())),
            "Fail" => {
                let scope = self.scope(&Value::Null);
                let text = |name: &str| fill(&state[name], &scope).as_str().unwrap_or_default().to_owned();
                self.ended = Some(Err(Thrown { error: text("Error"), cause: text("Cause") }));
            }
            other => panic!("{}: a state of type {other} is not understood", self.state),
        }
        None
    }

    /// Ends a Parallel whose branches are through.
    fn join(&mut self, now: Timestamp) {
        self.branches.iter_mut().for_each(|branch| branch.join(now));
        if self.branches.is_empty() || self.branches.iter().any(|branch| branch.ended.is_none()) {
            return;
        }
        let ends: Result<Vec<Value>, Thrown> = std::mem::take(&mut self.branches)
            .into_iter()
            .map(|branch| branch.ended.expect("every branch is through"))
            .collect();
        match ends {
            Ok(outputs) => self.succeed(Value::Array(outputs), now),
            Err(thrown) => self.fail(&thrown, now),
        }
    }

    fn answered(&mut self, answer: Result<Value, String>, now: Timestamp) {
        match answer {
            Ok(result) => self.succeed(result, now),
            Err(error) => self.fail(&Thrown { error, cause: String::new() }, now),
        }
    }

    fn succeed(&mut self, result: Value, now: Timestamp) {
        let state = self.definition();
        let scope = self.scope(&json!({"result": result}));
        let output = output(state, &scope).unwrap_or(result);
        let assigned = fill(&state["Assign"], &scope);
        self.assign(assigned);
        self.leave(state, output, now);
    }

    fn fail(&mut self, thrown: &Thrown, now: Timestamp) {
        let state = self.definition();
        let is_of = |rule: &Value| {
            let errors = rule["ErrorEquals"].as_array().into_iter().flatten();
            errors.into_iter().any(|error| error == "States.ALL" || error == thrown.error.as_str())
        };
        let retries = state["Retry"].as_array().into_iter().flatten().enumerate();
        if let Some((index, retry)) = retries.into_iter().find(|(_, retry)| is_of(retry)) {
            let used = self.retried.entry(index).or_default();
            let number = |name: &str, usual: f64| retry[name].as_f64().unwrap_or(usual);
            if f64::from(*used) < number("MaxAttempts", 3.0) {
                let exponent = i32::try_from(*used).unwrap_or(i32::MAX);
                let pause = number("IntervalSeconds", 1.0) * number("BackoffRate", 2.0).powi(exponent);
                *used += 1;
                self.at = now + SignedDuration::from_secs_f64(pause.min(number("MaxDelaySeconds", f64::MAX)));
                return;
            }
        }
        let caught = state["Catch"].as_array().into_iter().flatten().find(|rule| is_of(rule));
        let Some(catch) = caught else {
            self.ended = Some(Err(thrown.clone()));
            return;
        };
        let error = json!({"Error": thrown.error, "Cause": thrown.cause});
        let scope = self.scope(&json!({"errorOutput": error}));
        let output = output(catch, &scope).unwrap_or(error);
        let assigned = fill(&catch["Assign"], &scope);
        self.assign(assigned);
        self.go_to(&catch["Next"], output, now);
    }

    fn assign(&mut self, assigned: Value) {
        if let Value::Object(assigned) = assigned {
            self.variables.extend(assigned);
        }
    }

    fn leave(&mut self, state: &'static Value, output: Value, at: Timestamp) {
        if state["End"] == true {
            self.ended = Some(Ok(output));
        } else {
            self.go_to(&state["Next"], output, at);
        }
    }

    fn go_to(&mut self, next: &Value, input: Value, at: Timestamp) {
        let next = next.as_str().unwrap_or_else(|| panic!("{} leads nowhere", self.state));
        self.state = next.to_owned();
        self.input = input;
        self.at = at;
        self.retried.clear();
    }
}

/// What a state or a rule makes its output; `None` where it leaves it as it is.
fn output(of: &Value, scope: &Scope<'_>) -> Option<Value> {
    of.get("Output").map(|template| fill(template, scope))
}

/// Ends the run at a field that nothing here knows.
fn only_known(name: &str, state: &Value) {
    const KNOWN: [&str; 17] = [
        "Type",
        "Comment",
        "Next",
        "End",
        "Resource",
        "Arguments",
        "TimeoutSeconds",
        "Retry",
        "Catch",
        "Assign",
        "Output",
        "Choices",
        "Default",
        "Seconds",
        "Branches",
        "Error",
        "Cause",
    ];
    for field in state.as_object().into_iter().flat_map(Map::keys) {
        assert!(KNOWN.contains(&field.as_str()), "{name}: the field {field} is not understood");
    }
}
