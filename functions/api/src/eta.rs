//! When an environment's operation will be through, as the API tells it.
//!
//! What is left to do is read from the environment's own records; how long that takes, from the service's history,
//! which is read at most once a minute. An ETA is a help and no promise: where the history cannot be read, the usual
//! times count.

use crate::service::Service;
use engine::records::{Desired, Environment, Record, ResourceItem, ResourceState};
use environment::{
    Direction, Entry, Eta, History, Place, Plan, Progress, Spec, Subject, catalogue, eta::eta as longest_path,
};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};

/// When an operation will be through.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExpectedTime")]
pub(crate) struct EtaView {
    /// When it is to be expected.
    #[schemars(with = "String", extend("format" = "date-time"))]
    expected_at: Timestamp,
    /// When it is through nine times of ten.
    #[schemars(with = "String", extend("format" = "date-time"))]
    latest_at: Timestamp,
    #[serde(flatten)]
    pub(crate) eta: Eta,
}

impl EtaView {
    /// The ETA by the clock.
    pub(crate) fn at(now: Timestamp, eta: Eta) -> Self {
        let after = |seconds: u32| now + SignedDuration::from_secs(seconds.into());
        EtaView { expected_at: after(eta.expected_seconds), latest_at: after(eta.latest_seconds), eta }
    }

    /// Of nothing: it is through already.
    pub(crate) fn none(now: Timestamp) -> Self {
        EtaView::at(now, longest_path(&[], Direction::Apply, &History::default(), |_| Progress::Done))
    }

    /// What it takes to make all of this.
    pub(crate) fn of_create(entries: &[Entry], history: &History, now: Timestamp) -> Self {
        EtaView::at(now, longest_path(entries, Direction::Apply, history, |_| Progress::ToDo))
    }

    /// The same as a request is told that was accepted: by the usual times, so that it is the same whenever it is told.
    pub(crate) fn as_accepted(record: &Record, entries: &[Entry]) -> Self {
        EtaView::of_create(entries, &History::default(), record.created_at)
    }

    /// What it takes to carry out a plan of these.
    pub(crate) fn of_plan(plan: &Plan, entries: &[Entry], history: &History, now: Timestamp) -> Self {
        let keeps = |entry: &Entry| plan.keeps(&entry.key);
        let progress = |entry: &Entry| if keeps(entry) { Progress::Done } else { Progress::ToDo };
        EtaView::at(now, longest_path(entries, Direction::Apply, history, progress))
    }

    /// What it takes to remove these of an environment.
    pub(crate) fn of_removal(environment: &Environment, entries: &[Entry], history: &History, now: Timestamp) -> Self {
        let item = |entry: &Entry| environment.resources.get(&entry.key);
        let progress = |entry: &Entry| to_remove(entry, item(entry), now);
        EtaView::at(now, longest_path(entries, Direction::Remove, history, progress))
    }

    /// What is left of the operation that has the environment; nothing where none has.
    pub(crate) fn of(environment: &Environment, place: &Place, history: &History, now: Timestamp) -> Option<Self> {
        let record = &environment.record;
        if !record.status.is_unfinished() {
            return None;
        }
        let entries = |spec: &Spec| catalogue(&Subject { id: record.id, spec, zones: &record.zones, place });
        let wanted = entries(&record.spec);
        if record.desired == Desired::Absent || record.status.allows_remove() {
            return Some(EtaView::of_removal(environment, &wanted, history, now));
        }
        let applied = record.applied_spec.as_ref().map(entries).unwrap_or_default();
        let plan = Plan::between(&applied, &wanted);
        let keeps = |entry: &Entry| plan.keeps(&entry.key);
        let item = |entry: &Entry| environment.resources.get(&entry.key);
        let progress = |entry: &Entry| to_make(item(entry), record.generation, keeps(entry), now);
        Some(EtaView::at(now, longest_path(&wanted, Direction::Apply, history, progress)))
    }

    /// In how many seconds another look is worth while.
    pub(crate) fn look_again_in(&self) -> u32 {
        (self.eta.expected_seconds / 4).clamp(2, 30)
    }
}

/// How far a resource is that is to be made, or is to stay as it is.
fn to_make(item: Option<&ResourceItem>, generation: u64, keeps: bool, now: Timestamp) -> Progress {
    match item {
        Some(item) if item.is_ready(generation) => Progress::Done,
        // It is looked at once more, and that takes no time to speak of.
        Some(item) if item.state == ResourceState::Ready && keeps => Progress::Done,
        Some(item) if item.state == ResourceState::Settling => Progress::UnderWay(elapsed(item, now)),
        _ => Progress::ToDo,
    }
}

