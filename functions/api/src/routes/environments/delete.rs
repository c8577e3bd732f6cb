//! `DELETE /environments/{id}`.

use super::{AtPath, ONE, found_again, heard, load, nudge, replayed, show};
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
    records::{Asking, Delete, Environment, Removal, Status},
};
use environment::EnvironmentId;
use http::StatusCode;

/// Asks for an environment to be gone. Accepted at any moment, and as often as it is sent: 202 while it goes,
/// 200 when it is gone.
///
/// While a create is at work this makes no second operation: the record says that the environment shall be
/// gone, and the running one turns round at its next turn. Flow runs are waited for, unless `force=true` has them
/// stopped; `retain=logs` keeps the log groups. Either may be added while a delete is at work. One that failed and was
/// undone has nothing left to remove: it is deleted by one write. Only who has protected it has to take that back first.
///
/// With `?validate_only=true` it is checked in every way and changes nothing: the answer says what would be.
pub(crate) async fn delete(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
    key: IdempotencyKey,
    IfMatch(only_at): IfMatch,
) -> Result<Response, Problem> {
    let Wanted { removal, validates_only } = wanted(parameters)?;
    let team = load(&service, &caller, id).await?.record.team;
    let now = service.clock.now();
    let asking = Asking {
        environment: id,
        next: new_operation_id(now),
        asked_by: &caller.asked_by,
        idempotency: key.scoped(&team, "DELETE", ONE, hex(&fingerprint(id, removal))),
        only_at,
        now,
    };
    if validates_only {
        let heard = heard(service.records.rehearsal().ask_for_delete(&asking, removal).await?)?;
        let environment = load(&service, &caller, id).await?;
        let forecast = match heard {
            None => Forecast::of_nothing(&service, &environment),
            Some(Delete::Protected) => return Err(problem::deletion_protected(id)),
            Some(Delete::Deleted | Delete::Going { .. }) => Forecast::of_delete(&service, &environment).await,
        };
        return Ok(Json(forecast).into_response());
    }
    let status = match heard(service.records.ask_for_delete(&asking, removal).await?)? {
        None => return Ok(replay(&service, &found_again(&service, &caller, id, now).await?).await),
        Some(Delete::Protected) => return Err(problem::deletion_protected(id)),
        Some(Delete::Deleted) => StatusCode::OK,
        Some(Delete::Going { operation, fence }) => {
            nudge(&service, id, operation, fence, now).await;
            StatusCode::ACCEPTED
        }
    };
    Ok(show(&service, status, &load(&service, &caller, id).await?).await)
}

/// What the parameters ask for.
struct Wanted {
    /// How the environment is to go.
    removal: Removal,
    /// Whether the request is to be tried and not carried out.
    validates_only: bool,
}

fn wanted(parameters: Parameters) -> Result<Wanted, Problem> {
    let mut parameters = parameters.read(&["force", "retain", "validate_only"]);
    let force = parameters.is_set("force");
    let retain = parameters.parse("retain", |value| (value == "logs").then_some(true), "Only logs can be retained.");
    let validates_only = parameters.is_set("validate_only");
    parameters.finish()?;
    let removal = Removal { force, retain_logs: retain.unwrap_or_default() };
    Ok(Wanted { removal, validates_only })
}

/// What makes two requests the same.
fn fingerprint(id: EnvironmentId, Removal { force, retain_logs }: Removal) -> String {
    let more = [force.then_some(" force"), retain_logs.then_some(" retain logs")];
    more.into_iter().flatten().fold(id.to_string(), |text, more| text + more)
}

/// The same request again: what became of it, and not another try. 202 also where it left something.
async fn replay(service: &Service, environment: &Environment) -> Response {
    let status = if environment.record.status == Status::Deleted { StatusCode::OK } else { StatusCode::ACCEPTED };
    replayed(show(service, status, environment).await)
}
