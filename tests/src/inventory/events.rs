//! What is there in SQS and EventBridge.

use super::{Inventory, Thing};
use crate::cloud::Cloud;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::Value;
use std::collections::BTreeMap;

/// What matters about a queue; when it was made and what is in it does not.
const ATTRIBUTES: [QueueAttributeName; 5] = [
    QueueAttributeName::MessageRetentionPeriod,
    QueueAttributeName::VisibilityTimeout,
    QueueAttributeName::SqsManagedSseEnabled,
    QueueAttributeName::RedrivePolicy,
    QueueAttributeName::Policy,
];

pub(super) async fn list(cloud: &Cloud, into: &mut Inventory) {
    queues(cloud, into).await;
    rules(cloud, into).await;
}

async fn queues(cloud: &Cloud, into: &mut Inventory) {
    let urls = cloud.queues.list_queues().send().await.expect("list queues").queue_urls.unwrap_or_default();
    for url in urls {
        let look = cloud.queues.get_queue_attributes().queue_url(&url).set_attribute_names(Some(ATTRIBUTES.to_vec()));
        // It may go while we look.
        let (Ok(look), Ok(tags)) = (look.send().await, cloud.queues.list_queue_tags().queue_url(&url).send().await)
        else {
            continue;
        };
        let attributes = look.attributes.unwrap_or_default();
        let attributes: BTreeMap<String, String> =
            attributes.into_iter().map(|(name, value)| (name.as_str().to_owned(), plain(&value))).collect();
        let name = url.rsplit('/').next().unwrap_or_default();
        into.add("queue", name, Thing::new(name, format!("{attributes:?}")).tagged(tags.tags.unwrap_or_default()));
    }
}

async fn rules(cloud: &Cloud, into: &mut Inventory) {
    let rules = cloud.events.list_rules().send().await.expect("list rules").rules.unwrap_or_default();
    for rule in rules {
        let (name, arn) = (rule.name().unwrap_or_default(), rule.arn().unwrap_or_default());
        let targets = cloud.events.list_targets_by_rule().rule(name).send().await;
        let tags = cloud.events.list_tags_for_resource().resource_arn(arn).send().await;
        let (Ok(targets), Ok(tags)) = (targets, tags) else { continue };
        let targets: Vec<_> = targets.targets().iter().map(|target| (target.id(), target.arn())).collect();
        let detail = format!("{:?} {} {targets:?}", rule.state(), plain(rule.event_pattern().unwrap_or_default()));
        let tags = tags.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
        into.add("rule", name, Thing::new(name, detail).tagged(tags));
    }
}

/// A document without what only its writer has put in: blanks, and the order of its members. Other text as it is.
fn plain(text: &str) -> String {
    serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |document| document.to_string())
}
