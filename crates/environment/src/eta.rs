//! ETA: when an operation will be through, as the longest path over the catalogue.
//!
//! A resource begins when what it comes after is there, and when the steps before its own are done: the state machine
//! runs the network's step first, then four beside each other, then the worker's, and a removal the other way round.
//! What is done takes no more time; what is under way takes what is left of its usual time, and never less than a
//! tenth, since nobody knows. Only a few kinds take long enough to matter; theirs is the service's own history, as
//! soon as there is enough of it.

use crate::{catalogue::Entry, key::Key, kind::Kind, step::Step};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// How many samples of a kind are kept.
pub const SAMPLES: usize = 64;
/// With fewer samples than this the usual time counts.
const ENOUGH: usize = 10;

/// When an operation will be through, counted from now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Eta {
    /// In how many seconds it is to be expected: half of them are sooner.
    pub expected_seconds: u32,
    /// In how many seconds it is through nine times of ten, if what is waited for longest takes that long.
    pub latest_seconds: u32,
    /// What is next on the longest path: what everything waits for.
    pub waits_for: Option<Key>,
    /// What the times are taken from.
    pub basis: Basis,
}

/// What times are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// What AWS usually takes.
    Usual,
    /// What it took this service, for at least one resource on the path.
    History,
}

/// What an operation does with resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It makes them, or makes them as they should be.
    Apply,
    /// It removes them.
    Remove,
}

/// How far a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing left to do.
    Done,
    /// It has been under way for so many seconds.
    UnderWay(u32),
    /// It has not begun.
    ToDo,
}

/// How long things took this service, in seconds, by kind.
#[derive(Clone, Debug, Default)]
pub struct History(BTreeMap<Kind, Vec<u32>>);

impl History {
    /// What is remembered of these kinds.
    pub fn of(samples: impl IntoIterator<Item = (Kind, Vec<u32>)>) -> Self {
        let sorted = samples.into_iter().map(|(kind, mut seconds)| {
            seconds.sort_unstable();
            (kind, seconds)
        });
        History(sorted.collect())
    }

    fn duration(&self, kind: Kind, direction: Direction) -> Duration {
        let usual = match direction {
            Direction::Apply => kind.usual_seconds(),
            Direction::Remove => return Duration::usual(kind.usual_removal_seconds()),
        };
        match self.0.get(&kind) {
            Some(seconds) if seconds.len() >= ENOUGH => Duration {
                expected: seconds[seconds.len() / 2],
                latest: seconds[seconds.len() * 9 / 10],
                basis: Basis::History,
            },
            _ => Duration::usual(usual),
        }
    }
}

/// How long something takes.
#[derive(Clone, Copy)]
struct Duration {
    expected: u32,
    latest: u32,
    basis: Basis,
}

impl Duration {
    /// The usual time is a median. Most are within half as much again: of nine NAT gateways whose times are public all
    /// took 85 to 125 s, with a median of 107.
    fn usual(seconds: u32) -> Self {
        Duration { expected: seconds, latest: seconds + seconds / 2, basis: Basis::Usual }
    }
}

/// A path through the catalogue, to the end of one resource.
#[derive(Clone, Debug, Default)]
struct Path {
    expected: u32,
    latest: u32,
    from_history: bool,
    /// The first on the path that is not done.
    first: Option<Key>,
}

impl Path {
    /// The longer one.
    fn or(self, other: &Path) -> Path {
        if other.expected > self.expected { other.clone() } else { self }
    }

    fn then(self, key: &Key, duration: Duration) -> Path {
        Path {
            expected: self.expected + duration.expected,
            latest: self.latest + duration.latest,
            from_history: self.from_history || duration.basis == Basis::History,
            first: self.first.or_else(|| Some(key.clone())),
        }
    }
}

/// When an operation over these resources will be through.
pub fn eta(entries: &[Entry], direction: Direction, history: &History, progress: impl Fn(&Entry) -> Progress) -> Eta {
    let mut paths: BTreeMap<&Key, Path> = BTreeMap::new();
    let mut of_earlier_steps = Path::default();
    for phase in 0..PHASES {
        for entry in in_order(entries, direction).filter(|entry| self::phase(entry.step, direction) == phase) {
            let duration = history.duration(entry.kind, direction);
            let path = match progress(entry) {
                Progress::Done => Path::default(),
                Progress::UnderWay(elapsed) => Path::default().then(&entry.key, left(duration, elapsed)),
                Progress::ToDo => {
                    let before = before(entry, entries, direction);
                    let before = before.into_iter().filter_map(|key| paths.get(key));
                    before.fold(of_earlier_steps.clone(), Path::or).then(&entry.key, duration)
                }
            };
            paths.insert(&entry.key, path);
        }
        of_earlier_steps = paths.values().fold(of_earlier_steps, Path::or);
    }
    let Path { expected, latest, from_history, first } = of_earlier_steps;
    let basis = if from_history { Basis::History } else { Basis::Usual };
    Eta { expected_seconds: expected, latest_seconds: latest, waits_for: first, basis }
}

