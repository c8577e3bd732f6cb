//! Log groups, read whole.

use crate::cloud::Cloud;
use std::time::{SystemTime, UNIX_EPOCH};

/// The most events that one answer has.
const PAGE: usize = 10_000;

impl Cloud {
    /// Every log group whose name begins so.
    pub async fn log_groups(&self, prefix: &str) -> Vec<String> {
        let groups = self.logs.describe_log_groups().log_group_name_prefix(prefix).into_paginator().items().send();
        let groups = groups.collect::<Result<Vec<_>, _>>().await.expect("describe log groups");
        groups.into_iter().filter_map(|group| group.log_group_name).collect()
    }

    /// Every line that a log group has received since then. None, if the group has gone meanwhile.
    pub async fn log_lines(&self, group: &str, since: SystemTime) -> Vec<String> {
        let since = since.duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis();
        let mut since = i64::try_from(since).expect("fits for many years");
        let mut lines = Vec::new();
        loop {
            // The local cloud gives the first page and no token for the next: go on by time. What is of the very
            // same moment comes twice.
            let page = self.logs.filter_log_events().log_group_name(group).start_time(since).send().await;
            let events = page.map(|page| page.events.unwrap_or_default()).unwrap_or_default();
            let last = events.last().and_then(|event| event.timestamp());
            let is_full = events.len() >= PAGE;
            lines.extend(events.into_iter().filter_map(|event| event.message));
            match last {
                Some(last) if is_full && last > since => since = last,
                _ => {
                    assert!(!is_full, "{group} has more lines of one moment than can be read");
                    return lines;
                }
            }
        }
    }
}
