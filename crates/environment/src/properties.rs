//! Properties of resources, in CloudFormation's names and shapes, and what they refer to.

use crate::key::Key;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::cell::RefCell;

/// A resource's properties.
pub type Properties = Map<String, Value>;

/// Stands for the id of another resource until that is known, as in CloudFormation.
pub fn reference(key: &Key) -> Value {
    json!({ "Ref": key })
}

/// Stands for an attribute of another resource until that is known, as in CloudFormation.
pub fn attribute(key: &Key, name: &str) -> Value {
    json!({ "Fn::GetAtt": [key, name] })
}

/// Stands for these texts in one, as in CloudFormation; some of them may be references.
pub fn joined(parts: impl IntoIterator<Item = Value>) -> Value {
    json!({ JOIN: ["", parts.into_iter().collect::<Vec<_>>()] })
}

const JOIN: &str = "Fn::Join";

/// The one text that resolved parts make; `None` where the value is none of [`joined`]'s.
fn read_joined(members: &Map<String, Value>) -> Option<Value> {
    let [separator, parts] = members.get(JOIN).filter(|_| members.len() == 1)?.as_array()?.as_slice() else {
        return None;
    };
    let parts: Option<Vec<&str>> = parts.as_array()?.iter().map(Value::as_str).collect();
    Some(Value::String(parts?.join(separator.as_str()?)))
}

/// What a property refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Another resource's id.
    Id(Key),
    /// An attribute of another resource.
    Attribute(Key, String),
}

impl Reference {
    /// What a value refers to, if it is a reference and nothing else.
    pub fn read(value: &Value) -> Option<Reference> {
        let object = value.as_object().filter(|object| object.len() == 1)?;
        let (intrinsic, argument) = object.iter().next()?;
        match intrinsic.as_str() {
            "Ref" => Some(Reference::Id(Key::new(argument.as_str()?))),
            "Fn::GetAtt" => {
                Some(Reference::Attribute(Key::new(argument[0].as_str()?), argument[1].as_str()?.to_owned()))
            }
            _ => None,
        }
    }

    /// The resource referred to.
    pub fn key(&self) -> &Key {
        match self {
            Reference::Id(key) | Reference::Attribute(key, _) => key,
        }
    }

    /// The resource referred to.
    pub fn into_key(self) -> Key {
        match self {
            Reference::Id(key) | Reference::Attribute(key, _) => key,
        }
    }
}

/// Every reference in a value.
pub fn references_of(value: &Value) -> Vec<Reference> {
    // The lookup answers everything, so that the walk sees every reference and cannot fail.
    let seen = RefCell::new(Vec::new());
    let _ = resolve(value, &|reference| {
        seen.borrow_mut().push(reference.clone());
        Some(String::new())
    });
    seen.into_inner()
}

/// Replaces every reference by what `lookup` says it stands for. The first reference that `lookup` does
/// not know is the error.
pub fn resolve(value: &Value, lookup: &impl Fn(&Reference) -> Option<String>) -> Result<Value, Reference> {
    if let Some(reference) = Reference::read(value) {
        return lookup(&reference).map(Value::String).ok_or(reference);
    }
    match value {
        Value::Array(items) => {
            items.iter().map(|item| resolve(item, lookup)).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| Ok((name.clone(), resolve(member, lookup)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(|members| read_joined(&members).unwrap_or(Value::Object(members))),
        other => Ok(other.clone()),
    }
}

/// A property that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// The property's name.
    pub property: String,
    /// What it should be.
    pub wanted: Value,
    /// What it is.
    pub seen: Value,
}

/// What differs among the properties that both sides know. What a look did not show is not judged.
pub fn diff(wanted: &Properties, seen: &Properties) -> Vec<Change> {
    wanted
        .iter()
        .filter_map(|(property, wanted)| {
            let seen = seen.get(property)?;
            (wanted != seen).then(|| Change { property: property.clone(), wanted: wanted.clone(), seen: seen.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(value: Value) -> Properties {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn references_are_replaced_at_any_depth() {
        let vpc = Key::new("network/vpc");
        let role = Key::new("identity/execution-role");
        let value = json!({"VpcId": reference(&vpc), "Roles": [attribute(&role, "Arn")], "Ref": "not alone"});
        let resolved = resolve(&value, &|reference| match reference {
            Reference::Id(key) => Some(format!("id of {key}")),
            Reference::Attribute(key, name) => Some(format!("{name} of {key}")),
        });
        assert_eq!(
            resolved,
            Ok(json!({"VpcId": "id of network/vpc", "Roles": ["Arn of identity/execution-role"], "Ref": "not alone"}))
        );
    }

    #[test]
    fn what_is_joined_is_one_text_when_its_references_are_known() {
        let key = Key::new("identity/secret");
        let value = joined([reference(&key), json!(":::version")]);
        assert_eq!(resolve(&value, &|_| Some("arn".into())), Ok(json!("arn:::version")));
        assert_eq!(references_of(&value), [Reference::Id(key)]);
    }

    #[test]
    fn the_first_unknown_reference_is_named() {
        let value = json!([reference(&Key::new("network/vpc"))]);
        assert_eq!(resolve(&value, &|_| None), Err(Reference::Id(Key::new("network/vpc"))));
    }

    #[test]
    fn only_properties_that_both_sides_know_are_compared() {
        let wanted = properties(json!({"A": 1, "B": 2, "C": 3}));
        let seen = properties(json!({"A": 1, "B": 5, "D": 9}));
        assert_eq!(diff(&wanted, &seen), [Change { property: "B".into(), wanted: json!(2), seen: json!(5) }]);
    }
}
