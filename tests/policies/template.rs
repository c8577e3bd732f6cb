//! The policies of each role, out of the processed template.

use crate::policy::Policies;
use serde_json::Value;
use std::{collections::BTreeMap, env, fs};

/// The six functions.
pub(crate) const FUNCTIONS: [&str; 6] = ["api", "operation", "network", "identity", "cluster", "worker"];

/// The template processed for one set of parameters.
#[derive(Clone, Debug)]
pub(crate) struct Template(pub(crate) Value);

impl Template {
    /// A variant that bootstrap/processed_template.py has written.
    pub(crate) fn processed(variant: &str) -> Template {
        let file = env::var("PROCESSED_TEMPLATE").expect("`make test` sets PROCESSED_TEMPLATE");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let variants: Value = serde_json::from_str(&text).expect("the processed template is JSON");
        assert!(variants[variant].is_object(), "there is no variant {variant}");
        Template(variants[variant].clone())
    }

    /// Every resource of a type.
    fn of_type(&self, kind: &str) -> impl Iterator<Item = (&String, &Value)> {
        let resources = self.0["Resources"].as_object().expect("a template has resources");
        resources.iter().filter(move |(_, resource)| resource["Type"] == kind)
    }

    /// The policies of every role, by the role's logical name.
    pub(crate) fn roles(&self) -> BTreeMap<String, Policies> {
        self.of_type("AWS::IAM::Role")
            .map(|(name, role)| {
                let mut policies = Policies::default();
                for document in self.documents(&role["Properties"]) {
                    policies.add(document).unwrap_or_else(|error| panic!("{name}: {error}"));
                }
                (name.clone(), policies)
            })
            .collect()
    }

    /// The policies of each function's role, by the function.
    pub(crate) fn functions(&self) -> BTreeMap<String, Policies> {
        let roles = self.roles();
        let functions: BTreeMap<_, _> = self
            .of_type("AWS::Lambda::Function")
            .map(|(_, function)| {
                let properties = &function["Properties"];
                // The name that its calls carry, which the journal shows.
                let app = properties["Environment"]["Variables"]["AWS_SDK_UA_APP_ID"]
                    .as_str()
                    .expect("each function says its name");
                let name = app.strip_prefix("prefect-environments-").expect("and says whose it is");
                let role = properties["Role"]
                    .as_str()
                    .and_then(|arn| arn.rsplit('/').next())
                    .expect("each function has a role");
                (name.to_owned(), roles[role].clone())
            })
            .collect();
        assert_eq!(functions.keys().len(), FUNCTIONS.len(), "each function has a role and a name of its own");
        functions
    }

    fn documents<'t>(&'t self, role: &'t Value) -> Vec<&'t Value> {
        let inline = role["Policies"].as_array().into_iter().flatten().map(|policy| &policy["PolicyDocument"]);
        let attached = role["ManagedPolicyArns"].as_array().into_iter().flatten().map(|arn| {
            let name = arn.as_str().and_then(|arn| arn.rsplit('/').next()).expect("a policy's ARN");
            let policy = &self.0["Resources"][name];
            assert!(policy.is_object(), "{arn} is not of this template: its statements are not known");
            &policy["Properties"]["PolicyDocument"]
        });
        inline.chain(attached).collect()
    }
}
