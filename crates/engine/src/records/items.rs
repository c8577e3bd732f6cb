//! The items of the table, as they lie there.
//!
//! An environment's partition `ENV#<id>` holds its record, resources, steps and operations. Their sort keys
//! are chosen so that one descending query answers steps, resources and record first and then the newest
//! operations: `OPERATION# < RECORD < RESOURCE# < STEP#`.

use super::Share;
use crate::call::{Action, Outcome};
use environment::{EnvironmentId, Fault, Key, Kind, OperationId, Spec, Step};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the items' shape. A function refuses what is newer than itself.
pub const SCHEMA: u32 = 1;

/// How an environment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Asked for; nothing is made yet.
    Pending,
    /// Being made.
    Creating,
    /// As its spec says.
    Active,
    /// Being changed.
    Updating,
    /// A create that failed is being undone.
    RollingBack,
    /// Being deleted.
    Deleting,
    /// Deleted, with nothing left behind.
    Deleted,
    /// A create that failed and was undone, with nothing left behind.
    Failed,
    /// A change that failed.
    UpdateFailed,
    /// Something is left; the record says what and why.
    DeleteFailed,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 10] = [
        Status::Pending,
        Status::Creating,
        Status::Active,
        Status::Updating,
        Status::RollingBack,
        Status::Deleting,
        Status::Deleted,
        Status::Failed,
        Status::UpdateFailed,
        Status::DeleteFailed,
    ];

    /// The name in records, responses and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "PENDING",
            Status::Creating => "CREATING",
            Status::Active => "ACTIVE",
            Status::Updating => "UPDATING",
            Status::RollingBack => "ROLLING_BACK",
            Status::Deleting => "DELETING",
            Status::Deleted => "DELETED",
            Status::Failed => "FAILED",
            Status::UpdateFailed => "UPDATE_FAILED",
            Status::DeleteFailed => "DELETE_FAILED",
        }
    }

    /// Whether a step may make and correct resources.
    pub fn allows_ensure(self) -> bool {
        matches!(self, Status::Creating | Status::Updating)
    }

    /// Whether a step may remove resources.
    pub fn allows_remove(self) -> bool {
        matches!(self, Status::RollingBack | Status::Deleting)
    }

    /// Whether an operation is under way or about to be.
    pub fn is_unfinished(self) -> bool {
        matches!(self, Status::Pending | Status::Creating | Status::Updating | Status::RollingBack | Status::Deleting)
    }

    /// Whether the environment has ended: nothing of it exists and its name is free.
    pub fn is_ended(self) -> bool {
        matches!(self, Status::Deleted | Status::Failed)
    }
}

/// What the owner wants of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Desired {
    /// To be there.
    Present,
    /// To be gone.
    Absent,
}

/// Who asked for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedBy {
    /// The role's or user's name.
    pub name: String,
    /// The role session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<String>,
    /// The whole ARN, as AWS authenticated it.
    pub arn: String,
}

/// An environment's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The item's version of shape.
    pub schema: u32,
    /// The environment.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// The team that owns it.
    pub team: String,
    /// What it has of the team's limits, until it ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub share: Option<Share>,
    /// How it is.
    pub status: Status,
    /// What its owner wants.
    pub desired: Desired,
    /// The operation that has it, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation: Option<OperationId>,
    /// Raised whenever an operation takes the environment.
    pub fence: u64,
    /// Raised by every write of the record.
    pub version: u64,
    /// Which making of it this is, from 1. Raised whenever an apply begins that must look at everything anew.
    #[serde(default = "the_first")]
    pub generation: u64,
    /// What is wanted.
    pub spec: Spec,
    /// The last spec that became active.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub applied_spec: Option<Spec>,
    /// The availability zones, by zone id. Chosen once.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Until when the request may still be writing the secret.
    pub intake_until: Timestamp,
    /// Who asked for the environment.
    pub created_by: AskedBy,
    /// Who asked for it to be gone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deleted_by: Option<AskedBy>,
    /// How many removals in a row have left something. Decides when the next one is tried.
    #[serde(default)]
    pub removals_in_vain: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it first ended. From then on its name and its work pool are free, whatever is found of it later.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// When the record was last written.
    pub updated_at: Timestamp,
}

