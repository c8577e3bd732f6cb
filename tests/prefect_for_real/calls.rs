//! What tasks have asked AWS for, from the journal of the proxy before them.

use serde_json::Value;
use std::{collections::BTreeSet, env, fs};

/// A call.
#[derive(Clone, Debug)]
pub struct Call(Value);

impl Call {
    /// Every call so far.
    pub fn all() -> Vec<Call> {
        let file = env::var("JOURNAL").expect("JOURNAL is set by `make flows`");
        let text = fs::read_to_string(file).expect("the journal is there");
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).map(Call).collect()
    }

    /// `service:Action`, as a policy names it.
    pub fn action(&self) -> String {
        let text = |name: &str| self.0[name].as_str().unwrap_or_default();
        format!("{}:{}", text("service"), text("action"))
    }

    /// What was asked.
    pub fn parameters(&self) -> &Value {
        &self.0["parameters"]
    }

    /// AWS's code where it refused.
    pub fn error(&self) -> Option<&str> {
        self.0["error"].as_str()
    }

    /// Whether the name is anywhere in what was asked.
    pub fn is_about(&self, name: &str) -> bool {
        self.parameters().to_string().contains(name)
    }
}

/// The actions of calls.
pub fn actions(calls: &[Call]) -> BTreeSet<String> {
    calls.iter().map(Call::action).collect()
}
