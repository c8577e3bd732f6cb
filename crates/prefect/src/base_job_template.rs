//! The base job template of an `ecs` work pool: how a flow run becomes an ECS task.
//!
//! A worker reads each variable's own `default` and nothing deeper, so that is all that is ever set. What a pool of
//! ours has is the template of a pinned prefect-aws, frozen in this crate, with the environment's defaults in it.
//!
//! Somebody else's pool is lent defaults instead: only variables that have none get one, and every loan is written
//! down beside it, in the template itself ([`LOAN`]). So the change and the way back are one write that survives
//! everything, whoever reads the template sees who set what, and nothing else of a template, which may hold secrets,
//! is kept anywhere. Taking the loans back leaves the template as it was, and leaves alone what its owner has changed.

use serde_json::{Map, Value, json};

/// The frozen template, and how it was made: `base_job_template/freeze.py`.
const FROZEN: &str = include_str!("../base_job_template/prefect-aws-0.7.12.json");
/// The member of a variable that says that its default is lent. Prefect and its workers pass over it.
const LOAN: &str = "x-prefect-environments";
/// Of these a template has one at most: a worker without the variable that the other one stands for crashes every
/// flow run.
const CREDENTIALS: [&str; 2] = ["prefect_api_key_secret_arn", "prefect_api_auth_string_secret_arn"];

/// Defaults by variable. Null stands for a variable that has none.
pub type Defaults = Map<String, Value>;

/// A base job template.
#[derive(Clone, Debug, PartialEq)]
pub struct BaseJobTemplate(Value);

impl Default for BaseJobTemplate {
    /// The template of the pinned prefect-aws.
    fn default() -> Self {
        // Part of this crate, and read by its tests: it cannot fail.
        BaseJobTemplate(serde_json::from_str(FROZEN).unwrap_or_default())
    }
}

impl From<Value> for BaseJobTemplate {
    fn from(template: Value) -> Self {
        BaseJobTemplate(template)
    }
}

impl BaseJobTemplate {
    /// The template as JSON.
    pub fn into_json(self) -> Value {
        self.0
    }

    /// Sets these defaults, whatever was there: of a pool of ours. A variable that the template lacks is added.
    pub fn set(&mut self, defaults: &Defaults) {
        for (name, value) in defaults {
            self.add(name);
            let Some(variable) = self.variable_mut(name) else { continue };
            variable.insert("default".to_owned(), value.clone());
        }
    }

    /// The defaults of these variables as they are.
    pub fn defaults(&self, of: &Defaults) -> Defaults {
        of.keys().map(|name| (name.clone(), self.default_of(name).clone())).collect()
    }

    /// Lends these defaults to somebody else's template: to every variable that has none, or has a loan of this
    /// lender's already.
    pub fn lend(&mut self, defaults: &Defaults, lender: &str) {
        for (name, value) in defaults.iter().filter(|(_, value)| !value.is_null()) {
            if !self.takes(name, lender) {
                continue;
            }
            let mut loan = self.loan(name, lender).cloned().unwrap_or_else(|| {
                let was = self.variable(name).and_then(|variable| variable.get("default"));
                let before = was.map(|was| json!({"was": was})).unwrap_or_else(|| json!({}));
                json!({"lender": lender, "before": before})
            });
            if let added @ Value::Array(_) = self.add(name) {
                loan["added"] = added;
            }
            loan["lent"] = value.clone();
            let Some(variable) = self.variable_mut(name) else { continue };
            variable.insert("default".to_owned(), value.clone());
            variable.insert(LOAN.to_owned(), loan);
        }
    }

    /// Those of these defaults that somebody else's template does not have and would take. Empty once all are lent.
    pub fn unlent(&self, defaults: &Defaults, lender: &str) -> Defaults {
        let lacks = |name: &String, value: &Value| {
            !value.is_null() && self.default_of(name) != value && self.takes(name, lender)
        };
        defaults
            .iter()
            .filter(|(name, value)| lacks(name, value))
            .map(|(name, _)| (name.clone(), Value::Null))
            .collect()
    }

