//! Calls that AWS asked to slow down, and how long each one's caller waited before it sent it again.
//!
//! The SDK waits a random part of 1 s, then of 2 s; the engine's next turn comes 10 s later (scaled). A random part
//! may be next to nothing once in a while, but not in the middle of many.

use jiff::Timestamp;
use serde_json::Value;
use std::{collections::HashMap, env, fmt, fs};

/// AWS's words for it.
const SLOW_DOWN: [&str; 3] = ["RequestLimitExceeded", "Throttling", "ThrottlingException"];

/// The pauses before calls that were refused were sent again, in milliseconds, shortest first.
pub(crate) struct Repeats {
    calls: usize,
    refused: usize,
    pauses: Vec<i64>,
}

impl Repeats {
    /// Reads them from the journal.
    pub(crate) fn read() -> Repeats {
        let journal = fs::read_to_string(env::var("JOURNAL").expect("JOURNAL is set")).expect("a journal");
        let mut lines: Vec<Value> = journal.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        lines.retain(|line| line["function"] != "" && line["service"] != "dynamodb");
        lines.sort_by_key(|line| line["order"].as_u64());
        let mut refused_at: HashMap<String, Timestamp> = HashMap::new();
        let (mut refused, mut pauses) = (0, Vec::new());
        for line in &lines {
            let call = [&line["function"], &line["action"], &line["environment"], &line["parameters"]];
            let call = call.map(Value::to_string).join(" ");
            let time: Timestamp = line["time"].as_str().expect("a time").parse().expect("a time");
            if let Some(at) = refused_at.remove(&call) {
                pauses.push(time.duration_since(at).as_millis() as i64);
            }
            if line["error"].as_str().is_some_and(|error| SLOW_DOWN.contains(&error)) {
                refused += 1;
                refused_at.insert(call, time);
            }
        }
        pauses.sort_unstable();
        Repeats { calls: lines.len(), refused, pauses }
    }

    fn at(&self, part: f64) -> i64 {
        let index = (self.pauses.len() as f64 * part) as usize;
        self.pauses.get(index).copied().unwrap_or_default()
    }

    /// Fails unless AWS refused calls and each was sent again after a pause.
    pub(crate) fn must_back_off(&self) {
        assert!(self.refused > 100, "AWS hardly asked to slow down: {self}");
        assert!(self.at(0.05) >= 10 && self.at(0.5) >= 150, "calls are sent again at once: {self}");
    }
}

impl fmt::Display for Repeats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Repeats { calls, refused, pauses } = self;
        let [low, half, high] = [0.05, 0.5, 0.95].map(|part| self.at(part));
        write!(f, "{calls} calls, {refused} asked to slow down; {} sent again after ", pauses.len())?;
        write!(f, "{low} ms (5 %), {half} ms (50 %), {high} ms (95 %)")
    }
}
