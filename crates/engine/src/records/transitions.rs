//! The transitions of an environment, each a pure decision over its record.
//!
//! The last word on a create is one conditional write: `activate` holds only where the operation still has the
//! environment and nobody wants it gone. Either it came first, and a DELETE finds an active environment; or the
//! DELETE came first, and `activate` answers that the operation has to turn round. There is no third case.

use super::{
    AskedBy, Desired, Environment, Idempotency, LeftBehind, Operation, OperationKind, OperationStatus, Record, Records,
    ResourceState, Status, StepReport, Turned, Verdict,
    change::{Change, Changed, Decision},
};
use crate::call::{Action, Outcome};
use environment::{Code, EnvironmentId, Fault, Key, OperationId, Step};
use jiff::{SignedDuration, Timestamp};

/// How long an apply may take before its steps stop waiting.
const APPLY_TIME: SignedDuration = SignedDuration::from_mins(45);
/// How long a removal may take.
const REMOVE_TIME: SignedDuration = SignedDuration::from_mins(60);
/// When the sweep looks whether an operation's execution is still alive.
pub(super) const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// When the sweep tries a delete again that left something.
const RETRY_DELETE: SignedDuration = SignedDuration::from_hours(1);

/// How an operation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// With this to do.
    As(OperationKind),
    /// Not at all: another operation has the environment.
    Superseded,
}

/// What declaring an environment active came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activated {
    /// It is active.
    Yes,
    /// A delete was asked for meanwhile.
    Turn,
    /// Another operation has the environment.
    Superseded,
}

/// What turning round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// What was made is to be removed.
    Remove,
    /// Another operation has the environment.
    Superseded,
}

/// How an environment ended.
#[derive(Clone, Debug)]
pub enum Closed {
    /// Deleted, nothing is left.
    Deleted,
    /// The create failed and was undone, nothing is left. The first error's code.
    RolledBack(Code),
    /// Something is left.
    Left(Vec<LeftBehind>),
    /// Another operation has the environment.
    Superseded,
}

/// What asking for a delete came to.
#[derive(Clone, Debug)]
pub enum DeleteAsked {
    /// There is no such environment.
    Unknown,
    /// It is deleted already.
    Deleted,
    /// It is under way: this operation, with this fence, must be running.
    Going {
        /// The operation that does it.
        operation: OperationId,
        /// Its fence.
        fence: u64,
    },
    /// It was asked for before under the same idempotency key. Nothing was done.
    Replayed,
    /// The idempotency key was used for another request.
    KeyReused,
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
                return Ok(Decision::Nothing(Begun::As(kind)));
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
            Ok(write(record, Some(now + LOOK_AGAIN), [operation], Begun::As(kind)))
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

    /// Declares an environment active, unless a delete was asked for.
    pub async fn activate(
        &self,
        id: EnvironmentId,
        operation: OperationId,
        fence: u64,
        now: Timestamp,
    ) -> Result<Activated, Fault> {
        let changed = self.change(id, now, |environment| {
            let Some((mut record, mut operation)) = mine(environment, operation, fence) else {
                let ended = environment.operations.iter().find(|one| one.id == operation);
                let own = ended.is_some_and(|one| one.status == OperationStatus::Succeeded);
                // Our own write seen again: Step Functions repeats a task whose answer was lost.
                return Ok(Decision::Nothing(if own && environment.record.status == Status::Active {
                    Activated::Yes
                } else {
                    Activated::Superseded
                }));
            };
            if record.desired == Desired::Absent {
                return Ok(Decision::Nothing(Activated::Turn));
            }
            if let Some(not_ready) = environment.resources.values().find(|one| one.state != ResourceState::Ready) {
                return Err(Fault::bug(format!("{} is not ready, but every step said done", not_ready.key)));
            }
            record.status = Status::Active;
            record.applied_spec = Some(record.spec.clone());
            record.operation = None;
            operation.end(OperationStatus::Succeeded, environment, now);
            operation.verdict = Some(Verdict { usable: true, ..Verdict::nothing() });
            Ok(write(record, None, [operation], Activated::Yes))
        });
        expect_known(changed.await?, Activated::Superseded)
    }

