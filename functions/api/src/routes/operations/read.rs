//! `GET /environments/{id}/operations/{operation_id}`.

use crate::{
    caller::Caller, eta::EtaView, problem, problem::Problem, routes::environments::load, service::Service,
    view::OperationView,
};
use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use environment::{EnvironmentId, OperationId};
use http::{HeaderValue, header};

/// Shows one operation of an environment: who asked for it, what its steps came to, what came of it.
pub(crate) async fn read(
    State(service): State<Service>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let (id, operation) = ids(path).ok_or_else(problem::no_such_operation)?;
    let environment = load(&service, &caller, id).await?;
    // The newest came with the environment.
    let recent = environment.operations.iter().find(|one| one.id == operation);
    let older = match recent {
        Some(_) => None,
        None => service.records.operation(id, operation).await?,
    };
    let operation = recent.or(older.as_ref()).ok_or_else(problem::no_such_operation)?;
    let mut response = Json(OperationView::of(operation, &environment, &service.executions)).into_response();
    let eta = if operation.ended_at.is_none() { service.eta(&environment).await } else { None };
    if let Some(seconds) = eta.as_ref().map(EtaView::look_again_in) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

fn ids(path: Result<Path<(String, String)>, PathRejection>) -> Option<(EnvironmentId, OperationId)> {
    let Path((environment, operation)) = path.ok()?;
    Some((environment.parse().ok()?, operation.parse().ok()?))
}
