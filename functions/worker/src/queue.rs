//! An SQS queue with its policy.
//!
//! It goes by its name; its URL is found by that. CreateQueue answers success for a queue of that name with the same
//! attributes, whoever's it is, so its tags are looked at after the create as well. SQS writes every attribute as text,
//! a document as JSON in text: what is seen is read back into the catalogue's shapes before it is compared. A deleted
//! queue may answer for up to a minute, and its name is not free for as long (QueueDeletedRecently).

use async_trait::async_trait;
use aws_sdk_sqs::{Client, types::QueueAttributeName};
use engine::{Action, Departure, Found, Owner, Resource, Sighting, Site, State, TagChange, Whose, aws};
use environment::{Change, Code, Fault, Kind, catalogue};
use serde_json::Value;
use std::collections::HashMap;

pub(crate) struct Queue {
    pub(crate) client: Client,
}

/// ListQueues answers so many at once, and says whether there are more only where it is told a number.
const LISTED_AT_ONCE: i32 = 1000;

#[async_trait]
impl Resource for Queue {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let name = at.text("QueueName")?;
        let answer = self.client.get_queue_url().queue_name(name).send().await;
        let answer = answer.map_err(|error| aws::fault("sqs:GetQueueUrl", error))?;
        let Some(url) = answer.queue_url() else { return Ok(None) };
        let found = self.owned(at, url).await?;
        if found.owner == Owner::Foreign || at.action != Action::Ensure {
            return Ok(Some(found));
        }
        let wanted = attributes(at)?;
        let look = self.client.get_queue_attributes().queue_url(url);
        let look = look.set_attribute_names(Some(wanted.iter().map(|(_, attribute, _)| attribute.clone()).collect()));
        let answer = look.send().await.map_err(|error| aws::fault("sqs:GetQueueAttributes", error))?;
        let seen = answer.attributes().cloned().unwrap_or_default();
        Ok(Some(wanted.iter().fold(found, |found, (property, attribute, wanted)| {
            found.seen(property, seen.get(attribute).map(|text| read(wanted, text)))
        })))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let tags: HashMap<_, _> = at.tags().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let mut create = self.client.create_queue().queue_name(at.text("QueueName")?).set_tags(Some(tags));
        for (_, attribute, value) in attributes(at)? {
            create = create.attributes(attribute, text(value));
        }
        let answer = create.send().await.map_err(|error| aws::fault("sqs:CreateQueue", error))?;
        let url = answer.queue_url().ok_or_else(|| Fault::bug("CreateQueue answered no URL"))?;
        match self.owned(at, url).await {
            // It can be used a second after its create.
            Err(fault) if fault.code == Code::NotFound => Ok(Found::ready(url).state(State::Settling)),
            other => other,
        }
    }

    async fn correct(&self, at: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
        let mut set = self.client.set_queue_attributes().queue_url(&found.id);
        for Change { property, wanted, .. } in changes {
            let attribute = attribute(property);
            let attribute = attribute.ok_or_else(|| Fault::bug(format!("{}: {property}", at.entry.key)))?;
            set = set.attributes(attribute, text(wanted));
        }
        set.send().await.map_err(|error| aws::fault("sqs:SetQueueAttributes", error))?;
        Ok(found)
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        if !change.drop.is_empty() {
            let untag = self.client.untag_queue().queue_url(&found.id).set_tag_keys(Some(change.drop.clone()));
            untag.send().await.map_err(|error| aws::fault("sqs:UntagQueue", error))?;
        }
        if !change.put.is_empty() {
            let tags = change.put.iter().cloned().collect();
            let tag = self.client.tag_queue().queue_url(&found.id).set_tags(Some(tags));
            tag.send().await.map_err(|error| aws::fault("sqs:TagQueue", error))?;
        }
        Ok(())
    }

    /// It is gone when a look says so: SQS deletes in the background.
    async fn remove(&self, _at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let delete = self.client.delete_queue().queue_url(id);
        delete.send().await.map_err(|error| aws::fault("sqs:DeleteQueue", error))?;
        Ok(Departure::Leaving)
    }
}

