//! The sweep: what nobody else looks after.
//!
//! A request may die between its transaction and its execution's start; an execution may be stopped or time out;
//! a delete may have left something that would go by now. Each such environment has a time at which somebody must
//! look (`due`), and the sweep is one query for those.

use crate::Operations;
use engine::{
    new_operation_id,
    records::{Environment, Status},
};
use environment::{EnvironmentId, Fault};
use executions::Execution;
use jiff::{SignedDuration, Timestamp};
use tracing::Instrument;

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

    async fn look_at(&self, id: EnvironmentId) -> Result<(), Fault> {
        let Some(Environment { record, .. }) = self.records.load(id).await? else { return Ok(()) };
        let now = self.clock.now();
        let next = new_operation_id(now);
        if let Some(operation) = record.operation {
            let execution = Execution { environment: id, operation, fence: record.fence };
            self.executions.see_to(&self.records, &execution, next, now).await?;
            return self.records.look_again_later(id, now).await;
        }
        if record.status == Status::DeleteFailed {
            tracing::info!("trying the delete again");
            if let Some(fence) = self.records.retry_removal(id, next, now).await? {
                self.executions.start(&Execution { environment: id, operation: next, fence }).await?;
            }
        }
        Ok(())
    }
}
