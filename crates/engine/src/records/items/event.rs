//! An event: that an environment's status is another one.

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