/// The generation of what was recorded before generations were.
fn the_first() -> u64 {
    1
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Makes the environment as its spec says.
    Apply,
    /// Removes it.
    Delete,
}

/// How an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationStatus {
    /// Recorded; its execution has not begun.
    Pending,
    /// At work.
    Running,
    /// Came to the end it was started for, or that a delete turned it to.
    Succeeded,
    /// Did not.
    Failed,
}

/// One operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Operation {
    /// The item's version of shape.
    pub schema: u32,
    /// The operation, and its execution's name.
    pub id: OperationId,
    /// What it was started to do.
    pub kind: OperationKind,
    /// How it is.
    pub status: OperationStatus,
    /// The environment's fence when it took it.
    pub fence: u64,
    /// Who asked for it.
    pub asked_by: AskedBy,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When its execution began.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// Until when a step may go on waiting.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deadline: Option<Timestamp>,
    /// When it turned round, and who asked for that (nobody, where a step failed).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub turned: Option<Turned>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// The steps of what it did before it turned round or ended.
    #[serde(default)]
    pub steps: Vec<StepReport>,
    /// What it came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
}

/// An apply that turned into a removal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Turned {
    /// When.
    pub at: Timestamp,
    /// Who asked for the delete, if that was the reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<AskedBy>,
}

/// What a step came to, in one direction of one operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepReport {
    /// The operation.
    pub operation: OperationId,
    /// The step.
    pub step: Step,
    /// What was to be done with it.
    pub action: Action,
    /// The environment's generation at its last turn.
    #[serde(default = "the_first")]
    pub generation: u64,
    /// How its last turn ended.
    pub outcome: Outcome,
    /// How many turns it took.
    pub attempts: u32,
    /// When its first turn began.
    pub started_at: Timestamp,
    /// When it was done or failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// The resource that is waited for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waits_for: Option<Key>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
}

/// What an operation came to, for the one who asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether a worker can be used.
    pub usable: bool,
    /// Whether the same request may succeed later without anybody changing anything.
    pub repeatable: bool,
    /// The step that failed first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed_step: Option<Step>,
    /// Why: the first error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
    /// What had been made and was removed again.
    #[serde(default)]
    pub cleaned_up: Vec<Key>,
    /// What is left, and why.
    #[serde(default)]
    pub left_behind: Vec<LeftBehind>,
}

/// A resource that could not be removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeftBehind {
    /// The resource.
    pub key: Key,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// Why it is still there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
}

/// How a resource is, as far as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResourceState {
    /// To be made. A plan is the intent: while the step's lease is held it may be happening.
    Planned,
    /// On its way. Without an id: it may exist, the reply was lost.
    Settling,
    /// As wanted.
    Ready,
    /// On its way out.
    Leaving,
    /// Not there.
    Gone,
    /// Left on purpose.
    Retained,
}

/// A resource of an environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourceItem {
    /// The item's version of shape.
    pub schema: u32,
    /// The resource.
    pub key: Key,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The step that makes it.
    pub step: Step,
    /// How it is.
    pub state: ResourceState,
    /// What `Ref` answers for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// Its ARN.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arn: Option<String>,
    /// Further attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// The environment's generation in which it was last found to be as wanted; 0 before that.
    #[serde(default = "the_first")]
    pub generation: u64,
    /// The generation in which it was last made, corrected or started anew; 0 before that.
    #[serde(default = "the_first")]
    pub worked_on: u64,
    /// What looks for something that may exist have not found so far.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub missed: Option<Missed>,
    /// Why the last attempt at it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
    /// What showed that it is gone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<Evidence>,
}

impl ResourceItem {
    /// A resource to be made.
    pub fn planned(entry: &environment::Entry, now: Timestamp) -> Self {
        ResourceItem {
            schema: SCHEMA,
            key: entry.key.clone(),
            kind: entry.kind,
            step: entry.step,
            state: ResourceState::Planned,
            id: None,
            arn: None,
            attributes: BTreeMap::new(),
            since: now,
            generation: 0,
            worked_on: 0,
            missed: None,
            error: None,
            evidence: None,
        }
    }

