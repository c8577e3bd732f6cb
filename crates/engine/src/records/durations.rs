//! How long things took to become ready: the service's own history, from which an ETA is told.
//!
//! One item for each kind that is waited for, all of them in one partition: they are read by one query. A sample is
//! written as a list's last element without reading it first, so that two turns never lose each other's. Nothing
//! depends on it: a sample that is lost or written twice makes an ETA no worse than it is.

use super::{Records, SCHEMA, attribute, number, read, refused, text};
use crate::aws;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use environment::{Fault, History, Kind, eta::SAMPLES};
use serde::{Deserialize, Serialize};

/// The partition.
const DURATION: &str = "DURATION";

/// What is remembered of a kind.
#[derive(Debug, Serialize, Deserialize)]
struct DurationItem {
    kind: Kind,
    /// In seconds, the newest last.
    seconds: Vec<u32>,
}

impl Records {
    /// Notes how long something of this kind took.
    pub async fn note_duration(&self, kind: Kind, seconds: u32) -> Result<(), Fault> {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key("pk", text(DURATION)).key("sk", text(duration_sk(kind)));
        let update = update
            .update_expression(
                "SET #schema = :schema, kind = :kind, seconds = list_append(if_not_exists(seconds, :none), :one)",
            )
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_values(":schema", number(SCHEMA))
            .expression_attribute_values(":kind", attribute(&kind)?)
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":one", AttributeValue::L(vec![number(seconds)]))
            .return_values(ReturnValue::AllNew);
        let answer = update.send().await.map_err(|error| aws::fault("dynamodb:UpdateItem", error))?;
        let item: DurationItem = read(answer.attributes.unwrap_or_default())?;
        if item.seconds.len() > 2 * SAMPLES { self.forget_oldest(kind).await } else { Ok(()) }
    }

    /// Takes the oldest samples away, as many as are kept, where nobody else has done so meanwhile.
    async fn forget_oldest(&self, kind: Kind) -> Result<(), Fault> {
        let oldest: Vec<String> = (0..SAMPLES).map(|index| format!("seconds[{index}]")).collect();
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key("pk", text(DURATION)).key("sk", text(duration_sk(kind)));
        let update = update
            .update_expression(format!("REMOVE {}", oldest.join(", ")))
            .condition_expression("size(seconds) > :twice")
            .expression_attribute_values(":twice", number(2 * SAMPLES));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) if refused(&error, |_| None).is_some() => Ok(()),
            Err(error) => Err(aws::fault("dynamodb:UpdateItem", error)),
        }
    }

    /// How long things took, as far as it is remembered.
    pub async fn durations(&self) -> Result<History, Fault> {
        let query = self.client.query().table_name(&self.table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", text(DURATION));
        let answer = query.send().await.map_err(|error| aws::fault("dynamodb:Query", error))?;
        let items: Vec<DurationItem> =
            answer.items.unwrap_or_default().into_iter().map(read).collect::<Result<_, _>>()?;
        let newest = |seconds: Vec<u32>| seconds[seconds.len().saturating_sub(SAMPLES)..].to_vec();
        Ok(History::of(items.into_iter().map(|item| (item.kind, newest(item.seconds)))))
    }
}

fn duration_sk(kind: Kind) -> String {
    format!("{DURATION}#{kind}")
}
