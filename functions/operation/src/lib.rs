//! Operations: begun, turned round, closed, and swept up when nobody else looks after them.
//!
//! This function knows records and executions; it has no right on any resource. Each of its calls is one
//! transition of the record (`engine::records`), so each may be repeated: Step Functions does, when an answer is
//! lost.

pub mod call;
pub mod sweep;

use call::{Answer, Call, Outcome, Subject};
use engine::{
    Error, Records, aws,
    lambda::{Thrown, start_logging, variable},
    new_operation_id, now,
    records::{Activated, Begun, Closed, OperationKind, Turn},
};
use environment::{Code, Fault};
use executions::Executions;
use lambda_runtime::{LambdaEvent, service_fn};
use tracing::Instrument;

/// Runs the function.
pub async fn serve() -> Result<(), Error> {
    start_logging();
    let config = aws::config().await;
    let records = Records::from_environment(&config)?;
    let executions = Executions::new(&config, variable("STATE_MACHINE_ARN")?);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Call>| async {
        let span = span(&event.payload);
        Box::pin(handle(&records, &executions, event.payload)).instrument(span).await.map_err(|fault| {
            tracing::error!(fault = ?fault, "call broken off");
            Thrown(fault)
        })
    }))
    .await
}

fn span(call: &Call) -> tracing::Span {
    let of = |action, subject: &Subject| {
        let (environment, operation) = (subject.environment_id, subject.operation_id);
        tracing::info_span!("call", action, environment = %environment, operation = %operation)
    };
    match call {
        Call::Begin(subject) => of("begin", subject),
        Call::Activate(subject) => of("activate", subject),
        Call::Turn(caused) => of("turn", &caused.subject),
        Call::Close(caused) => of("close", &caused.subject),
        Call::Sweep => tracing::info_span!("call", action = "sweep"),
    }
}

async fn handle(records: &Records, executions: &Executions, call: Call) -> Result<Answer, Fault> {
    let answer = match call {
        Call::Begin(subject) => begin(records, subject).await?,
        Call::Activate(subject) => activate(records, subject).await?,
        Call::Turn(caused) => turn(records, caused.subject, caused.thrown()).await?,
        Call::Close(caused) => close(records, caused.subject).await?,
        Call::Sweep => {
            sweep::sweep(records, executions, new_operation_id, now()).await?;
            Answer::plain(Outcome::Done)
        }
    };
    tracing::info!(outcome = ?answer.outcome, "call answered");
    Ok(answer)
}

async fn begin(records: &Records, subject: Subject) -> Result<Answer, Fault> {
    let Subject { environment_id, operation_id, fence } = subject;
    Ok(match records.begin(environment_id, operation_id, fence, now()).await? {
        Begun::As(kind) => Answer::go_on(kind),
        Begun::Superseded => Answer::plain(Outcome::Superseded),
    })
}

async fn activate(records: &Records, subject: Subject) -> Result<Answer, Fault> {
    let Subject { environment_id, operation_id, fence } = subject;
    Ok(Answer::plain(match records.activate(environment_id, operation_id, fence, now()).await? {
        Activated::Yes => Outcome::Done,
        Activated::Turn => Outcome::Turn,
        Activated::Superseded => Outcome::Superseded,
    }))
}

async fn turn(records: &Records, subject: Subject, thrown: Option<&str>) -> Result<Answer, Fault> {
    let Subject { environment_id, operation_id, fence } = subject;
    Ok(match records.turn(environment_id, operation_id, fence, thrown, now()).await? {
        Turn::Remove => Answer::go_on(OperationKind::Delete),
        Turn::Superseded => Answer::plain(Outcome::Superseded),
    })
}

async fn close(records: &Records, subject: Subject) -> Result<Answer, Fault> {
    let Subject { environment_id, operation_id, fence } = subject;
    Ok(match records.close(environment_id, operation_id, fence, now()).await? {
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
