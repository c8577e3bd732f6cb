//! What the API's function asked the table for, from the proxy's journal.

use serde_json::Value;
use std::{collections::BTreeMap, env, fmt, fs, time::Duration};

/// A place in the journal: what was called before is not read.
pub(crate) struct Mark(usize);

/// Calls of the table.
pub(crate) struct Calls(Vec<Value>);

impl Mark {
    /// Here.
    pub(crate) fn now() -> Mark {
        Mark(text().lines().count())
    }

    /// What the API has called the table for since then.
    pub(crate) fn calls(&self) -> Calls {
        let lines = text().lines().skip(self.0).filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect();
        let mut calls = Calls(lines);
        calls.0.retain(|call| call["service"] == "dynamodb" && call["function"] == "api");
        calls
    }
}

impl Calls {
    /// The items that queries went through.
    pub(crate) fn items_read(&self) -> u64 {
        let queries = self.0.iter().filter(|call| call["action"] == "Query");
        queries.filter_map(|call| call["items"].as_u64()).sum()
    }

    /// How long the table took.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_millis(self.0.iter().filter_map(|call| call["milliseconds"].as_u64()).sum())
    }
}

/// `2 Query (9 items), 1 TransactWriteItems (6 items)`.
impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut actions: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for call in &self.0 {
            let sum = actions.entry(call["action"].as_str().unwrap_or_default()).or_default();
            sum.0 += 1;
            // A call that says nothing is about one item.
            sum.1 += call["items"].as_u64().unwrap_or(1);
        }
        let parts = actions.iter().map(|(action, (calls, items))| format!("{calls} {action} ({items} items)"));
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

fn text() -> String {
    fs::read_to_string(env::var("JOURNAL").expect("JOURNAL is set")).expect("a journal")
}