impl Queue {
    /// The queue of this URL, and whose it is.
    async fn owned(&self, at: &Site<'_>, url: &str) -> Result<Found, Fault> {
        let tags = self.tags(url).await?;
        let arn = at.place.arn("sqs", at.text("QueueName")?);
        Ok(Found::ready(url).arn(arn).owner(at.owner(pairs(&tags))).tagged(at, pairs(&tags)))
    }

    async fn tags(&self, url: &str) -> Result<HashMap<String, String>, Fault> {
        let answer = self.client.list_queue_tags().queue_url(url).send().await;
        Ok(answer.map_err(|error| aws::fault("sqs:ListQueueTags", error))?.tags.unwrap_or_default())
    }

    /// The queues that carry that tag.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let list = self.client.list_queues().max_results(LISTED_AT_ONCE).into_paginator();
        let urls = list.items().send().collect::<Result<Vec<_>, _>>().await;
        let mut urls = urls.map_err(|error| aws::fault("sqs:ListQueues", error))?;
        // Of others this function may look at none.
        urls.retain(|url| {
            [catalogue::QUEUE_SUFFIX, catalogue::DEAD_LETTER_QUEUE_SUFFIX].iter().any(|suffix| url.ends_with(suffix))
        });
        let mut sightings = Vec::new();
        for url in whose.portion(urls) {
            match self.tags(&url).await {
                Ok(tags) => sightings.extend(whose.sighting(Kind::Queue, url, pairs(&tags))),
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }
}

/// How many messages lie in the queue of this URL, as SQS counts them: about so many, and none only where there are none
/// for a minute. Those that somebody is reading at the moment count, too.
pub(crate) async fn messages_in(client: &Client, url: &str) -> Result<u64, Fault> {
    let counts =
        [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
    let look = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(counts.to_vec()));
    let answer = look.send().await.map_err(|error| aws::fault("sqs:GetQueueAttributes", error))?;
    let count = |name| answer.attributes()?.get(name)?.parse::<u64>().ok();
    counts.iter().map(count).sum::<Option<u64>>().ok_or_else(|| Fault::bug("a queue has no number of messages"))
}

/// The attribute that a property is.
fn attribute(property: &str) -> Option<QueueAttributeName> {
    match property {
        "MessageRetentionPeriod" => Some(QueueAttributeName::MessageRetentionPeriod),
        "VisibilityTimeout" => Some(QueueAttributeName::VisibilityTimeout),
        "SqsManagedSseEnabled" => Some(QueueAttributeName::SqsManagedSseEnabled),
        "RedrivePolicy" => Some(QueueAttributeName::RedrivePolicy),
        "PolicyDocument" => Some(QueueAttributeName::Policy),
        _ => None,
    }
}

/// The wanted properties that are attributes. One that nobody would pass on is a bug and not left out in silence.
fn attributes<'a>(at: &'a Site<'_>) -> Result<Vec<(&'a str, QueueAttributeName, &'a Value)>, Fault> {
    let rest = at.wanted.iter().filter(|(property, _)| !["QueueName", "Tags"].contains(&property.as_str()));
    rest.map(|(property, wanted)| {
        let attribute = attribute(property);
        let unknown = || Fault::bug(format!("{}: a queue has no {property}", at.entry.key));
        Ok((property.as_str(), attribute.ok_or_else(unknown)?, wanted))
    })
    .collect()
}

/// A property as SQS writes it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An attribute's text in the shape of the wanted property.
fn read(wanted: &Value, text: &str) -> Value {
    let as_json = (!wanted.is_string()).then(|| serde_json::from_str(text).ok()).flatten();
    as_json.unwrap_or_else(|| text.into())
}

fn pairs(tags: &HashMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_sqs_writes_is_what_was_wanted() {
        for wanted in [json!(604_800), json!(true), json!({"maxReceiveCount": 3}), json!("text")] {
            assert_eq!(read(&wanted, &text(&wanted)), wanted);
        }
        assert_eq!(text(&json!(300)), "300", "a number is written as text");
    }

    #[test]
    fn a_policy_is_compared_by_what_it_says_and_not_by_how_it_is_written() {
        let wanted = json!({"Version": "2012-10-17", "Statement": []});
        assert_eq!(read(&wanted, "{ \"Statement\" : [], \"Version\" : \"2012-10-17\" }"), wanted);
        assert_ne!(read(&wanted, "not JSON"), wanted);
    }
}
