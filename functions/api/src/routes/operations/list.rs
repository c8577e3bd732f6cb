//! `GET /environments/{id}/operations`.

use crate::{
    caller::Caller,
    pages::{self, PageSize},
    problem::Problem,
    query::Parameters,
    routes::environments::{AtPath, load},
    service::Service,
    view::OperationView,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

const PARAMETERS: &[&str] = &["page_size", "page_token"];

/// A page of operations.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OperationPage")]
pub(crate) struct Page<'a> {
    /// The operations, newest first.
    items: Vec<OperationView<'a>>,
    /// Null at the end of the list, and only there.
    next_page_token: Option<String>,
}

/// Lists what was ever done with an environment, newest first.
pub(crate) async fn list(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let environment = load(&service, &caller, id).await?;
    let of_this_list = format!("operations {id}");
    let mut reader = parameters.read(PARAMETERS);
    let page_size = PageSize::read(&mut reader);
    let after = pages::read(&mut reader, &of_this_list);
    reader.finish()?;

    let page = service.records.history(id, after, page_size.0).await?;
    let items = page.operations.iter().map(|one| OperationView::of(one, &environment, &service.executions)).collect();
    let next_page_token = page.next.map(|last| pages::token(last, &of_this_list));
    Ok(Json(Page { items, next_page_token }).into_response())
}
