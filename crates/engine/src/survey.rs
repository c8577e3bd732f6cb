//! The survey: what carries this stack's tag and belongs to no living environment.
//!
//! It only looks. Things are listed first and records read afterwards: a request writes its record before anything
//! is made, so that a new environment's things are never taken for strays. What is found is judged elsewhere, on
//! the record of that moment, and looked at once more before it is removed.
//!
//! Not every service lists by tag. Where each thing must be asked for its tags, one survey asks a limited number
//! and begins where the one before ended: an account with thousands of roles is gone through in some hours.

use crate::{resource::Group, turn::Engine};
use environment::{EnvironmentId, Fault, Key, Kind, Place, tags};
use futures::future::{join, join_all};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

/// So many things of a kind are asked for their tags, one by one, in one survey.
const ASKED_AT_MOST: usize = 150;
/// So many things are told of: the answers of all groups together must fit into 256 KiB.
const TOLD_AT_MOST: usize = 60;
/// So many records are read at once.
const READ_AT_ONCE: usize = 10;

/// Whose things are listed.
#[derive(Clone, Copy, Debug)]
pub enum Whose<'a> {
    /// Those of one environment.
    Environment(EnvironmentId),
    /// Those of every environment of this stack.
    Stack(&'a Place, &'a Round),
}

impl Whose<'_> {
    /// The tag that they carry: its key and its value.
    pub fn tag(&self) -> (&'static str, String) {
        match self {
            Whose::Environment(id) => (tags::ID, id.to_string()),
            Whose::Stack(place, _) => (tags::STACK, place.stack.clone()),
        }
    }

    /// A thing with these tags, if it is theirs. Filters are never believed: they lag, and some take prefixes.
    pub fn sighting<'t>(
        &self,
        kind: Kind,
        id: impl Into<String>,
        tags: impl IntoIterator<Item = (&'t str, &'t str)>,
    ) -> Option<Sighting> {
        let tags: BTreeMap<&str, &str> = tags.into_iter().collect();
        let (key, value) = self.tag();
        let text = |key: &str| tags.get(key).map(|value| (*value).to_owned());
        (tags.get(key) == Some(&value.as_str())).then(|| Sighting {
            kind,
            id: id.into(),
            environment: tags.get(tags::ID).and_then(|id| id.parse().ok()),
            resource: text(tags::RESOURCE),
            name: text("Name"),
            team: text(tags::TEAM),
        })
    }

    /// Of things that must be asked for their tags, those that are asked now.
    pub fn portion<T>(&self, things: Vec<T>) -> Vec<T> {
        match self {
            Whose::Environment(_) => things,
            Whose::Stack(_, round) => round.portion(things),
        }
    }
}

/// Something that carries a tag of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Its kind.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// The environment in its tag `prefect-environments:id`, if that names one.
    #[serde(skip)]
    pub environment: Option<EnvironmentId>,
    /// The value of its tag `prefect-environments:resource`.
    #[serde(rename = "key", skip_serializing_if = "Option::is_none", default)]
    pub resource: Option<String>,
    /// The value of its tag `Name`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// The value of its tag `prefect-environments:team`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub team: Option<String>,
}

impl Sighting {
    /// The key of the resource that it says it is.
    pub fn key(&self) -> Option<Key> {
        self.resource.as_deref().map(Key::new)
    }
}

/// One survey among many.
#[derive(Debug)]
pub struct Round {
    number: usize,
    is_cut: AtomicBool,
}

impl Round {
    /// The survey of this hour.
    pub fn at(now: Timestamp) -> Self {
        let hours = usize::try_from(now.as_second() / 3600).unwrap_or_default();
        Round { number: hours, is_cut: AtomicBool::new(false) }
    }

    fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
    }

    fn portion<T>(&self, mut things: Vec<T>) -> Vec<T> {
        if things.len() > ASKED_AT_MOST {
            self.cut();
            let begin = self.number.wrapping_mul(ASKED_AT_MOST) % things.len();
            things.rotate_left(begin);
            things.truncate(ASKED_AT_MOST);
        }
        things
    }
}

