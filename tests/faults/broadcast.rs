//! What was written of an environment's status, and what EventBridge was told of it. The two must be one story.

use rules::{Call, Response};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

/// What was written and what was told.
#[derive(Debug, Default)]
pub struct Broadcast(Mutex<Story>);

#[derive(Debug, Default)]
struct Story {
    /// The status in each version of each environment's record.
    written: BTreeMap<(String, u64), String>,
    /// The details of all events in the order in which they came.
    told: Vec<Value>,
    /// Whether an event was refused among others that were taken.
    has_refused: bool,
}

impl Broadcast {
    fn story(&self) -> MutexGuard<'_, Story> {
        self.0.lock().expect("no holder panics")
    }

    /// A transaction was carried out. One that is sent again under its token writes nothing new.
    pub fn was_written(&self, call: &Call) {
        let parts = call.parameters["TransactItems"].as_array().into_iter().flatten();
        let items = parts.map(|part| &part["Put"]["Item"]).filter(|item| item["sk"]["S"] == "RECORD");
        for item in items {
            let text = |name: &str| item[name]["S"].as_str().expect("a record has it").to_owned();
            let version = item["version"]["N"].as_str().and_then(|version| version.parse().ok());
            self.story().written.insert((text("id"), version.expect("a record has a version")), text("status"));
        }
    }

    /// EventBridge takes events, and says so for each. In every run it refuses one of several, once.
    pub fn take(&self, call: &Call) -> Response {
        let mut story = self.story();
        let mut answers: Vec<Value> = Vec::new();
        for entry in call.parameters["Entries"].as_array().into_iter().flatten() {
            if !answers.is_empty() && !story.has_refused {
                story.has_refused = true;
                answers.push(json!({"ErrorCode": "InternalFailure", "ErrorMessage": "Try again."}));
                continue;
            }
            let detail = serde_json::from_str(entry["Detail"].as_str().unwrap_or_default());
            story.told.push(detail.expect("a detail is JSON"));
            answers.push(json!({"EventId": format!("taken-{}", answers.len())}));
        }
        let failed = answers.iter().filter(|answer| answer["ErrorCode"].is_string()).count();
        Response {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/x-amz-json-1.1".to_owned())],
            body: json!({"FailedEntryCount": failed, "Entries": answers}).to_string().into_bytes(),
        }
    }

    /// Fails unless every status that was written was told, none else, and each under an id of its own.
    pub fn is_one_story(&self) -> Result<(), String> {
        let story = self.story();
        let mut ids: BTreeMap<&str, &Value> = BTreeMap::new();
        for detail in &story.told {
            let id = detail["event_id"].as_str().ok_or_else(|| format!("an event without an id: {detail}"))?;
            if *ids.entry(id).or_insert(detail) != detail {
                return Err(format!("two events under one id: {detail} and {}", ids[id]));
            }
        }
        let mut written: Vec<String> = Vec::new();
        let mut before: Option<(&str, &str)> = None;
        for ((environment, version), status) in &story.written {
            let previous = before.filter(|(of, _)| of == environment).map(|(_, status)| status);
            if previous != Some(status) {
                written.push(line(environment, *version, previous, status));
            }
            before = Some((environment, status));
        }
        let told = ids.values().map(|detail| {
            let text = |name: &str| detail[name].as_str();
            let version = detail["version"].as_u64().unwrap_or_default();
            line(
                text("environment_id").unwrap_or("nobody"),
                version,
                text("previous_status"),
                text("status").unwrap_or("?"),
            )
        });
        let mut told: Vec<String> = told.collect();
        told.sort();
        written.sort();
        if told == written { Ok(()) } else { Err(format!("written: {written:#?}\nand told: {told:#?}")) }
    }
}

fn line(environment: &str, version: u64, previous: Option<&str>, status: &str) -> String {
    format!("{environment} {version:06}: {} → {status}", previous.unwrap_or("new"))
}
