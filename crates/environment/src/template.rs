//! The export: an environment as a CloudFormation template, for those who want to take it over.
//!
//! Made from the catalogue's wanted properties, which have CloudFormation's names and shapes already: keys become logical
//! ids, and references theirs. The tags by which this service knows its own are left out, so that what is deployed
//! from the template is nobody's but its owner's: the survey would take it for a stray. What is Prefect's own is no
//! resource of CloudFormation; the template's metadata says so.

use crate::{
    catalogue::{Entry, keys, worker::AT_LEAST},
    key::Key,
    kind::Kind,
    properties::{Properties, Reference, references_of},
    spec::Spec,
    tags,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The parameter that brings the credential for Prefect.
pub const CREDENTIAL: &str = "PrefectCredential";
/// The parameter that brings the worker's own key.
const WORKER_KEY: &str = "PrefectWorkerApiKey";

/// What the logical ids of queues' policies end with.
const POLICY_SUFFIX: &str = "Policy";

/// The environment of this spec and these resources as a template.
pub fn template(spec: &Spec, entries: &[Entry]) -> Value {
    let (of_aws, others): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|entry| is_of_aws(entry.kind));
    let resources: Map<String, Value> = of_aws.iter().flat_map(|entry| resources(entry, entries)).collect();
    let mut template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("Prefect worker environment {}: network, roles, secret, ECS cluster and worker", spec.name),
        "Metadata": {"PrefectEnvironment": {
            "Name": spec.name,
            "Team": spec.team,
            "LeftOut": left_out(spec, &others),
        }},
        "Resources": resources,
    });
    for secret in of_aws.iter().filter(|entry| entry.kind == Kind::Secret) {
        let (parameter, what_it_brings) = parameter(secret);
        template["Parameters"][parameter] = json!({
            "Type": "String",
            "NoEcho": true,
            "MinLength": 1,
            "Description": format!("{what_it_brings} No export has it: only its owner does."),
        });
    }
    template
}

/// The parameter that brings what a secret holds, and what that is.
fn parameter(secret: &Entry) -> (&'static str, &'static str) {
    if secret.key == keys::worker_secret() {
        (WORKER_KEY, "The API key of the worker and the flow runs.")
    } else {
        (CREDENTIAL, "The credential for Prefect.")
    }
}

/// What CloudFormation cannot make, and where it is instead.
fn left_out(spec: &Spec, others: &[&Entry]) -> Value {
    let pool = format!(
        "The work pool {} is Prefect's: point its base job template at these resources",
        spec.prefect.work_pool
    );
    let others = others.iter().map(|entry| format!("{} ({})", entry.key, entry.kind));
    std::iter::once(pool).chain(others).collect()
}

fn is_of_aws(kind: Kind) -> bool {
    kind.type_name().starts_with("AWS::")
}

/// `network/public-subnet-1` is `NetworkPublicSubnet1`.
pub fn logical_id(key: &Key) -> String {
    let words = key.as_str().split(|it: char| !it.is_ascii_alphanumeric());
    let capitalised = words.filter_map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    capitalised.collect()
}

/// The entry's resource by its logical id, and a queue's policy, which is a resource of its own there.
fn resources(entry: &Entry, entries: &[Entry]) -> Vec<(String, Value)> {
    let id = logical_id(&entry.key);
    let mut resource = resource(entry, entries);
    if entry.kind != Kind::Queue {
        return vec![(id, resource)];
    }
    let policy = resource["Properties"].as_object_mut().and_then(|properties| properties.remove("PolicyDocument"));
    let policy = policy.map(|document| {
        let policy = json!({
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"PolicyDocument": document, "Queues": [{"Ref": id}]},
            "DeletionPolicy": resource["DeletionPolicy"],
            "UpdateReplacePolicy": resource["UpdateReplacePolicy"],
        });
        (format!("{id}{POLICY_SUFFIX}"), policy)
    });
    std::iter::once((id, resource)).chain(policy).collect()
}

fn resource(entry: &Entry, entries: &[Entry]) -> Value {
    let mut properties: Properties =
        entry.wanted.iter().map(|(name, value)| (name.clone(), with_logical_ids(value))).collect();
    if let Some(Value::Array(tags)) = properties.get_mut("Tags") {
        tags.retain(|tag| !tag["Key"].as_str().unwrap_or_default().starts_with(tags::RESERVED_PREFIX));
    }
    // CloudFormation does not tag it, unlike its own API.
    if entry.kind == Kind::ScalableTarget {
        properties.remove("Tags");
    }
    // Where AWS sets the number, a stack says how many there are at first.
    if let Some(least) = properties.get("DesiredCount").and_then(|count| count.get(AT_LEAST)).cloned() {
        properties.insert("DesiredCount".to_owned(), least);
    }
    // Chosen when the network is first made: until then CloudFormation may choose.
    properties.retain(|_, value| !value.is_null());
    if entry.kind == Kind::Secret {
        properties.insert("SecretString".to_owned(), json!({"Ref": parameter(entry).0}));
    }
    let mut resource = json!({"Type": entry.kind, "Properties": properties});
    // What it refers to it waits for anyway.
    let referred: BTreeSet<Key> = entry.wanted.values().flat_map(references_of).map(Reference::into_key).collect();
    let is_in_template = |key: &&Key| entries.iter().any(|other| other.key == **key && is_of_aws(other.kind));
    let mut waits_for: BTreeSet<String> =
        entry.after.difference(&referred).filter(is_in_template).map(logical_id).collect();
    if entry.kind == Kind::Service {
        // A task without a way out finds neither its image nor Prefect. Here the steps see to that.
        let ways = entries.iter().filter(|it| matches!(it.kind, Kind::Route | Kind::SubnetRouteTableAssociation));
        waits_for.extend(ways.map(|way| logical_id(&way.key)));
    }
    if !waits_for.is_empty() {
        resource["DependsOn"] = json!(waits_for);
    }
    // What the team has written outlives the stack. A policy on everything lets a stack import what exists.
    let policy = match entry.kind {
        Kind::LogGroup | Kind::Secret => "Retain",
        _ => "Delete",
    };
    resource["DeletionPolicy"] = json!(policy);
    resource["UpdateReplacePolicy"] = json!(policy);
    resource
}

