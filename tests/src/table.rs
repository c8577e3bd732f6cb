//! The table with the records, read and touched behind the service's back.

use crate::{cloud::Cloud, service::Service};
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, SystemTime},
};

/// The holder that a test writes into a lease.
const HOLDER: &str = "held by a test";

/// The table.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    name: String,
}

/// An item of the table.
pub type Item = HashMap<String, AttributeValue>;

impl Table {
    /// The service's table.
    pub fn of(cloud: &Cloud) -> Table {
        Table { client: cloud.tables.clone(), name: Service::under_test().table.clone() }
    }

    /// Every item. The service itself never scans.
    pub async fn everything(&self) -> Vec<Item> {
        let pages = self.client.scan().table_name(&self.name).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.expect("scan the table")
    }

    /// An environment's items as text, by sort key.
    pub async fn partition(&self, environment: &str) -> BTreeMap<String, String> {
        let pages = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(&format!("ENV#{environment}")))
            .into_paginator()
            .items()
            .send();
        let items = pages.collect::<Result<Vec<_>, _>>().await.expect("query the table");
        items.iter().map(|item| (sort_key(item), written(item))).collect()
    }

    /// An environment's record.
    pub async fn record(&self, environment: &str) -> Item {
        let key = self.client.get_item().table_name(&self.name).consistent_read(true);
        let item = key.key("pk", text(&format!("ENV#{environment}"))).key("sk", text("RECORD")).send().await;
        item.expect("get the record").item.expect("the environment has a record")
    }

    /// The number that the environment's last operation took it with.
    pub async fn fence(&self, environment: &str) -> u64 {
        let record = self.record(environment).await;
        let fence = record["fence"].as_n().expect("a fence is a number");
        fence.parse().expect("a fence is an integer")
    }

    /// Holds a step, as another invocation of its function would: until it is let go, no turn gets to work on it.
    pub async fn hold(&self, environment: &str, step: &str) {
        // Long enough for any test; let go of long before.
        let until = SystemTime::now() + Duration::from_secs(600);
        let seconds = until.duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_secs();
        self.update(environment, step, "SET holder = :holder, #until = :until", Some(seconds)).await;
    }

    /// Lets go of a step that the test holds.
    pub async fn let_go(&self, environment: &str, step: &str) {
        self.update(environment, step, "REMOVE holder, #until", None).await;
    }

    async fn update(&self, environment: &str, step: &str, expression: &str, until: Option<u64>) {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", text(&format!("ENV#{environment}")))
            .key("sk", text(&format!("STEP#{step}")))
            .update_expression(expression)
            .condition_expression("attribute_not_exists(holder) OR holder = :holder")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":holder", text(HOLDER));
        if let Some(until) = until {
            update = update.expression_attribute_values(":until", AttributeValue::N(until.to_string()));
        }
        update.send().await.unwrap_or_else(|error| panic!("{step} of {environment}: {expression}: {error:?}"));
    }
}

/// An item's sort key.
pub fn sort_key(item: &Item) -> String {
    item.get("sk").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default()
}

/// An item as text, its attributes sorted.
pub fn written(item: &Item) -> String {
    format!("{:?}", item.iter().collect::<BTreeMap<_, _>>())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
