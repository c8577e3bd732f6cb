//! `POST /environments/{id}/repair`.

use super::{AtPath, REPAIR, answer, load, nudge, replayed};
use crate::{
    caller::Caller,
    idempotency::{IdempotencyKey, hex},
    problem,
    problem::Problem,
    service::Service,
    view::EnvironmentView,
};
use axum::{extract::State, response::Response};
use engine::{new_operation_id, records::RepairAsked};
use environment::EnvironmentId;
use http::StatusCode;

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
        RepairAsked::Replayed => Ok(replayed(accepted(&service, &caller, id).await?)),
        RepairAsked::Going { operation, fence } => {
            nudge(&service, id, operation, fence, now).await;
            accepted(&service, &caller, id).await
        }
    }
}

/// The environment as it is now.
async fn accepted(service: &Service, caller: &Caller, id: EnvironmentId) -> Result<Response, Problem> {
    let environment = load(service, caller, id).await?;
    Ok(answer(StatusCode::ACCEPTED, &EnvironmentView::of(&environment, &service.executions)))
}
