//! `PATCH /environments/{id}`.

use super::{AtPath, ONE, check_time, defaults, heard, load, nudge, plan, replayed, show};
use crate::{
    body::MergePatch,
    caller::Caller,
    conditional::IfMatch,
    forecast::Forecast,
    idempotency::{IdempotencyKey, hex},
    intake, preflight, problem,
    problem::Problem,
    query::Parameters,
    service::Service,
    shared_secrets,
};
use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use engine::{
    new_operation_id,
    records::{Asking, Desired, Environment, Idempotency, NewSpec, ResourceState, Revision, Update},
};
use environment::{
    EnvironmentId, OperationId,
    request::{Patch, fingerprint_of_patch, read_patch},
};
use http::StatusCode;
use serde_json::Value;

/// How often a patch is merged anew because others have changed the environment meanwhile.
const ATTEMPTS: usize = 3;

/// Asks for an environment to be changed: a JSON merge patch (RFC 7396) of what POST takes.
///
/// The patch is refused as a whole, with every reason, or accepted as a whole. One that changes nothing starts
/// nothing. Otherwise one operation makes the environment as it is now wanted; should that fail, it makes it again as
/// it was before.
///
/// With `?validate_only=true` it is checked in every way and changes nothing: the answer says what would be.
pub(crate) async fn update(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
    key: IdempotencyKey,
    IfMatch(only_at): IfMatch,
    MergePatch(patch): MergePatch,
) -> Result<Response, Problem> {
    let validates_only = parameters.validate_only()?;
    let fingerprint = hex(&format!("{id}\n{}", fingerprint_of_patch(&patch)));
    for _ in 0..ATTEMPTS {
        let environment = load(&service, &caller, id).await?;
        let key = key.scoped(&environment.record.team, "PATCH", ONE, fingerprint.clone());
        let before = carried_out_before(&service, id, key.as_ref()).await?;
        if before.is_some() && validates_only {
            return Ok(Json(Forecast::of_nothing(&service, &environment)).into_response());
        }
        let only_at = only_at.clone();
        let asked = Asked { environment: &environment, patch: &patch, key, only_at, validates_only };
        if let Some(operation) = before {
            return asked.replay(&service, &caller, operation).await;
        }
        if let Some(answer) = asked.carry_out(&service, &caller).await? {
            return Ok(answer);
        }
    }
    Err(problem::changed_meanwhile())
}

/// A patch of an environment as it was read.
struct Asked<'a> {
    environment: &'a Environment,
    patch: &'a Value,
    key: Option<Idempotency>,
    only_at: Option<Vec<Revision>>,
    validates_only: bool,
}

