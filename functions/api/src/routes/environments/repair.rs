//! `POST /environments/{id}/repair`.

use super::{AtPath, REPAIR, heard, load, nudge, replayed, show};
use crate::{
    caller::Caller,
    conditional::IfMatch,
    idempotency::{IdempotencyKey, hex},
    problem,
    problem::Problem,
    query::Parameters,
    service::Service,
};
use axum::{extract::State, response::Response};
use engine::{
    new_operation_id,
    records::{Asking, Repair},
};
use environment::EnvironmentId;
use http::StatusCode;

/// Asks for an environment to be made as its spec says once more: what somebody has removed or changed by hand is
/// made anew or corrected, and what is as it should be is left alone. While an update is at work that is just what
/// it does, so that asking again changes nothing.
pub(crate) async fn repair(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
    key: IdempotencyKey,
    IfMatch(only_at): IfMatch,
) -> Result<Response, Problem> {
    // Whoever wants it only tried must not have it done.
    parameters.none()?;
    let team = load(&service, &caller, id).await?.record.team;
    let now = service.clock.now();
    let asking = Asking {
        environment: id,
        next: new_operation_id(now),
        asked_by: &caller.asked_by,
        idempotency: key.scoped(&team, "POST", REPAIR, hex(&id.to_string())),
        only_at,
        now,
    };
    match heard(service.records.ask_for_repair(&asking).await?)? {
        None => Ok(replayed(accepted(&service, &caller, id).await?)),
        Some(Repair::Not(status)) => Err(problem::not_repairable(status)),
        Some(Repair::Going { operation, fence }) => {
            nudge(&service, id, operation, fence, now).await;
            accepted(&service, &caller, id).await
        }
    }
}

/// The environment as it is now.
async fn accepted(service: &Service, caller: &Caller, id: EnvironmentId) -> Result<Response, Problem> {
    Ok(show(service, StatusCode::ACCEPTED, &load(service, caller, id).await?).await)
}
