//! The transitions of an environment, each a pure decision over its record: its beginning, and its last word.
//!
//! The last word on a create is one conditional write: `activate` holds only where the operation still has the
//! environment and nobody wants it gone. Either it came first, and a DELETE finds an active environment; or the
//! DELETE came first, and `activate` answers that the operation has to turn round. There is no third case.

use super::{
    Desired, Environment, Operation, OperationKind, OperationStatus, Record, Records, Share, Status, TeamLimits,
    Turned, Verdict,
    change::{Change, Changed, Decision, ShareChange},
};
use environment::{Code, EnvironmentId, Fault, OperationId, Place};
use jiff::{SignedDuration, Timestamp};

/// How long an apply may take before its steps stop waiting.
pub(super) const APPLY_TIME: SignedDuration = SignedDuration::from_mins(45);
/// How long a removal may take.
pub(super) const REMOVE_TIME: SignedDuration = SignedDuration::from_mins(60);
/// When the sweep looks whether an operation's execution is still alive.
pub(super) const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// How an operation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// With this to do, in this generation.
    As(OperationKind, u64),
    /// Not at all: another operation has the environment.
    Superseded,
}

/// What declaring an environment active came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activated {
    /// It is active.
    Yes,
    /// It is what it was before a change that failed. That change's first error's code.
    TakenBack(Code),
    /// A delete was asked for meanwhile.
    Turn,
    /// Another operation has the environment.
    Superseded,
}

impl Records {
    /// Begins an operation: it is running, and it has a deadline.
    pub async fn begin(
        &self,
        id: EnvironmentId,
        operation: OperationId,
        fence: u64,
        now: Timestamp,
    ) -> Result<Begun, Fault> {
        let changed = self.change(id, now, |environment| {
            let Some((mut record, mut operation)) = mine(environment, operation, fence) else {
                return Ok(Decision::Nothing(Begun::Superseded));
            };
            let removes = operation.kind == OperationKind::Delete
                || record.desired == Desired::Absent
                || operation.turned.is_some();
            let kind = if removes { OperationKind::Delete } else { OperationKind::Apply };
            if operation.status != OperationStatus::Pending {
                return Ok(Decision::Nothing(Begun::As(kind, record.generation)));
            }
            if !removes {
                record.status = if record.applied_spec.is_some() { Status::Updating } else { Status::Creating };
            }
            if removes && operation.kind == OperationKind::Apply {
                // The delete was faster than the execution's start.
                operation.turned = Some(Turned { at: now, by: record.deleted_by.clone() });
            }
            operation.status = OperationStatus::Running;
            operation.started_at = Some(now);
            operation.deadline = Some(now + if removes { REMOVE_TIME } else { APPLY_TIME });
            let begun = Begun::As(kind, record.generation);
            Ok(write(record, Some(now + LOOK_AGAIN), [operation], begun))
        });
        expect_known(changed.await?, Begun::Superseded)
    }

    /// Records the availability zones that a new network takes.
    pub async fn choose_zones(
        &self,
        id: EnvironmentId,
        operation: OperationId,
        fence: u64,
        zones: &[String],
        now: Timestamp,
    ) -> Result<Vec<String>, Fault> {
        let changed = self.change(id, now, |environment| {
            let Some((mut record, _)) = mine(environment, operation, fence) else {
                return Ok(Decision::Nothing(environment.record.zones.clone()));
            };
            if !record.zones.is_empty() {
                return Ok(Decision::Nothing(record.zones));
            }
            record.zones = zones.to_vec();
            Ok(write(record, Some(now + LOOK_AGAIN), [], zones.to_vec()))
        });
        expect_known(changed.await?, Vec::new())
    }

    /// Declares an environment active, unless a delete was asked for. What its spec asks for must be ready; what it does
    /// not ask for any more may be left.
    pub async fn activate(
        &self,
        place: &Place,
        id: EnvironmentId,
        operation: OperationId,
        fence: u64,
        now: Timestamp,
    ) -> Result<Activated, Fault> {
        let changed = self.change(id, now, |environment| {
            let Some((mut record, mut operation)) = mine(environment, operation, fence) else {
                return Ok(Decision::Nothing(activated_before(environment, operation)));
            };
            if record.desired == Desired::Absent {
                return Ok(Decision::Nothing(Activated::Turn));
            }
            let is_ready = |key| environment.resources.get(key).is_some_and(|item| item.is_ready(record.generation));
            if let Some(not_ready) = environment.catalogue(place).iter().find(|entry| !is_ready(&entry.key)) {
                return Err(Fault::bug(format!("{} is not ready, but every step said done", not_ready.key)));
            }
            record.applied_spec = Some(record.spec.clone());
            record.former_tags.clear();
            record.operation = None;
            // A change that failed was taken back: the environment is well, and the operation was in vain.
            let taken_back = operation.verdict.take();
            let (status, ended, activated) = match &taken_back {
                None => (Status::Active, OperationStatus::Succeeded, Activated::Yes),
                Some(why) => (Status::UpdateFailed, OperationStatus::Failed, Activated::TakenBack(why.code())),
            };
            record.status = status;
            operation.end(ended, environment, now);
            operation.verdict = Some(Verdict { usable: true, ..taken_back.unwrap_or_else(Verdict::nothing) });
            // While it was being changed it had room for what it was and for what it was to be.
            let share = Some(ShareChange { to: Share::of(&record.spec), limits: TeamLimits::default() });
            let change = Change { share, ..Change::of(record, None, vec![operation]) };
            Ok(Decision::Write(Box::new(change), activated))
        });
        expect_known(changed.await?, Activated::Superseded)
    }
}

/// How an operation that no longer has the environment had declared it: its own write seen again. Step Functions
/// repeats a task whose answer was lost.
fn activated_before(environment: &Environment, operation: OperationId) -> Activated {
    match (environment.ended_by(operation), environment.record.status) {
        (Some(_), Status::Active) => Activated::Yes,
        (Some(ended), Status::UpdateFailed) => {
            Activated::TakenBack(ended.verdict.as_ref().map_or(Code::Internal, Verdict::code))
        }
        _ => Activated::Superseded,
    }
}

pub(super) fn write<T>(
    record: Record,
    due: Option<Timestamp>,
    operations: impl IntoIterator<Item = Operation>,
    answer: T,
) -> Decision<T> {
    let operations = operations.into_iter().collect();
    Decision::Write(Box::new(Change::of(record, due, operations)), answer)
}

pub(super) fn expect_known<T>(changed: Changed<T>, unknown: T) -> Result<T, Fault> {
    match changed {
        Changed::Yes(answer) => Ok(answer),
        Changed::Unknown => Ok(unknown),
        Changed::KeyUsed(_) => Err(Fault::bug("a key was used by a change that takes none")),
        Changed::LimitReached(_) => Err(Fault::bug("a limit was reached by a change that takes nothing")),
    }
}

/// The record and the operation, if that operation still has the environment.
pub(super) fn mine(environment: &Environment, operation: OperationId, fence: u64) -> Option<(Record, Operation)> {
    let record = &environment.record;
    let holds = record.operation == Some(operation) && record.fence == fence;
    let operation = environment.operations.iter().find(|one| one.id == operation)?;
    holds.then(|| (record.clone(), operation.clone()))
}
