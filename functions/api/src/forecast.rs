//! What a request would come to: the answer to one with `?validate_only=true`.
//!
//! It has passed every check of the real one (the table's own by a [rehearsal](engine::Records::rehearsal)), and nothing
//! was created, changed or started. What it tells is what there is now: it reserves nothing.

use crate::{eta::EtaView, preflight::Room, service::Service};
use engine::{
    drift::{Comparison, Looked},
    records::{Environment, Record, ResourceState},
};
use environment::{Cost, Entry, EnvironmentId, Key, Plan, Spec, Subject, catalogue, cost};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a request would come to.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Forecast {
    /// True: nothing was done.
    validate_only: bool,
    /// The environment that the request is about. None where it would make one.
    environment_id: Option<EnvironmentId>,
    /// What becomes of each resource.
    plan: Plan,
    /// The account's quotas, where the request needs a part of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<Room>,
    /// What a repair will meet and nobody can foresee the outcome of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_foreseen: Vec<NotForeseen>,
    /// When it would be through, counted from now.
    eta: EtaView,
    /// What it would cost.
    cost: Cost,
}

/// A resource of which a look does not tell what a repair will do.
#[derive(Debug, Serialize, JsonSchema)]
struct NotForeseen {
    /// The resource.
    key: Key,
    /// What the look came to.
    outcome: Comparison,
}

impl Forecast {
    /// Of a create.
    pub(crate) async fn of_create(service: &Service, entries: &[Entry], room: Room) -> Forecast {
        let eta = EtaView::of_create(entries, &*service.history().await, service.clock.now());
        Forecast { quotas: Some(room), ..Forecast::between(service, None, &[], entries, eta) }
    }

    /// Of a change to this spec.
    pub(crate) async fn of_change(service: &Service, environment: &Environment, spec: &Spec, room: Room) -> Forecast {
        let there = what_is_there(service, environment);
        let Record { id, zones, .. } = &environment.record;
        let wanted = catalogue(&Subject { id: *id, spec, zones, place: &service.settings.place });
        let plan = Plan::between(&there, &wanted);
        let eta = EtaView::of_plan(&plan, &wanted, &*service.history().await, service.clock.now());
        let quotas = (!room.is_empty()).then_some(room);
        Forecast { quotas, ..Forecast::between(service, Some(*id), &there, &wanted, eta) }
    }

    /// Of a delete.
    pub(crate) async fn of_delete(service: &Service, environment: &Environment) -> Forecast {
        let there = what_is_there(service, environment);
        let eta = EtaView::of_removal(environment, &there, &*service.history().await, service.clock.now());
        Forecast::between(service, Some(environment.record.id), &there, &[], eta)
    }

    /// Of a repair, by what was seen: it makes what is missing and corrects what differs.
    pub(crate) async fn of_repair(service: &Service, environment: &Environment, looked: Vec<Looked>) -> Forecast {
        let wanted = environment.catalogue(&service.settings.place);
        let seen: BTreeMap<&Key, &Looked> = looked.iter().map(|it| (&it.key, it)).collect();
        let mut there = wanted.clone();
        there.retain(|entry| seen.get(&entry.key).is_none_or(|it| it.outcome != Comparison::Deleted));
        for entry in &mut there {
            for change in seen.get(&entry.key).into_iter().flat_map(|it| &it.changes) {
                entry.wanted.insert(change.property.clone(), change.seen.clone());
            }
        }
        let plan = Plan::between(&there, &wanted);
        let eta = EtaView::of_plan(&plan, &wanted, &*service.history().await, service.clock.now());
        let is_foreseen = |outcome| matches!(outcome, Comparison::InSync | Comparison::Modified | Comparison::Deleted);
        let others = looked.iter().filter(|it| !is_foreseen(it.outcome));
        let not_foreseen = others.map(|it| NotForeseen { key: it.key.clone(), outcome: it.outcome }).collect();
        let id = Some(environment.record.id);
        // What is missing is paid for again; nothing else costs more or less.
        Forecast { not_foreseen, ..Forecast::between(service, id, &there, &wanted, eta) }
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
        Forecast { validate_only: true, environment_id, plan, quotas: None, not_foreseen: Vec::new(), eta, cost }
    }
}

/// What exists of an environment, or may.
fn what_is_there(service: &Service, environment: &Environment) -> Vec<Entry> {
    let mut entries = environment.catalogue(&service.settings.place);
    entries.retain(|entry| match environment.resources.get(&entry.key).map(|item| (item.state, &item.id)) {
        Some((ResourceState::Gone, _) | (ResourceState::Planned, None)) | None => false,
        Some(_) => true,
    });
    entries
}
