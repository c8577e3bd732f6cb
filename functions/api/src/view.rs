//! An environment as the API shows it: built from its records alone, so that a GET is one query.

use crate::{
    actions::{self, Action},
    console,
    eta::EtaView,
    proof::Proof,
};
use engine::{
    observe,
    records::{
        AskedBy, Environment, Evidence, Operation, OperationKind, OperationStatus, Protection, Record, ResourceItem,
        ResourceState, Status, StepReport, Summary, Turned, Verdict,
    },
};
use environment::{Entry, EnvironmentId, Fault, Key, Kind, OperationId, Spec, Step, keys, outputs, outputs::Ready};
use executions::Executions;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An environment, whole.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Environment")]
pub(crate) struct EnvironmentView<'a> {
    /// Never used again, unlike the name.
    pub(crate) id: EnvironmentId,
    /// Unique among the environments of this service.
    name: &'a str,
    /// The team that owns it.
    team: &'a str,
    /// How it is.
    pub(crate) status: Status,
    /// What may be done with it now.
    actions: Vec<Action>,
    /// What was asked for, with every default filled in, without secrets.
    spec: &'a Spec,
    /// What it consists of.
    resources: Vec<ResourceView<'a>>,
    /// What its owner needs: the ids, ARNs and names of what is ready.
    outputs: Map<String, Value>,
    /// When the operation that has the environment will be through.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta: Option<EtaView>,
    /// What was last seen of its workers; left out before the first look and once they are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<WorkerView>,
    /// The newest first; of a long history the newest.
    operations: Vec<OperationView<'a>>,
    /// Of an environment that has ended: that nothing is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Proof>,
    /// Why it must not be deleted, while it is protected.
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_protection: Option<&'a Protection>,
    /// When it is deleted by itself, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    expires_at: Option<Timestamp>,
    /// Who asked for it.
    created_by: &'a AskedBy,
    /// Who asked for it to be gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_by: Option<&'a AskedBy>,
    /// When it was asked for.
    #[schemars(with = "String", extend("format" = "date-time"))]
    created_at: Timestamp,
    /// When its record was last written.
    #[schemars(with = "String", extend("format" = "date-time"))]
    updated_at: Timestamp,
}

/// A resource.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Resource")]
struct ResourceView<'a> {
    /// Its name within the environment.
    key: &'a Key,
    /// CloudFormation's type.
    r#type: Kind,
    /// The id that AWS gave it, or its name.
    id: Option<&'a str>,
    /// Its ARN, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    /// How it is, as far as it is recorded.
    state: ResourceState,
    /// Since when it is in this state.
    #[schemars(with = "String", extend("format" = "date-time"))]
    since: Timestamp,
    /// Why the last attempt at it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a Fault>,
    /// What showed that it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a Evidence>,
}

/// What was seen of the workers, in ECS and in Prefect.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WorkerObservation")]
pub(crate) struct WorkerView {
    /// `ONLINE`, `OFFLINE`, `PAUSED` where none are wanted, `UNKNOWN` where Prefect is not asked or does not answer.
    status: String,
    /// When Prefect has last heard of one.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    last_heartbeat_at: Option<Timestamp>,
    /// Its version of Prefect, where Prefect tells it: Prefect Cloud does.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// How many are wanted.
    desired_count: Option<u32>,
    /// How many tasks run.
    running_count: Option<u32>,
    /// How many tasks are on their way.
    pending_count: Option<u32>,
    /// How far ECS is with the latest deployment.
    rollout_state: Option<String>,
    /// Tasks of the workers that have ended by themselves, or could not start, in the last hour. Not told by what an
    /// operation has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    crashed_tasks: Option<u32>,
    /// Messages in the dead-letter queue: task events that the workers could not handle. Not told by what an operation
    /// has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letters: Option<u32>,
    /// The image of the newest task. Not told by what an operation has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// The digest of that image, where ECS knows it yet. Not told by what an operation has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_digest: Option<String>,
    /// What is wrong with them, or kept a part of this from being seen. Not told by what an operation has seen: its own
    /// steps tell that.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
    /// When this was seen.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    observed_at: Option<Timestamp>,
}

