//! `GET /environments/{id}`.

use super::{AtPath, load, show};
use crate::{
    caller::Caller,
    conditional::{IfNoneMatch, etag},
    prefer::{APPLIED, Prefer},
    problem::Problem,
    service::Service,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use engine::records::Environment;
use http::{StatusCode, header};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Shows an environment: one query, and no question to anybody else. One that was deleted is shown as long as
/// its record is kept.
///
/// Who has it already, as the ETag says, is told just that. Who prefers to wait is answered when its status or a step
/// has changed, when the time is over, or at once where nobody works on it or the caller has an older one.
pub(crate) async fn read(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    known: IfNoneMatch,
    prefer: Prefer,
) -> Result<Response, Problem> {
    let mut environment = load(&service, &caller, id).await?;
    let is_news = known.has_one() && !known.has(&environment.revision());
    if let Some(wait) = prefer.wait
        && !is_news
    {
        environment = hold(&service, &caller, environment, wait).await?;
    }
    let mut response = show(&service, StatusCode::OK, &environment).await;
    if known.has(&environment.revision()) {
        let retry_after = response.headers_mut().remove(header::RETRY_AFTER);
        response = StatusCode::NOT_MODIFIED.into_response();
        response.headers_mut().insert(header::ETAG, etag(&environment.revision()));
        response.headers_mut().extend(retry_after.map(|seconds| (header::RETRY_AFTER, seconds)));
    }
    if let Some(applied) = prefer.applied() {
        response.headers_mut().insert(APPLIED, applied);
    }
    Ok(response)
}

/// Looks again and again until there is news or the time is over.
async fn hold(service: &Service, caller: &Caller, first: Environment, wait: Duration) -> Result<Environment, Problem> {
    let (id, seen, until) = (first.record.id, first.landmarks(), Instant::now() + wait);
    let mut latest = first;
    while latest.record.status.is_unfinished() && latest.landmarks() == seen {
        let next = Instant::now() + service.look_every;
        if next > until {
            break;
        }
        sleep_until(next).await;
        latest = load(service, caller, id).await?;
    }
    Ok(latest)
}
