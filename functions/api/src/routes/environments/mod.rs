//! Environments.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod drift;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod read;
pub(crate) mod repair;
mod template;
pub(crate) mod update;
mod worker;

pub(super) use create::create;
pub(super) use delete::delete;
pub(super) use drift::drift;
pub(super) use list::list;
pub(super) use logs::logs;
pub(super) use read::read;
pub(super) use repair::repair;
pub(super) use template::template;
pub(super) use update::update;
pub(super) use worker::worker;

use crate::{
    caller::Caller, conditional::etag, idempotency::REPLAYED, problem, problem::Problem, service::Service,
    settings::Settings, view::EnvironmentView,
};
use axum::{
    Json,
    extract::{FromRequestParts, Path},
    response::{IntoResponse, Response},
};
use engine::{
    new_operation_id,
    records::{Asked, Environment, ResourceState},
};
use environment::{
    Entry, EnvironmentId, OperationId, Spec, Subject, catalogue, keys,
    lifetime::{Expiry, Lifetime},
    request::{Defaults, Violation, ViolationCode},
};
use executions::Execution;
use http::{HeaderValue, StatusCode, header, request::Parts};
use jiff::Timestamp;

/// The path of them all.
pub(super) const MANY: &str = "/environments";
/// The path of one of them.
pub(super) const ONE: &str = "/environments/{id}";
/// The path of how one of them differs from its spec.
pub(super) const DRIFT: &str = "/environments/{id}/drift";
/// The path of how the workers of one of them are now.
pub(super) const WORKER: &str = "/environments/{id}/worker";
/// The path of what the workers of one of them have written.
pub(super) const LOGS: &str = "/environments/{id}/logs";
/// The path of one of them as a CloudFormation template.
pub(super) const TEMPLATE: &str = "/environments/{id}/template";
/// The path of making one of them whole again.
pub(super) const REPAIR: &str = "/environments/{id}/repair";

/// The environment that a path names. What is no id names none.
pub(crate) struct AtPath(pub(crate) EnvironmentId);

impl<S: Send + Sync> FromRequestParts<S> for AtPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| text.parse().ok()).ok_or_else(problem::no_such_environment)?;
        log_environment(id);
        Ok(AtPath(id))
    }
}

/// What the place and the caller add to a request.
fn defaults<'a>(settings: &'a Settings, caller: &'a Caller) -> Defaults<'a> {
    Defaults {
        partition: &settings.place.partition,
        account: &settings.place.account,
        region: &settings.place.region,
        worker_image: &settings.place.worker_image,
        worker_images: &settings.worker_images,
        flow_policy_arns: &settings.flow_policy_arns,
        caller_team: caller.team.as_deref(),
        allow_local_api_url: settings.local_cloud,
    }
}

/// Every resource of the environment. Which zones its network takes makes no difference to what there is.
fn plan(service: &Service, id: EnvironmentId, spec: &Spec) -> Vec<Entry> {
    catalogue(&Subject { id, spec, zones: &[], place: &service.settings.place })
}

/// Refuses a time that is over: the environment would be gone before it is there.
fn check_time(lifetime: &Lifetime, now: Timestamp) -> Result<(), Problem> {
    match lifetime.expiry {
        Some(Expiry::At(time)) if time <= now => {
            let detail = "This must be a time to come.";
            Err(problem::invalid_request(vec![Violation::new("/expires_at", ViolationCode::OutOfRange, detail)]))
        }
        _ => Ok(()),
    }
}

/// Names the environment on the request's log lines.
fn log_environment(id: EnvironmentId) {
    tracing::Span::current().record("environment", id.to_string());
}

/// The environment, if it exists and the caller may see it; one and the same refusal otherwise.
pub(super) async fn load(service: &Service, caller: &Caller, id: EnvironmentId) -> Result<Environment, Problem> {
    let environment = service.records.load(id).await?;
    environment.filter(|it| caller.may_use(&it.record.team)).ok_or_else(problem::no_such_environment)
}

/// The environment, if there is a worker service of it by its record: of others nobody need be asked.
async fn load_with_worker(service: &Service, caller: &Caller, id: EnvironmentId) -> Result<Environment, Problem> {
    let environment = load(service, caller, id).await?;
    let is_there = |state| !matches!(state, ResourceState::Planned | ResourceState::Gone);
    match environment.resources.get(&keys::service()) {
        Some(item) if is_there(item.state) => Ok(environment),
        _ => Err(problem::no_worker(environment.record.status)),
    }
}

/// The environment as an answer. While somebody works on it, `Retry-After` says when to look again.
fn answer(status: StatusCode, view: &EnvironmentView<'_>) -> Response {
    let mut response = (status, Json(view)).into_response();
    if let Some(seconds) = view.look_again_in() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The environment as it is recorded now, under its ETag.
async fn show(service: &Service, status: StatusCode, environment: &Environment) -> Response {
    let eta = service.eta(environment).await;
    let mut response = answer(status, &EnvironmentView::of(environment, &service.executions, eta));
    response.headers_mut().insert(header::ETAG, etag(&environment.revision()));
    response
}

/// What was heard of a wish; `None` where it was carried out before under its key.
fn heard<T>(asked: Asked<T>) -> Result<Option<T>, Problem> {
    match asked {
        Asked::Heard(answer) => Ok(Some(answer)),
        Asked::Replayed => Ok(None),
        Asked::Unknown => Err(problem::no_such_environment()),
        Asked::Moved => Err(problem::precondition_failed()),
        Asked::KeyReused => Err(problem::idempotency_key_reused()),
        Asked::LimitReached(reached) => Err(problem::team_limit_reached(reached)),
    }
}

/// Sees to it that an operation is at work: starts its execution where nobody has, and takes over from one that was
/// stopped. What is to be done is recorded already, so that the sweep sees to it where this fails.
async fn nudge(service: &Service, environment: EnvironmentId, operation: OperationId, fence: u64, now: Timestamp) {
    let execution = Execution { environment, operation, fence };
    let seen_to = service.executions.see_to(&service.records, &execution, new_operation_id(now), now).await;
    if let Err(fault) = seen_to {
        tracing::error!(?fault, "the operation was not nudged");
    }
}

/// What became of a request that was carried out before under its key. It may have broken off before anybody saw to the
/// operation that it led to.
async fn found_again(
    service: &Service,
    caller: &Caller,
    id: EnvironmentId,
    now: Timestamp,
) -> Result<Environment, Problem> {
    let environment = load(service, caller, id).await?;
    if let Some(operation) = environment.record.operation {
        nudge(service, id, operation, environment.record.fence, now).await;
    }
    Ok(environment)
}

/// The answer to a request that was carried out before under its key.
fn replayed(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
