//! `POST /environments/{id}/repair`.

use super::{AtPath, REPAIR, answer, load};
use crate::{
    caller::Caller,
    idempotency::{IdempotencyKey, REPLAYED, hex},
    problem,
    problem::Problem,
    service::Service,
    view::EnvironmentView,
};
use axum::{extract::State, response::Response};
use engine::{new_operation_id, records::RepairAsked};
use environment::EnvironmentId;
use executions::Execution;
use http::{HeaderValue, StatusCode};

/// Asks for an environment to be made as its spec says once more: what somebody has removed or changed by hand is
/// made anew or corrected, and what is as it should be is left alone. While an update is at work that is just what
/// it does, so that asking again changes nothing.
pub(crate) async fn repair(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    key: IdempotencyKey,
) -> Result<Response, Problem> {
    let team = load(&service, &caller, id).await?.record.team;
    let now = service.clock.now();
    let key = key.scoped(&team, "POST", REPAIR, hex(&id.to_string()));
    let next = new_operation_id(now);
    match service.records.ask_for_repair(id, next, &caller.asked_by, key.as_ref(), now).await? {
        RepairAsked::Unknown => Err(problem::no_such_environment()),
        RepairAsked::KeyReused => Err(problem::idempotency_key_reused()),
        RepairAsked::Not(status) => Err(problem::not_repairable(status)),
        RepairAsked::Replayed => {
            let mut response = accepted(&service, &caller, id).await?;
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        RepairAsked::Going { operation, fence } => {
            // Takes over from an update whose execution was stopped, too.
            let execution = Execution { environment: id, operation, fence };
            let seen_to = service.executions.see_to(&service.records, &execution, new_operation_id(now), now).await;
            if let Err(fault) = seen_to {
                // It is recorded what is to be done: the sweep sees to it.
                tracing::error!(?fault, "the operation was not nudged");
            }
            accepted(&service, &caller, id).await
        }
    }
}

/// The environment as it is now.
async fn accepted(service: &Service, caller: &Caller, id: EnvironmentId) -> Result<Response, Problem> {
    let environment = load(service, caller, id).await?;
    Ok(answer(StatusCode::ACCEPTED, &EnvironmentView::of(&environment, &service.executions)))
}
