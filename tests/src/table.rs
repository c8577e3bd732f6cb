//! The table with the records, read and touched behind the service's back.

use crate::{cloud::Cloud, service::Service, waiting::until};
use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use serde_json::{Value, json};
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

    /// Every item in which this name stands, as text.
    pub async fn records_of(&self, name: &str) -> Vec<String> {
        let items = self.everything().await;
        let mut shown: Vec<String> = items.iter().map(written).filter(|item| item.contains(name)).collect();
        shown.sort();
        shown
    }

    /// An environment's items as text, by sort key: but for what was merely observed, which the watch writes whenever its
    /// time comes.
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
        let items = items.iter().map(|item| (sort_key(item), written(item)));
        items.filter(|(key, _)| key != "WORKERS").collect()
    }

    /// An environment's record.
    pub async fn record(&self, environment: &str) -> Item {
        let key = self.client.get_item().table_name(&self.name).consistent_read(true);
        let item = key.key("pk", text(&format!("ENV#{environment}"))).key("sk", text("RECORD")).send().await;
        item.expect("get the record").item.expect("the environment has a record")
    }

    /// How many environments and CPU units are counted for a team.
    pub async fn counted(&self, team: &str) -> (i64, i64) {
        let key = self.client.get_item().table_name(&self.name).consistent_read(true);
        let key = key.key("pk", text(&format!("TEAM#{team}"))).key("sk", text("TEAM"));
        let item = key.send().await.expect("get the team's item").item.unwrap_or_default();
        let count =
            |name: &str| item.get(name).map_or(0, |count| count.as_n().expect("a number").parse().expect("whole"));
        (count("environments"), count("cpu"))
    }

    /// Lets a team have so many environments and CPU units already.
    pub async fn count(&self, team: &str, environments: i64, cpu: i64) {
        let put = self.client.put_item().table_name(&self.name);
        let put = put.item("pk", text(&format!("TEAM#{team}"))).item("sk", text("TEAM"));
        let put = put.item("environments", AttributeValue::N(environments.to_string()));
        put.item("cpu", AttributeValue::N(cpu.to_string())).send().await.expect("write the team's item");
    }

    /// The number that the environment's last operation took it with.
    pub async fn fence(&self, environment: &str) -> u64 {
        let record = self.record(environment).await;
        let fence = record["fence"].as_n().expect("a fence is a number");
        fence.parse().expect("a fence is an integer")
    }

    /// Lets the time come at which the sweep looks after an environment.
    pub async fn make_due(&self, environment: &str) {
        let update = self.client.update_item().table_name(&self.name);
        let update = update.key("pk", text(&format!("ENV#{environment}"))).key("sk", text("RECORD"));
        let update =
            update.update_expression("SET due_pk = :due, due_sk = :past").condition_expression("attribute_exists(pk)");
        let update = update.expression_attribute_values(":due", text("DUE"));
        let past = format!("2000-01-01T00:00:00Z#{environment}");
        update.expression_attribute_values(":past", text(&past)).send().await.expect("make the environment due");
    }

    /// Lets an environment's time be over.
    pub async fn expire(&self, environment: &str) {
        let update = self.client.update_item().table_name(&self.name);
        let update = update.key("pk", text(&format!("ENV#{environment}"))).key("sk", text("RECORD"));
        let update = update.update_expression("SET expires_at = :past").condition_expression("attribute_exists(pk)");
        let update = update.expression_attribute_values(":past", text("2000-01-01T00:00:00Z"));
        update.send().await.expect("let the environment expire");
        self.make_due(environment).await;
    }

    /// Takes an environment's deletion protection back.
    pub async fn unprotect(&self, environment: &str) {
        let update = self.client.update_item().table_name(&self.name);
        let update = update.key("pk", text(&format!("ENV#{environment}"))).key("sk", text("RECORD"));
        let update = update.update_expression("REMOVE deletion_protection");
        let update = update.condition_expression("attribute_exists(deletion_protection)");
        update.send().await.expect("take the protection back");
    }

    /// Lets an environment's record have been written so long ago.
    pub async fn age(&self, environment: &str, by: Duration) {
        let written = jiff::Timestamp::now() - by;
        let update = self.client.update_item().table_name(&self.name);
        let update = update.key("pk", text(&format!("ENV#{environment}"))).key("sk", text("RECORD"));
        let update = update.update_expression("SET updated_at = :then").condition_expression("attribute_exists(pk)");
        let update = update.expression_attribute_values(":then", text(&written.to_string()));
        update.send().await.expect("age the record");
    }

    /// Holds a step, as another invocation of its function would: until it is let go, no turn gets to work on it.
    /// Waits for a turn that is at work already.
    pub async fn hold(&self, environment: &str, step: &str) {
        let record = self.record(environment).await;
        // What a turn would write; only the last two matter where there has been one already.
        let mut attributes = vec![
            ("schema", AttributeValue::N("1".to_owned())),
            ("step", text(step)),
            ("action", text("ensure")),
            ("fence", record["fence"].clone()),
            ("holder", text(HOLDER)),
            // Long enough for any test; let go of long before.
            ("until", AttributeValue::N(milliseconds(Duration::from_secs(600)))),
        ];
        // Nobody has an environment at rest, and each of its steps knows who was the last.
        attributes.extend(record.get("operation").map(|operation| ("operation", operation.clone())));
        let assignments = attributes.iter().map(|(name, _)| match *name {
            "holder" | "until" => format!("#{name} = :{name}"),
            name => format!("#{name} = if_not_exists(#{name}, :{name})"),
        });
        let expression = format!("SET {}", assignments.collect::<Vec<_>>().join(", "));
        until(&format!("nobody is at work on {step} of {environment}"), || async {
            let mut update = self.step(environment, step).update_expression(&expression);
            for (name, value) in &attributes {
                update = update.expression_attribute_names(format!("#{name}"), *name);
                update = update.expression_attribute_values(format!(":{name}"), value.clone());
            }
            let held = update.condition_expression("attribute_not_exists(#until)").send().await;
            held.map(drop).map_err(|error| format!("{error:?}"))
        })
        .await;
    }

    /// Lets go of a step that the test holds.
    pub async fn let_go(&self, environment: &str, step: &str) {
        let update = self.step(environment, step).update_expression("REMOVE #holder, #until");
        let update =
            update.expression_attribute_names("#holder", "holder").expression_attribute_names("#until", "until");
        let update = update.condition_expression("#holder = :holder");
        let update = update.expression_attribute_values(":holder", text(HOLDER)).send().await;
        update.unwrap_or_else(|error| panic!("somebody took {step} of {environment} meanwhile: {error:?}"));
    }

    fn step(&self, environment: &str, step: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.name);
        update.key("pk", text(&format!("ENV#{environment}"))).key("sk", text(&format!("STEP#{step}")))
    }
}

/// An item's sort key.
pub fn sort_key(item: &Item) -> String {
    item.get("sk").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default()
}

/// An item as text: equal items are equal texts.
pub fn written(item: &Item) -> String {
    in_json(&AttributeValue::M(item.clone())).to_string()
}

/// An attribute as JSON, whose members are in order.
fn in_json(attribute: &AttributeValue) -> Value {
    match attribute {
        AttributeValue::S(text) | AttributeValue::N(text) => json!(text),
        AttributeValue::Bool(flag) => json!(flag),
        AttributeValue::L(items) => items.iter().map(in_json).collect(),
        AttributeValue::M(members) => members.iter().map(|(name, member)| (name.clone(), in_json(member))).collect(),
        other => json!(format!("{other:?}")),
    }
}

/// A moment this far ahead, as leases write it.
fn milliseconds(ahead: Duration) -> String {
    let moment = SystemTime::now() + ahead;
    moment.duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_millis().to_string()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
