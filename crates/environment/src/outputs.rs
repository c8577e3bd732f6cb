//! Outputs: what an environment's owner needs to know of it, as a pure function of its resources.
//!
//! An output is there as soon as its resource is ready, and gone when that goes. A list holds what is ready of it.

use crate::{
    catalogue::keys,
    key::Key,
    kind::Kind,
    spec::{Credential, Spec},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A resource that is ready.
#[derive(Clone, Copy, Debug)]
pub struct Ready<'a> {
    /// How the environment calls it.
    pub key: &'a Key,
    /// Its kind.
    pub kind: Kind,
    /// What CloudFormation's `Ref` answers for it.
    pub id: &'a str,
    /// Its ARN, where it is known.
    pub arn: Option<&'a str>,
    /// Further attributes, by CloudFormation's names.
    pub attributes: &'a BTreeMap<String, String>,
}

/// The outputs of an environment with this spec, of which these resources are ready.
pub fn outputs<'a>(spec: &Spec, ready: impl IntoIterator<Item = Ready<'a>>) -> Map<String, Value> {
    let ready: BTreeMap<&Key, Ready<'a>> = ready.into_iter().map(|resource| (resource.key, resource)).collect();
    let of = |key: Key| ready.get(&key);
    let id = |key: Key| of(key).map(|resource| json!(resource.id));
    // Where a resource's id is its ARN, none is recorded besides.
    let arn = |key: Key| of(key).map(|resource| json!(resource.arn.unwrap_or(resource.id)));
    let numbered = |key: fn(usize) -> Key| -> Option<Value> {
        let ids: Vec<&str> = (1..=ready.len()).filter_map(|number| of(key(number))).map(|it| it.id).collect();
        (!ids.is_empty()).then(|| json!(ids))
    };
    let addresses: Vec<&String> = ready
        .values()
        .filter(|resource| resource.kind == Kind::Eip)
        .filter_map(|resource| resource.attributes.get("PublicIp"))
        .collect();
    // A secret of the team's own is no resource of the environment; it is read all the same.
    let secret = match &spec.prefect.credential {
        Credential::SharedApiKey { secret_arn } if !ready.is_empty() => Some(json!(secret_arn)),
        _ => arn(keys::secret()),
    };
    let all = [
        ("ecs_cluster_arn", arn(keys::cluster())),
        ("vpc_id", id(keys::vpc())),
        ("public_subnet_ids", numbered(keys::public_subnet)),
        ("private_subnet_ids", numbered(keys::private_subnet)),
        ("nat_public_addresses", (!addresses.is_empty()).then(|| json!(addresses))),
        ("security_group_id", id(keys::security_group())),
        ("service_arn", arn(keys::service())),
        ("task_definition_arn", arn(keys::task_definition())),
        ("task_execution_role_arn", arn(keys::execution_role())),
        ("worker_task_role_arn", arn(keys::worker_task_role())),
        ("flow_execution_role_arn", arn(keys::flow_execution_role())),
        ("flow_task_role_arn", arn(keys::flow_task_role())),
        ("secret_arn", secret),
        ("worker_secret_arn", arn(keys::worker_secret())),
        ("worker_log_group", id(keys::worker_log_group())),
        ("flows_log_group", id(keys::flows_log_group())),
        ("namespace_id", id(keys::namespace())),
        // Prefect's own: it has no resource yet, but it is what the worker serves.
        ("work_pool", of(keys::service()).map(|_| json!(spec.prefect.work_pool))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue::tests, spec::Nat};

    fn outputs_of(spec: &Spec, is_ready: impl Fn(&Key) -> bool) -> Map<String, Value> {
        let entries = tests::entries(spec);
        let attributes = BTreeMap::from([("PublicIp".to_owned(), "192.0.2.1".to_owned())]);
        let ids: Vec<String> = entries.iter().map(|entry| format!("id of {}", entry.key)).collect();
        let ready = entries.iter().zip(&ids).filter(|(entry, _)| is_ready(&entry.key));
        outputs(
            spec,
            ready.map(|(entry, id)| Ready {
                key: &entry.key,
                kind: entry.kind,
                id,
                arn: None,
                attributes: &attributes,
            }),
        )
    }

    #[test]
    fn an_environment_that_is_whole_shows_every_output() {
        let outputs = outputs_of(&tests::spec(Nat::Single), |_| true);
        assert_eq!(outputs.len(), 17);
        assert_eq!(
            outputs["private_subnet_ids"],
            json!([1, 2, 3].map(|number| format!("id of network/private-subnet-{number}")))
        );
        assert_eq!(outputs["nat_public_addresses"], json!(["192.0.2.1"]));
    }

    #[test]
    fn what_is_not_ready_is_no_output() {
        let outputs = outputs_of(&tests::spec(Nat::Single), |key| key == &keys::vpc());
        assert_eq!(outputs.keys().collect::<Vec<_>>(), ["vpc_id"]);
        assert!(outputs_of(&tests::spec(Nat::Single), |_| false).is_empty());
    }

    #[test]
    fn a_secret_of_the_teams_own_is_shown_as_well() {
        let mut spec = tests::spec(Nat::None);
        spec.prefect.credential = Credential::SharedApiKey { secret_arn: "arn:of:theirs".into() };
        let outputs = outputs_of(&spec, |_| true);
        assert_eq!(outputs["secret_arn"], "arn:of:theirs");
        assert!(!outputs.contains_key("private_subnet_ids"));
    }
}