impl Asked<'_> {
    /// Carries the request out; nothing where the environment is another one by now, or somebody else was quicker.
    async fn carry_out(&self, service: &Service, caller: &Caller) -> Result<Option<Response>, Problem> {
        let record = &self.environment.record;
        if self.only_at.as_ref().is_some_and(|revisions| !revisions.contains(&self.environment.revision())) {
            return Err(problem::precondition_failed());
        }
        if record.status.is_ended() {
            return Err(problem::not_changeable(record.status));
        }
        let patch = read_patch(&record.spec, &record.lifetime(), self.patch, &defaults(&service.settings, caller));
        let patch = patch.map_err(problem::invalid_request)?;
        let Patch { spec, lifetime, credentials } = &patch;
        let is_built_of = *spec != record.spec || !credentials.is_empty();
        if !is_built_of && *lifetime == record.lifetime() {
            return self.change_nothing(service).await;
        }
        if is_built_of && !record.status.allows_update() {
            return Err(problem::not_changeable(record.status));
        }
        if lifetime.expiry != record.lifetime().expiry {
            check_time(lifetime, service.clock.now())?;
        }
        service.settings.limits.check(spec)?;
        shared_secrets::check(&service.secrets, spec).await?;
        let room = preflight::count_more(service, self.environment, spec, credentials).await;
        room.check()?;

        // The time that the request has for bringing its key begins here, after Prefect was asked.
        let (id, now) = (record.id, service.clock.now());
        let next = new_operation_id(now);
        let spec = patch.spec_of(next.uuid());
        let asking = Asking {
            environment: id,
            next,
            asked_by: &caller.asked_by,
            idempotency: self.key.clone(),
            only_at: self.only_at.clone(),
            now,
        };
        let entries = plan(service, id, &spec);
        let new = NewSpec {
            from: &record.spec,
            to: spec,
            lifetime: patch.lifetime,
            entries: &entries,
            limits: service.settings.limits.team,
        };
        let records = if self.validates_only { service.records.rehearsal() } else { service.records.clone() };
        match heard(records.ask_for_update(&asking, &new).await?)? {
            None | Some(Update::Outdated) => Ok(None),
            Some(Update::Not(status)) => Err(problem::not_changeable(status)),
            Some(Update::Done | Update::Going(_)) if self.validates_only => {
                let forecast = Forecast::of_change(service, self.environment, &new.to, room).await;
                Ok(Some(Json(forecast).into_response()))
            }
            Some(Update::Done) => Ok(Some(show(service, StatusCode::OK, &load(service, caller, id).await?).await)),
            Some(Update::Going(record)) => {
                let there = &self.environment.resources;
                let made = intake::bring(service, &record, next, &entries, there, &patch.credentials).await;
                intake::note(service, &record, &made).await;
                nudge(service, id, next, record.fence, now).await;
                Ok(Some(show(service, StatusCode::ACCEPTED, &load(service, caller, id).await?).await))
            }
        }
    }

    /// It is so already. The key is taken all the same: sent again, the request must not do later what it did not now.
    async fn change_nothing(&self, service: &Service) -> Result<Option<Response>, Problem> {
        if self.validates_only {
            return Ok(Some(Json(Forecast::of_nothing(service, self.environment)).into_response()));
        }
        if let Some(key) = &self.key
            && !service.records.take_key_alone(key, self.environment.record.id, service.clock.now()).await?
        {
            return Ok(None);
        }
        Ok(Some(show(service, StatusCode::OK, self.environment).await))
    }

    /// The same request again: goes on with what the first one may have left undone, and shows what became of it.
    async fn replay(
        &self,
        service: &Service,
        caller: &Caller,
        operation: Option<OperationId>,
    ) -> Result<Response, Problem> {
        let record = &self.environment.record;
        if let Some(operation) = operation.filter(|operation| record.operation == Some(*operation)) {
            let patch = read_patch(&record.spec, &record.lifetime(), self.patch, &defaults(&service.settings, caller));
            // Only the keys that this operation waits for: another request's are another operation's, and a delete waits
            // for none.
            let is_awaited = record.desired == Desired::Present && record.spec.prefect.has_key_of(operation.uuid());
            if let Some(patch) = patch.ok().filter(|_| is_awaited) {
                let there = &self.environment.resources;
                let mut entries = plan(service, record.id, &record.spec);
                // What this operation was to make was planned by it: what is gone, it has taken away again.
                entries.retain(|entry| there.get(&entry.key).is_none_or(|item| item.state != ResourceState::Gone));
                let made = intake::bring(service, record, operation, &entries, there, &patch.credentials).await;
                intake::note(service, record, &made).await;
            }
            nudge(service, record.id, operation, record.fence, service.clock.now()).await;
        }
        // One that started nothing was answered so, too.
        let status = if operation.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
        Ok(replayed(show(service, status, &load(service, caller, record.id).await?).await))
    }
}

/// The operation that the same request has led to before, if it was sent before.
async fn carried_out_before(
    service: &Service,
    id: EnvironmentId,
    key: Option<&Idempotency>,
) -> Result<Option<Option<OperationId>>, Problem> {
    let Some(key) = key else { return Ok(None) };
    match service.records.use_of(key, service.clock.now()).await? {
        None => Ok(None),
        Some(used) if used.environment_id == id && used.fingerprint == key.fingerprint => Ok(Some(used.operation_id)),
        Some(_) => Err(problem::idempotency_key_reused()),
    }
}
