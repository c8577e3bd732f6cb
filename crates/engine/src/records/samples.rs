//! Records for tests.

use super::{
    AskedBy, Desired, Environment, Operation, OperationKind, OperationStatus, Record, Removal, ResourceItem,
    ResourceState, SCHEMA, Status, StepItem,
};
use crate::call::Action;
use environment::{
    Entry, EnvironmentId, Key, Kind, OperationId, Place, Spec, Step,
    request::{Defaults, parse},
};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) fn spec(desired_count: u32) -> Spec {
    let id = "00000000-0000-4000-8000-000000000000";
    let body = json!({
        "name": "prefect",
        "team": "data",
        "prefect": {"account_id": id, "workspace_id": id, "api_key": "pnu_0123456789"},
        "worker": {"desired_count": desired_count},
    });
    let defaults = Defaults {
        partition: "aws",
        account: "123456789012",
        region: "eu-west-1",
        worker_image: "prefecthq/prefect-aws:0.7-python3.12",
        worker_images: &[],
        flow_policy_arns: &[],
        caller_team: None,
        allow_local_api_url: false,
    };
    parse(&body, &defaults).expect("a request without mistakes").spec
}

pub(crate) fn place() -> Place {
    Place {
        partition: "aws".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        stack: "prefect-environments".into(),
        role_path: "/".into(),
        permissions_boundary: None,
        worker_image: "prefecthq/prefect-aws:0.7-python3.12".into(),
        prefect_cloud_url: environment::place::PREFECT_CLOUD_URL.to_owned(),
    }
}

pub(crate) fn entry(kind: Kind) -> Entry {
    Entry {
        key: Key::new("network/vpc"),
        kind,
        step: Step::Network,
        after: Default::default(),
        part_of: None,
        wanted: Default::default(),
    }
}

pub(crate) fn planned(kind: Kind) -> ResourceItem {
    ResourceItem::planned(&entry(kind), NOW)
}

pub(crate) fn asked_by() -> AskedBy {
    AskedBy::principal("somebody", "arn:aws:iam::123456789012:user/s")
}

/// An environment that is being made for the first time, by its only operation.
pub(crate) fn creating() -> Environment {
    let asked_by = asked_by();
    let record = Record {
        schema: SCHEMA,
        id: EnvironmentId::new(1, 1),
        name: "prefect".into(),
        team: "data".into(),
        share: None,
        status: Status::Creating,
        desired: Desired::Present,
        operation: Some(OperationId::new(1, 1)),
        fence: 1,
        version: 1,
        generation: 1,
        spec: spec(1),
        former_tags: Default::default(),
        applied_spec: None,
        zones: Vec::new(),
        intake_until: NOW,
        created_by: asked_by.clone(),
        deleted_by: None,
        removal: Removal::default(),
        removals_in_vain: 0,
        deletion_protection: None,
        expires_at: None,
        created_at: NOW,
        updated_at: NOW,
        ended_at: None,
    };
    let mut operation = Operation::new(OperationId::new(1, 1), OperationKind::Apply, 1, asked_by, NOW);
    operation.status = OperationStatus::Running;
    let vpc = ResourceItem { state: ResourceState::Ready, id: Some("vpc-1".into()), ..planned(Kind::Vpc) };
    Environment {
        record,
        resources: BTreeMap::from([(vpc.key.clone(), vpc)]),
        steps: BTreeMap::new(),
        operations: vec![operation],
        observation: None,
    }
}

/// The same when everything is recorded as ready.
pub(crate) fn whole(place: &Place) -> Environment {
    let mut environment = creating();
    for entry in environment.catalogue(place) {
        let mut item = ResourceItem::planned(&entry, NOW);
        item.become_(ResourceState::Ready, NOW);
        item.id = Some(format!("id of {}", entry.key));
        item.arn = Some(format!("arn of {}", entry.key));
        item.attributes = BTreeMap::from([("AllocationId".to_owned(), "eipalloc-1".to_owned())]);
        environment.resources.insert(entry.key.clone(), item);
    }
    environment
}

/// The same when it was active once and its spec is applied again, or another one.
/// A step that an operation has taken for this.
pub(crate) fn taken(step: Step, operation: OperationId, action: Action) -> StepItem {
    StepItem {
        schema: SCHEMA,
        step,
        operation,
        action,
        fence: 1,
        holder: None,
        until: None,
        unclean: false,
        ensure: None,
        remove: None,
        prove: None,
        tidy: None,
    }
}

pub(crate) fn updating(to: Spec) -> Environment {
    let mut environment = creating();
    environment.record.status = Status::Updating;
    environment.record.generation = 2;
    environment.record.applied_spec = Some(spec(1));
    environment.record.spec = to;
    environment
}
