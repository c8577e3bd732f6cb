//! The watch: how the workers of environments at rest are, looked at again and again and written down.
//!
//! It looks as [`crate::observe`] does, and changes nothing but the environment's last observation, which is an item of
//! its own: no turn waits for it, and no revision moves. Where workers are otherwise than they were, an event tells so.
//! Each environment is looked at by itself. One that cannot be looked at is counted as unseen, which is neither online
//! nor offline, and keeps the last observation that there is; it hides no other. Who is broken off here has lost nothing:
//! the next round looks again.

use crate::{
    observe::{self, CRASHED_TASKS, DEAD_LETTERS, OFFLINE, Observation, UNKNOWN},
    records::{Environment, ObservationItem, Record},
    resource::Group,
    turn::Engine,
};
use environment::{EnvironmentId, Fault};
use futures::future::join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{iter::Sum, ops::Add, time::Duration};
use tracing::Instrument;

/// What the watch says to the worker's function.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchCall {
    action: Word,
    /// The environments.
    pub environments: Vec<EnvironmentId>,
}

/// The one action that this call has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Watch,
}

impl WatchCall {
    /// The question how the workers of these environments are.
    pub fn of(environments: Vec<EnvironmentId>) -> Self {
        WatchCall { action: Word::Watch, environments }
    }
}

/// What looks came to, counted. The names are the metrics' of template.yaml.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tally {
    /// Environments that were to be looked at.
    pub watched: u64,
    /// Those of them that have no worker online, although they should.
    pub workers_offline: u64,
    /// Those of which not everything could be seen.
    pub workers_unseen: u64,
    /// Workers' tasks that have ended by themselves, or could not start, in the last hour.
    pub tasks_crashed: u64,
    /// Messages in dead-letter queues.
    pub dead_letters: u64,
}

impl Tally {
    /// An environment that could not be looked at.
    const UNSEEN: Tally = Tally { watched: 1, workers_unseen: 1, ..Tally::NOTHING };
    const NOTHING: Tally =
        Tally { watched: 0, workers_offline: 0, workers_unseen: 0, tasks_crashed: 0, dead_letters: 0 };

    /// What one look came to.
    fn of(seen: &Observation) -> Self {
        let (crashed, dead_letters) = (seen.count(CRASHED_TASKS), seen.count(DEAD_LETTERS));
        // Where Prefect is not asked by the spec's own wish there is no error either.
        let prefect_was_silent = seen.status() == Some(UNKNOWN) && seen.error.is_some();
        Tally {
            watched: 1,
            workers_offline: u64::from(seen.status() == Some(OFFLINE)),
            workers_unseen: u64::from(prefect_was_silent || crashed.is_none() || dead_letters.is_none()),
            tasks_crashed: crashed.unwrap_or(0),
            dead_letters: dead_letters.unwrap_or(0),
        }
    }

    /// Whether somebody should hear of it.
    pub fn is_trouble(&self) -> bool {
        Tally { watched: 0, ..*self } != Tally::NOTHING
    }
}

impl Add for Tally {
    type Output = Tally;

