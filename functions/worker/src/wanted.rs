//! From the catalogue's properties to ECS's types.

use aws_sdk_ecs::{Client, types::Tag};
use engine::{Site, TagChange, aws};
use environment::Fault;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;

/// The wanted properties as the type that lists them all: one that the type does not know is a bug and not
/// left out in silence.
pub(crate) fn read<T: DeserializeOwned>(at: &Site<'_>) -> Result<T, Fault> {
    serde_json::from_value(Value::Object(at.wanted.clone()))
        .map_err(|error| Fault::bug(format!("{}: {error}", at.entry.key)))
}

/// The wanted tags.
pub(crate) fn tags(at: &Site<'_>) -> Vec<Tag> {
    at.tags().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of something seen, as pairs.
pub(crate) fn pairs(tags: &[Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))
}

/// The list as it is wanted, where it holds the same in another order.
pub(crate) fn in_wanted_order(wanted: &Value, seen: Vec<Value>) -> Value {
    let same = wanted
        .as_array()
        .is_some_and(|wanted| wanted.len() == seen.len() && wanted.iter().all(|item| seen.contains(item)));
    if same { wanted.clone() } else { Value::Array(seen) }
}

/// A value that could not be built.
pub(crate) fn bug(error: impl Display) -> Fault {
    Fault::bug(error.to_string())
}

/// Changes the team's tags of something of ECS.
pub(crate) async fn retag(client: &Client, arn: &str, change: &TagChange) -> Result<(), Fault> {
    if !change.drop.is_empty() {
        let untag = client.untag_resource().resource_arn(arn).set_tag_keys(Some(change.drop.clone()));
        untag.send().await.map_err(|error| aws::fault("ecs:UntagResource", error))?;
    }
    if !change.put.is_empty() {
        let tags = change.put.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tag = client.tag_resource().resource_arn(arn).set_tags(Some(tags.collect()));
        tag.send().await.map_err(|error| aws::fault("ecs:TagResource", error))?;
    }
    Ok(())
}
