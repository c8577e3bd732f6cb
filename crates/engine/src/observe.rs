//! Observe: how an environment's workers are now, looked at and left alone.
//!
//! Asked by the API, and read-only like [`crate::drift`]: the call has a type of its own, takes no lease and writes
//! nothing down. What turns and the watch ([`crate::watch`]) saw stays the last observation; this one is the caller's
//! alone. Where one of those who are asked does not answer, what the others said is told all the same.

use crate::{
    drift::site_of_a_look,
    records::{Environment, ResourceItem},
    resource::{Group, Site},
    turn::Engine,
};
use environment::{Code, Entry, EnvironmentId, Fault, Place, keys};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// The question.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserveCall {
    action: Word,
    /// The environment.
    pub environment_id: EnvironmentId,
}

/// The one action that this call has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Observe,
}

impl ObserveCall {
    /// The question how this environment's workers are.
    pub fn of(environment_id: EnvironmentId) -> Self {
        ObserveCall { action: Word::Observe, environment_id }
    }
}

/// What a look at the workers showed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Observation {
    /// What it saw, by the names under which the record keeps what turns have seen.
    pub attributes: BTreeMap<String, String>,
    /// What is wrong with the workers, or kept a part of them from being seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

impl Observation {
    /// How the workers are: `ONLINE`, `OFFLINE`, `PAUSED` where none are wanted, or `UNKNOWN`.
    pub fn status(&self) -> Option<&str> {
        self.attributes.get(STATUS).map(String::as_str)
    }

    /// A number that was seen.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.attributes.get(name)?.parse().ok()
    }

    /// The same with one more attribute.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }

    /// The same as workers that are not online, although they should be.
    pub(crate) fn offline(self, why: &str) -> Self {
        Observation { error: Some(Fault::new(Code::WorkerOffline, why)), ..self.with(STATUS, OFFLINE) }
    }
}

/// The attribute that says how the workers are.
pub const STATUS: &str = "Status";
/// None of them is online in Prefect.
pub const OFFLINE: &str = "OFFLINE";
/// None are wanted.
pub const PAUSED: &str = "PAUSED";
/// Prefect was not asked, or did not answer.
pub const UNKNOWN: &str = "UNKNOWN";
/// The attribute that counts the service's tasks that have ended by themselves, or could not start, in the last hour.
pub const CRASHED_TASKS: &str = "CrashedTasks";
/// The attribute that counts the messages in the dead-letter queue of task events.
pub const DEAD_LETTERS: &str = "DeadLetters";

/// No look takes longer. The API waits a little longer.
pub(crate) const LOOK: Duration = Duration::from_secs(4);

impl<G: Group> Engine<G> {
    /// How the environment's workers are; `None` where it has none.
    pub async fn observe(&self, asked: &ObserveCall) -> Result<Option<Observation>, Fault> {
        let Some(environment) = self.records.load(asked.environment_id).await? else { return Ok(None) };
        observe(&self.group, &environment, &self.place, self.clock.now(), LOOK).await
    }
}

/// Has the group look, within a time. ECS knows how many tasks somebody wants, and only the spec whether that is nobody
/// by right.
pub(crate) async fn observe<G: Group>(
    group: &G,
    environment: &Environment,
    place: &Place,
    now: Timestamp,
    limit: Duration,
) -> Result<Option<Observation>, Fault> {
    let Some(workers) = Workers::of(environment, place, now) else { return Ok(None) };
    let seen = in_time(limit, async { group.observe(&workers.site(environment, place, now)?).await }).await?;
    let was_meant_to_run = environment.record.spec.worker.count.least() > 0;
    Ok(seen.map(|seen| match seen.status() {
        Some(PAUSED) if was_meant_to_run => {
            seen.offline("The service runs no task: somebody has set its desired count to 0. A repair sets it right.")
        }
        _ => seen,
    }))
}

/// The resource that stands for an environment's workers, to be looked at outside of any turn.
pub(crate) struct Workers {
    entry: Entry,
    item: ResourceItem,
}

impl Workers {
    /// Those of an environment; `None` where its spec asks for none.
    pub(crate) fn of(environment: &Environment, place: &Place, now: Timestamp) -> Option<Self> {
        let entry = environment.catalogue(place).into_iter().find(|entry| entry.key == keys::online())?;
        let item = environment.resources.get(&entry.key).cloned();
        let item = item.unwrap_or_else(|| ResourceItem::planned(&entry, now));
        Some(Workers { entry, item })
    }