/// How far a resource is that is to be removed.
fn to_remove(entry: &Entry, item: Option<&ResourceItem>, now: Timestamp) -> Progress {
    let Some(item) = item else { return Progress::Done };
    match item.state {
        // It goes with what it is part of.
        _ if entry.part_of.is_some() => Progress::Done,
        ResourceState::Gone | ResourceState::Planned | ResourceState::Retained => Progress::Done,
        ResourceState::Leaving => Progress::UnderWay(elapsed(item, now)),
        ResourceState::Ready | ResourceState::Settling => Progress::ToDo,
    }
}

fn elapsed(item: &ResourceItem, now: Timestamp) -> u32 {
    u32::try_from(now.duration_since(item.since).as_secs().max(0)).unwrap_or(u32::MAX)
}

/// How long what was read of the history counts.
const FRESH: SignedDuration = SignedDuration::from_mins(1);

/// The service's history as it was last read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered(Arc<Mutex<Option<ReadAt>>>);

type ReadAt = (Timestamp, Arc<History>);

impl Service {
    /// What is left of the operation that has the environment.
    pub(crate) async fn eta(&self, environment: &Environment) -> Option<EtaView> {
        if !environment.record.status.is_unfinished() {
            return None;
        }
        let history = self.history().await;
        EtaView::of(environment, &self.settings.place, &history, self.clock.now())
    }

    /// How long things took.
    pub(crate) async fn history(&self) -> Arc<History> {
        let now = self.clock.now();
        if let Some((read_at, history)) = &*self.remembered.0.lock().unwrap_or_else(PoisonError::into_inner)
            && now.duration_since(*read_at) < FRESH
        {
            return Arc::clone(history);
        }
        let history = self.records.durations().await.unwrap_or_else(|fault| {
            tracing::warn!(?fault, "the history could not be read: the usual times count");
            History::default()
        });
        let history = Arc::new(history);
        let read = Some((now, Arc::clone(&history)));
        *self.remembered.0.lock().unwrap_or_else(PoisonError::into_inner) = read;
        history
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{entries, settings};
    use environment::keys;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn item(state: ResourceState, seconds_ago: i64) -> ResourceItem {
        let entries = entries(&settings("").place);
        let gateway = entries.iter().find(|entry| entry.key.as_str() == "network/nat-gateway").expect("a NAT gateway");
        let mut item = ResourceItem::planned(gateway, NOW);
        item.become_(state, NOW);
        item.since = NOW - SignedDuration::from_secs(seconds_ago);
        item
    }

    #[test]
    fn what_is_on_its_way_has_been_so_for_a_while() {
        let settling = item(ResourceState::Settling, 40);
        assert_eq!(to_make(Some(&settling), 1, false, NOW), Progress::UnderWay(40));
        assert_eq!(to_make(Some(&item(ResourceState::Planned, 40)), 1, false, NOW), Progress::ToDo);
        assert_eq!(to_make(None, 1, false, NOW), Progress::ToDo, "a newer catalogue knows one more");
    }

    #[test]
    fn in_an_update_only_what_changes_takes_time() {
        let ready = ResourceItem { generation: 1, ..item(ResourceState::Ready, 40) };
        assert_eq!(to_make(Some(&ready), 1, false, NOW), Progress::Done);
        assert_eq!(to_make(Some(&ready), 2, true, NOW), Progress::Done);
        assert_eq!(to_make(Some(&ready), 2, false, NOW), Progress::ToDo);
    }

    #[test]
    fn what_is_gone_or_was_never_made_takes_no_time_to_remove() {
        let entries = entries(&settings("").place);
        let entry = |key: &str| entries.iter().find(|entry| entry.key.as_str() == key).expect("an entry");
        let gateway = |state| to_remove(entry("network/nat-gateway"), Some(&item(state, 7)), NOW);
        assert_eq!(gateway(ResourceState::Gone), Progress::Done);
        assert_eq!(gateway(ResourceState::Planned), Progress::Done);
        assert_eq!(gateway(ResourceState::Leaving), Progress::UnderWay(7));
        assert_eq!(gateway(ResourceState::Ready), Progress::ToDo);
        let route = to_remove(entry("network/private-route"), Some(&item(ResourceState::Ready, 7)), NOW);
        assert_eq!(route, Progress::Done, "it goes with its table");
    }

    #[test]
    fn another_look_is_worth_while_after_a_quarter_of_the_time() {
        let entries = entries(&settings("").place);
        let after = |seconds| {
            let eta = longest_path(&entries, Direction::Apply, &History::default(), |entry| {
                if entry.key == keys::service() { Progress::UnderWay(seconds) } else { Progress::Done }
            });
            EtaView::at(NOW, eta).look_again_in()
        };
        assert_eq!((after(0), after(40), after(74)), (18, 8, 2));
        let whole = longest_path(&entries, Direction::Apply, &History::default(), |_| Progress::ToDo);
        assert_eq!(EtaView::at(NOW, whole).look_again_in(), 30, "nobody waits longer than that to look");
    }
}
