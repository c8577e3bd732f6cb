//! Preflight: does what an environment needs still fit into the account's quotas, and does Prefect let its worker in?
//!
//! Asked by the API before anything of an environment is recorded, and read-only: the call has a type of its own,
//! knows neither operation nor step, and reaches nothing but [`Group::preflight`] and [`Group::refusal`], so that no
//! path leads from it to a change. What an environment needs is counted in the catalogue, without what it has. The
//! answer is a forecast, not a reservation: of two requests at the same time both may fit, and then one of them fails
//! with AWS's own code and is undone.

use crate::{
    records::{Environment, ResourceState},
    resource::Group,
    turn::Engine,
};
use environment::{Entry, EnvironmentId, Fault, Key, Kind, Place, Spec, Subject, catalogue};
use futures::future::join;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preflight {
    action: Word,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// What is asked for. A spec holds no secret.
    pub spec: Box<Spec>,
    /// What there is of it already, where it exists.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub there: BTreeSet<Key>,
    /// The zones that it is in, by zone id, once they are chosen.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub zones: Vec<String>,
}

/// The one action that this call has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Preflight,
}

/// The answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// The quotas that the environment needs a part of, as far as they can be told.
    pub quotas: Vec<Quota>,
    /// Why the environment cannot be made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refusal: Option<Fault>,
}

/// A quota of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Quota {
    /// Service Quotas' code, by which a higher limit is asked for.
    pub code: String,
    /// Service Quotas' name.
    pub name: String,
    /// The availability zone, by zone id, that it is about. None where it is the region's or the account's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zone: Option<String>,
    /// How many there may be.
    pub limit: u64,
    /// How many there are.
    pub used: u64,
    /// How many the environment needs.
    pub needed: u64,
}

impl Quota {
    /// Whether the environment does not fit.
    pub fn is_exceeded(&self) -> bool {
        self.used.saturating_add(self.needed) > self.limit
    }
}

impl Preflight {
    /// The question whether this environment fits, which does not exist yet.
    pub fn of(environment_id: EnvironmentId, spec: Spec) -> Self {
        let (spec, there, zones) = (Box::new(spec), BTreeSet::new(), Vec::new());
        Preflight { action: Word::Preflight, environment_id, spec, there, zones }
    }

    /// The question whether what a change adds to an environment fits.
    pub fn of_change(environment: &Environment, spec: Spec) -> Self {
        let there = environment.resources.values().filter(|item| item.state != ResourceState::Gone);
        Preflight {
            there: there.map(|item| item.key.clone()).collect(),
            zones: environment.record.zones.clone(),
            ..Preflight::of(environment.record.id, spec)
        }
    }

    /// What is to be made, in these availability zones.
    pub fn entries(&self, place: &Place, zones: &[String]) -> Vec<Entry> {
        let mut entries = catalogue(&Subject { id: self.environment_id, spec: &self.spec, zones, place });
        entries.retain(|entry| !self.there.contains(&entry.key));
        entries
    }
}

/// How many of a kind there are among the entries.
pub fn count(entries: &[Entry], kind: Kind) -> u64 {
    entries.iter().filter(|entry| entry.kind == kind).count() as u64
}

impl<G: Group> Engine<G> {
    /// What this group can tell of the quotas that the environment needs.
    pub async fn preflight(&self, asked: &Preflight) -> Report {
        let (quotas, refusal) =
            join(self.group.preflight(asked, &self.place), self.group.refusal(asked, &self.place)).await;
        Report { quotas, refusal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{
        ResourceItem,
        samples::{NOW, creating, place, spec},
    };
    use environment::spec::{Nat, Network};

    fn quota(used: u64) -> Quota {
        Quota { code: "L-F678F1CE".into(), name: "VPCs per Region".into(), zone: None, limit: 5, used, needed: 1 }
    }

    #[test]
    fn a_change_needs_room_for_what_it_adds_beside_what_there_is() {
        let (mut environment, place) = (creating(), place());
        let entries = Preflight::of(environment.record.id, spec(1)).entries(&place, &[]);
        environment.resources =
            entries.iter().map(|entry| (entry.key.clone(), ResourceItem::planned(entry, NOW))).collect();
        let mut wider = spec(1);
        let Network::Create { nat, .. } = &mut wider.network;
        *nat = Nat::PerAz;
        let added = Preflight::of_change(&environment, wider).entries(&place, &[]);
        assert_eq!([Kind::Eip, Kind::NatGateway, Kind::Vpc].map(|kind| count(&added, kind)), [3, 3, 0]);
        assert_eq!(Preflight::of_change(&environment, spec(3)).entries(&place, &[]).len(), 0, "more tasks are no more");
    }

    #[test]
    fn a_quota_may_be_used_up_to_its_limit() {
        assert!(!quota(4).is_exceeded());
        assert!(quota(5).is_exceeded());
        assert!(quota(u64::MAX).is_exceeded());
    }
}
