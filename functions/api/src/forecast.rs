//! What a request would come to: the answer to one with `?validate_only=true`.
//!
//! It has passed every check of the real one (the table's own by a [rehearsal](engine::Records::rehearsal)), and nothing
//! was created, changed or started. What it tells is what there is now: it reserves nothing.

use crate::{eta::EtaView, preflight::Room, service::Service};
use engine::records::{Environment, ResourceState};
use environment::{Cost, Entry, EnvironmentId, Plan, Subject, catalogue, cost};
use serde::Serialize;

/// What a request would come to.
#[derive(Debug, Serialize)]
pub(crate) struct Forecast {
    validate_only: bool,
    /// The environment that the request is about. None where it would make one.
    environment_id: Option<EnvironmentId>,
    plan: Plan,
    /// The account's quotas, where the request needs a part of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<Room>,
    eta: EtaView,
    cost: Cost,
}

impl Forecast {
    /// Of a create.
    pub(crate) async fn of_create(service: &Service, entries: &[Entry], room: Room) -> Forecast {
        let eta = EtaView::of_create(entries, &*service.history().await, service.clock.now());
        Forecast { quotas: Some(room), ..Forecast::between(service, None, &[], entries, eta) }
    }

    /// Of a delete.
    pub(crate) async fn of_delete(service: &Service, environment: &Environment) -> Forecast {
        let there = what_is_there(service, environment);
        let eta = EtaView::of_removal(environment, &there, &*service.history().await, service.clock.now());
        Forecast::between(service, Some(environment.record.id), &there, &[], eta)
    }

    /// Of a request that was carried out before, under its key: nothing would be done.
    pub(crate) fn of_nothing(service: &Service, environment: &Environment) -> Forecast {
        let there = what_is_there(service, environment);
        Forecast::between(service, Some(environment.record.id), &there, &there, EtaView::none(service.clock.now()))
    }

    fn between(
        service: &Service,
        environment_id: Option<EnvironmentId>,
        applied: &[Entry],
        wanted: &[Entry],
        eta: EtaView,
    ) -> Forecast {
        let plan = Plan::between(applied, wanted);
        let cost = cost(&service.settings.place.region, applied, wanted);
        Forecast { validate_only: true, environment_id, plan, quotas: None, eta, cost }
    }
}

/// What exists of an environment, or may.
fn what_is_there(service: &Service, environment: &Environment) -> Vec<Entry> {
    let record = &environment.record;
    let subject = Subject { id: record.id, spec: &record.spec, zones: &record.zones, place: &service.settings.place };
    let mut entries = catalogue(&subject);
    entries.retain(|entry| match environment.resources.get(&entry.key).map(|item| (item.state, &item.id)) {
        Some((ResourceState::Gone, _) | (ResourceState::Planned, None)) | None => false,
        Some(_) => true,
    });
    entries
}
