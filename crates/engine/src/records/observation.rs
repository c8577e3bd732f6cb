//! What was seen of workers, written down.
//!
//! An observation is an item of its own, beside everything that turns write. So no lease is needed and none is in the
//! way: the one rule is that a look does not take the place of one that its writer has not read. Where the workers are
//! otherwise than they were, the event that tells so is written in the same transaction (see the outbox).

use super::{
    Environment, Event, ObservationItem, Records, SCHEMA, Transacted, WorkerChange, environment_pk, text, write,
};
use crate::clock::new_event_id;
use aws_sdk_dynamodb::types::Put;
use environment::Fault;

/// The last of an environment's sort keys, so that one descending query answers it first.
pub(super) const SORT_KEY: &str = "WORKERS";

impl Records {
    /// Writes what was seen of an environment's workers, unless somebody has written another look since this one's
    /// environment was read.
    pub async fn note_observation(&self, of: &Environment, observation: &ObservationItem) -> Result<(), Fault> {
        let item = write(observation, environment_pk(of.record.id), SORT_KEY)?;
        let put = Put::builder().set_item(Some(item));
        let put = match &of.observation {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("observed_at = :before")
                .expression_attribute_values(":before", text(before.observed_at.to_string())),
        };
        let event = WorkerChange::since(of, observation).map(Event::Worker);
        let event = event.map(|event| self.put_event(&event)).transpose()?;
        match self.transact([self.conditional(put)?].into_iter().chain(event).collect()).await? {
            // Refused: another watch has looked, and told of it.
            Transacted::Done | Transacted::Refused(_) => Ok(()),
        }
    }
}

impl WorkerChange {
    /// What is to be told of workers that are seen so now. Nothing where they were seen so before, or were not seen.
    fn since(before: &Environment, now: &ObservationItem) -> Option<WorkerChange> {
        let previous_worker_status = before.last_worker_status();
        let worker_status = now.last_status.clone().filter(|status| Some(status) != previous_worker_status.as_ref())?;
        let record = &before.record;
        Some(WorkerChange {
            schema: SCHEMA,
            event_id: new_event_id(now.observed_at),
            environment_id: record.id,
            name: record.name.clone(),
            team: record.team.clone(),
            previous_worker_status,
            worker_status,
            version: record.version,
            time: now.observed_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        observe::{OFFLINE, Observation, STATUS, UNKNOWN},
        records::samples::{NOW, place, whole},
    };
    use environment::keys;

    /// What was told of looks that showed these, one after the other, of workers that were online when they were made.
    fn told(statuses: &[&str]) -> Vec<String> {
        let mut environment = whole(&place());
        let online = environment.resources.get_mut(&keys::online()).expect("it is whole");
        online.attributes.insert(STATUS.to_owned(), "ONLINE".to_owned());
        let mut told = Vec::new();
        for status in statuses {
            let seen = Observation::default().with(STATUS, *status);
            let item = ObservationItem::new(seen, environment.last_worker_status(), NOW);
            let change = WorkerChange::since(&environment, &item);
            told.extend(
                change.map(|it| format!("{} → {}", it.previous_worker_status.unwrap_or_default(), it.worker_status)),
            );
            environment.observation = Some(item);
        }
        told
    }

    #[test]
    fn every_other_status_is_told_once() {
        assert!(told(&["ONLINE", "ONLINE"]).is_empty(), "as it was made");
        let expected = ["ONLINE → OFFLINE", "OFFLINE → ONLINE", "ONLINE → PAUSED"];
        assert_eq!(told(&[OFFLINE, OFFLINE, "ONLINE", "PAUSED"]), expected);
    }

    /// Who does not see is not to say that anything has changed, and not to forget how it was.
    #[test]
    fn what_was_not_seen_is_not_told() {
        assert!(told(&[UNKNOWN, "ONLINE", UNKNOWN]).is_empty());
        assert_eq!(told(&[OFFLINE, UNKNOWN, OFFLINE]), ["ONLINE → OFFLINE"]);
        assert_eq!(told(&[UNKNOWN, OFFLINE]), ["ONLINE → OFFLINE"]);
    }
}
