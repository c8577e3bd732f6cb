//! The journal of the functions' calls, as the proxy writes it.

use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, env, fs};

/// A call that a function made, and what came of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) order: u64,
    pub(crate) function: String,
    pub(crate) service: String,
    pub(crate) action: String,
    pub(crate) parameters: Value,
    pub(crate) made: Value,
    pub(crate) status: u16,
    pub(crate) environment: Option<String>,
}

/// Every call of a function so far, in the order in which they were answered.
pub(crate) fn read() -> Vec<Call> {
    let file = env::var("JOURNAL").expect("`make test` sets JOURNAL: it runs the functions behind the proxy");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    // The last line may be on its way.
    let whole = text.rfind('\n').map(|end| &text[..end]).unwrap_or_default();
    let calls = whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")));
    // The tests themselves call AWS as root.
    // Nor does AWS judge what they ask Prefect.
    calls.filter(|call: &Call| !call.function.is_empty() && call.service != "prefect").collect()
}

impl Call {
    /// `service:Action`, as policies and the Service Authorization Reference write it.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.service, self.action)
    }

    pub(crate) fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A parameter, or the empty text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.parameters[name].as_str().unwrap_or_default()
    }

    /// A thing that the call has made, or the empty text.
    pub(crate) fn made(&self, name: &str) -> &str {
        self.made[name].as_str().unwrap_or_default()
    }

    /// The tags in the request, in each of the ways in which services write them.
    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        let mut add = |key: &Value, value: &Value| {
            tags.insert(key.as_str().unwrap_or_default().to_owned(), value.as_str().unwrap_or_default().to_owned());
        };
        let members = self.parameters.as_object();
        for (name, key) in members.into_iter().flatten() {
            if let Some(tag) = name.strip_suffix(".Key") {
                add(key, &self.parameters[format!("{tag}.Value")]);
            }
        }
        match &self.parameters["tags"] {
            Value::Object(pairs) => pairs.iter().for_each(|(key, value)| add(&Value::String(key.clone()), value)),
            list => list.as_array().into_iter().flatten().for_each(|tag| add(&tag["key"], &tag["value"])),
        }
        match &self.parameters["Tags"] {
            Value::Object(pairs) => pairs.iter().for_each(|(key, value)| add(&Value::String(key.clone()), value)),
            list => list.as_array().into_iter().flatten().for_each(|tag| add(&tag["Key"], &tag["Value"])),
        }
        tags
    }
}