/// What the state machine and operators say to a group's function to have it look around.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SurveyCall {
    /// The word for it.
    pub action: SurveyAction,
}

/// The one thing that such a call can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SurveyAction {
    /// Tell what belongs to no living environment.
    Survey,
}

/// What a group saw that belongs to no living environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The things, by environment.
    pub strays: Vec<Stray>,
    /// Whether everything was looked at, and is told of.
    pub whole: bool,
}

/// What is left of an environment that has ended, or that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stray {
    /// The environment in the things' tags, if they name one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment_id: Option<EnvironmentId>,
    /// Whether it has a record that says that it has ended. Otherwise it has none.
    pub ended: bool,
    /// The things.
    pub things: Vec<Sighting>,
}

impl<G: Group> Engine<G> {
    /// Looks for what carries this stack's tag and belongs to no living environment.
    pub async fn survey(&self) -> Result<Survey, Fault> {
        let round = Round::at(self.clock.now());
        let mut seen: BTreeMap<Option<EnvironmentId>, Vec<Sighting>> = BTreeMap::new();
        for sighting in self.everything(&round).await? {
            seen.entry(sighting.environment).or_default().push(sighting);
        }
        let mut strays = Vec::new();
        let mut seen = seen.into_iter();
        loop {
            let some: Vec<_> = seen.by_ref().take(READ_AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            let judged = some.into_iter().map(|(id, things)| self.stray(id, things));
            for stray in join_all(judged).await {
                strays.extend(stray?);
            }
        }
        let whole = tell(&mut strays);
        Ok(Survey { strays, whole: whole && !round.is_cut.into_inner() })
    }

    /// Everything that carries this stack's tag.
    async fn everything(&self, round: &Round) -> Result<Vec<Sighting>, Fault> {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.is_tagged() && self.group.resource(*kind).is_some());
        let whose = Whose::Stack(&self.place, round);
        let lists = join_all(kinds.map(|kind| join(async move { kind }, self.group.list_tagged(whose, kind)))).await;
        let mut seen = Vec::new();
        for (kind, list) in lists {
            match list {
                Ok(list) => seen.extend(list),
                // The next survey comes in an hour.
                Err(fault) if fault.code.is_retryable() => {
                    tracing::warn!(%kind, fault = ?fault, "these could not be listed now");
                    round.cut();
                }
                // A right is missing, say: the alarm for this function must hear of it.
                Err(fault) => return Err(fault),
            }
        }
        Ok(seen)
    }

    async fn stray(&self, id: Option<EnvironmentId>, things: Vec<Sighting>) -> Result<Option<Stray>, Fault> {
        let record = match id {
            Some(id) => self.records.record(id).await?,
            None => None,
        };
        Ok(match record {
            Some(record) if !record.has_ended_for_good(self.clock.now()) => None,
            record => {
                // What its owner wants to keep is no stray.
                let keeps_logs = record.as_ref().is_some_and(|record| record.removal.retain_logs);
                let is_kept = |thing: &Sighting| keeps_logs && thing.kind == Kind::LogGroup;
                let things: Vec<Sighting> = things.into_iter().filter(|thing| !is_kept(thing)).collect();
                (!things.is_empty()).then(|| Stray { environment_id: id, ended: record.is_some(), things })
            }
        })
    }
}