    /// Where to look for them. A fault, `NotFound`, before what they refer to is there.
    pub(crate) fn site<'s>(
        &'s self,
        environment: &'s Environment,
        place: &'s Place,
        now: Timestamp,
    ) -> Result<Site<'s>, Fault> {
        site_of_a_look(&self.entry, &self.item, environment, place, now)
    }
}

/// What a look shows, or nothing where what it looks for is not there. A look changes nothing, so that it may be given
/// up at any moment.
pub(crate) async fn in_time<T>(
    limit: Duration,
    look: impl Future<Output = Result<Option<T>, Fault>>,
) -> Result<Option<T>, Fault> {
    let late = || Err(Fault::new(Code::NetworkFailure, "The workers were not seen in time."));
    match tokio::time::timeout(limit, look).await.unwrap_or_else(|_| late()) {
        Err(fault) if fault.code == Code::NotFound => Ok(None),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        records::samples::{self, NOW},
        resource::Resource,
        survey::{Sighting, Whose},
    };
    use async_trait::async_trait;
    use environment::Kind;

    type Look = fn(&Site<'_>) -> Result<Option<Observation>, Fault>;

    /// Workers that a look shows so; none that never answers where there is no look.
    struct Sight(Option<Look>);

    #[async_trait]
    impl Group for Sight {
        fn resource(&self, kind: Kind) -> Option<&dyn Resource> {
            panic!("{kind} was reached for")
        }

        async fn list_tagged(&self, _: Whose<'_>, _: Kind) -> Result<Vec<Sighting>, Fault> {
            panic!("nobody asked for a list")
        }

        async fn observe(&self, at: &Site<'_>) -> Result<Option<Observation>, Fault> {
            match self.0 {
                Some(look) => look(at),
                None => std::future::pending().await,
            }
        }
    }

    async fn told(workers: Sight) -> Result<Option<Observation>, Fault> {
        let place = samples::place();
        let environment = samples::whole(&place);
        observe(&workers, &environment, &place, NOW, Duration::from_millis(100)).await
    }

    #[tokio::test]
    async fn the_look_knows_what_the_record_knows() {
        let look: Look = |at| {
            assert_eq!(at.entry.key, keys::online());
            let cluster = at.text("Cluster")?.to_owned();
            Ok(Some(Observation { attributes: BTreeMap::from([("Cluster".to_owned(), cluster)]), error: None }))
        };
        let seen = told(Sight(Some(look))).await.expect("no fault").expect("workers");
        assert_eq!(seen.attributes["Cluster"], format!("id of {}", keys::cluster()));
    }

    #[tokio::test]
    async fn workers_that_are_not_there_are_none_and_what_was_not_seen_is_a_fault() {
        let gone: Look = |_| Err(Fault::new(Code::NotFound, "no service"));
        assert!(told(Sight(Some(gone))).await.expect("no fault").is_none());
        let refused: Look = |_| Err(Fault::new(Code::AccessDenied, "refused"));
        assert_eq!(told(Sight(Some(refused))).await.expect_err("refused").code, Code::AccessDenied);
        assert_eq!(told(Sight(None)).await.expect_err("late").code, Code::NetworkFailure);
    }

    #[tokio::test]
    async fn a_service_that_somebody_has_scaled_to_nothing_is_not_paused() {
        let paused = || Sight(Some(|_| Ok(Some(Observation::default().with(STATUS, PAUSED)))));
        let seen = told(paused()).await.expect("no fault").expect("workers");
        let code = seen.error.as_ref().map(|error| error.code);
        assert_eq!((seen.status(), code), (Some(OFFLINE), Some(Code::WorkerOffline)), "its spec wants one");
        let place = samples::place();
        let mut environment = samples::whole(&place);
        environment.record.spec = samples::spec(0);
        let seen = observe(&paused(), &environment, &place, NOW, Duration::from_millis(100)).await;
        let seen = seen.expect("no fault").expect("workers");
        assert_eq!((seen.status(), seen.error.is_none()), (Some(PAUSED), true), "its spec wants none");
    }

    #[tokio::test]
    async fn before_anything_is_there_nobody_is_asked() {
        let place = samples::place();
        let nobody = Sight(Some(|_| panic!("asked")));
        let seen = observe(&nobody, &samples::creating(), &place, NOW, Duration::from_millis(100)).await;
        assert!(seen.expect("no fault").is_none(), "the cluster is not known yet");
    }
}
