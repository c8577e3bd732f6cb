//! `GET /environments/{id}/logs`.

use super::{AtPath, load_with_worker};
use crate::{asking::ask, caller::Caller, pages, problem, problem::Problem, query::Parameters, service::Service};
use axum::{Json, extract::State};
use engine::logs::{LogLine, LogPage, LogsCall};
use environment::Fault;
use schemars::JsonSchema;
use serde::Serialize;

/// How many lines a page has where the request says nothing.
pub(crate) const USUAL: usize = 100;
/// How many it has at most.
pub(crate) const MOST: usize = 500;

/// What an environment's workers have written.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LogPage")]
pub(crate) struct Page {
    /// The lines, oldest first.
    items: Vec<LogLine>,
    /// The page of what is written next. There is always one.
    next_page_token: String,
    /// What kept lines from being told. They are in the next page, where that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
}

/// Tells the last lines of the environment's workers or, with a token, what they have written since. The function that
/// made them reads, and takes every secret out. Nobody is asked while the record knows of no service.
pub(crate) async fn logs(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
) -> Result<Json<Page>, Problem> {
    let mut reader = parameters.read(&["limit", "page_token"]);
    let of_a_page = |text: &str| text.parse::<usize>().ok().filter(|limit| (1..=MOST).contains(limit));
    let limit = reader.parse("limit", of_a_page, &format!("This must be 1 to {MOST}."));
    let list = format!("logs {id}");
    let after = pages::read_position(&mut reader, &list);
    reader.finish()?;
    let environment = load_with_worker(&service, &caller, id).await?;
    let nothing = || problem::no_worker(environment.record.status);
    let question = LogsCall::of(id, limit.unwrap_or(USUAL), after);
    let page: Option<LogPage> = ask(&service, &service.settings.worker_function_arn, &question).await?;
    let LogPage { lines, end, error } = page.ok_or_else(nothing)?;
    Ok(Json(Page { items: lines, next_page_token: pages::position_token(&end, &list)?, error }))
}
