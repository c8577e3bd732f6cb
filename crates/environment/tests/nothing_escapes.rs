//! No value of a caller becomes part of a name, an ARN, a tag or a policy in another way than it should: over
//! thousands of accepted requests, hostile ones among them, everything in the catalogue has the form that AWS asks
//! for, and policies name what the environment's own name and pool make of them, whatever else was asked for.

#![expect(clippy::expect_used, reason = "a test")]

use environment::{
    Entry, EnvironmentId, Key, Place, Spec, Subject, catalogue,
    request::{Defaults, parse},
    spec::Credential,
    tags,
};
use proptest::prelude::*;
use request_bodies::{ACCOUNT, POLICIES, REGION, near, valid};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn place() -> Place {
    Place {
        partition: "aws".into(),
        account: ACCOUNT.into(),
        region: REGION.into(),
        stack: "stack".into(),
        role_path: "/prefect-environments/stack/".into(),
        permissions_boundary: Some(format!("arn:aws:iam::{ACCOUNT}:policy/boundary")),
        worker_image: "prefecthq/prefect-aws:0.7-python3.12".into(),
        prefect_cloud_url: environment::place::PREFECT_CLOUD_URL.to_owned(),
    }
}

/// The spec of an accepted request.
fn accepted(body: &Value) -> Option<Spec> {
    let policies = POLICIES.map(String::from);
    let defaults = Defaults {
        partition: "aws",
        account: ACCOUNT,
        region: REGION,
        worker_image: "prefecthq/prefect-aws:0.7-python3.12",
        worker_images: &[],
        flow_policy_arns: &policies,
        caller_team: None,
        allow_local_api_url: false,
    };
    parse(body, &defaults).ok().map(|request| request.spec)
}

fn entries(spec: &Spec) -> Vec<Entry> {
    let zones = ["z1", "z2", "z3"].map(String::from);
    catalogue(&Subject { id: EnvironmentId::new(1, 1), spec, zones: &zones, place: &place() })
}

/// The environment of the same name, team, pool and keys for which nothing else was asked.
fn plain(spec: &Spec) -> Spec {
    let body = json!({
        "name": spec.name, "team": spec.team,
        "prefect": {
            "account_id": "00000000-0000-0000-0000-000000000001",
            "workspace_id": "00000000-0000-0000-0000-000000000002",
            "api_key": "x",
            "worker_api_key": spec.prefect.worker_key.as_ref().map(|_| "y"),
            "work_pool": spec.prefect.work_pool
        }
    });
    accepted(&body).expect("the plain request is accepted")
}

/// AWS's rule for every property that names something: the longest, and the signs beside letters and digits.
const NAMES: &[(&str, &str, usize, &str)] = &[
    ("AWS::IAM::Role", "RoleName", 64, "-"),
    ("AWS::IAM::Role", "Path", 512, "/-"),
    ("AWS::SecretsManager::Secret", "Name", 512, "/-"),
    ("AWS::ECS::Cluster", "ClusterName", 255, "-"),
    ("AWS::ServiceDiscovery::PrivateDnsNamespace", "Name", 253, ".-"),
    ("AWS::Logs::LogGroup", "LogGroupName", 512, "/-"),
    ("AWS::EC2::SecurityGroup", "GroupName", 255, "-"),
    ("AWS::SQS::Queue", "QueueName", 80, "-"),
    ("AWS::Events::Rule", "Name", 64, "-"),
    ("AWS::ECS::TaskDefinition", "Family", 255, "-"),
    ("AWS::ECS::Service", "ServiceName", 255, "_-"),
    ("AWS::ApplicationAutoScaling::ScalingPolicy", "PolicyName", 256, "-"),
];

fn is_made_of(text: &str, longest: usize, signs: &str) -> bool {
    let fits = (1..=longest).contains(&text.len());
    fits && text.chars().all(|letter| letter.is_ascii_alphanumeric() || signs.contains(letter))
}

fn names_have_their_form(entries: &[Entry]) {
    for (kind, property, longest, signs) in NAMES {
        let named: Vec<&Entry> = entries.iter().filter(|entry| entry.kind.type_name() == *kind).collect();
        let may_be_left_out = ["AWS::SecretsManager::Secret", "AWS::ApplicationAutoScaling::ScalingPolicy"];
        assert!(!named.is_empty() || may_be_left_out.contains(kind), "no {kind}");
        for entry in named {
            let name = entry.wanted[*property].as_str().expect("a name");
            assert!(is_made_of(name, *longest, signs), "{}: {property} is {name:?}", entry.key);
        }
    }
}

fn tags_have_their_form(entries: &[Entry], spec: &Spec) {
    let of_a_tag = |text: &str| text.chars().all(|it| it.is_alphanumeric() || " _.:/=+-@".contains(it));
    for entry in entries.iter().filter(|entry| entry.kind.is_tagged()) {
        let list = entry.wanted["Tags"].as_array().expect("tags");
        let tags: BTreeMap<&str, &str> = list
            .iter()
            .map(|tag| (tag["Key"].as_str().expect("a key"), tag["Value"].as_str().expect("a value")))
            .collect();
        assert!(tags.len() == list.len() && tags.len() <= 50, "{}: {tags:?}", entry.key);
        for (key, value) in &tags {
            assert!((1..=128).contains(&key.chars().count()) && of_a_tag(key), "{key:?}");
            assert!(value.chars().count() <= 256 && of_a_tag(value), "{value:?}");
            assert!(!key.to_lowercase().starts_with("aws:") && !value.to_lowercase().starts_with("aws:"));
        }
        let id = EnvironmentId::new(1, 1).to_string();
        let ours =
            [(tags::ID, &*id), (tags::RESOURCE, entry.key.as_str()), (tags::STACK, "stack"), (tags::TEAM, &*spec.team)];
        for (key, value) in ours {
            assert_eq!(tags[key], value, "{}", entry.key);
        }
        let reserved = tags.keys().filter(|key| key.to_lowercase().starts_with(tags::RESERVED_PREFIX)).count();
        assert_eq!(reserved, ours.len(), "{}", entry.key);
    }
}

