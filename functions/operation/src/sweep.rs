//! The sweep: what nobody else looks after.
//!
//! A request may die between its transaction and its execution's start; an execution may be stopped or time out;
//! a delete may have left something that would go by now; an environment's own time may be over. Each such environment has a time at which somebody must
//! look (`due`), and the sweep is one query for those.

use crate::Operations;
use engine::{
    new_operation_id,
    records::{Asked, AskedBy, Asking, Delete, Environment, Record, Removal, Status},
};
use environment::{EnvironmentId, Fault, OperationId};
use executions::Execution;
use jiff::{SignedDuration, Timestamp};
use tracing::Instrument;

/// Who asks for an environment to be gone when its time is over.
const EXPIRY: &str = "expiry";
/// No environment is looked at with less time left: a look is up to six calls, each of which may be slow.
const ONE_LOOK: SignedDuration = SignedDuration::from_secs(15);

impl Operations {
    /// Looks at everything that is due. One environment's trouble does not keep the others from being looked at; it
    /// is thrown in the end, so that the alarm for this function hears of it.
    pub(crate) async fn sweep(&self, deadline: Timestamp) -> Result<(), Fault> {
        let (mut trouble, mut due) = (Ok(()), self.records.due(self.clock.now()));
        while let Some(id) = due.next().await? {
            if deadline.duration_since(self.clock.now()) < ONE_LOOK {
                tracing::info!("the time is over: the next sweep goes on");
                break;
            }
            let look = self.look_at(id).instrument(tracing::info_span!("sweep", environment = %id));
            if let Err(fault) = look.await {
                tracing::error!(environment = %id, fault = ?fault, "the sweep could not look after an environment");
                // Others are due, too: it must not stay at the head of the list.
                let put_off = self.records.look_again_later(id, self.clock.now()).await;
                trouble = put_off.and(Err(fault));
            }
        }
        trouble
    }

    /// Looks at an environment of which an execution has just ended. Where its operation is closed there is nothing to
    /// do, least of all at once what the sweep does after hours.
    pub(crate) async fn look_after_the_end(&self, id: EnvironmentId) -> Result<(), Fault> {
        let Some(record) = self.records.record(id).await? else { return Ok(()) };
        let Some(operation) = record.operation else { return Ok(()) };
        self.see_to(&record, operation).await
    }

    async fn look_at(&self, id: EnvironmentId) -> Result<(), Fault> {
        let Some(Environment { record, .. }) = self.records.load(id).await? else { return Ok(()) };
        if record.expires().is_some_and(|time| time <= self.clock.now()) {
            return self.expire(&record).await;
        }
        if let Some(operation) = record.operation {
            return self.see_to(&record, operation).await;
        }
        let now = self.clock.now();
        let next = new_operation_id(now);
        if record.status == Status::DeleteFailed {
            tracing::info!("trying the delete again");
            if let Some(fence) = self.records.retry_removal(id, next, now).await? {
                self.executions.start(&Execution { environment: id, operation: next, fence }).await?;
            }
        }
        Ok(())
    }

    /// Asks for an environment whose time is over to be gone, as anybody might: also while it is being made.
    async fn expire(&self, record: &Record) -> Result<(), Fault> {
        let now = self.clock.now();
        let stack = self.place.arn("lambda", &format!("function:{}-operation", self.place.stack));
        let reason = Some("Its time is over (expires_at).".to_owned());
        let asked_by = AskedBy { reason, ..AskedBy::principal(EXPIRY, stack) };
        let next = new_operation_id(now);
        let asking =
            Asking { environment: record.id, next, asked_by: &asked_by, idempotency: None, only_at: None, now };
        tracing::info!("the environment has expired");
        if let Asked::Heard(Delete::Going { operation, fence }) =
            self.records.ask_for_delete(&asking, Removal::default()).await?
        {
            let execution = Execution { environment: record.id, operation, fence };
            self.executions.see_to(&self.records, &execution, new_operation_id(now), now).await?;
        }
        Ok(())
    }

    /// Sees to it that the operation that has the environment is at work.
    async fn see_to(&self, record: &Record, operation: OperationId) -> Result<(), Fault> {
        let (id, now) = (record.id, self.clock.now());
        let execution = Execution { environment: id, operation, fence: record.fence };
        self.executions.see_to(&self.records, &execution, new_operation_id(now), now).await?;
        self.records.look_again_later(id, now).await
    }
}
