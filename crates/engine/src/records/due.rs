//! What is due: environments that somebody must look at, or tell of, because nobody else will.

use super::{Item, Records, text};
use crate::aws;
use environment::{EnvironmentId, Fault};
use jiff::Timestamp;
use std::collections::VecDeque;

/// How many are read at once.
const PAGE: i32 = 25;

/// Environments that were due at a time, the longest due first. Read page by page as they are asked for.
#[derive(Debug)]
pub struct Due<'a> {
    records: &'a Records,
    /// The work list: a partition of the index.
    list: &'static str,
    by: Timestamp,
    page: VecDeque<EnvironmentId>,
    after: After,
}

/// Where the next page begins.
#[derive(Debug)]
enum After {
    Nothing,
    Key(Item),
    TheLast,
}

impl Records {
    /// Environments that were due by now.
    pub fn due(&self, now: Timestamp) -> Due<'_> {
        Due::of(self, "DUE", now)
    }
}

impl<'a> Due<'a> {
    pub(super) fn of(records: &'a Records, list: &'static str, by: Timestamp) -> Due<'a> {
        Due { records, list, by, page: VecDeque::new(), after: After::Nothing }
    }

    /// The next one. Each is answered once: what was looked at and put off is due later than `by`.
    pub async fn next(&mut self) -> Result<Option<EnvironmentId>, Fault> {
        loop {
            if let Some(id) = self.page.pop_front() {
                return Ok(Some(id));
            }
            let start = match &self.after {
                After::Nothing => None,
                After::Key(key) => Some(key.clone()),
                After::TheLast => return Ok(None),
            };
            self.read_page(start).await?;
        }
    }

    async fn read_page(&mut self, start: Option<Item>) -> Result<(), Fault> {
        let answer = self
            .records
            .client
            .query()
            .table_name(&self.records.table)
            .index_name("due")
            .key_condition_expression("due_pk = :due AND due_sk < :now")
            .expression_attribute_values(":due", text(self.list))
            .expression_attribute_values(":now", text(self.by.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()))
            .limit(PAGE)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| aws::fault("dynamodb:Query", error))?;
        let ids = answer.items.unwrap_or_default().into_iter().filter_map(|item| {
            // `<time>#<id>`
            item.get("due_sk")?.as_s().ok()?.split_once('#')?.1.parse().ok()
        });
        self.page = ids.collect();
        self.after = answer.last_evaluated_key.map_or(After::TheLast, After::Key);
        Ok(())
    }
}
