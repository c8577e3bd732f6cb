//! Operations: begun, turned round, closed, and swept up when nobody else looks after them. It also judges what the
//! survey has found, and counts what the watch has seen.
//!
//! This function knows records and executions; it has no right on any resource. Each of its calls is one
//! transition of the record (`engine::records`), so each may be repeated: Step Functions does, when an answer is
//! lost.

pub mod call;
pub mod events;
pub mod strays;
pub mod sweep;
pub mod watch;

use call::{Answer, Call, Event, Outcome, Subject};
use engine::{
    Clock, Error, Records, SystemClock, aws,
    lambda::{Thrown, deadline, place, start_logging, variable},
    records::{Activated, Begun, Closed, OperationKind, Turn, Turning},
};
use environment::{Code, EnvironmentId, Fault, Place};
use events::Bus;
use executions::Executions;
use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use std::sync::Arc;
use tracing::Instrument;

/// What the function is made of.
#[derive(Clone, Debug)]
pub struct Operations {
    /// The table.
    pub records: Records,
    /// The state machine's executions.
    pub executions: Executions,
    /// Where it is told what became of environments.
    pub bus: Bus,
    /// The account, region and stack.
    pub place: Place,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Runs the function.
pub async fn serve() -> Result<(), Error> {
    start_logging();
    let config = aws::config().await;
    let operations = Operations {
        records: Records::from_environment(&config)?,
        executions: Executions::new(&config, variable("STATE_MACHINE_ARN")?),
        bus: Bus::new(&config, variable("EVENT_BUS")?),
        place: place(&config)?,
        clock: Arc::new(SystemClock),
    };
    lambda_runtime::run(service_fn(|event| serve_one(&operations, event))).await
}

async fn serve_one(
    operations: &Operations,
    LambdaEvent { payload, context }: LambdaEvent<Event>,
) -> Result<Answer, Thrown> {
    let call = payload.into_call().map_err(Thrown)?;
    let span = span(&call);
    Box::pin(operations.handle(call, deadline(&context))).instrument(span).await.map_err(|fault| {
        tracing::error!(fault = ?fault, "call broken off");
        Thrown(fault)
    })
}

fn span(call: &Call) -> tracing::Span {
    let of = |action, subject: &Subject| {
        let (environment, operation) = (subject.environment_id, subject.operation_id);
        tracing::info_span!("call", action, environment = %environment, operation = %operation)
    };
    match call {
        Call::Begin(subject) => of("begin", subject),
        Call::Activate(subject) => of("activate", subject),
        Call::Turn(turning) => of("turn", &turning.subject),
        Call::Close(subject) => of("close", subject),
        Call::Sweep => tracing::info_span!("call", action = "sweep"),
        Call::Judge { .. } => tracing::info_span!("call", action = "judge"),
        Call::Watchlist { .. } => tracing::info_span!("call", action = "watchlist"),
        Call::Tally(_) => tracing::info_span!("call", action = "tally"),
        Call::RemoveStrays(removal) => {
            tracing::info_span!("call", action = "remove_strays", environment = %removal.environment_id)
        }
        Call::Ended(id) => tracing::info_span!("call", action = "ended", environment = %id),
    }
}

impl Call {
    /// The environment that it is about, if that is one.
    fn environment(&self) -> Option<EnvironmentId> {
        match self {
            Call::Begin(subject) | Call::Activate(subject) | Call::Close(subject) => Some(subject.environment_id),
            Call::Turn(turning) => Some(turning.subject.environment_id),
            Call::RemoveStrays(removal) => Some(removal.environment_id),
            Call::Ended(id) => Some(*id),
            Call::Sweep | Call::Judge { .. } | Call::Watchlist { .. } | Call::Tally(_) => None,
        }
    }
}

impl Operations {
    /// Answers one call. Lambda ends the function at its deadline.
    pub async fn handle(&self, call: Call, deadline: Timestamp) -> Result<Answer, Fault> {
        let environment = call.environment();
        let answer = match call {
            Call::Begin(subject) => self.begin(subject).await?,
            Call::Activate(subject) => self.activate(subject).await?,
            Call::Turn(turning) => self.turn(turning).await?,
            Call::Close(subject) => self.close(subject).await?,
            Call::Sweep => {
                // What one of the two could not do keeps the other from nothing.
                let swept = self.sweep(deadline).await;
                swept.and(self.tell_all(deadline).await)?;
                Answer::plain(Outcome::Done)
            }
            Call::Judge { surveys } => self.judge(&surveys, deadline).await?,
            Call::Watchlist { after } => Answer::watch(self.watchlist(after).await?),
            Call::Tally(counting) => Answer::counted(watch::count(&counting)),
            Call::RemoveStrays(removal) => self.remove_strays(&removal).await?,
            Call::Ended(id) => {
                self.look_after_the_end(id).await?;
                Answer::plain(Outcome::Done)
            }
        };
        if let Some(id) = environment {
            self.tell_at_once(id).await;
        }
        tracing::info!(outcome = ?answer.outcome, "call answered");
        Ok(answer)
    }

