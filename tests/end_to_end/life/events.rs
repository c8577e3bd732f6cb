//! The queue of ECS task events, its dead-letter queue and its rule, as SQS and EventBridge show them.

use super::are_tags_of;
use aws_sdk_eventbridge::types::RuleState;
use aws_sdk_sqs::types::QueueAttributeName;
use end_to_end::{Environment, Service, Stage};
use serde_json::{Value, json};
use std::collections::HashMap;

pub async fn is_as_designed(stage: &Stage, environment: &Environment) {
    let service = Service::under_test();
    let (queue, dead_letters) =
        (service.arn("sqs", "prefect-ecs-events"), service.arn("sqs", "prefect-ecs-events-dlq"));
    let rule = service.arn("events", "rule/prefect-ecs-task-events");

    let seen = attributes(stage, environment, "worker/events-dead-letter-queue").await;
    assert_eq!(seen["QueueArn"], dead_letters);
    assert_eq!((&*seen["MessageRetentionPeriod"], &*seen["SqsManagedSseEnabled"]), ("1209600", "true"));
    assert!(!seen.contains_key("Policy"), "nobody may send to it but SQS: {seen:?}");

    let seen = attributes(stage, environment, "worker/events-queue").await;
    assert_eq!(seen["QueueArn"], queue);
    assert_eq!((&*seen["MessageRetentionPeriod"], &*seen["VisibilityTimeout"]), ("604800", "300"));
    assert_eq!(seen["SqsManagedSseEnabled"], "true");
    let document = |name: &str| serde_json::from_str::<Value>(&seen[name]).expect("a document");
    assert_eq!(document("RedrivePolicy"), json!({"deadLetterTargetArn": dead_letters, "maxReceiveCount": 3}));
    let statements = document("Policy")["Statement"].clone();
    let sends = json!([{
        "Sid": "TaskEvents",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }]);
    assert_eq!(statements, sends, "who may send to the queue");

    sends_task_events_of_the_cluster(stage, environment, &rule, &queue).await;
}

async fn sends_task_events_of_the_cluster(stage: &Stage, environment: &Environment, rule: &str, queue: &str) {
    let name = environment.physical("worker/task-events-rule");
    let seen = stage.cloud.events.describe_rule().name(name).send().await.expect("the rule is there");
    assert_eq!((seen.arn(), seen.state()), (Some(rule), Some(&RuleState::Enabled)));
    let pattern: Value = serde_json::from_str(seen.event_pattern().unwrap_or_default()).expect("a pattern");
    let wanted = json!({
        "source": ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        "detail": {"clusterArn": [Service::under_test().arn("ecs", "cluster/prefect-cluster")]},
    });
    assert_eq!(pattern, wanted, "the rule's pattern");
    let targets = stage.cloud.events.list_targets_by_rule().rule(name).send().await.expect("its targets");
    let targets: Vec<_> = targets.targets().iter().map(|target| target.arn()).collect();
    assert_eq!(targets, [queue], "the rule's targets");
    let tags = stage.cloud.events.list_tags_for_resource().resource_arn(rule).send().await.expect("its tags");
    let tags = tags.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
    are_tags_of(tags, environment, "worker/task-events-rule", "prefect-ecs");
}

/// A queue's attributes. Its tags are as they should be.
async fn attributes(stage: &Stage, environment: &Environment, key: &str) -> HashMap<String, String> {
    let (queues, url) = (&stage.cloud.queues, environment.physical(key));
    let tags = queues.list_queue_tags().queue_url(url).send().await.expect("the queue is there");
    are_tags_of(tags.tags.unwrap_or_default(), environment, key, "prefect-ecs");
    let look = queues.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All);
    let seen = look.send().await.expect("the queue is there").attributes.unwrap_or_default();
    seen.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect()
}
