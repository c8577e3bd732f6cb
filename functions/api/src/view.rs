//! An environment as the API shows it: built from its records alone, so that a GET is one query.

use crate::{
    actions::{self, Action},
    console,
    proof::Proof,
};
use engine::records::{
    AskedBy, Environment, Evidence, Operation, OperationKind, OperationStatus, Protection, Record, ResourceItem,
    ResourceState, Status, StepReport, Summary, Turned, Verdict,
};
use environment::{Entry, EnvironmentId, Fault, Key, Kind, OperationId, Spec, Step, outputs, outputs::Ready};
use executions::Executions;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An environment, whole.
#[derive(Debug, Serialize)]
pub(crate) struct EnvironmentView<'a> {
    pub(crate) id: EnvironmentId,
    name: &'a str,
    team: &'a str,
    pub(crate) status: Status,
    /// What may be done with it now.
    actions: Vec<Action>,
    spec: &'a Spec,
    resources: Vec<ResourceView<'a>>,
    outputs: Map<String, Value>,
    operations: Vec<OperationView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_protection: Option<&'a Protection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    created_by: &'a AskedBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_by: Option<&'a AskedBy>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A resource.
#[derive(Debug, Serialize)]
struct ResourceView<'a> {
    key: &'a Key,
    r#type: Kind,
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    state: ResourceState,
    since: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a Evidence>,
}

/// An operation, the newest first.
#[derive(Debug, Serialize)]
pub(crate) struct OperationView<'a> {
    pub(crate) id: OperationId,
    environment_id: EnvironmentId,
    kind: OperationKind,
    status: OperationStatus,
    asked_by: &'a AskedBy,
    asked_at: Timestamp,
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turned: Option<&'a Turned>,
    ended_at: Option<Timestamp>,
    steps: Vec<StepView>,
    verdict: Option<&'a Verdict>,
    execution_arn: String,
    console_url: String,
}

/// What a step came to in one direction.
#[derive(Debug, Serialize)]
struct StepView {
    step: Step,
    action: engine::Action,
    outcome: engine::Outcome,
    attempts: u32,
    started_at: Timestamp,
    ended_at: Option<Timestamp>,
    waits_for: Option<Key>,
    error: Option<Fault>,
}

/// An environment in a list.
#[derive(Debug, Serialize)]
pub(crate) struct SummaryView {
    id: EnvironmentId,
    name: String,
    team: String,
    status: Status,
    tags: BTreeMap<String, String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> EnvironmentView<'a> {
    /// The environment as it is recorded now.
    pub(crate) fn of(environment: &'a Environment, executions: &Executions) -> Self {
        let Environment { record, resources, operations, .. } = environment;
        EnvironmentView {
            resources: resources.values().map(ResourceView::of).collect(),
            outputs: outputs::outputs(&record.spec, resources.values().filter_map(ready)),
            operations: operations.iter().map(|one| OperationView::of(one, environment, executions)).collect(),
            proof: Proof::of(environment),
            ..EnvironmentView::bare(record)
        }
    }

    /// The environment as it was accepted: the same for every answer to the request, whatever has happened since.
    pub(crate) fn accepted(
        record: &'a Record,
        operation: OperationId,
        entries: &'a [Entry],
        executions: &Executions,
    ) -> Self {
        let mut resources: Vec<ResourceView<'a>> = entries
            .iter()
            .map(|entry| ResourceView {
                key: &entry.key,
                r#type: entry.kind,
                id: None,
                arn: None,
                state: ResourceState::Planned,
                since: record.created_at,
                error: None,
                evidence: None,
            })
            .collect();
        resources.sort_by_key(|resource| resource.key);
        let operation = OperationView {
            id: operation,
            environment_id: record.id,
            kind: OperationKind::Apply,
            status: OperationStatus::Pending,
            asked_by: &record.created_by,
            asked_at: record.created_at,
            started_at: None,
            turned: None,
            ended_at: None,
            steps: Vec::new(),
            verdict: None,
            execution_arn: executions.arn(operation),
            console_url: console::execution(&executions.arn(operation)),
        };
        EnvironmentView {
            status: Status::Pending,
            actions: actions::at(Status::Pending, record.deletion_protection.is_some()),
            resources,
            operations: vec![operation],
            deleted_by: None,
            updated_at: record.created_at,
            ..EnvironmentView::bare(record)
        }
    }

    fn bare(record: &'a Record) -> Self {
        EnvironmentView {
            id: record.id,
            name: &record.name,
            team: &record.team,
            status: record.status,
            actions: actions::allowed(record),
            spec: &record.spec,
            resources: Vec::new(),
            outputs: Map::new(),
            operations: Vec::new(),
            proof: None,
            deletion_protection: record.deletion_protection.as_ref(),
            expires_at: record.expires_at,
            created_by: &record.created_by,
            deleted_by: record.deleted_by.as_ref(),
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }

    /// In how many seconds another look is worth while; `None` when nobody works on the environment.
    pub(crate) fn look_again_in(&self) -> Option<u32> {
        if !self.status.is_unfinished() {
            return None;
        }
        let unfinished = |resource: &&ResourceView<'_>| {
            matches!(resource.state, ResourceState::Planned | ResourceState::Settling | ResourceState::Leaving)
        };
        let longest = self.resources.iter().filter(unfinished).map(|resource| resource.r#type.usual_seconds()).max();
        Some((longest.unwrap_or(0) / 4).clamp(2, 30))
    }
}

impl<'a> ResourceView<'a> {
    fn of(item: &'a ResourceItem) -> Self {
        ResourceView {
            key: &item.key,
            r#type: item.kind,
            id: item.id.as_deref(),
            arn: item.arn.as_deref(),
            state: item.state,
            since: item.since,
            error: item.error.as_ref(),
            evidence: item.evidence.as_ref(),
        }
    }
}

fn ready(item: &ResourceItem) -> Option<Ready<'_>> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    let is_ready = item.state == ResourceState::Ready;
    let attributes = if item.attributes.is_empty() { &NONE } else { &item.attributes };
    let id = item.id.as_deref().filter(|_| is_ready)?;
    Some(Ready { key: &item.key, kind: item.kind, id, arn: item.arn.as_deref(), attributes })
}

impl<'a> OperationView<'a> {
    pub(crate) fn of(operation: &'a Operation, environment: &Environment, executions: &Executions) -> Self {
        // The steps of an operation at work are in the steps' own items; at its end they are folded into it.
        let steps = match operation.ended_at {
            Some(_) => operation.steps.clone(),
            None => environment.reports(operation.id),
        };
        OperationView {
            id: operation.id,
            environment_id: environment.record.id,
            kind: operation.kind,
            status: operation.status,
            asked_by: &operation.asked_by,
            asked_at: operation.asked_at,
            started_at: operation.started_at,
            turned: operation.turned.as_ref(),
            ended_at: operation.ended_at,
            steps: steps.into_iter().map(StepView::of).collect(),
            verdict: operation.verdict.as_ref(),
            execution_arn: executions.arn(operation.id),
            console_url: console::execution(&executions.arn(operation.id)),
        }
    }
}

impl StepView {
    fn of(report: StepReport) -> Self {
        let StepReport { step, action, outcome, attempts, started_at, ended_at, waits_for, error, .. } = report;
        StepView { step, action, outcome, attempts, started_at, ended_at, waits_for, error }
    }
}

impl From<Summary> for SummaryView {
    fn from(Summary { id, name, team, status, tags, created_at, updated_at }: Summary) -> Self {
        SummaryView { id, name, team, status, tags, created_at, updated_at }
    }
}
