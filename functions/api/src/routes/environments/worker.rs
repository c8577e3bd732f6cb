//! `GET /environments/{id}/worker`.

use super::{AtPath, load_with_worker};
use crate::{
    asking::ask, caller::Caller, problem, problem::Problem, query::Parameters, service::Service, view::WorkerView,
};
use axum::{Json, extract::State};
use engine::observe::{Observation, ObserveCall};

/// Looks at the environment's workers, in ECS and in Prefect, and changes nothing: the function that made them looks,
/// and the caller waits 5 s at most. Where Prefect does not answer, what ECS says is told, and why Prefect says nothing.
/// Nobody is asked while the record knows of no service.
pub(crate) async fn worker(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
) -> Result<Json<WorkerView>, Problem> {
    parameters.none()?;
    let environment = load_with_worker(&service, &caller, id).await?;
    let nothing = || problem::no_worker(environment.record.status);
    let question = ObserveCall::of(id);
    let seen: Option<Observation> = ask(&service, &service.settings.worker_function_arn, &question).await?;
    let seen = seen.and_then(|Observation { attributes, error }| WorkerView::seen(&attributes, error));
    seen.map(Json).ok_or_else(nothing)
}
