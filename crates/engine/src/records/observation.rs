//! What was seen of workers, written down.
//!
//! An observation is an item of its own, beside everything that turns write. So no lease is needed and none is in the
//! way: the one rule is that a look does not take the place of a later one.

use super::{Environment, ObservationItem, Records, environment_pk, refused, text, write};
use crate::aws;
use environment::Fault;

/// The last of an environment's sort keys, so that one descending query answers it first.
pub(super) const SORT_KEY: &str = "WORKERS";

impl Records {
    /// Writes what was seen of an environment's workers, unless somebody has written another look since this one's
    /// environment was read.
    pub async fn note_observation(&self, of: &Environment, observation: &ObservationItem) -> Result<(), Fault> {
        let item = write(observation, environment_pk(of.record.id), SORT_KEY)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = match &of.observation {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("observed_at = :before")
                .expression_attribute_values(":before", text(before.observed_at.to_string())),
        };
        match put.send().await {
            Ok(_) => Ok(()),
            // By another watch, or by our own first attempt.
            Err(error) if refused(&error, |_| None).is_some() => Ok(()),
            Err(error) => Err(aws::fault("dynamodb:PutItem", error)),
        }
    }
}
