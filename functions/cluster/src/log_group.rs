//! A log group.
//!
//! It goes by its name. Its retention cannot be given in the create call and comes by `correct`.

use async_trait::async_trait;
use aws_sdk_cloudwatchlogs::Client;
use engine::{Departure, Found, Resource, Sighting, Site, TagChange, Whose, aws};
use environment::{Change, Code, Fault, Kind, catalogue};
use serde_json::Value;
use std::collections::HashMap;

pub(crate) struct LogGroup {
    pub(crate) client: Client,
    /// Without retries: CreateLogGroup has no client token.
    pub(crate) once: Client,
}

#[async_trait]
impl Resource for LogGroup {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let name = at.text("LogGroupName")?;
        // Sorted by name: of all that begin so, the group of just this name comes first.
        let answer = self.client.describe_log_groups().log_group_name_prefix(name).send().await;
        let answer = answer.map_err(|error| aws::fault("logs:DescribeLogGroups", error))?;
        let Some(group) = answer.log_groups().iter().find(|group| group.log_group_name() == Some(name)) else {
            return Ok(None);
        };
        let arn = arn(at, name);
        let answer = self.client.list_tags_for_resource().resource_arn(&arn).send().await;
        let tags = answer.map_err(|error| aws::fault("logs:ListTagsForResource", error))?.tags.unwrap_or_default();
        let tags: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let found = Found::ready(name).arn(arn).owner(at.owner(tags.iter().copied())).tagged(at, tags);
        Ok(Some(found.seen("RetentionInDays", group.retention_in_days())))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let name = at.text("LogGroupName")?;
        let tags: HashMap<_, _> = at.tags().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let create = self.once.create_log_group().log_group_name(name).set_tags(Some(tags));
        create.send().await.map_err(|error| aws::fault("logs:CreateLogGroup", error))?;
        Ok(Found::ready(name).arn(arn(at, name)).seen("RetentionInDays", Value::Null))
    }

    async fn correct(&self, at: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
        for change in changes.iter().filter(|change| change.property == "RetentionInDays") {
            let days = change.wanted.as_i64().and_then(|days| i32::try_from(days).ok());
            let days = days.ok_or_else(|| Fault::bug(format!("{} has no retention", at.entry.key)))?;
            let put = self.client.put_retention_policy().log_group_name(&found.id).retention_in_days(days);
            put.send().await.map_err(|error| aws::fault("logs:PutRetentionPolicy", error))?;
        }
        Ok(found)
    }

    async fn retag(&self, at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        let arn = arn(at, &found.id);
        if !change.drop.is_empty() {
            let untag = self.client.untag_resource().resource_arn(&arn).set_tag_keys(Some(change.drop.clone()));
            untag.send().await.map_err(|error| aws::fault("logs:UntagResource", error))?;
        }
        if !change.put.is_empty() {
            let tag = self.client.tag_resource().resource_arn(&arn);
            let tag = tag.set_tags(Some(change.put.iter().cloned().collect()));
            tag.send().await.map_err(|error| aws::fault("logs:TagResource", error))?;
        }
        Ok(())
    }

    async fn remove(&self, _at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let delete = self.client.delete_log_group().log_group_name(id);
        delete.send().await.map_err(|error| aws::fault("logs:DeleteLogGroup", error))?;
        Ok(Departure::Gone)
    }
}

impl LogGroup {
    /// The log groups that carry that tag.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let list = self.client.describe_log_groups().log_group_name_prefix(catalogue::LOG_GROUP_PREFIX);
        let groups = list.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let groups = groups.map_err(|error| aws::fault("logs:DescribeLogGroups", error))?;
        let mut sightings = Vec::new();
        for group in whose.portion(groups) {
            let (Some(name), Some(arn)) = (group.log_group_name(), group.arn()) else { continue };
            let answer = self.client.list_tags_for_resource().resource_arn(arn.trim_end_matches(":*")).send().await;
            match answer.map_err(|error| aws::fault("logs:ListTagsForResource", error)) {
                Ok(answer) => {
                    let tags = answer.tags().into_iter().flatten();
                    let tags = tags.map(|(key, value)| (key.as_str(), value.as_str()));
                    sightings.extend(whose.sighting(Kind::LogGroup, name, tags));
                }
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }
}

/// The group's ARN as tags are asked for: without the `:*` that stands for its streams.
fn arn(at: &Site<'_>, name: &str) -> String {
    at.place.arn("logs", &format!("log-group:{name}"))
}
