//! How a call names things.

use crate::Call;
use serde_json::Value;

/// A text in a call, and the parameter that holds it.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) parameter: String,
    pub(super) text: String,
}

/// Every text that may name a thing. Filters name none: they leave out what does not fit. Nor do tags.
pub(super) fn names(call: &Call) -> Vec<Name> {
    let mut names = Vec::new();
    collect("", &call.parameters, &mut names);
    names
}

fn collect(parameter: &str, value: &Value, names: &mut Vec<Name>) {
    let names_nothing = ["Filter", "filter", "Tag", "tag"].iter().any(|prefix| parameter.starts_with(prefix));
    match value {
        _ if names_nothing => {}
        Value::String(text) => {
            // A form's lists are numbered: `SubnetId.1`.
            let parameter = parameter.split('.').next().unwrap_or_default().to_owned();
            names.push(Name { parameter, text: text.clone() });
        }
        Value::Array(items) => items.iter().for_each(|item| collect(parameter, item, names)),
        Value::Object(members) => members.iter().for_each(|(name, member)| collect(name, member, names)),
        _ => {}
    }
}

/// Whether a text is this id or name, or an ARN or a URL of it.
pub(super) fn is(text: &str, id: &str) -> bool {
    let is_whole =
        |before: &str| ["arn:", "http"].iter().any(|start| before.starts_with(start)) && before.ends_with('/');
    text == id || text.strip_suffix(id).is_some_and(is_whole)
}
