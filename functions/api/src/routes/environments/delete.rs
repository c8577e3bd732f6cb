//! `DELETE /environments/{id}`.

use super::{AtPath, ONE, answer, load, new_operation};
use crate::{
    caller::Caller,
    executions::{Started, Work},
    idempotency::{IdempotencyKey, hex},
    problem,
    problem::Problem,
    service::Service,
    view::EnvironmentView,
};
use axum::{extract::State, response::Response};
use engine::records::DeleteAsked;
use environment::Fault;
use http::StatusCode;

/// Asks for an environment to be gone. Accepted at any moment, and as often as it is sent: 202 while it goes,
/// 200 when it is gone.
///
/// While a create is at work this makes no second operation: the record says that the environment shall be
/// gone, and the running one turns round at its next turn. One that failed and was undone has nothing left to
/// remove: it is deleted by one write.
pub(crate) async fn delete(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let team = load(&service, &caller, id).await?.record.team;
    let now = engine::now();
    let key = key.scoped(&team, "DELETE", ONE, hex(&id.to_string()));
    let asked = service.records.ask_for_delete(id, new_operation(now), &caller.asked_by, key.as_ref(), now).await?;
    let status = match asked {
        DeleteAsked::Unknown => return Err(problem::no_such_environment()),
        DeleteAsked::KeyReused => return Err(problem::idempotency_key_reused()),
        DeleteAsked::Deleted => StatusCode::OK,
        DeleteAsked::Going { operation, fence } => {
            if let Err(fault) = nudge(&service, Work { environment: id, operation, fence }).await {
                // It is recorded that the environment shall be gone: the sweep sees to it.
                tracing::error!(?fault, "the operation was not nudged");
            }
            StatusCode::ACCEPTED
        }
    };
    let environment = load(&service, &caller, id).await?;
    Ok(answer(status, &EnvironmentView::of(&environment, &service.executions)))
}

/// Makes sure that somebody is at work: starts the operation's execution if nobody did (a create whose POST broke
/// off); where it has ended without closing its operation, another one takes over.
async fn nudge(service: &Service, work: Work) -> Result<(), Fault> {
    if service.executions.start(&work).await? == Started::Running {
        return Ok(());
    }
    let now = engine::now();
    let next = new_operation(now);
    let Some(fence) = service.records.take_over(work.environment, work.operation, next, now).await? else {
        return Ok(());
    };
    service.executions.start(&Work { operation: next, fence, ..work }).await.map(drop)
}