    /// Turns an apply round: what it made is to be removed. `thrown` names an error that a function threw.
    pub async fn turn(
        &self,
        id: EnvironmentId,
        operation: OperationId,
        fence: u64,
        thrown: Option<&str>,
        now: Timestamp,
    ) -> Result<Turn, Fault> {
        let changed = self.change(id, now, |environment| {
            let Some((mut record, mut operation)) = mine(environment, operation, fence) else {
                return Ok(Decision::Nothing(Turn::Superseded));
            };
            if operation.turned.is_some() {
                return Ok(Decision::Nothing(Turn::Remove));
            }
            record.status = if record.desired == Desired::Absent { Status::Deleting } else { Status::RollingBack };
            operation.turned = Some(Turned { at: now, by: record.deleted_by.clone() });
            operation.deadline = Some(now + REMOVE_TIME);
            operation.verdict = Some(failure(environment, &operation, thrown));
            Ok(write(record, Some(now + LOOK_AGAIN), [operation], Turn::Remove))
        });
        expect_known(changed.await?, Turn::Superseded)
    }

    /// Ends an environment, if nothing is left of it and every step has proven that; the name is free in the
    /// same write. Otherwise records what is left.
    pub async fn close(
        &self,
        id: EnvironmentId,
        operation: OperationId,
        fence: u64,
        now: Timestamp,
    ) -> Result<Closed, Fault> {
        let changed = self.change(id, now, |environment| {
            let Some((mut record, mut operation)) = mine(environment, operation, fence) else {
                return Ok(Decision::Nothing(closed_before(environment, operation)));
            };
            let left = left_behind(environment, operation.id);
            record.operation = None;
            let verdict = operation.verdict.take().unwrap_or_else(Verdict::nothing);
            let closed = if !left.is_empty() {
                record.status = Status::DeleteFailed;
                Closed::Left(left.clone())
            } else if record.desired == Desired::Absent {
                record.status = Status::Deleted;
                Closed::Deleted
            } else {
                record.status = Status::Failed;
                Closed::RolledBack(verdict.error.as_ref().map_or(Code::Internal, |error| error.code))
            };
            let succeeded = record.status == Status::Deleted;
            let status = if succeeded { OperationStatus::Succeeded } else { OperationStatus::Failed };
            operation.end(status, environment, now);
            operation.verdict =
                Some(Verdict { usable: false, cleaned_up: cleaned_up(environment), left_behind: left, ..verdict });
            let due = (record.status == Status::DeleteFailed).then(|| now + RETRY_DELETE);
            Ok(write(record, due, [operation], closed))
        });
        expect_known(changed.await?, Closed::Superseded)
    }

