//! What is asked for of an environment that exists: that it be gone, or be whole again.

use super::{
    AskedBy, Desired, Environment, Idempotency, IdempotencyItem, LimitReached, Operation, OperationKind, Records,
    Removal, Revision, Status,
    change::{Change, Changed, Decision},
    transitions::{LOOK_AGAIN, write},
};
use environment::{EnvironmentId, Fault, OperationId};
use jiff::Timestamp;

/// Somebody asks something of an environment.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// The environment.
    pub environment: EnvironmentId,
    /// The operation that does it, where none is at work that does.
    pub next: OperationId,
    /// Who asks.
    pub asked_by: &'a AskedBy,
    /// The request's idempotency key.
    pub idempotency: Option<Idempotency>,
    /// Only if the environment is still as it was at one of these revisions.
    pub only_at: Option<Vec<Revision>>,
    /// The time of the request.
    pub now: Timestamp,
}

/// What asking came to.
#[derive(Clone, Debug)]
pub enum Asked<T> {
    /// There is no such environment.
    Unknown,
    /// The environment is not as it was at the revision that was named. Nothing was done.
    Moved,
    /// It was asked for before under the same idempotency key. Nothing was done.
    Replayed,
    /// The idempotency key was used for another request.
    KeyReused,
    /// The team has all that it may have.
    LimitReached(LimitReached),
    /// It was heard, and this is the answer.
    Heard(T),
}

/// The answer to a wish for a delete.
#[derive(Clone, Copy, Debug)]
pub enum Delete {
    /// It is deleted already.
    Deleted,
    /// It is protected against that.
    Protected,
    /// It is under way: this operation, with this fence, must be running.
    Going {
        /// The operation that does it.
        operation: OperationId,
        /// Its fence.
        fence: u64,
    },
}

/// The answer to a wish for a repair.
#[derive(Clone, Copy, Debug)]
pub enum Repair {
    /// It is in a status in which there is nothing to repair.
    Not(Status),
    /// It is under way: this operation, with this fence, must be running.
    Going {
        /// The operation that does it.
        operation: OperationId,
        /// Its fence.
        fence: u64,
    },
}

impl Records {
    /// Asks for an environment to be gone. While an operation is at work it only says so: that operation turns
    /// round at its next turn. Otherwise `next` takes the environment.
    pub async fn ask_for_delete(&self, asking: &Asking<'_>, removal: Removal) -> Result<Asked<Delete>, Fault> {
        self.ask(asking, |environment| {
            let mut record = environment.record.clone();
            if !record.status.allows_delete() {
                return Ok(Decision::Nothing(Delete::Deleted));
            }
            if record.is_protected() {
                return Ok(Decision::Nothing(Delete::Protected));
            }
            let was_absent = record.desired == Desired::Absent;
            record.desired = Desired::Absent;
            let is_told_more = record.removal.and(removal) != record.removal;
            record.removal = record.removal.and(removal);
            // Who asks again, the sweep among them, asks for an operation and not for what was decided before.
            if !was_absent {
                record.deleted_by = Some(asking.asked_by.clone());
            }
            let mut operations = Vec::new();
            let mut due = Some(asking.now + LOOK_AGAIN);
            let answer = if record.status == Status::Failed {
                // Nothing of it exists, that is proven; its name may be somebody else's by now.
                record.status = Status::Deleted;
                due = None;
                Delete::Deleted
            } else if let Some(operation) = record.operation {
                let going = Delete::Going { operation, fence: record.fence };
                if was_absent && !is_told_more {
                    return Ok(Decision::Nothing(going));
                }
                record.status = Status::Deleting;
                going
            } else {
                record.status = Status::Deleting;
                record.operation = Some(asking.next);
                record.fence += 1;
                record.removals_in_vain = 0;
                operations.push(asking.operation(OperationKind::Delete, record.fence));
                Delete::Going { operation: asking.next, fence: record.fence }
            };
            Ok(write(record, due, operations, answer))
        })
        .await
    }

    /// Asks for an environment to be made as its spec says once more, whatever has become of it. While an update is
    /// at work that is just what it does; otherwise `next` takes the environment.
    pub async fn ask_for_repair(&self, asking: &Asking<'_>) -> Result<Asked<Repair>, Fault> {
        self.ask(asking, |environment| {
            let mut record = environment.record.clone();
            if !record.status.allows_repair() {
                return Ok(Decision::Nothing(Repair::Not(record.status)));
            }
            if let Some(operation) = record.operation {
                return Ok(Decision::Nothing(Repair::Going { operation, fence: record.fence }));
            }
            record.status = Status::Updating;
            record.operation = Some(asking.next);
            record.fence += 1;
            record.generation += 1;
            let repair = asking.operation(OperationKind::Apply, record.fence);
            let answer = Repair::Going { operation: asking.next, fence: record.fence };
            Ok(write(record, Some(asking.now + LOOK_AGAIN), [repair], answer))
        })
        .await
    }

    /// Decides on what is asked, and writes that together with the request's key.
    pub(super) async fn ask<T>(
        &self,
        asking: &Asking<'_>,
        decide: impl Fn(&Environment) -> Result<Decision<T>, Fault>,
    ) -> Result<Asked<T>, Fault> {
        let changed = self.change(asking.environment, asking.now, |environment| {
            if !asking.is_for(environment) {
                return Ok(Decision::Nothing(Decided::Nothing(Asked::Moved)));
            }
            Ok(match decide(environment)? {
                Decision::Nothing(answer) => Decision::Nothing(Decided::Nothing(Asked::Heard(answer))),
                Decision::Write(change, answer) => {
                    let change = Change { idempotency: asking.idempotency.clone(), ..*change };
                    Decision::Write(Box::new(change), Decided::Written(answer))
                }
            })
        });
        let (used, unless_used) = match changed.await? {
            Changed::Unknown => return Ok(Asked::Unknown),
            Changed::LimitReached(reached) => return Ok(Asked::LimitReached(reached)),
            Changed::Yes(Decided::Written(answer)) => return Ok(Asked::Heard(answer)),
            // Why nothing is left to be done may be this request itself, sent before under the same key.
            Changed::Yes(Decided::Nothing(answer)) => match &asking.idempotency {
                Some(key) => (self.use_of(key, asking.now).await?, answer),
                None => return Ok(answer),
            },
            Changed::KeyUsed(used) => (Some(used), Asked::Replayed),
        };
        Ok(match used {
            None => unless_used,
            Some(used) if asking.is_same_request(&used) => Asked::Replayed,
            Some(_) => Asked::KeyReused,
        })
    }
}

/// What was decided on a wish.
enum Decided<T> {
    /// It is written.
    Written(T),
    /// There is nothing to write.
    Nothing(Asked<T>),
}

impl Asking<'_> {
    /// Whether the environment is as the caller has seen it, or the caller has not said how.
    fn is_for(&self, environment: &Environment) -> bool {
        self.only_at.as_ref().is_none_or(|revisions| revisions.contains(&environment.revision()))
    }

    /// The operation that takes the environment for this.
    pub(super) fn operation(&self, kind: OperationKind, fence: u64) -> Operation {
        Operation::new(self.next, kind, fence, self.asked_by.clone(), self.now)
    }

    /// Whether a key was used before for the request that is made now.
    fn is_same_request(&self, used: &IdempotencyItem) -> bool {
        let is_same = |key: &Idempotency| key.fingerprint == used.fingerprint;
        used.environment_id == self.environment && self.idempotency.as_ref().is_some_and(is_same)
    }
}
