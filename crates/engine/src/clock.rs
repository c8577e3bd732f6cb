//! The time. Whoever needs it is given a clock, so that hours can pass in a moment where that is to be tried.

use environment::{EnvironmentId, EventId, OperationId};
use jiff::{Timestamp, Unit};
use std::fmt::Debug;
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Debug + Send + Sync {
    /// The time, as records keep it.
    fn now(&self) -> Timestamp;
}

/// The machine's clock, to the millisecond: that is what records keep.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.round(Unit::Millisecond).unwrap_or(now)
    }
}

/// A new operation's id.
pub fn new_operation_id(now: Timestamp) -> OperationId {
    OperationId::new(now.as_millisecond().unsigned_abs(), Uuid::new_v4().as_u128())
}

/// A new environment's id.
pub fn new_environment_id(now: Timestamp) -> EnvironmentId {
    EnvironmentId::new(now.as_millisecond().unsigned_abs(), Uuid::new_v4().as_u128())
}

/// A new event's id.
pub fn new_event_id(now: Timestamp) -> EventId {
    EventId::new(now.as_millisecond().unsigned_abs(), Uuid::new_v4().as_u128())
}