/// Cuts what is told to its limit. What can be removed comes first: it makes room for the rest.
fn tell(strays: &mut Vec<Stray>) -> bool {
    strays.sort_by_key(|stray| !stray.ended);
    let mut room = TOLD_AT_MOST;
    let mut whole = true;
    for stray in strays.iter_mut() {
        whole &= stray.things.len() <= room;
        stray.things.truncate(room);
        room -= stray.things.len();
    }
    strays.retain(|stray| !stray.things.is_empty());
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> EnvironmentId {
        EnvironmentId::new(1, 1)
    }

    fn place(stack: &str) -> Place {
        let text = String::new;
        let (partition, account, region, role_path, worker_image) = (text(), text(), text(), text(), text());
        let stack = stack.to_owned();
        Place {
            partition,
            account,
            region,
            stack,
            role_path,
            permissions_boundary: None,
            worker_image,
            prefect_cloud_url: String::new(),
        }
    }

    fn stray(ended: bool, things: usize) -> Stray {
        let whose = Whose::Environment(environment());
        let id = environment().to_string();
        let thing = whose.sighting(Kind::Vpc, "vpc-1", [(tags::ID, id.as_str())]).expect("a sighting");
        Stray { environment_id: Some(environment()), ended, things: vec![thing; things] }
    }

    #[test]
    fn only_the_very_tag_counts() {
        let (place, round) = (place("prefect-environments"), Round::at(Timestamp::UNIX_EPOCH));
        let whose = Whose::Stack(&place, &round);
        let id = environment().to_string();
        let with = |stack| whose.sighting(Kind::Vpc, "vpc-1", [(tags::STACK, stack), (tags::ID, id.as_str())]);
        assert_eq!(with("prefect-environments").and_then(|seen| seen.environment), Some(environment()));
        for other in ["prefect-environments-2", "prefect", "PREFECT-ENVIRONMENTS", ""] {
            assert_eq!(with(other), None, "a thing of the stack {other:?}");
        }
        assert_eq!(whose.sighting(Kind::Vpc, "vpc-1", [(tags::ID, id.as_str())]), None, "one without a stack");
        let other = [(tags::ID, "env-00000000000000000000000009")];
        assert_eq!(Whose::Environment(environment()).sighting(Kind::Vpc, "vpc-1", other), None, "another one's");
    }

    #[test]
    fn a_tag_that_names_no_environment_names_none() {
        let (place, round) = (place("s"), Round::at(Timestamp::UNIX_EPOCH));
        let of_stack = [(tags::STACK, "s"), (tags::ID, "env-/../x")];
        let seen = Whose::Stack(&place, &round).sighting(Kind::Vpc, "vpc-1", of_stack).expect("it is of this stack");
        assert_eq!(seen.environment, None);
    }

    #[test]
    fn some_hours_go_through_all_that_is_asked_one_by_one() {
        let all: Vec<usize> = (0..ASKED_AT_MOST * 3 + 7).collect();
        let mut asked = std::collections::BTreeSet::new();
        for hour in 1000..1004 {
            let round = Round::at(Timestamp::from_second(hour * 3600).expect("a time"));
            let portion = round.portion(all.clone());
            assert_eq!((portion.len(), round.is_cut.into_inner()), (ASKED_AT_MOST, true));
            asked.extend(portion);
        }
        assert_eq!(asked.len(), all.len(), "four hours go through {} things", all.len());
        let round = Round::at(Timestamp::UNIX_EPOCH);
        assert_eq!((round.portion(vec![1, 2, 3]), round.is_cut.into_inner()), (vec![1, 2, 3], false));
    }

    #[test]
    fn what_is_told_has_a_limit_and_what_can_be_removed_comes_first() {
        let mut strays = vec![stray(false, TOLD_AT_MOST), stray(true, 2)];
        assert!(!tell(&mut strays), "some are not told of");
        let told: Vec<_> = strays.iter().map(|stray| (stray.ended, stray.things.len())).collect();
        assert_eq!(told, [(true, 2), (false, TOLD_AT_MOST - 2)]);
        assert!(tell(&mut vec![stray(true, 1), stray(false, TOLD_AT_MOST - 1)]), "all are told of");
    }

    /// What Step Functions hands from one function to the next must be the same at both ends.
    #[test]
    fn an_answer_reads_back() {
        let survey = Survey { strays: vec![stray(true, 1)], whole: true };
        let text = serde_json::to_string(&survey).expect("JSON");
        let mut read: Survey = serde_json::from_str(&text).expect("a survey");
        read.strays[0].things[0].environment = Some(environment());
        assert_eq!(read, survey, "{text}");
    }
}