/// What is left of something that is under way.
fn left(duration: Duration, elapsed: u32) -> Duration {
    let left = |whole: u32| whole.saturating_sub(elapsed).max(whole / 10).max(1);
    Duration { expected: left(duration.expected), latest: left(duration.latest), ..duration }
}

/// Entries in an order in which each comes after what it waits for within its step.
fn in_order(entries: &[Entry], direction: Direction) -> Box<dyn Iterator<Item = &Entry> + '_> {
    match direction {
        Direction::Apply => Box::new(entries.iter()),
        Direction::Remove => Box::new(entries.iter().rev()),
    }
}

/// The state machine's three phases.
const PHASES: u8 = 3;

fn phase(step: Step, direction: Direction) -> u8 {
    let of_apply = match step {
        Step::Network => 0,
        step if step.runs_beside_others() => 1,
        _ => 2,
    };
    match direction {
        Direction::Apply => of_apply,
        Direction::Remove => PHASES - 1 - of_apply,
    }
}

/// What must be through before this begins.
fn before<'a>(entry: &'a Entry, entries: &'a [Entry], direction: Direction) -> BTreeSet<&'a Key> {
    match direction {
        Direction::Apply => entry.after.iter().collect(),
        Direction::Remove => entries
            .iter()
            .filter(|other| other.after.contains(&entry.key) && other.kind.holds(entry.kind))
            .map(|other| &other.key)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{
            keys,
            tests::{entries, spec},
        },
        spec::Nat,
    };

    fn create(nat: Nat, progress: impl Fn(&Entry) -> Progress) -> Eta {
        eta(&entries(&spec(nat)), Direction::Apply, &History::default(), progress)
    }

    /// VPC, gateway's attachment, route or association, address, NAT gateway, its route, a subnet led to that, service,
    /// worker online.
    #[test]
    fn a_create_takes_its_longest_path() {
        let eta = create(Nat::Single, |_| Progress::ToDo);
        assert_eq!(eta.expected_seconds, 2 + 2 + 2 + 2 + 107 + 2 + 2 + 75 + 10);
        assert_eq!(eta.latest_seconds, 3 + 3 + 3 + 3 + 160 + 3 + 3 + 112 + 15);
        assert_eq!((eta.waits_for, eta.basis), (Some(keys::vpc()), Basis::Usual));
    }

    #[test]
    fn without_a_nat_gateway_the_namespace_is_what_the_service_waits_for() {
        assert_eq!(create(Nat::None, |_| Progress::ToDo).expected_seconds, 2 + 2 + 2 + 30 + 75 + 10);
    }

    #[test]
    fn gateways_beside_each_other_take_as_long_as_one() {
        let [one, three] = [Nat::Single, Nat::PerAz].map(|nat| create(nat, |_| Progress::ToDo).expected_seconds);
        assert_eq!(one, three);
    }

    #[test]
    fn what_is_done_takes_no_time_and_what_is_under_way_the_rest_of_it() {
        let gateway = Key::new("network/nat-gateway");
        let after = |seconds| {
            create(Nat::Single, |entry| match entry.step {
                Step::Worker => Progress::ToDo,
                Step::Egress if entry.kind == Kind::Route => Progress::ToDo,
                Step::Egress if entry.key == gateway => Progress::UnderWay(seconds),
                _ => Progress::Done,
            })
        };
        assert_eq!(after(40).expected_seconds, 67 + 2 + 75 + 10);
        assert_eq!(after(40).waits_for, Some(gateway.clone()));
        assert_eq!(after(500).expected_seconds, 10 + 2 + 75 + 10, "nobody knows how long it still takes");
        assert_eq!(create(Nat::Single, |_| Progress::Done).expected_seconds, 0);
        assert_eq!(create(Nat::Single, |_| Progress::Done).waits_for, None);
    }

    /// The pool is paused; service, NAT gateway, its address, then the network from the outside in.
    #[test]
    fn a_delete_takes_its_longest_path_backwards() {
        let entries = entries(&spec(Nat::Single));
        let eta = eta(&entries, Direction::Remove, &History::default(), |_| Progress::ToDo);
        assert_eq!(eta.waits_for, Some(keys::online()));
        assert!((45 + 54 + 2..45 + 54 + 15).contains(&eta.expected_seconds), "{eta:?}");
    }

    #[test]
    fn the_services_own_history_counts_as_soon_as_there_is_enough_of_it() {
        let entries = entries(&spec(Nat::Single));
        let after = |samples: &[u32]| {
            let history = History::of([(Kind::NatGateway, samples.to_vec())]);
            eta(&entries, Direction::Apply, &history, |_| Progress::ToDo)
        };
        let usual = create(Nat::Single, |_| Progress::ToDo);
        assert_eq!(after(&[200; 9]), usual, "nine are too few");
        let ten = after(&[90, 80, 70, 60, 50, 40, 30, 20, 10, 300]);
        assert_eq!(ten.expected_seconds, usual.expected_seconds - 107 + 60, "the median");
        assert_eq!(ten.latest_seconds, usual.latest_seconds - 160 + 300, "nine of ten are shorter");
        assert_eq!(ten.basis, Basis::History);
    }
}
