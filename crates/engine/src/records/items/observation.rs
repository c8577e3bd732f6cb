//! What was last seen of an environment's workers while nobody was at work on it.

use super::SCHEMA;
use crate::observe::{Observation, UNKNOWN};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the watch has last seen of an environment's workers. It is no part of any resource: turns write those under
/// their leases, and who only looks must neither wait for them nor move a revision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObservationItem {
    /// The item's version of shape.
    pub schema: u32,
    /// When it was seen.
    pub observed_at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub seen: Observation,
    /// How the workers were when that could last be seen. An event tells of every other value that this takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<String>,
    /// When nobody asks for it any more, in seconds since 1970: long after the next look, or the environment's end.
    pub purge_at: i64,
}

/// It is of use for so many days, should there be no further look.
const KEPT_FOR_DAYS: i64 = 30;

impl ObservationItem {
    /// What was seen then, of workers that were last seen so before.
    pub fn new(seen: Observation, before: Option<String>, observed_at: Timestamp) -> Self {
        let purge_at = observed_at.as_second() + KEPT_FOR_DAYS * 86_400;
        let is_known = |status: &&str| *status != UNKNOWN;
        let last_status = seen.status().filter(is_known).map(str::to_owned).or(before);
        ObservationItem { schema: SCHEMA, observed_at, seen, last_status, purge_at }
    }
}
