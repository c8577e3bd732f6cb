//! `GET /environments`.

use crate::{caller::Caller, pages, problem, problem::Problem, query::Parameters, service::Service, view::SummaryView};
use axum::{Json, extract::State};
use engine::records::{ListQuery, Scope, Status};
use environment::request::is_a_team;
use serde::Serialize;

const PARAMETERS: &[&str] = &["team", "status", "page_size", "page_token"];
/// How many environments a page has where the request says nothing, and at most.
const PAGE: u32 = 20;
const LARGEST_PAGE: u32 = 100;

/// A page of environments.
#[derive(Serialize)]
pub(crate) struct Page {
    items: Vec<SummaryView>,
    /// Null at the end of the list, and only there.
    next_page_token: Option<String>,
}

/// Lists environments, newest first: the caller's team's, or everybody's for an administrator. Without `status`
/// all but the deleted. A page may be short, even empty, and still have a next one.
pub(crate) async fn list(
    State(service): State<Service>,
    caller: Caller,
    parameters: Parameters,
) -> Result<Json<Page>, Problem> {
    let query = query(&caller, parameters)?;
    let page = service.records.list(&query).await?;
    Ok(Json(Page {
        items: page.items.into_iter().map(SummaryView::from).collect(),
        next_page_token: page.next.map(|after| pages::token(after, &query.scope, query.status)),
    }))
}

fn query(caller: &Caller, parameters: Parameters) -> Result<ListQuery, Problem> {
    let mut reader = parameters.read(PARAMETERS);
    let of_a_team = |text: &str| is_a_team(text).then(|| text.to_owned());
    let team = reader.parse("team", of_a_team, "This must be a team's name.");
    let of_a_status = |text: &str| Status::ALL.into_iter().find(|status| status.as_str() == text);
    let names = Status::ALL.map(Status::as_str).join(", ");
    let status = reader.parse("status", of_a_status, &format!("This must be one of: {names}."));
    let of_a_page = |text: &str| text.parse::<u32>().ok().filter(|size| (1..=LARGEST_PAGE).contains(size));
    let page_size = reader.parse("page_size", of_a_page, &format!("This must be 1 to {LARGEST_PAGE}."));
    let scope = match caller.team.as_ref().or(team.as_ref()) {
        Some(team) => Scope::Team(team.clone()),
        None => Scope::All,
    };
    let of_this_list = |token: &str| pages::read(token, &scope, status);
    // The empty token stands for the first page.
    let has_token = reader.get("page_token").is_some_and(|token| !token.is_empty());
    let form = "This is no token of this list: take next_page_token, with the same parameters.";
    let after = if has_token { reader.parse("page_token", of_this_list, form) } else { None };
    reader.finish()?;
    if team.is_some_and(|team| !caller.may_use(&team)) {
        return Err(problem::team_not_yours());
    }
    Ok(ListQuery { scope, status, page_size: page_size.unwrap_or(PAGE), after })
}