    /// Asks for an environment to be gone. While an operation is at work it only says so: that operation turns
    /// round at its next turn. Otherwise `next` takes the environment.
    pub async fn ask_for_delete(
        &self,
        id: EnvironmentId,
        next: OperationId,
        asked_by: &AskedBy,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<DeleteAsked, Fault> {
        let changed = self.change(id, now, |environment| {
            let mut record = environment.record.clone();
            if record.status == Status::Deleted {
                return Ok(Decision::Nothing(DeleteAsked::Deleted));
            }
            let was_absent = record.desired == Desired::Absent;
            record.desired = Desired::Absent;
            // Who asks again, the sweep among them, asks for an operation and not for what was decided before.
            if !was_absent {
                record.deleted_by = Some(asked_by.clone());
            }
            let mut operations = Vec::new();
            let mut due = Some(now + LOOK_AGAIN);
            let answer = if record.status == Status::Failed {
                // Nothing of it exists, that is proven; its name may be somebody else's by now.
                record.status = Status::Deleted;
                due = None;
                DeleteAsked::Deleted
            } else if let Some(operation) = record.operation {
                let going = DeleteAsked::Going { operation, fence: record.fence };
                if was_absent {
                    return Ok(Decision::Nothing(going));
                }
                record.status = Status::Deleting;
                going
            } else {
                record.status = Status::Deleting;
                record.operation = Some(next);
                record.fence += 1;
                operations.push(Operation::new(next, OperationKind::Delete, record.fence, asked_by.clone(), now));
                DeleteAsked::Going { operation: next, fence: record.fence }
            };
            let idempotency = idempotency.cloned();
            let change = Change { idempotency, ..Change::of(record, due, operations) };
            Ok(Decision::Write(Box::new(change), answer))
        });
        match changed.await? {
            Changed::Yes(answer) => Ok(answer),
            Changed::Unknown => Ok(DeleteAsked::Unknown),
            Changed::KeyUsed(used) => {
                if used.environment_id != id || idempotency.is_some_and(|key| key.fingerprint != used.fingerprint) {
                    return Ok(DeleteAsked::KeyReused);
                }
                Ok(DeleteAsked::Replayed)
            }
        }
    }

    /// Takes the environment from an operation whose execution has ended without closing it: `next` removes what
    /// is there. Answers the fence for `next`; `None` where the operation no longer has the environment.
    pub async fn take_over(
        &self,
        id: EnvironmentId,
        stopped: OperationId,
        next: OperationId,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault> {
        let changed = self.change(id, now, |environment| {
            let mut record = environment.record.clone();
            if record.operation != Some(stopped) {
                return Ok(Decision::Nothing(None));
            }
            let Some(mut old) = environment.operations.iter().find(|one| one.id == stopped).cloned() else {
                return Err(Fault::bug("the record's operation is not recorded"));
            };
            let mut new = hand_on(&mut record, &old, next, now);
            let error = Fault::new(Code::Stopped, "The execution ended before the operation did.");
            let stopped = Verdict { repeatable: true, error: Some(error), ..Verdict::nothing() };
            new.verdict.get_or_insert(stopped);
            old.verdict.clone_from(&new.verdict);
            old.end(OperationStatus::Failed, environment, now);
            let fence = record.fence;
            Ok(write(record, Some(now + LOOK_AGAIN), [old, new], Some(fence)))
        });
        expect_known(changed.await?, None)
    }

    /// Lets `next` try again to remove what a removal has left. Answers its fence; `None` where nothing is left, or
    /// somebody is at it.
    pub async fn retry_removal(
        &self,
        id: EnvironmentId,
        next: OperationId,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault> {
        let changed = self.change(id, now, |environment| {
            let mut record = environment.record.clone();
            let newest = environment.operations.first();
            let Some(old) = newest.filter(|_| record.status == Status::DeleteFailed && record.operation.is_none())
            else {
                return Ok(Decision::Nothing(None));
            };
            let new = hand_on(&mut record, old, next, now);
            let fence = record.fence;
            Ok(write(record, Some(now + LOOK_AGAIN), [new], Some(fence)))
        });
        expect_known(changed.await?, None)
    }

    /// Puts off the sweep's next look at an environment whose operation is alive.
    pub async fn look_again_later(&self, id: EnvironmentId, now: Timestamp) -> Result<(), Fault> {
        let changed = self.change(id, now, |environment| {
            let record = environment.record.clone();
            if record.operation.is_none() {
                return Ok(Decision::Nothing(()));
            }
            Ok(write(record, Some(now + LOOK_AGAIN), [], ()))
        });
        expect_known(changed.await?, ())
    }
}

/// Gives the environment to `next`, which removes what is there. It goes on with what somebody wants: that the
/// environment be gone, or what the old operation was to do; and it remembers why that one failed.
pub(super) fn hand_on(record: &mut Record, old: &Operation, next: OperationId, now: Timestamp) -> Operation {
    record.fence += 1;
    record.operation = Some(next);
    record.status = if record.desired == Desired::Absent { Status::Deleting } else { Status::RollingBack };
    let asked_by = record.deleted_by.as_ref().filter(|_| record.desired == Desired::Absent);
    let asked_by = asked_by.unwrap_or(&old.asked_by).clone();
    let verdict = old.verdict.clone().filter(|verdict| verdict.error.is_some());
    Operation { verdict, ..Operation::new(next, OperationKind::Delete, record.fence, asked_by, now) }
}

fn write<T>(
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
    }
}

/// The record and the operation, if that operation still has the environment.
fn mine(environment: &Environment, operation: OperationId, fence: u64) -> Option<(Record, Operation)> {
    let record = &environment.record;
    let holds = record.operation == Some(operation) && record.fence == fence;
    let operation = environment.operations.iter().find(|one| one.id == operation)?;
    holds.then(|| (record.clone(), operation.clone()))
}

impl Environment {
    /// What every step came to in an operation so far, in the order in which they began.
    pub fn reports(&self, operation: OperationId) -> Vec<StepReport> {
        let mut reports: Vec<StepReport> = self
            .steps
            .values()
            .flat_map(|step| Action::ALL.into_iter().filter_map(move |action| step.report(operation, action)))
            .cloned()
            .collect();
        reports.sort_by_key(|report| (report.started_at, report.step));
        reports
    }
}

impl Operation {
    fn end(&mut self, status: OperationStatus, environment: &Environment, now: Timestamp) {
        self.status = status;
        self.ended_at = Some(now);
        self.steps = environment.reports(self.id);
    }
}

impl Verdict {
    fn nothing() -> Self {
        Verdict {
            usable: false,
            repeatable: false,
            failed_step: None,
            error: None,
            cleaned_up: Vec::new(),
            left_behind: Vec::new(),
        }
    }
}

/// What made an apply turn round: the first step that failed, or what a function threw.
fn failure(environment: &Environment, operation: &Operation, thrown: Option<&str>) -> Verdict {
    let failed = environment
        .reports(operation.id)
        .into_iter()
        .filter(|report| report.action == Action::Ensure && report.outcome == Outcome::Failed)
        .min_by_key(|report| report.ended_at);
    let thrown = || {
        thrown.map(|name| {
            Fault::new(Code::Internal, format!("A function of this service ended without an answer ({name})."))
        })
    };
    let failed_step = failed.as_ref().map(|report| report.step);
    let error = failed.and_then(|report| report.error).or_else(thrown);
    let repeatable = error.as_ref().is_none_or(|error| error.code.is_worth_repeating());
    Verdict { repeatable, failed_step, error, ..Verdict::nothing() }
}

/// What is not shown to be gone: resources that are not gone, and steps without a proof in this operation.
fn left_behind(environment: &Environment, operation: OperationId) -> Vec<LeftBehind> {
    let resources = environment
        .resources
        .values()
        .filter(|resource| !matches!(resource.state, ResourceState::Gone | ResourceState::Retained))
        .map(|resource| LeftBehind {
            key: resource.key.clone(),
            id: resource.id.clone(),
            error: resource.error.clone(),
        });
    let unproven = Step::ALL
        .into_iter()
        .filter(|step| {
            let step = environment.steps.get(step);
            !step.is_some_and(|step| step.ended(operation, Action::Prove, Outcome::Done))
        })
        .map(|step| {
            let report = environment.steps.get(&step).and_then(|item| item.report(operation, Action::Prove));
            let unknown = || Fault::new(Code::Internal, "The proof that nothing is left was not given.");
            let error = report.and_then(|report| report.error.clone()).unwrap_or_else(unknown);
            LeftBehind { key: Key::new(format!("{step}/*")), id: None, error: Some(error) }
        });
    resources.chain(unproven).collect()
}

/// What had been made and is gone.
fn cleaned_up(environment: &Environment) -> Vec<Key> {
    let made = |resource: &&super::ResourceItem| {
        resource.state == ResourceState::Gone && resource.evidence.as_ref().is_some_and(|it| it.code != "NEVER_MADE")
    };
    environment.resources.values().filter(made).map(|resource| resource.key.clone()).collect()
}

/// How an operation that no longer has the environment had closed it: its own write seen again.
fn closed_before(environment: &Environment, operation: OperationId) -> Closed {
    // The newest operation is the one that ended the environment.
    let Some(newest) = environment.operations.first().filter(|newest| newest.id == operation) else {
        return Closed::Superseded;
    };
    let verdict = newest.verdict.clone().unwrap_or_else(Verdict::nothing);
    if newest.ended_at.is_none() || environment.record.operation.is_some() {
        return Closed::Superseded;
    }
    match environment.record.status {
        Status::Deleted => Closed::Deleted,
        Status::Failed => Closed::RolledBack(verdict.error.map_or(Code::Internal, |error| error.code)),
        Status::DeleteFailed => Closed::Left(verdict.left_behind),
        _ => Closed::Superseded,
    }
}
