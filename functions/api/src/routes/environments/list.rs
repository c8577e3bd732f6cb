//! `GET /environments`.

use crate::{
    caller::Caller,
    pages::{self, PageSize},
    problem,
    problem::Problem,
    query::Parameters,
    service::Service,
    view::SummaryView,
};
use axum::{Json, extract::State};
use engine::records::{Filter, ListQuery, Scope, Status};
use environment::request::is_a_team;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

const PARAMETERS: &[&str] =
    &["team", "status[]", "name", "tag[key]", "created_after", "created_before", "page_size", "page_token"];

/// A page of environments.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EnvironmentPage")]
pub(crate) struct Page {
    /// The environments, newest first.
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
    let of_this_list = name_of(&query.scope, &query.filter);
    Ok(Json(Page {
        items: page.items.into_iter().map(SummaryView::from).collect(),
        next_page_token: page.next.map(|after| pages::token(after, &of_this_list)),
    }))
}

fn query(caller: &Caller, parameters: Parameters) -> Result<ListQuery, Problem> {
    let mut reader = parameters.read(PARAMETERS);
    let of_a_team = |text: &str| is_a_team(text).then(|| text.to_owned());
    let team = reader.parse("team", of_a_team, "This must be a team's name.");
    let of_a_status = |text: &str| Status::ALL.into_iter().find(|status| status.as_str() == text);
    let names = Status::ALL.map(Status::as_str).join(", ");
    let statuses = reader.parse_all("status", of_a_status, &format!("This must be one of: {names}."));
    let a_time = |text: &str| text.parse::<Timestamp>().ok();
    let form = "This must be a time like 2026-11-24T12:00:00Z.";
    let filter = Filter {
        statuses: statuses.into_iter().collect(),
        name: reader.get("name").map(str::to_owned),
        tags: reader.members("tag").map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        created_after: reader.parse("created_after", a_time, form),
        created_before: reader.parse("created_before", a_time, form),
    };
    let page_size = PageSize::read(&mut reader);
    let scope = match caller.team.as_ref().or(team.as_ref()) {
        Some(team) => Scope::Team(team.clone()),
        None => Scope::All,
    };
    let after = pages::read(&mut reader, &name_of(&scope, &filter));
    reader.finish()?;
    if team.is_some_and(|team| !caller.may_use(&team)) {
        return Err(problem::team_not_yours());
    }
    Ok(ListQuery { scope, filter, page_size: page_size.0, after })
}

/// The list's name: tokens are bound to it.
fn name_of(scope: &Scope, filter: &Filter) -> String {
    // Texts, times and maps by text: nothing here that JSON has not.
    serde_json::to_string(&(scope, filter)).unwrap_or_default()
}
