//! How long an environment lives: until its time is over, and no shorter than somebody protects it. No part of the
//! spec: nothing is built of it, so that it changes without an operation.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// What a request says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lifetime {
    /// Why it must not be deleted, if somebody has to take that back first.
    pub deletion_protection: Option<String>,
    /// When it is deleted by itself, if ever.
    pub expiry: Option<Expiry>,
}

/// When an environment is deleted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// Then.
    At(Timestamp),
    /// So long after the request.
    In(SignedDuration),
}

impl Expiry {
    /// When that is, for a request of now.
    pub fn of_a_request(self, now: Timestamp) -> Timestamp {
        match self {
            Expiry::At(time) => time,
            Expiry::In(duration) => now.checked_add(duration).unwrap_or(Timestamp::MAX),
        }
    }
}
