//! The watch's two ends: whose workers are looked at, and what the looks came to.
//!
//! The looks between are the worker's function's: this one has no right on anything that is looked at. The list is read
//! page by page, so that a round of ten thousand environments is a loop of small answers; each page's environments are
//! handed on in batches, of which each is one call.

use crate::{Operations, call::Counting};
use engine::{
    records::{Filter, ListQuery, Scope, Status},
    watch::Tally,
};
use environment::{EnvironmentId, Fault};
use serde::Serialize;

/// So many environments are listed at once.
const PAGE: u32 = 100;
/// So many are looked at by one call. Each takes about a second, and at most as long as the function has.
const BATCH: usize = 10;

/// Whose workers are to be looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Watchlist {
    /// The environments, in batches.
    pub batches: Vec<Vec<EnvironmentId>>,
    /// There are more after this one. Null where that was all.
    pub after: Option<EnvironmentId>,
}

impl Operations {
    /// A page of those whose workers should be as their specs say. Each is judged once more by its record when it is
    /// looked at: an index lags, and somebody may be at work on it by then.
    pub(crate) async fn watchlist(&self, after: Option<EnvironmentId>) -> Result<Watchlist, Fault> {
        let statuses = Status::ALL.into_iter().filter(|status| status.allows_update()).collect();
        let filter = Filter { statuses, ..Filter::default() };
        let page = self.records.list(&ListQuery { scope: Scope::All, filter, page_size: PAGE, after }).await?;
        let listed: Vec<EnvironmentId> = page.items.into_iter().map(|environment| environment.id).collect();
        Ok(Watchlist { batches: listed.chunks(BATCH).map(<[_]>::to_vec).collect(), after: page.next })
    }
}

/// Adds up. The last call of a round says what it came to in one line, of which the metrics are made.
pub(crate) fn count(counting: &Counting) -> Tally {
    let Counting { so_far, seen, is_last } = counting;
    let tally = *so_far + seen.iter().copied().sum();
    if *is_last {
        tell(tally);
    }
    tally
}

fn tell(tally: Tally) {
    let Tally { watched, workers_offline, workers_unseen, tasks_crashed, dead_letters } = tally;
    // The alarms read these lines: their fields are part of the template. Of trouble there is a line at any LogLevel.
    if tally.is_trouble() {
        tracing::error!(
            watch = "TALLY",
            watched,
            workers_offline,
            workers_unseen,
            tasks_crashed,
            dead_letters,
            "workers are in trouble: the worker function's log names them"
        );
    } else {
        tracing::info!(
            watch = "TALLY",
            watched,
            workers_offline,
            workers_unseen,
            tasks_crashed,
            dead_letters,
            "all workers are well"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_counts_on_where_the_page_before_has_ended() {
        let one = Tally { watched: 10, dead_letters: 2, ..Tally::default() };
        let other = Tally { watched: 3, workers_offline: 1, ..Tally::default() };
        let counted = count(&Counting { so_far: one, seen: vec![other, one], is_last: true });
        assert_eq!(counted, Tally { watched: 23, workers_offline: 1, dead_letters: 4, ..Tally::default() });
        assert_eq!(count(&Counting { so_far: one, seen: vec![], is_last: false }), one, "a page of nobody");
    }

    /// A metric filter whose field is called otherwise counts nothing, and its alarm stays silent for ever.
    #[test]
    fn the_template_reads_what_the_tally_writes() {
        let template = include_str!("../../../template.yaml");
        let written = serde_json::to_value(Tally::default()).expect("JSON");
        let read: Vec<&str> =
            template.lines().filter_map(|line| line.trim().strip_prefix("MetricValue: $.")).map(str::trim).collect();
        assert_eq!(read, ["workers_offline", "workers_unseen", "tasks_crashed", "dead_letters"], "the metrics");
        for field in read {
            assert!(written.get(field).is_some(), "no tally has a {field}");
        }
    }
}