    fn add(self, other: Tally) -> Tally {
        Tally {
            watched: self.watched + other.watched,
            workers_offline: self.workers_offline + other.workers_offline,
            workers_unseen: self.workers_unseen + other.workers_unseen,
            tasks_crashed: self.tasks_crashed + other.tasks_crashed,
            dead_letters: self.dead_letters + other.dead_letters,
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(all: I) -> Tally {
        all.fold(Tally::NOTHING, Add::add)
    }
}

/// No look takes longer: Prefect is asked three times at most, with five seconds each, and the function has thirty.
const LOOK: Duration = Duration::from_secs(18);

impl<G: Group> Engine<G> {
    /// How the workers of these environments are, each looked at by itself, all at once.
    pub async fn watch(&self, asked: &WatchCall) -> Tally {
        let looks = asked.environments.iter().map(|id| {
            let span = tracing::info_span!("watch", environment = %id);
            async move {
                self.look_after(*id).await.unwrap_or_else(|fault| {
                    tracing::error!(?fault, "the workers could not be looked at");
                    Tally::UNSEEN
                })
            }
            .instrument(span)
        });
        join_all(looks).await.into_iter().sum()
    }

    async fn look_after(&self, id: EnvironmentId) -> Result<Tally, Fault> {
        let Some(environment) = self.records.load(id).await? else { return Ok(Tally::NOTHING) };
        let now = self.clock.now();
        if !is_at_rest(&environment.record) {
            return Ok(Tally::NOTHING);
        }
        let seen = observe::observe(&self.group, &environment, &self.place, now, LOOK).await?;
        let Some(seen) = seen.or_else(|| gone(&environment.record, now)) else { return Ok(Tally::NOTHING) };
        let tally = Tally::of(&seen);
        tell(&environment, &seen, tally);
        // What was counted stands, whether it can be written down or not.
        let observation = ObservationItem::new(seen, environment.last_worker_status(), now);
        if let Err(fault) = self.records.note_observation(&environment, &observation).await {
            tracing::error!(?fault, "what was seen of the workers could not be written down");
        }
        Ok(tally)
    }
}

/// Whether its workers should be as its spec says: it was made, and nobody is at work on it or about to take it down.
fn is_at_rest(record: &Record) -> bool {
    record.status.allows_update() && record.operation.is_none()
}

/// Workers that should be there, where there is not even a service.
fn gone(record: &Record, now: Timestamp) -> Option<Observation> {
    let nothing = Observation::default().with("ObservedAt", now.to_string());
    let gone =
        || nothing.offline("There is no service, or something that it needs is missing. A repair makes it anew.");
    (record.spec.worker.count.least() > 0).then(gone)
}

/// One line for each environment, which names it and says what is wrong.
fn tell(environment: &Environment, seen: &Observation, tally: Tally) {
    let Record { name, team, .. } = &environment.record;
    let error = seen.error.as_ref().map(tracing::field::debug);
    let (status, Tally { tasks_crashed, dead_letters, .. }) = (seen.status(), tally);
    if tally.is_trouble() {
        tracing::error!(name, team, status, tasks_crashed, dead_letters, error, "the workers are in trouble");
    } else {
        tracing::info!(name, team, status, "the workers are well");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        observe::{PAUSED, STATUS},
        records::{Status, samples},
    };
    use environment::{Code, OperationId};

    fn seen(status: &str) -> Observation {
        Observation::default().with(STATUS, status).with(CRASHED_TASKS, "0").with(DEAD_LETTERS, "0")
    }

    #[test]
    fn workers_that_are_well_paused_or_not_asked_about_are_no_trouble() {
        for status in ["ONLINE", PAUSED, UNKNOWN] {
            let tally = Tally::of(&seen(status));
            assert_eq!(tally, Tally { watched: 1, ..Tally::default() }, "{status}");
            assert!(!tally.is_trouble(), "{status}");
        }
    }

    #[test]
    fn each_trouble_is_counted_by_itself() {
        let all = seen(OFFLINE).with(CRASHED_TASKS, "3").with(DEAD_LETTERS, "2");
        let expected = Tally { watched: 1, workers_offline: 1, workers_unseen: 0, tasks_crashed: 3, dead_letters: 2 };
        assert_eq!(Tally::of(&all), expected);
        for one in [seen(OFFLINE), seen("ONLINE").with(CRASHED_TASKS, "1"), seen("ONLINE").with(DEAD_LETTERS, "1")] {
            assert!(Tally::of(&one).is_trouble(), "{one:?}");
        }
    }

    /// A server that does not answer may have a worker online.
    #[test]
    fn what_was_not_seen_is_unseen_and_not_offline() {
        let silent = Fault::new(Code::PrefectUnreachable, "no answer");
        let silent = Observation { error: Some(silent), ..seen(UNKNOWN) };
        let expected = Tally { watched: 1, workers_unseen: 1, ..Tally::default() };
        assert_eq!(Tally::of(&silent), expected);
        let mut without_queue = seen("ONLINE");
        without_queue.attributes.remove(DEAD_LETTERS);
        assert_eq!(Tally::of(&without_queue), expected, "its queue was not seen");
    }

    #[test]
    fn tallies_add_up() {
        let (one, other) = (Tally::of(&seen(OFFLINE).with(DEAD_LETTERS, "2")), Tally::UNSEEN);
        let sum: Tally = [one, other, Tally::NOTHING].into_iter().sum();
        let expected = Tally { watched: 2, workers_offline: 1, workers_unseen: 1, tasks_crashed: 0, dead_letters: 2 };
        assert_eq!(sum, expected);
    }

    #[test]
    fn only_an_environment_at_rest_is_watched() {
        for status in Status::ALL {
            let record = Record { status, operation: None, ..samples::creating().record };
            let expected = matches!(status, Status::Active | Status::UpdateFailed);
            assert_eq!(is_at_rest(&record), expected, "{}", status.as_str());
            let record = Record { operation: Some(OperationId::new(1, 1)), ..record };
            assert!(!is_at_rest(&record), "an operation has the one that is {}", status.as_str());
        }
    }

    #[test]
    fn a_service_that_is_not_there_is_offline_where_workers_are_wanted() {
        let now = samples::NOW;
        let record = |wanted| Record { spec: samples::spec(wanted), ..samples::creating().record };
        let seen = gone(&record(1), now).expect("an observation");
        let code = seen.error.as_ref().map(|error| error.code);
        assert_eq!((seen.status(), code), (Some(OFFLINE), Some(Code::WorkerOffline)));
        assert!(gone(&record(0), now).is_none(), "nobody wanted it");
    }
}