/// Something that is done with an environment, from the request to its end.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Operation")]
pub(crate) struct OperationView<'a> {
    /// The execution's name in Step Functions, too.
    pub(crate) id: OperationId,
    /// The environment that it is done with.
    environment_id: EnvironmentId,
    /// What it was started to do.
    kind: OperationKind,
    /// How it is.
    status: OperationStatus,
    /// Who asked for it, for whom and why.
    asked_by: &'a AskedBy,
    /// When it was asked for.
    #[schemars(with = "String", extend("format" = "date-time"))]
    asked_at: Timestamp,
    /// When its execution began.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    started_at: Option<Timestamp>,
    /// When it turned round, and who asked for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    turned: Option<&'a Turned>,
    /// When it ended.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    ended_at: Option<Timestamp>,
    /// What its steps have come to, in the order in which they began.
    steps: Vec<StepView>,
    /// What it came to.
    verdict: Option<&'a Verdict>,
    /// The execution in Step Functions.
    execution_arn: String,
    /// That execution in the AWS console.
    console_url: String,
}

/// What a step came to in one direction.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StepReport")]
struct StepView {
    /// The step.
    step: Step,
    /// What was to be done.
    action: engine::Action,
    /// How its last turn ended.
    outcome: engine::Outcome,
    /// How many turns it has taken.
    attempts: u32,
    /// When its first turn began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    started_at: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    ended_at: Option<Timestamp>,
    /// The resource that is waited for.
    waits_for: Option<Key>,
    /// Why it failed.
    error: Option<Fault>,
}

/// An environment in a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EnvironmentSummary")]
pub(crate) struct SummaryView {
    /// Never used again, unlike the name.
    id: EnvironmentId,
    /// Its name.
    name: String,
    /// The team that owns it.
    team: String,
    /// How it is.
    status: Status,
    /// The team's own tags.
    tags: BTreeMap<String, String>,
    /// When it was asked for.
    #[schemars(with = "String", extend("format" = "date-time"))]
    created_at: Timestamp,
    /// When its record was last written.
    #[schemars(with = "String", extend("format" = "date-time"))]
    updated_at: Timestamp,
}

impl<'a> EnvironmentView<'a> {
    /// The environment as it is recorded now.
    pub(crate) fn of(environment: &'a Environment, executions: &Executions, eta: Option<EtaView>) -> Self {
        let Environment { record, resources, operations, .. } = environment;
        EnvironmentView {
            resources: resources.values().map(ResourceView::of).collect(),
            outputs: outputs::outputs(&record.spec, resources.values().filter_map(ready)),
            worker: WorkerView::of(environment),
            operations: operations.iter().map(|one| OperationView::of(one, environment, executions)).collect(),
            eta,
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
            eta: Some(EtaView::as_accepted(record, entries)),
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
            eta: None,
            worker: None,
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
        self.eta.as_ref().map(EtaView::look_again_in)
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

impl WorkerView {
    /// What was last seen, by a turn or by the watch; nothing before the first look, and nothing of workers that are gone.
    fn of(environment: &Environment) -> Option<Self> {
        let item = environment.resources.get(&keys::online())?;
        let is_there = matches!(item.state, ResourceState::Settling | ResourceState::Ready);
        let by_a_turn = WorkerView::seen(&item.attributes, None).filter(|_| is_there)?;
        let watched = environment.observation.as_ref().map(|item| &item.seen);
        let by_the_watch = watched.and_then(|seen| WorkerView::seen(&seen.attributes, seen.error.clone()));
        Some(by_a_turn.unless_later(by_the_watch))
    }

    /// The later of two looks.
    pub(crate) fn unless_later(self, other: Option<WorkerView>) -> Self {
        other.filter(|other| other.observed_at > self.observed_at).unwrap_or(self)
    }

    /// What a look saw.
    pub(crate) fn seen(attributes: &BTreeMap<String, String>, error: Option<Fault>) -> Option<Self> {
        let noted = |name: &str| attributes.get(name).cloned();
        let count = |name: &str| attributes.get(name)?.parse().ok();
        let time = |name: &str| attributes.get(name)?.parse().ok();
        Some(WorkerView {
            status: noted(observe::STATUS)?,
            last_heartbeat_at: time("LastHeartbeat"),
            version: noted("Version"),
            desired_count: count("DesiredCount"),
            running_count: count("RunningCount"),
            pending_count: count("PendingCount"),
            rollout_state: noted("RolloutState"),
            crashed_tasks: count(observe::CRASHED_TASKS),
            dead_letters: count(observe::DEAD_LETTERS),
            image: noted("Image"),
            image_digest: noted("ImageDigest"),
            error,
            observed_at: time("ObservedAt"),
        })
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
