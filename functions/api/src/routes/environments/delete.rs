//! `DELETE /environments/{id}`.

use super::{AtPath, ONE, answer, load, nudge, replayed};
use crate::{
    caller::Caller,
    idempotency::{IdempotencyKey, hex},
    problem,
    problem::Problem,
    service::Service,
    view::EnvironmentView,
};
use axum::{extract::State, response::Response};
use engine::new_operation_id;
use engine::records::{DeleteAsked, Status};
use environment::EnvironmentId;
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
    let now = service.clock.now();
    let key = key.scoped(&team, "DELETE", ONE, hex(&id.to_string()));
    let asked = service.records.ask_for_delete(id, new_operation_id(now), &caller.asked_by, key.as_ref(), now).await?;
    let status = match asked {
        DeleteAsked::Unknown => return Err(problem::no_such_environment()),
        DeleteAsked::KeyReused => return Err(problem::idempotency_key_reused()),
        DeleteAsked::Replayed => return replay(&service, &caller, id).await,
        DeleteAsked::Deleted => StatusCode::OK,
        DeleteAsked::Going { operation, fence } => {
            nudge(&service, id, operation, fence, now).await;
            StatusCode::ACCEPTED
        }
    };
    let environment = load(&service, &caller, id).await?;
    Ok(answer(status, &EnvironmentView::of(&environment, &service.executions)))
}

/// The same request again: what became of it, and not another try. 202 also where it left something.
async fn replay(service: &Service, caller: &Caller, id: EnvironmentId) -> Result<Response, Problem> {
    let environment = load(service, caller, id).await?;
    let status = if environment.record.status == Status::Deleted { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(replayed(answer(status, &EnvironmentView::of(&environment, &service.executions))))
}