/// Every policy document of the roles without its resources, and the resources.
fn policies(entries: &[Entry]) -> (Vec<Value>, BTreeSet<String>) {
    let (mut documents, mut resources) = (Vec::new(), BTreeSet::new());
    for role in entries.iter().filter(|entry| entry.kind == environment::Kind::Role) {
        documents.push(role.wanted["AssumeRolePolicyDocument"].clone());
        for policy in role.wanted["Policies"].as_array().expect("policies") {
            let mut policy = policy.clone();
            for statement in policy["PolicyDocument"]["Statement"].as_array_mut().expect("statements") {
                match statement["Resource"].take() {
                    Value::Array(several) => resources.extend(several.iter().map(Value::to_string)),
                    one => {
                        resources.insert(one.to_string());
                    }
                }
            }
            documents.push(policy);
        }
    }
    (documents, resources)
}

/// The secrets that the request names: the only texts of a caller that policies repeat.
fn secrets_of(spec: &Spec) -> BTreeSet<String> {
    let shared = match &spec.prefect.credential {
        Credential::SharedApiKey { secret_arn } => Some(secret_arn),
        _ => None,
    };
    shared.into_iter().chain(spec.worker.secrets.values()).map(|arn| json!(arn).to_string()).collect()
}

fn policies_name_nothing_else(entries: &[Entry], spec: &Spec) {
    let (documents, resources) = policies(entries);
    let (plain_documents, plain_resources) = policies(&self::entries(&plain(spec)));
    let named = secrets_of(spec);
    for arn in &named {
        let text = arn.trim_matches('"');
        let name =
            text.strip_prefix(&format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:")).expect("a secret here");
        assert!(is_made_of(name, 2048, "/_+=.@!-"), "{arn}");
    }
    for resource in &resources {
        assert!(plain_resources.contains(resource) || named.contains(resource), "{resource}");
    }
    // A server without a credential has less, nothing has more.
    for document in &documents {
        assert!(is_within(document, &plain_documents), "{document}");
    }
    for role in entries.iter().filter(|entry| entry.kind == environment::Kind::Role) {
        for arn in role.wanted["ManagedPolicyArns"].as_array().expect("policies") {
            let arn = arn.as_str().expect("an ARN");
            assert!(POLICIES.contains(&arn) || arn.ends_with(":policy/service-role/AmazonECSTaskExecutionRolePolicy"));
        }
    }
}

/// Whether one of the others is the same document, or the same with more statements.
fn is_within(document: &Value, others: &[Value]) -> bool {
    let statements = |document: &Value| document["PolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default();
    others.iter().any(|other| {
        other == document
            || other["PolicyName"] == document["PolicyName"]
                && !document["PolicyName"].is_null()
                && statements(document).iter().all(|statement| statements(other).contains(statement))
    })
}

/// References are ours alone: a caller's text that looks like one stays a text.
fn references_lead_to_resources(entries: &[Entry]) {
    let keys: BTreeSet<&Key> = entries.iter().map(|entry| &entry.key).collect();
    for entry in entries {
        assert!(entry.after.iter().all(|key| keys.contains(key)), "{} comes after {:?}", entry.key, entry.after);
    }
}

/// Image, command and variables reach the container as they are, each as one text of a list: no shell reads them.
fn nothing_is_read_by_a_shell(entries: &[Entry], spec: &Spec) {
    let definition = entries.iter().find(|entry| entry.kind == environment::Kind::TaskDefinition).expect("a task");
    let container = &definition.wanted["ContainerDefinitions"][0];
    assert_eq!(container["Image"], json!(spec.worker.image));
    assert_eq!(container["Command"], json!(spec.worker.command));
    assert_eq!(container.get("EntryPoint"), None);
    assert!(container.get("HealthCheck").is_none_or(|check| check["Command"][0] == "CMD"), "{container}");
    let variables = container["Environment"].as_array().expect("variables");
    for (name, value) in &spec.worker.environment {
        let given: Vec<&Value> = variables.iter().filter(|variable| variable["Name"] == json!(name)).collect();
        assert_eq!(given, [&json!({"Name": name, "Value": value})]);
    }
}

fn holds(spec: &Spec) {
    let entries = entries(spec);
    names_have_their_form(&entries);
    tags_have_their_form(&entries, spec);
    policies_name_nothing_else(&entries, spec);
    references_lead_to_resources(&entries);
    nothing_is_read_by_a_shell(&entries, spec);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_breaks_no_rule_is_accepted_and_stays_where_it_belongs(body in valid()) {
        let spec = accepted(&body);
        prop_assert!(spec.is_some(), "refused: {}", body);
        spec.iter().for_each(holds);
    }

    #[test]
    fn what_is_accepted_although_it_is_strange_stays_where_it_belongs(bytes in near()) {
        let body: Option<Value> = serde_json::from_slice(&bytes).ok();
        body.as_ref().and_then(accepted).iter().for_each(holds);
    }
}
