//! How soon something that failed is tried again.
//!
//! ECS waits longer and longer between the tasks of a service whose tasks keep failing. The local cloud starts the
//! next one at once, thirty times a second. So each start waits here: not at all as long as all is well, and after
//! each failure twice as long as after the one before.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// After the first failure.
const FIRST: Duration = Duration::from_millis(500);
/// However often it failed.
const LONGEST: Duration = Duration::from_secs(30);

/// What failed lately, by name, and how often.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<HashMap<String, u32>>);

impl Pace {
    /// How long the next try must wait.
    pub(crate) fn pause(&self, what: &str) -> Duration {
        let failures = self.failures(|failures| failures.get(what).copied()).unwrap_or_default();
        match failures {
            0 => Duration::ZERO,
            many => FIRST.saturating_mul(2_u32.saturating_pow(many - 1)).min(LONGEST),
        }
    }

    pub(crate) fn failed(&self, what: &str) {
        self.failures(|failures| {
            let count = failures.entry(what.to_owned()).or_default();
            *count = count.saturating_add(1);
        });
    }

    pub(crate) fn went_well(&self, what: &str) {
        self.failures(|failures| failures.remove(what));
    }

    fn failures<T>(&self, look: impl FnOnce(&mut HashMap<String, u32>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_failed_waits_for_nothing() {
        assert_eq!(Pace::default().pause("a worker"), Duration::ZERO);
    }

    #[test]
    fn each_failure_doubles_the_pause_up_to_a_limit() {
        let pace = Pace::default();
        let mut pauses = Vec::new();
        for _ in 0..3 {
            pace.failed("a worker");
            pauses.push(pace.pause("a worker").as_millis());
        }
        assert_eq!(pauses, [500, 1000, 2000]);
        (0..100).for_each(|_| pace.failed("a worker"));
        assert_eq!(pace.pause("a worker"), LONGEST);
        assert_eq!(pace.pause("another"), Duration::ZERO, "nobody else waits");
    }

    #[test]
    fn a_success_ends_it() {
        let pace = Pace::default();
        pace.failed("a worker");
        pace.went_well("a worker");
        assert_eq!(pace.pause("a worker"), Duration::ZERO);
    }
}
