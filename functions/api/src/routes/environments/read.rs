//! `GET /environments/{id}`.

use super::{AtPath, answer, load};
use crate::{caller::Caller, problem::Problem, service::Service, view::EnvironmentView};
use axum::{extract::State, response::Response};
use http::StatusCode;

/// Shows an environment: one query, and no question to anybody else. One that was deleted is shown as long as
/// its record is kept.
pub(crate) async fn read(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
) -> Result<Response, Problem> {
    let environment = load(&service, &caller, id).await?;
    Ok(answer(StatusCode::OK, &EnvironmentView::of(&environment, &service.executions)))
}
