//! `POST /environments`.

use super::{MANY, answer, check_time, defaults, log_environment, plan, replayed};
use crate::{
    body::Body, caller::Caller, forecast::Forecast, idempotency::IdempotencyKey, intake, preflight, preflight::Room,
    problem, problem::Problem, query::Parameters, resolution, service::Service, shared_secrets, view::EnvironmentView,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use engine::records::{Created, Idempotency, NewEnvironment, Record, Reservation, Status};
use environment::{
    Entry, EnvironmentId, OperationId, Spec,
    lifetime::Lifetime,
    request::{Request, parse},
};
use http::{HeaderValue, StatusCode, header};

/// Asks for an environment.
///
/// The request is refused as a whole, with every reason, or accepted as a whole: then its record, its name, its
/// work pool and its plan are written in one transaction, and everything else follows from that. The answer
/// shows the environment as it was accepted; a request repeated under its Idempotency-Key gets the same answer,
/// byte by byte, and goes on with what the first one may have left undone.
///
/// With `?validate_only=true` it is checked in every way and creates nothing: the answer says what would be.
pub(crate) async fn create(
    State(service): State<Service>,
    caller: Caller,
    parameters: Parameters,
    key: IdempotencyKey,
    Body(body): Body,
) -> Result<Response, Problem> {
    let validates_only = parameters.validate_only()?;
    let Request { spec, lifetime, credentials, fingerprint } =
        parse(&body, &defaults(&service.settings, &caller)).map_err(problem::invalid_request)?;
    service.settings.limits.check(&spec)?;
    resolution::check(&*service.resolver, &spec, service.settings.local_cloud).await?;
    shared_secrets::check(&service.secrets, &spec).await?;

    let id = engine::new_environment_id(service.clock.now());
    let idempotency = key.scoped(&spec.team, "POST", MANY, fingerprint);
    let room = if is_replayed(&service, idempotency.as_ref()).await? {
        Room::default()
    } else {
        check_time(&lifetime, service.clock.now())?;
        preflight::count(&service, id, &spec, &credentials).await
    };
    if let Err(refused) = room.check()
        // What leaves no room may be what the first of two requests under one key has made meanwhile.
        && !is_replayed(&service, idempotency.as_ref()).await?
    {
        return Err(refused);
    }
    // The time that the request has for bringing its secret begins here, after the preflight.
    let now = service.clock.now();
    let operation = engine::new_operation_id(now);
    let entries = plan(&service, id, &spec);
    let new = NewEnvironment {
        id,
        operation,
        idempotency,
        spec: spec.clone(),
        lifetime: lifetime.clone(),
        entries: &entries,
        limits: service.settings.limits.team,
        asked_by: caller.asked_by.clone(),
        now,
    };
    let records = if validates_only { service.records.rehearsal() } else { service.records.clone() };
    match records.create(new).await? {
        Created::New(_) if validates_only => {
            Ok(Json(Forecast::of_create(&service, &entries, room).await).into_response())
        }
        Created::Replayed(id, _) if validates_only => {
            log_environment(id);
            let before = service.records.load(id).await?.ok_or_else(problem::idempotency_key_reused)?;
            Ok(Json(Forecast::of_nothing(&service, &before)).into_response())
        }
        Created::New(record) => {
            log_environment(id);
            intake::go_on(&service, &record, operation, &entries, &credentials).await;
            accepted(&service, &record, operation, &entries)
        }
        Created::Replayed(id, operation) => {
            log_environment(id);
            let record = service.records.load(id).await?.ok_or_else(problem::idempotency_key_reused)?.record;
            if record.status == Status::Pending && record.operation == Some(operation) {
                let entries = plan(&service, id, &record.spec);
                intake::go_on(&service, &record, operation, &entries, &credentials).await;
            }
            let record = as_asked_for(record, spec, &lifetime);
            let entries = plan(&service, id, &record.spec);
            Ok(replayed(accepted(&service, &record, operation, &entries)?))
        }
        Created::KeyReused => Err(problem::idempotency_key_reused()),
        Created::NameTaken(holder) => Err(problem::name_taken(visible(&caller, &holder))),
        Created::PoolTaken(holder) => Err(problem::work_pool_in_use(visible(&caller, &holder))),
        Created::LimitReached(reached) => Err(problem::team_limit_reached(reached)),
    }
}

/// Whether the request was carried out before: then its environment is in the quotas already.
async fn is_replayed(service: &Service, key: Option<&Idempotency>) -> Result<bool, Problem> {
    match key {
        Some(key) => Ok(service.records.is_used(key, service.clock.now()).await?),
        None => Ok(false),
    }
}

/// The record as this request has made it: the same for every answer to it, whatever was changed since.
fn as_asked_for(record: Record, spec: Spec, lifetime: &Lifetime) -> Record {
    // Where nobody has changed it, it says best what the defaults were at the time.
    let spec = if record.generation == 1 { record.spec.clone() } else { spec };
    let mut made = Record { spec, deletion_protection: None, expires_at: None, ..record };
    let (asked_by, asked_at) = (made.created_by.clone(), made.created_at);
    made.live(lifetime, &asked_by, asked_at);
    made
}

fn accepted(
    service: &Service,
    record: &Record,
    operation: OperationId,
    entries: &[Entry],
) -> Result<Response, Problem> {
    let view = EnvironmentView::accepted(record, operation, entries, &service.executions);
    let mut response = answer(StatusCode::ACCEPTED, &view);
    let location = HeaderValue::try_from(format!("{MANY}/{}", record.id)).map_err(|_| problem::internal())?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// Which environment holds a reservation, if the caller may see it.
fn visible(caller: &Caller, holder: &Reservation) -> Option<EnvironmentId> {
    caller.may_use(&holder.team).then_some(holder.environment_id)
}
