//! Policies, and the verdict over a request: an explicit deny, else an allow, else a no.

use crate::{condition::Condition, pattern};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// The condition keys of a request in lower case, each with its values.
pub(crate) type Context = BTreeMap<String, Vec<String>>;

/// What AWS asks its policies: may this action touch this resource? A call is one or more of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Request {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) context: Context,
}

impl Request {
    pub(crate) fn of(action: &str, resource: impl Into<String>) -> Request {
        Request { action: action.to_owned(), resource: resource.into(), context: Context::new() }
    }

    /// The same with a condition key.
    pub(crate) fn with(mut self, key: &str, value: impl Into<String>) -> Request {
        self.context.insert(key.to_ascii_lowercase(), vec![value.into()]);
        self
    }

    /// The same without the keys that begin so.
    pub(crate) fn without(mut self, prefix: &str) -> Request {
        self.context.retain(|key, _| !key.starts_with(&prefix.to_ascii_lowercase()));
        self
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.context.contains_key(&key.to_ascii_lowercase())
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} {:?}", self.action, self.resource, self.context)
    }
}

/// A statement.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sid: String,
    pub(crate) denies: bool,
    pub(crate) actions: Vec<String>,
    pub(crate) resources: Vec<String>,
    conditions: Vec<Condition>,
}

impl Statement {
    fn read(statement: &Value) -> Result<Statement, String> {
        let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
        let members = statement.as_object().ok_or("a statement is an object")?;
        if let Some(other) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("{other} is not known to this evaluator"));
        }
        let denies = match statement["Effect"].as_str() {
            Some("Allow") => false,
            Some("Deny") => true,
            other => return Err(format!("{other:?} is no effect")),
        };
        let mut conditions = Vec::new();
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in keys.as_object().ok_or("an operator has keys")? {
                conditions.push(Condition::read(operator, key, texts(values))?);
            }
        }
        let sid = statement["Sid"].as_str().unwrap_or_default().to_owned();
        let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
        if actions.is_empty() || resources.is_empty() {
            return Err(format!("{sid} names no action or no resource"));
        }
        Ok(Statement { sid, denies, actions, resources, conditions })
    }

    pub(crate) fn names(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|pattern| pattern::matches(&pattern.to_ascii_lowercase(), &action))
    }

    pub(crate) fn applies(&self, request: &Request) -> bool {
        self.names(&request.action)
            && self.resources.iter().any(|pattern| pattern::arn_matches(pattern, &request.resource))
            && self.conditions.iter().all(|condition| condition.holds(&request.context))
    }
}

/// All policies of one role.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policies {
    pub(crate) statements: Vec<Statement>,
}

impl Policies {
    /// Adds a policy document.
    pub(crate) fn add(&mut self, document: &Value) -> Result<(), String> {
        let statements = document["Statement"].as_array().ok_or("a policy has a list of statements")?;
        for statement in statements {
            self.statements.push(Statement::read(statement)?);
        }
        Ok(())
    }

    /// The statement that allows the request, if it is allowed.
    pub(crate) fn allows(&self, request: &Request) -> Option<&Statement> {
        let mut applying = self.statements.iter().filter(|statement| statement.applies(request));
        let allowing = applying.clone().find(|statement| !statement.denies);
        if applying.any(|statement| statement.denies) { None } else { allowing }
    }
}

/// One text or several.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Bool(flag) => vec![flag.to_string()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policies(statements: Value) -> Policies {
        let mut policies = Policies::default();
        policies.add(&json!({"Statement": statements})).expect("a policy");
        policies
    }

    #[test]
    fn a_deny_outweighs_every_allow() {
        let policies = policies(json!([
            {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/secret"},
        ]));
        assert!(policies.allows(&Request::of("s3:getobject", "arn:aws:s3:::b/x")).is_some());
        assert!(policies.allows(&Request::of("s3:GetObject", "arn:aws:s3:::b/secret")).is_none());
        assert!(policies.allows(&Request::of("s3:PutObject", "arn:aws:s3:::b/x")).is_none());
    }

    #[test]
    fn every_condition_must_hold() {
        let condition = json!({"StringEquals": {"aws:RequestTag/a": "1", "aws:RequestTag/b": ["2", "3"]}});
        let policies = policies(json!([{"Effect": "Allow", "Action": "x:Y", "Resource": "*", "Condition": condition}]));
        let request = Request::of("x:Y", "*").with("aws:RequestTag/a", "1");
        assert!(policies.allows(&request).is_none());
        assert!(policies.allows(&request.with("aws:requesttag/B", "3")).is_some());
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for statement in [
            json!({"Effect": "Allow", "NotAction": "x:Y", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "x:Y", "NotResource": "*"}),
            json!({"Effect": "Allow", "Action": "x:Y", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "::"}}}),
        ] {
            assert!(Policies::default().add(&json!({"Statement": [statement]})).is_err());
        }
    }
}