    async fn begin(&self, subject: Subject) -> Result<Answer, Fault> {
        let Subject { environment_id, operation_id, fence } = subject;
        Ok(match self.records.begin(environment_id, operation_id, fence, self.clock.now()).await? {
            Begun::As(kind, generation) => Answer::go_on(kind, generation),
            Begun::Superseded => Answer::plain(Outcome::Superseded),
        })
    }

    async fn activate(&self, subject: Subject) -> Result<Answer, Fault> {
        let Subject { environment_id, operation_id, fence } = subject;
        Ok(match self.records.activate(&self.place, environment_id, operation_id, fence, self.clock.now()).await? {
            Activated::Yes => Answer::plain(Outcome::Done),
            Activated::TakenBack(code) => {
                Answer::because(Outcome::Failed, Fault::new(code, "The update failed and was taken back."))
            }
            Activated::Turn => Answer::plain(Outcome::Turn),
            Activated::Superseded => Answer::plain(Outcome::Superseded),
        })
    }

    async fn turn(&self, turning: call::Turning) -> Result<Answer, Fault> {
        let Subject { environment_id, operation_id: operation, fence } = turning.subject;
        let generation = turning.generation;
        let of = Turning { operation, fence, generation, thrown: turning.thrown() };
        Ok(match self.records.turn(environment_id, of, self.clock.now()).await? {
            Turn::Remove => Answer::go_on(OperationKind::Delete, generation),
            Turn::Apply(generation) => Answer::go_on(OperationKind::Apply, generation),
            Turn::Leave(code) => Answer::because(Outcome::Failed, Fault::new(code, "The update failed.")),
            Turn::Superseded => Answer::plain(Outcome::Superseded),
        })
    }

    async fn close(&self, subject: Subject) -> Result<Answer, Fault> {
        let Subject { environment_id, operation_id, fence } = subject;
        Ok(match self.records.close(environment_id, operation_id, fence, self.clock.now()).await? {
            Closed::Deleted => Answer::plain(Outcome::Deleted),
            Closed::RolledBack(code) => {
                Answer::because(Outcome::Failed, Fault::new(code, "The create failed and was undone."))
            }
            Closed::Left(left) => {
                // The alarm for what is left behind counts this line: its `status` is part of the template.
                tracing::error!(status = "DELETE_FAILED", left = ?left, "resources are left behind");
                let first = left.into_iter().find_map(|one| one.error);
                let unknown = || Fault::new(Code::Internal, "Something is left; the record says what.");
                Answer::because(Outcome::Left, first.unwrap_or_else(unknown))
            }
            Closed::Superseded => Answer::plain(Outcome::Superseded),
        })
    }
}
