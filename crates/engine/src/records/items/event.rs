//! Events: that an environment's status is another one, or that its workers are otherwise than they were.

use super::Status;
use environment::{EnvironmentId, EventId, OperationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An environment's status is another one. This is what listeners hear (docs/events.md), so it holds nothing that only
/// the environment's team may know: no spec, and no words of anybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// The item's version of shape, and the event's.
    pub schema: u32,
    /// The event. The same however often it is sent.
    pub event_id: EventId,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// Its team.
    pub team: String,
    /// What it was. Nothing where it is new.
    #[serde(default)]
    pub previous_status: Option<Status>,
    /// What it is.
    pub status: Status,
    /// The operation that has it, or that has just let it go.
    #[serde(default)]
    pub operation_id: Option<OperationId>,
    /// The record's version with this status: of two events the one with the higher version is the later one.
    pub version: u64,
    /// When it was written.
    pub time: Timestamp,
}

/// An environment's workers are otherwise than when they were last seen: the watch has looked. What was not seen is told
/// nobody. Nor is there more in it than in the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerChange {
    /// The item's version of shape, and the event's.
    pub schema: u32,
    /// The event. The same however often it is sent.
    pub event_id: EventId,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// Its team.
    pub team: String,
    /// How its workers were. Nothing where nobody had seen them.
    #[serde(default)]
    pub previous_worker_status: Option<String>,
    /// How they are: `ONLINE`, `OFFLINE` or `PAUSED`.
    pub worker_status: String,
    /// The record's version at that time.
    pub version: u64,
    /// When they were seen so.
    pub time: Timestamp,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// Of an environment.
    Status(StatusChange),
    /// Of its workers.
    Worker(WorkerChange),
}

impl Event {
    /// Its id.
    pub fn id(&self) -> EventId {
        match self {
            Event::Status(event) => event.event_id,
            Event::Worker(event) => event.event_id,
        }
    }

    /// When what it tells of came to be.
    pub fn time(&self) -> Timestamp {
        match self {
            Event::Status(event) => event.time,
            Event::Worker(event) => event.time,
        }
    }

    /// The environment.
    pub fn environment(&self) -> EnvironmentId {
        match self {
            Event::Status(event) => event.environment_id,
            Event::Worker(event) => event.environment_id,
        }
    }
}
