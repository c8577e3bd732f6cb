//! `POST /environments/{id}/repair`.

use super::{AtPath, REPAIR, drift::look, found_again, heard, load, nudge, replayed, show};
use crate::{
    caller::Caller,
    conditional::IfMatch,
    forecast::Forecast,
    idempotency::{IdempotencyKey, hex},
    problem,
    problem::Problem,
    query::Parameters,
    service::Service,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use engine::{
    new_operation_id,
    records::{Asking, Repair},
};
use environment::EnvironmentId;
use http::StatusCode;

/// Asks for an environment to be made as its spec says once more: what somebody has removed or changed by hand is
/// made anew or corrected, and what is as it should be is left alone. While an update is at work that is just what
/// it does, so that asking again changes nothing.
///
/// With `?validate_only=true` it is checked in every way and changes nothing: the answer says what would be, by what a
/// look sees now.
pub(crate) async fn repair(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
    key: IdempotencyKey,
    IfMatch(only_at): IfMatch,
) -> Result<Response, Problem> {
    let validates_only = parameters.validate_only()?;
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
    if validates_only {
        let heard = heard(service.records.rehearsal().ask_for_repair(&asking).await?)?;
        let environment = load(&service, &caller, id).await?;
        let forecast = match heard {
            None => Forecast::of_nothing(&service, &environment),
            Some(Repair::Not(status)) => return Err(problem::not_repairable(status)),
            Some(Repair::Going { .. }) => {
                let looked = look(&service, &environment).await;
                Forecast::of_repair(&service, &environment, looked).await
            }
        };
        return Ok(Json(forecast).into_response());
    }
    match heard(service.records.ask_for_repair(&asking).await?)? {
        None => {
            let environment = found_again(&service, &caller, id, now).await?;
            Ok(replayed(show(&service, StatusCode::ACCEPTED, &environment).await))
        }
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