    /// Whether anything in the template is this lender's.
    pub fn has_loans_of(&self, lender: &str) -> bool {
        self.borrowers(lender).next().is_some()
    }

    /// Takes every loan of this lender back. What the owner has changed since stays as the owner has it.
    pub fn take_back(&mut self, lender: &str) {
        let names: Vec<String> = self.borrowers(lender).cloned().collect();
        for name in names {
            let Some(variable) = self.variable_mut(&name) else { continue };
            let loan = variable.remove(LOAN).unwrap_or_default();
            if variable.get("default") != loan.get("lent") {
                continue;
            }
            match loan["before"].get("was") {
                Some(was) => variable.insert("default".to_owned(), was.clone()),
                None => variable.remove("default"),
            };
            let added = |what| loan["added"].as_array().is_some_and(|added| added.iter().any(|one| one == what));
            for (what, members) in [("variable", "/variables/properties"), ("job_configuration", "/job_configuration")]
            {
                if added(what)
                    && let Some(members) = self.0.pointer_mut(members).and_then(Value::as_object_mut)
                {
                    members.remove(&name);
                }
            }
        }
    }

    /// Adds a variable as the frozen template has it, and its use, where either is lacking. Answers what was added.
    fn add(&mut self, name: &str) -> Value {
        let frozen = BaseJobTemplate::default();
        let mut added = Vec::new();
        for (what, members) in [("variable", "/variables/properties"), ("job_configuration", "/job_configuration")] {
            let known = frozen.0.pointer(members).and_then(|members| members.get(name));
            let members = self.0.pointer_mut(members).and_then(Value::as_object_mut);
            if let (Some(known), Some(members)) = (known, members)
                && !members.contains_key(name)
            {
                members.insert(name.to_owned(), known.clone());
                added.push(json!(what));
            }
        }
        if added.is_empty() { Value::Null } else { Value::Array(added) }
    }

    /// Whether a variable takes a loan: it has no default, or one that this lender has lent it and nobody has changed.
    fn takes(&self, name: &str, lender: &str) -> bool {
        if let Some(loan) = self.loan(name, lender) {
            return self.default_of(name) == &loan["lent"];
        }
        let has = |name: &str| !is_empty(self.default_of(name));
        let has_another_credential = CREDENTIALS.contains(&name) && CREDENTIALS.iter().any(|name| has(name));
        // Where the frozen template has a default, too, the owner's is taken for a choice only if it is another.
        let is_untouched = self.default_of(name) == BaseJobTemplate::default().default_of(name);
        !has_another_credential && (!has(name) || is_untouched)
    }

    fn variable(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.get("variables")?.get("properties")?.get(name)?.as_object()
    }

    fn variable_mut(&mut self, name: &str) -> Option<&mut Map<String, Value>> {
        self.0.get_mut("variables")?.get_mut("properties")?.get_mut(name)?.as_object_mut()
    }

    fn default_of(&self, name: &str) -> &Value {
        self.variable(name).and_then(|variable| variable.get("default")).unwrap_or(&Value::Null)
    }

    fn loan(&self, name: &str, lender: &str) -> Option<&Value> {
        self.variable(name)?.get(LOAN).filter(|loan| loan["lender"] == lender)
    }

    fn borrowers<'a>(&'a self, lender: &'a str) -> impl Iterator<Item = &'a String> {
        let variables = self.0.pointer("/variables/properties").and_then(Value::as_object).into_iter().flatten();
        variables.map(|(name, _)| name).filter(move |name| self.loan(name, lender).is_some())
    }
}

