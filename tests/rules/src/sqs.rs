//! SQS: a queue goes in the background, and its name is not free for a minute.

use crate::{Answer, Call, rule::Rule, world::World};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So long a deleted queue may still answer: up to a minute by the documentation, mostly some seconds.
const GOES_IN: f64 = 8.0;
/// So long its name is not free.
const FREES_NAME_IN: f64 = 60.0;

/// The queues by name.
pub(crate) type State = BTreeMap<String, Queue>;

/// What is known of a queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    url: String,
    tags: Value,
    deleted: Option<Timestamp>,
}

/// - A deleted queue still answers for a while, and may be deleted once more.
/// - For a minute no queue of its name can be made.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>
pub(crate) struct Queues;

impl Rule for Queues {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if call.service != "sqs" {
            return None;
        }
        let queue = world.sqs.get(name(call))?;
        let deleted = queue.deleted?;
        match call.action.as_str() {
            "CreateQueue" if !world.is_through(deleted, FREES_NAME_IN) => {
                let message = "You must wait 60 seconds after deleting a queue before you can create another with the \
                               same name.";
                Some(Answer::error(call, "QueueDeletedRecently", message))
            }
            "GetQueueUrl" if !world.is_through(deleted, GOES_IN) => Some(Answer::json(json!({"QueueUrl": queue.url}))),
            "ListQueueTags" if !world.is_through(deleted, GOES_IN) => Some(Answer::json(json!({"Tags": queue.tags}))),
            "DeleteQueue" if !world.is_through(deleted, GOES_IN) => Some(Answer::json(json!({}))),
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "sqs" {
            return;
        }
        let now = world.now;
        match (call.action.as_str(), answer.value()) {
            ("CreateQueue", Some(made)) => {
                let url = made["QueueUrl"].as_str().unwrap_or_default().to_owned();
                let made = Queue { url, tags: call.parameters["tags"].clone(), deleted: None };
                let queue = world.sqs.entry(name(call).to_owned()).or_insert_with(|| made.clone());
                // One that is there is answered as it is.
                if queue.deleted.is_some() {
                    *queue = made;
                }
            }
            ("DeleteQueue", Some(_)) => {
                if let Some(queue) = world.sqs.get_mut(name(call)) {
                    queue.deleted.get_or_insert(now);
                }
            }
            _ => {}
        }
    }
}

/// The queue that a call is about, by its name or by its URL.
fn name(call: &Call) -> &str {
    match call.text("QueueName") {
        "" => call.text("QueueUrl").rsplit('/').next().unwrap_or_default(),
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    const URL: &str = "http://localhost/1/blue";

    async fn create(aws: &Rehearsal) -> Answer {
        aws.json("sqs", "CreateQueue", &json!({"QueueName": "blue", "tags": {"a": "b"}}), &json!({"QueueUrl": URL}))
            .await
    }

    async fn delete(aws: &Rehearsal) -> Answer {
        aws.json("sqs", "DeleteQueue", &json!({"QueueUrl": URL}), &json!({})).await
    }

    #[tokio::test]
    async fn a_name_is_not_free_for_a_minute() {
        let mut aws = Rehearsal::new(Settings::default());
        assert!(create(&aws).await.succeeded());
        delete(&aws).await;
        aws.later(59);
        let told = create(&aws).await.into_response();
        assert_eq!(told.status, 400);
        assert_eq!(told.header("x-amzn-query-error"), "AWS.SimpleQueueService.QueueDeletedRecently;Sender");
        aws.later(1);
        assert!(create(&aws).await.succeeded());
    }

    #[tokio::test]
    async fn a_deleted_queue_answers_for_a_while() {
        let mut aws = Rehearsal::new(Settings::default());
        create(&aws).await;
        delete(&aws).await;
        let absent = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist"});
        let mut tags = aws.json("sqs", "ListQueueTags", &json!({"QueueUrl": URL}), &absent).await;
        assert_eq!(tags.value().map(|value| value["Tags"].clone()), Some(json!({"a": "b"})));
        aws.later(8);
        let mut gone = aws.json("sqs", "GetQueueUrl", &json!({"QueueName": "blue"}), &absent).await;
        assert_eq!(gone.value().map(|value| value["QueueUrl"].clone()), Some(Value::Null));
    }
}