    /// Puts it into a state; `since` moves only where that is another one.
    pub fn become_(&mut self, state: ResourceState, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    /// Whether it was found to be as wanted in this generation.
    pub fn is_ready(&self, generation: u64) -> bool {
        self.state == ResourceState::Ready && self.generation == generation
    }

    /// It is not there, as this showed.
    pub fn become_gone(&mut self, code: &str, now: Timestamp) {
        self.become_(ResourceState::Gone, now);
        self.error = None;
        self.evidence = Some(Evidence { code: code.to_owned(), looked_at: now });
    }

    /// What was taken for gone is still there, under this id.
    pub fn come_back(&mut self, id: &str, state: ResourceState, now: Timestamp) {
        self.become_(state, now);
        self.id = Some(id.to_owned());
        self.evidence = None;
    }

    /// What was recorded is not there any more: it is to be made anew, under an id of its own.
    pub fn start_over(&mut self, now: Timestamp) {
        self.become_(ResourceState::Planned, now);
        self.id = None;
        self.arn = None;
        self.attributes = BTreeMap::new();
        self.missed = None;
        self.error = None;
    }
}

/// What is known of something that a look did not find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Missed {
    /// Nothing was made: AWS has refused the create for now. One look is enough.
    Refused,
    /// It may exist: since this first look in vain. Reads lag behind writes, so one look proves nothing.
    Since(Timestamp),
}

/// What showed that a resource is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What a look came to: `NOT_FOUND`, `FOREIGN` (the name is somebody else's), `HOLDER_GONE` (it was
    /// part of something that is gone) or `NEVER_MADE`.
    pub code: String,
    /// When.
    pub looked_at: Timestamp,
}

/// A step's lock and progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepItem {
    /// The item's version of shape.
    pub schema: u32,
    /// The step.
    pub step: Step,
    /// The operation that last took it.
    pub operation: OperationId,
    /// What for.
    pub action: Action,
    /// With which fence.
    pub fence: u64,
    /// The invocation that holds it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub holder: Option<String>,
    /// Until when, in milliseconds since 1970: just after the function's own deadline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<i64>,
    /// A lease expired instead of being released: something unrecorded may exist.
    #[serde(default)]
    pub unclean: bool,
    /// What its last `ensure` came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ensure: Option<StepReport>,
    /// What its last `remove` came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remove: Option<StepReport>,
    /// What its last `prove` came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prove: Option<StepReport>,
}

impl StepItem {
    /// What this action came to in this operation.
    pub fn report(&self, operation: OperationId, action: Action) -> Option<&StepReport> {
        let report = match action {
            Action::Ensure => &self.ensure,
            Action::Remove => &self.remove,
            Action::Prove => &self.prove,
        };
        report.as_ref().filter(|report| report.operation == operation)
    }

    /// Whether this action ended so in this operation.
    pub fn ended(&self, operation: OperationId, action: Action, outcome: Outcome) -> bool {
        self.report(operation, action).is_some_and(|report| report.outcome == outcome)
    }

    /// Whether its resources could not be made as wanted, in this generation.
    pub fn failed(&self, operation: OperationId, generation: u64) -> bool {
        let report = self.report(operation, Action::Ensure);
        report.is_some_and(|report| report.outcome == Outcome::Failed && report.generation == generation)
    }
}

/// A reserved name or work pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reservation {
    /// The item's version of shape.
    pub schema: u32,
    /// Who holds it.
    pub environment_id: EnvironmentId,
    /// That environment's team.
    pub team: String,
}

/// What an idempotency key was used for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdempotencyItem {
    /// The item's version of shape.
    pub schema: u32,
    /// The environment that the first request made or changed.
    pub environment_id: EnvironmentId,
    /// The operation that it led to, if it needed one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation_id: Option<OperationId>,
    /// What that request was, without its secrets.
    pub fingerprint: String,
    /// When the key may be used anew, in seconds since 1970.
    pub purge_at: i64,
}
