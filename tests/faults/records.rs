//! A run's table, made as the template says and read behind the functions' backs.

use crate::{
    functions::TABLE,
    run::{NAME, TEAM},
};
use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
        ProjectionType, ScalarAttributeType,
    },
};
use end_to_end::Cloud;
use jiff::Timestamp;
use std::collections::HashMap;

/// A run's table.
#[derive(Clone, Debug)]
pub struct Table(Client);

/// The attributes that every index shows.
const SHOWN: [&str; 6] = ["id", "name", "team", "status", "created_at", "updated_at"];

impl Table {
    /// Makes it.
    pub async fn make(cloud: &Cloud) -> Table {
        let key = |name: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("a key")
        };
        let mut create = cloud.tables.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
        for prefix in ["", "by_team_", "all_", "due_"] {
            for part in ["pk", "sk"] {
                let attribute = AttributeDefinition::builder().attribute_name(format!("{prefix}{part}"));
                let attribute = attribute.attribute_type(ScalarAttributeType::S).build().expect("an attribute");
                create = create.attribute_definitions(attribute);
            }
        }
        create = create.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
        for index in ["by_team", "all", "due"] {
            let projection = Projection::builder().projection_type(ProjectionType::Include);
            let projection = projection.set_non_key_attributes(Some(SHOWN.map(str::to_owned).to_vec())).build();
            let index = GlobalSecondaryIndex::builder()
                .index_name(index)
                .key_schema(key(&format!("{index}_pk"), KeyType::Hash))
                .key_schema(key(&format!("{index}_sk"), KeyType::Range))
                .projection(projection)
                .build();
            create = create.global_secondary_indexes(index.expect("an index"));
        }
        create.send().await.expect("a table can be made");
        Table(cloud.tables.clone())
    }

    /// Every item.
    pub async fn items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let pages = self.0.scan().table_name(TABLE).consistent_read(true).into_paginator().items().send();
        pages.collect::<Result<Vec<_>, _>>().await.expect("scan the table")
    }

    /// The record of the environment, if there is one.
    pub async fn record(&self) -> Option<HashMap<String, AttributeValue>> {
        self.items().await.into_iter().find(|item| text(item, "sk") == "RECORD")
    }

    /// The environment's id.
    pub async fn environment(&self) -> Option<String> {
        self.record().await.map(|record| text(&record, "id").to_owned())
    }

    /// Until when nobody needs to look at the environment that has not come to rest, or to tell of it. Nothing where it
    /// has and all is told.
    pub async fn unfinished_until(&self) -> Option<Timestamp> {
        let items = self.items().await;
        let untold = items.iter().filter(|item| text(item, "due_pk") == "OUTBOX").map(due).min();
        if untold.is_some() {
            return untold;
        }
        let record = items.into_iter().find(|item| text(item, "sk") == "RECORD")?;
        let is_at_rest =
            ["ACTIVE", "DELETED", "FAILED", "DELETE_FAILED", "UPDATE_FAILED"].contains(&text(&record, "status"));
        if is_at_rest && !record.contains_key("operation") {
            return None;
        }
        Some(due(&record))
    }

    /// What is kept of a name and of a team although the environment has ended.
    pub async fn kept(&self) -> Vec<String> {
        let items = self.items().await;
        let held = items.iter().filter(|item| ["NAME", "POOL"].contains(&text(item, "sk")));
        let mut kept: Vec<String> = held.map(|item| format!("{} is held for {NAME}", text(item, "pk"))).collect();
        for team in items.iter().filter(|item| text(item, "sk") == "TEAM") {
            for count in ["environments", "cpu"] {
                let counted = team.get(count).and_then(|count| count.as_n().ok()).map_or("0", String::as_str);
                if counted != "0" {
                    kept.push(format!("the team {TEAM} is counted {counted} {count}"));
                }
            }
        }
        kept
    }

    /// Loses everything.
    pub async fn empty(&self) {
        for item in self.items().await {
            let delete =
                self.0.delete_item().table_name(TABLE).key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
            delete.send().await.expect("an item can be deleted");
        }
    }
}

/// When somebody must look at an item.
fn due(item: &HashMap<String, AttributeValue>) -> Timestamp {
    let due = text(item, "due_sk").split('#').next().unwrap_or_default();
    due.parse().unwrap_or_else(|_| panic!("nobody will ever look at {item:?}"))
}

/// An attribute that is text, or the empty text.
pub fn text<'a>(item: &'a HashMap<String, AttributeValue>, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}
