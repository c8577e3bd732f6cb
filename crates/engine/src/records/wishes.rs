//! What is asked for of an environment that exists: that it be gone, or be whole again.

use super::{
    AskedBy, Desired, Idempotency, IdempotencyItem, Operation, OperationKind, Records, Status,
    change::{Change, Changed, Decision},
    transitions::LOOK_AGAIN,
};
use environment::{EnvironmentId, Fault, OperationId};
use jiff::Timestamp;

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

/// What asking for a repair came to.
#[derive(Clone, Debug)]
pub enum RepairAsked {
    /// There is no such environment.
    Unknown,
    /// It is in a status in which there is nothing to repair.
    Not(Status),
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
                record.removals_in_vain = 0;
                operations.push(Operation::new(next, OperationKind::Delete, record.fence, asked_by.clone(), now));
                DeleteAsked::Going { operation: next, fence: record.fence }
            };
            let idempotency = idempotency.cloned();
            let change = Change { idempotency, ..Change::of(record, due, operations) };
            Ok(Decision::Write(Box::new(change), answer))
        });
        Ok(match changed.await? {
            Changed::Yes(answer) => answer,
            Changed::Unknown => DeleteAsked::Unknown,
            Changed::KeyUsed(used) if is_same_request(id, idempotency, &used) => DeleteAsked::Replayed,
            Changed::KeyUsed(_) => DeleteAsked::KeyReused,
        })
    }

    /// Asks for an environment to be made as its spec says once more, whatever has become of it. While an update is
    /// at work that is just what it does; otherwise `next` takes the environment.
    pub async fn ask_for_repair(
        &self,
        id: EnvironmentId,
        next: OperationId,
        asked_by: &AskedBy,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<RepairAsked, Fault> {
        let changed = self.change(id, now, |environment| {
            let mut record = environment.record.clone();
            match (record.status, record.operation) {
                (Status::Updating, Some(operation)) => {
                    return Ok(Decision::Nothing(RepairAsked::Going { operation, fence: record.fence }));
                }
                (Status::Active | Status::UpdateFailed, None) => {}
                (status, _) => return Ok(Decision::Nothing(RepairAsked::Not(status))),
            }
            record.status = Status::Updating;
            record.operation = Some(next);
            record.fence += 1;
            record.generation += 1;
            let repair = Operation::new(next, OperationKind::Apply, record.fence, asked_by.clone(), now);
            let answer = RepairAsked::Going { operation: next, fence: record.fence };
            let due = Some(now + LOOK_AGAIN);
            let idempotency = idempotency.cloned();
            let change = Change { idempotency, ..Change::of(record, due, vec![repair]) };
            Ok(Decision::Write(Box::new(change), answer))
        });
        Ok(match changed.await? {
            Changed::Yes(answer) => answer,
            Changed::Unknown => RepairAsked::Unknown,
            Changed::KeyUsed(used) if is_same_request(id, idempotency, &used) => RepairAsked::Replayed,
            Changed::KeyUsed(_) => RepairAsked::KeyReused,
        })
    }
}

/// Whether a key was used before for the request that is made now.
fn is_same_request(id: EnvironmentId, idempotency: Option<&Idempotency>, used: &IdempotencyItem) -> bool {
    used.environment_id == id && idempotency.is_some_and(|key| key.fingerprint == used.fingerprint)
}