/// The value with logical ids in the place of keys.
fn with_logical_ids(value: &Value) -> Value {
    match Reference::read(value) {
        Some(Reference::Id(key)) => return json!({"Ref": logical_id(&key)}),
        Some(Reference::Attribute(key, name)) => return json!({"Fn::GetAtt": [logical_id(&key), name]}),
        None => {}
    }
    match value {
        Value::Array(items) => items.iter().map(with_logical_ids).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, member)| (name.clone(), with_logical_ids(member))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::tests::{entries, scaled, spec},
        spec::{Credential, Nat, WorkerKey},
    };

    /// The example in the documentation, which `make lint` checks. To renew it, run this test with RENEW=1.
    #[test]
    fn the_example_is_what_is_exported() {
        let examples =
            [("nat-single", spec(Nat::Single)), ("nat-none", spec(Nat::None)), ("autoscaling", scaled(Nat::None))];
        for (name, spec) in examples {
            let exported = format!("{:#}\n", template(&spec, &entries(&spec)));
            let file = format!("{}/../../docs/examples/template-{name}.json", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("RENEW").is_some() {
                std::fs::write(&file, &exported).expect("the example can be written");
            }
            let example = std::fs::read_to_string(&file).expect("the example");
            assert!(example == exported, "{file} is not what is exported: run this test with RENEW=1");
        }
    }

    #[test]
    fn everything_is_in_it_and_every_reference_leads_to_something() {
        for nat in [Nat::Single, Nat::PerAz, Nat::None] {
            let mut spec = scaled(nat);
            spec.prefect.worker_key = Some(WorkerKey::default());
            let entries = entries(&spec);
            let template = template(&spec, &entries);
            let resources = template["Resources"].as_object().expect("resources");
            let of_aws = entries.iter().filter(|entry| is_of_aws(entry.kind)).count();
            // The policy of the events queue.
            assert_eq!(resources.len(), of_aws + 1, "no two keys have one logical id");
            for (id, resource) in resources {
                assert!(id.chars().all(|letter| letter.is_ascii_alphanumeric()), "{id}");
                for reference in references_of(&resource["Properties"]) {
                    let to = reference.key().as_str();
                    let is_there = resources.contains_key(to) || template["Parameters"].get(to).is_some();
                    assert!(is_there, "{id} refers to {to}");
                }
                for to in resource["DependsOn"].as_array().into_iter().flatten() {
                    assert!(resources.contains_key(to.as_str().expect("a logical id")), "{id} waits for {to}");
                }
            }
        }
    }

    #[test]
    fn nothing_that_is_deployed_from_it_looks_like_this_services_own() {
        let mut spec = spec(Nat::Single);
        spec.tags.insert("cost-centre".into(), "7".into());
        let template = template(&spec, &entries(&spec)).to_string();
        assert!(!template.contains(tags::RESERVED_PREFIX) && template.contains("cost-centre"));
    }

    #[test]
    fn the_credential_is_a_parameter_that_is_never_echoed() {
        let mut spec = spec(Nat::Single);
        let of = |spec: &Spec| template(spec, &entries(spec));
        assert_eq!(of(&spec)["Parameters"][CREDENTIAL]["NoEcho"], true);
        assert_eq!(of(&spec)["Resources"]["IdentitySecret"]["Properties"]["SecretString"], json!({"Ref": CREDENTIAL}));
        spec.prefect.worker_key = Some(WorkerKey::default());
        assert_eq!(of(&spec)["Parameters"].as_object().map(Map::len), Some(2));
        let own = &of(&spec)["Resources"]["IdentityWorkerSecret"]["Properties"]["SecretString"];
        assert_eq!(*own, json!({"Ref": WORKER_KEY}));
        spec.prefect.worker_key = None;
        spec.prefect.credential = Credential::SharedApiKey { secret_arn: "arn:of:theirs".into() };
        assert!(of(&spec).get("Parameters").is_none(), "a secret of the team's own stays where it is");
    }

    #[test]
    fn the_events_queues_policy_is_a_resource_of_its_own() {
        let spec = spec(Nat::Single);
        let template = template(&spec, &entries(&spec));
        let resources = &template["Resources"];
        assert!(resources["WorkerEventsQueue"]["Properties"].get("PolicyDocument").is_none());
        let policy = &resources["WorkerEventsQueuePolicy"];
        assert_eq!(policy["Type"], "AWS::SQS::QueuePolicy");
        assert_eq!(policy["Properties"]["Queues"], json!([{"Ref": "WorkerEventsQueue"}]));
        assert_eq!(policy["Properties"]["PolicyDocument"]["Statement"][0]["Action"], "sqs:SendMessage");
    }

    #[test]
    fn what_is_merely_waited_for_is_named() {
        let spec = spec(Nat::Single);
        let template = template(&spec, &entries(&spec));
        assert_eq!(
            template["Resources"]["NetworkNatGateway"]["DependsOn"],
            json!(["NetworkInternetGatewayAttachment"])
        );
        let service = template["Resources"]["WorkerService"]["DependsOn"].to_string();
        assert!(service.contains("NetworkPrivateRoute") && service.contains("NetworkPrivateAssociation3"), "{service}");
    }
}
