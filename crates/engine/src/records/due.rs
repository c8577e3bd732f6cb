//! What is due: environments that somebody must look at, because nobody else will.

use super::{Records, text};
use crate::aws;
use environment::{EnvironmentId, Fault};
use jiff::Timestamp;

impl Records {
    /// Environments that were due by now, the longest due first, 25 at most.
    pub async fn due(&self, now: Timestamp) -> Result<Vec<EnvironmentId>, Fault> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_pk = :due AND due_sk < :now")
            .expression_attribute_values(":due", text("DUE"))
            .expression_attribute_values(":now", text(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()))
            .limit(25)
            .send()
            .await
            .map_err(|error| aws::fault("dynamodb:Query", error))?;
        let ids = answer.items.unwrap_or_default().into_iter().filter_map(|item| {
            // `<time>#<id>`
            item.get("due_sk")?.as_s().ok()?.split_once('#')?.1.parse().ok()
        });
        Ok(ids.collect())
    }
}
