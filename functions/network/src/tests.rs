//! The network over an EC2 that says what a test wants it to say.

mod dependents;
mod ec2;
mod quotas;

use crate::Clients;
use ec2::Ec2;
use engine::{Action, Preflight, SdkConfig, Site};
use environment::{
    Entry, EnvironmentId, OperationId, Place, Spec, Subject, catalogue,
    request::{Defaults, parse},
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The environment of every test.
fn environment() -> EnvironmentId {
    EnvironmentId::new(1, 1)
}

fn place() -> Place {
    Place {
        partition: "aws".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        stack: "prefect-environments".into(),
        role_path: "/".into(),
        permissions_boundary: None,
        worker_image: "prefect".into(),
        prefect_cloud_url: environment::place::PREFECT_CLOUD_URL.to_owned(),
    }
}

fn spec(nat: &str) -> Spec {
    let body = json!({
        "name": "prefect", "team": "data", "network": {"nat": nat},
        "prefect": {
            "account_id": "00000000-0000-0000-0000-000000000001",
            "workspace_id": "00000000-0000-0000-0000-000000000002",
            "api_key": "pnu_x",
        },
    });
    let defaults = Defaults {
        partition: "aws",
        account: "123456789012",
        region: "eu-west-1",
        worker_image: "prefect",
        worker_images: &[],
        flow_policy_arns: &[],
        caller_team: None,
        allow_local_api_url: false,
    };
    parse(&body, &defaults).expect("the request breaks no rule").spec
}

fn question(nat: &str) -> Preflight {
    Preflight::of(environment(), spec(nat))
}

/// A resource of the environment.
fn entry(key: &str) -> Entry {
    let (spec, place) = (spec("single"), place());
    let zones = ["euw1-az1", "euw1-az2", "euw1-az3"].map(String::from);
    let entries = catalogue(&Subject { id: environment(), spec: &spec, zones: &zones, place: &place });
    entries.into_iter().find(|entry| entry.key.as_str() == key).expect("an entry of that key")
}

/// No tags of before.
static NO_TAGS: BTreeSet<String> = BTreeSet::new();

/// No recorded attributes.
static NONE: BTreeMap<String, String> = BTreeMap::new();

/// Where a resource of the environment stands, in VPC `vpc-1`.
fn site<'a>(entry: &'a Entry, place: &'a Place, id: Option<&'a str>) -> Site<'a> {
    let mut wanted = entry.wanted.clone();
    if wanted.contains_key("VpcId") {
        wanted.insert("VpcId".into(), json!("vpc-1"));
    }
    Site {
        environment: environment(),
        operation: OperationId::new(1, 1),
        generation: 1,
        action: Action::Remove,
        place,
        entry,
        wanted,
        force: false,
        id,
        former_tags: &NO_TAGS,
        attributes: &NONE,
        intake_until: jiff::Timestamp::UNIX_EPOCH,
        now: jiff::Timestamp::UNIX_EPOCH,
    }
}

fn config(ec2: &Ec2) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            aws_credential_types::Credentials::from_keys("test", "test", None),
        ))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .http_client(ec2.clone())
        .build()
}

fn clients(ec2: &Ec2) -> Clients {
    let config = config(ec2);
    Clients { ec2: aws_sdk_ec2::Client::new(&config), once: aws_sdk_ec2::Client::new(&config) }
}
