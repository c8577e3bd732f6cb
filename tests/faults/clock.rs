//! Virtual time: hours pass in a moment.
//!
//! The clock moves by three things only: the machine's waits, the SDK's pauses between its attempts, and the time
//! that a call takes. A pause passes when nothing else of its invocation can go on any more, the shortest first, so
//! that pauses beside each other overlap as they do in real time.

use crate::invocation::Invocation;
use aws_sdk_dynamodb::config::{AsyncSleep, Sleep};
use engine::Clock;
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// The clock of one run.
#[derive(Debug)]
pub struct VirtualClock(Mutex<Timestamp>);

impl VirtualClock {
    /// A clock that shows the first moment of 2030.
    pub fn new() -> VirtualClock {
        VirtualClock(Mutex::new(Timestamp::from_second(1_893_456_000).expect("a date")))
    }

    /// Lets the time come, unless it has passed.
    pub fn advance_to(&self, time: Timestamp) {
        let mut now = self.0.lock().expect("no holder panics");
        *now = time.max(*now);
    }

    /// Lets time pass.
    pub fn advance(&self, time: SignedDuration) {
        *self.0.lock().expect("no holder panics") += time;
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("no holder panics")
    }
}

/// The SDK's pauses in virtual time.
#[derive(Clone, Debug)]
pub struct VirtualSleep(pub Arc<VirtualClock>);

impl AsyncSleep for VirtualSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = Arc::clone(&self.0);
        let invocation = Invocation::current();
        let pause = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        // Counted from when the pause begins, not from when it was made.
        Sleep::new(async move {
            let until = clock.now() + pause;
            invocation.pause(until).await;
            clock.advance_to(until);
        })
    }
}
