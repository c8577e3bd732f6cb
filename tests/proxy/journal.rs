//! The journal: one line of JSON for each call, in the order in which the cloud answered.
//!
//! A call says which environment it is for only where it tags something or reads a record. What was tagged is
//! remembered by id and name, so that later calls on it are known as well.

use crate::parameters;
use end_to_end::message::Message;
use jiff::Timestamp;
use rules::Call;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The tag that names a thing's environment.
const ENVIRONMENT: &str = "prefect-environments:id";
/// Parameters that name a thing for the whole account.
const NAMES: [&str; 6] = ["RoleName", "clusterName", "logGroupName", "family", "QueueName", "Name"];

/// The journal.
#[derive(Debug)]
pub(crate) struct Journal(Mutex<State>);

#[derive(Debug)]
struct State {
    file: File,
    calls: u64,
    /// The environment of each id and name that was ever tagged.
    known: HashMap<String, String>,
}

/// A call that the cloud has not answered yet.
#[derive(Debug)]
pub(crate) struct Begun {
    order: u64,
    time: Timestamp,
    call: Call,
}

impl Journal {
    /// An empty journal.
    pub(crate) fn create(file: &Path) -> io::Result<Journal> {
        Ok(Journal(Mutex::new(State { file: File::create(file)?, calls: 0, known: HashMap::new() })))
    }

    /// A call goes out. Calls are numbered in the order in which they came.
    pub(crate) fn begin(&self, mut call: Call) -> Begun {
        call.parameters = parameters::without_contents(call.parameters);
        let mut state = self.state();
        state.calls += 1;
        Begun { order: state.calls, time: Timestamp::now(), call }
    }

    /// The cloud has answered.
    pub(crate) fn end(&self, begun: Begun, answer: &Message) {
        let Begun { order, time, call } = begun;
        let succeeded = (200..300).contains(&answer.status);
        let made = if succeeded { parameters::made(&call.action, &answer.body) } else { json!({}) };
        let error = if succeeded { None } else { parameters::error(&answer.body) };
        let mut state = self.state();
        let environment = state.environment(&call, &made, succeeded);
        let line = json!({
            "order": order, "time": time, "function": call.function, "service": call.service, "action": call.action,
            "parameters": call.parameters, "made": made, "status": answer.status, "error": error,
            "milliseconds": Timestamp::now().duration_since(time).as_millis(),
            "environment": environment, "items": parameters::items(&call.parameters, &answer.body),
        });
        if let Err(error) = state.file.write_all(format!("{line}\n").as_bytes()) {
            eprintln!("the journal cannot be written: {error}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn environment(&mut self, call: &Call, made: &Value, succeeded: bool) -> Option<String> {
        let mut texts = Vec::new();
        texts_of(&call.parameters, &mut texts);
        let tagged = texts.iter().position(|text| text == ENVIRONMENT).and_then(|at| texts.get(at + 1)).cloned();
        let recorded = || texts.iter().find_map(|text| text.strip_prefix("ENV#").map(str::to_owned));
        let known = || texts.iter().find_map(|text| self.known.get(text).cloned());
        let environment = tagged.clone().or_else(recorded).or_else(known);
        // Only what was made by this call: what it was made in has its own environment already.
        if let (Some(environment), true) = (&environment, succeeded) {
            let mut ids = Vec::new();
            texts_of(made, &mut ids);
            let names = NAMES.iter().filter_map(|name| call.parameters[*name].as_str().map(str::to_owned));
            ids.extend(names.filter(|_| tagged.is_some()));
            for id in ids {
                self.known.entry(id).or_insert_with(|| environment.clone());
            }
        }
        environment
    }
}

/// Every text in a value, in order: of a tag, its key and then its value.
fn texts_of(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, into)),
        Value::Object(members) => {
            for (name, member) in members {
                // CloudWatch Logs writes tags as members.
                if name == ENVIRONMENT {
                    into.push(name.clone());
                }
                texts_of(member, into);
            }
        }
        _ => {}
    }
}
