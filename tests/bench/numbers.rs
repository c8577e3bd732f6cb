//! Many measurements in a few numbers.

use std::{fmt, time::Duration};

/// Durations, the shortest first.
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    /// Of these.
    pub(crate) fn of(mut durations: Vec<Duration>) -> Durations {
        durations.sort_unstable();
        Durations(durations)
    }

    /// The one that this part of them does not exceed.
    pub(crate) fn at(&self, part: f64) -> Duration {
        let index = (self.0.len() as f64 * part).ceil() as usize;
        self.0.get(index.saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Durations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most] = [0.5, 0.99].map(|part| self.at(part).as_secs_f64() * 1000.0);
        write!(f, "p50 {half:>7.1} ms   p99 {most:>7.1} ms   of {}", self.0.len())
    }
}