/// Whether a default says nothing.
fn is_empty(default: &Value) -> bool {
    match default {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults(value: Value) -> Defaults {
        value.as_object().cloned().expect("an object")
    }

    fn wanted() -> Defaults {
        defaults(json!({
            "cluster": "arn:cluster",
            "network_configuration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"},
            "launch_type": "FARGATE_SPOT",
            "match_latest_revision_in_family": true,
            "prefect_api_key_secret_arn": "arn:secret",
            "prefect_api_auth_string_secret_arn": null,
        }))
    }

    #[test]
    fn a_template_of_ours_has_every_default_where_a_worker_reads_it() {
        let mut template = BaseJobTemplate::default();
        template.set(&wanted());
        let json = template.clone().into_json();
        assert_eq!(json["variables"]["properties"]["cluster"]["default"], "arn:cluster");
        let network = &json["variables"]["properties"]["network_configuration"]["default"];
        assert_eq!(network["subnets"], json!(["subnet-1"]), "the worker wraps it in awsvpcConfiguration itself");
        assert_eq!(template.defaults(&wanted()), wanted());
    }

    #[test]
    fn the_frozen_template_uses_every_variable_that_it_has() {
        let frozen = BaseJobTemplate::default().into_json();
        let uses = frozen["job_configuration"].to_string();
        let variables = frozen["variables"]["properties"].as_object().expect("variables");
        assert!(variables.len() > 20, "it is the whole template");
        for name in variables.keys() {
            assert!(uses.contains(&format!("{{{{ {name} }}}}")), "{name} is used by nothing");
        }
    }

    #[test]
    fn somebody_elses_template_is_lent_what_it_lacks_and_is_as_before_when_that_is_taken_back() {
        let mut before = BaseJobTemplate::default().into_json();
        before["variables"]["properties"]["cluster"]["default"] = json!("their-cluster");
        before["variables"]["properties"]["env"]["default"] = json!({"TOKEN": "theirs"});
        let mut template = BaseJobTemplate::from(before.clone());
        template.lend(&wanted(), "env-1");
        let seen = template.defaults(&wanted());
        assert_eq!(seen["cluster"], "their-cluster", "what they have stays");
        assert_eq!(seen["launch_type"], "FARGATE_SPOT", "what prefect-aws sets by itself is nobody's choice");
        assert_eq!(seen["prefect_api_key_secret_arn"], "arn:secret");
        assert!(template.unlent(&wanted(), "env-1").is_empty(), "nothing is left to be lent");
        assert!(template.has_loans_of("env-1") && !template.has_loans_of("env-2"));
        template.take_back("env-2");
        assert!(template.has_loans_of("env-1"), "a loan is its lender's");
        template.take_back("env-1");
        assert_eq!(template.into_json(), before);
    }

    #[test]
    fn an_old_template_is_lent_the_variable_and_its_use() {
        let mut before = BaseJobTemplate::default().into_json();
        let name = "prefect_api_key_secret_arn";
        before["variables"]["properties"].as_object_mut().expect("variables").remove(name);
        before["job_configuration"].as_object_mut().expect("a configuration").remove(name);
        let mut template = BaseJobTemplate::from(before.clone());
        template.lend(&wanted(), "env-1");
        let json = template.clone().into_json();
        assert_eq!(json["variables"]["properties"][name]["default"], "arn:secret");
        assert_eq!(json["job_configuration"][name], "{{ prefect_api_key_secret_arn }}");
        template.take_back("env-1");
        assert_eq!(template.into_json(), before);
    }

    #[test]
    fn a_loan_follows_what_is_wanted_until_the_owner_changes_it() {
        let mut template = BaseJobTemplate::default();
        template.lend(&wanted(), "env-1");
        let mut later = wanted();
        later.insert("cluster".into(), json!("arn:other"));
        assert_eq!(template.unlent(&later, "env-1").keys().collect::<Vec<_>>(), ["cluster"]);
        template.lend(&later, "env-1");
        assert_eq!(template.defaults(&later), later);
        template.variable_mut("cluster").expect("a variable").insert("default".into(), json!("theirs"));
        assert!(template.unlent(&wanted(), "env-1").is_empty(), "it is the owner's choice now");
        template.take_back("env-1");
        assert_eq!(template.default_of("cluster"), "theirs");
        assert!(!template.has_loans_of("env-1"));
    }

    #[test]
    fn two_credentials_never_stand_side_by_side() {
        let mut before = BaseJobTemplate::default();
        before.set(&defaults(json!({"prefect_api_auth_string_secret_arn": "arn:theirs"})));
        let mut template = before.clone();
        template.lend(&defaults(json!({"prefect_api_key_secret_arn": "arn:ours"})), "env-1");
        assert_eq!(template, before);
    }
}
