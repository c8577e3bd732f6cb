//! The lease of a step: one hand at a time.
//!
//! A turn takes its step's lease until just after its function's own deadline. Lambda kills a function at its
//! deadline, so whoever finds the lease expired knows that the earlier hand is dead. A turn with an older
//! fence never gets the lease again. What died in the middle may have left something unrecorded: a step whose
//! lease expired instead of being released is `unclean`, and looks before it acts.

use super::{
    AttributeValue, Records, SCHEMA, StepItem, StepReport, attribute, environment_pk, number, read, refused, text,
};
use crate::{
    aws,
    call::{Answer, Call, Outcome},
};
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use environment::Fault;
use jiff::Timestamp;

/// What asking for a lease came to.
#[derive(Debug)]
pub enum Taken {
    /// It is ours.
    Yes(Lease),
    /// Another invocation holds it for so many seconds more.
    Busy(u32),
    /// A newer operation has had the step.
    Superseded,
}

/// A lease that is held.
#[derive(Debug)]
pub struct Lease {
    call: Call,
    holder: String,
    attempts: u32,
    since: Timestamp,
    /// The environment's generation, once that is read.
    pub generation: u64,
    /// Something that an earlier turn did may be unrecorded.
    pub unclean: bool,
}

impl Lease {
    /// Which turn of this action this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempts
    }

    /// When the first turn of this action began.
    pub fn since(&self) -> Timestamp {
        self.since
    }
}

impl Records {
    /// Takes a step's lease. `holder` names this invocation; `until` is just after its deadline.
    pub async fn take_lease(
        &self,
        call: &Call,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Taken, Fault> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(environment_pk(call.environment_id)))
            .key("sk", text(step_sk(call)))
            .update_expression(
                "SET #schema = :schema, #step = :step, #operation = :operation, #action = :action, #fence = :fence, \
                 #holder = :holder, #until = :until",
            )
            .condition_expression(
                "(attribute_not_exists(#until) OR #until < :now) AND (attribute_not_exists(#fence) OR #fence <= :fence)",
            )
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#step", "step")
            .expression_attribute_names("#operation", "operation")
            .expression_attribute_names("#action", "action")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":step", attribute(&call.step)?)
            .expression_attribute_values(":operation", attribute(&call.operation_id)?)
            .expression_attribute_values(":action", attribute(&call.action)?)
            .expression_attribute_values(":fence", number(call.fence))
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let before: Option<StepItem> = match answer {
            Ok(output) => output.attributes.filter(|item| !item.is_empty()).map(read).transpose()?,
            Err(error) => {
                let old = refused(&error, |error| match error {
                    UpdateItemError::ConditionalCheckFailedException(failed) => failed.item(),
                    _ => None,
                });
                let Some(old) = old else { return Err(aws::fault("dynamodb:UpdateItem", error)) };
                let holding: StepItem = read(old)?;
                if holding.holder.as_deref() == Some(holder) {
                    // Our own write, carried out at the SDK's first attempt. What stood there before is not
                    // known any more, so look rather than trust.
                    Some(StepItem { unclean: true, until: None, ..holding })
                } else if holding.fence > call.fence {
                    return Ok(Taken::Superseded);
                } else {
                    let left = holding.until.unwrap_or_default() - now.as_millisecond();
                    return Ok(Taken::Busy(u32::try_from(left / 1000 + 1).unwrap_or(1).clamp(1, 30)));
                }
            }
        };
        Ok(Taken::Yes(Lease::after(before, call, holder, now)))
    }

    /// Releases a lease with what the turn came to.
    pub async fn release_lease(&self, lease: &Lease, answer: &Answer, now: Timestamp) -> Result<(), Fault> {
        let ended = matches!(answer.outcome, Outcome::Done | Outcome::Failed);
        let report = StepReport {
            operation: lease.call.operation_id,
            step: lease.call.step,
            action: lease.call.action,
            generation: lease.generation,
            outcome: answer.outcome,
            attempts: lease.attempts,
            started_at: lease.since,
            ended_at: ended.then_some(now),
            waits_for: answer.waits_for.clone(),
            error: answer.error.clone(),
        };
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(environment_pk(lease.call.environment_id)))
            .key("sk", text(step_sk(&lease.call)))
            .update_expression("SET #report = :report, #unclean = :unclean REMOVE #until, #holder")
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#report", lease.call.action.as_str())
            .expression_attribute_names("#unclean", "unclean")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":report", attribute(&report)?)
            .expression_attribute_values(
                ":unclean",
                AttributeValue::Bool(lease.unclean && answer.outcome != Outcome::Done),
            )
            .expression_attribute_values(":holder", text(&lease.holder))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            // Released by our own first attempt, or taken over since: either way there is nothing to say.
            Err(error) if refused(&error, |_| None).is_some() => Ok(()),
            Err(error) => Err(aws::fault("dynamodb:UpdateItem", error)),
        }
    }
}

impl Lease {
    fn after(before: Option<StepItem>, call: &Call, holder: &str, now: Timestamp) -> Lease {
        let unclean = before.as_ref().is_some_and(|step| step.unclean || step.until.is_some());
        let report = before.and_then(|step| step.report(call.operation_id, call.action).cloned());
        Lease {
            call: *call,
            holder: holder.to_owned(),
            attempts: report.as_ref().map_or(0, |report| report.attempts) + 1,
            since: report.map_or(now, |report| report.started_at),
            generation: 0,
            unclean,
        }
    }
}

fn step_sk(call: &Call) -> String {
    format!("STEP#{}", call.step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Action;
    use crate::records::samples;
    use environment::{EnvironmentId, OperationId, Step};

    fn call(action: Action) -> Call {
        Call {
            environment_id: EnvironmentId::new(1, 1),
            operation_id: OperationId::new(1, 1),
            fence: 1,
            step: Step::Network,
            action,
        }
    }

    fn step(until: Option<i64>) -> StepItem {
        let report = StepReport {
            operation: OperationId::new(1, 1),
            step: Step::Network,
            action: Action::Ensure,
            generation: 1,
            outcome: Outcome::Waiting,
            attempts: 3,
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: None,
            waits_for: None,
            error: None,
        };
        StepItem {
            until,
            ensure: Some(report),
            ..samples::taken(Step::Network, OperationId::new(1, 1), Action::Ensure)
        }
    }

    #[test]
    fn a_lease_that_expired_leaves_the_step_unclean() {
        let now = Timestamp::now();
        assert!(Lease::after(Some(step(Some(7))), &call(Action::Ensure), "me", now).unclean);
        assert!(!Lease::after(Some(step(None)), &call(Action::Ensure), "me", now).unclean);
    }

    #[test]
    fn attempts_are_counted_for_each_action() {
        let now = Timestamp::now();
        assert_eq!(Lease::after(Some(step(None)), &call(Action::Ensure), "me", now).attempts, 4);
        let other = Lease::after(Some(step(None)), &call(Action::Remove), "me", now);
        assert_eq!((other.attempts, other.since), (1, now));
    }
}
