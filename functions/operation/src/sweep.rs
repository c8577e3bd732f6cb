//! The sweep: what nobody else looks after.
//!
//! A request may die between its transaction and its execution's start; an execution may be stopped or time out;
//! a delete may have left something that would go by now. Each such environment has a time at which somebody must
//! look (`due`), and the sweep is one query for those.

use engine::{
    Records,
    records::{Environment, Status},
};
use environment::{EnvironmentId, Fault, OperationId};
use executions::{Execution, Executions};
use jiff::Timestamp;
use tracing::Instrument;

/// Looks at everything that is due. One environment's trouble does not keep the others from being looked at; it
/// is thrown in the end, so that the alarm for this function hears of it.
pub async fn sweep(
    records: &Records,
    executions: &Executions,
    new_id: impl Fn() -> OperationId,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut trouble = Ok(());
    for id in records.due(now).await? {
        let look = look_at(records, executions, id, new_id(), now);
        if let Err(fault) = look.instrument(tracing::info_span!("sweep", environment = %id)).await {
            tracing::error!(environment = %id, fault = ?fault, "the sweep could not look after an environment");
            // Others are due, too: it must not stay at the head of the list.
            let put_off = records.look_again_later(id, now).await;
            trouble = put_off.and(Err(fault));
        }
    }
    trouble
}

async fn look_at(
    records: &Records,
    executions: &Executions,
    id: EnvironmentId,
    next: OperationId,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(Environment { record, .. }) = records.load(id).await? else { return Ok(()) };
    if let Some(operation) = record.operation {
        let execution = Execution { environment: id, operation, fence: record.fence };
        executions.see_to(records, &execution, next, now).await?;
        return records.look_again_later(id, now).await;
    }
    if record.status == Status::DeleteFailed {
        tracing::info!("trying the delete again");
        if let Some(fence) = records.retry_removal(id, next, now).await? {
            executions.start(&Execution { environment: id, operation: next, fence }).await?;
        }
    }
    Ok(())
}
