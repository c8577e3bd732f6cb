//! How the worker hears of tasks that stop: EventBridge sends ECS's task events of the cluster to a queue that the
//! worker reads. Without it a flow run whose task dies stays "running" in Prefect for ever.
//!
//! Each environment has a queue of its own. A worker deletes the events that it has read, those of flow runs that
//! its workspace does not know among them: in a queue for two, one would take the other's.

use super::{Entry, Subject, cluster, keys};
use crate::{key::Key, kind::Kind, properties::attribute, step::Step};
use serde_json::{Value, json};

/// What the names of queues of task events end with. The policies of template.yaml say so, too.
pub const QUEUE_SUFFIX: &str = "-ecs-events";
/// What the names of their dead-letter queues end with.
pub const DEAD_LETTER_QUEUE_SUFFIX: &str = "-ecs-events-dlq";
/// What the names of the rules end with.
pub const RULE_SUFFIX: &str = "-ecs-task-events";

const DAY: u32 = 86_400;

pub(super) fn entries(subject: &Subject<'_>) -> Vec<Entry> {
    vec![dead_letter_queue(subject), queue(subject), rule(subject)]
}

/// The queue's name, under which the worker looks for it.
pub(super) fn queue_name(name: &str) -> String {
    format!("{name}{QUEUE_SUFFIX}")
}

/// The queue's ARN, which policies name before the queue exists.
pub(super) fn queue_arn(subject: &Subject<'_>) -> String {
    subject.place.arn("sqs", &queue_name(&subject.spec.name))
}

fn dead_letter_queue(subject: &Subject<'_>) -> Entry {
    let wanted = json!({
        "QueueName": format!("{}{DEAD_LETTER_QUEUE_SUFFIX}", subject.spec.name),
        // As long as SQS keeps anything.
        "MessageRetentionPeriod": 14 * DAY,
        "VisibilityTimeout": 60,
        "SqsManagedSseEnabled": true,
    });
    entry(subject, Kind::Queue, keys::events_dead_letter_queue(), wanted)
}

fn queue(subject: &Subject<'_>) -> Entry {
    let wanted = json!({
        "QueueName": queue_name(&subject.spec.name),
        "MessageRetentionPeriod": 7 * DAY,
        // The worker extends it every four minutes while it handles an event.
        "VisibilityTimeout": 300,
        "SqsManagedSseEnabled": true,
        "RedrivePolicy": {
            "deadLetterTargetArn": attribute(&keys::events_dead_letter_queue(), "Arn"),
            "maxReceiveCount": 3,
        },
        // CloudFormation keeps it in a resource of its own, AWS::SQS::QueuePolicy. Here the queue is born with it.
        "PolicyDocument": policy(subject),
    });
    entry(subject, Kind::Queue, keys::events_queue(), wanted)
}

/// This one rule may send, and nobody else's: EventBridge sends for every account that names the queue.
fn policy(subject: &Subject<'_>) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TaskEvents",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn(subject),
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn(subject)}},
        }]
    })
}

fn rule(subject: &Subject<'_>) -> Entry {
    let wanted = json!({
        "Name": rule_name(subject),
        "Description": "Tells the Prefect worker of the tasks in its cluster",
        "State": "ENABLED",
        // Events carry the task's ARN in `resources`, the cluster's only in their detail.
        "EventPattern": {
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": {"clusterArn": [cluster::cluster_arn(subject)]},
        },
        "Targets": [{"Id": "events-queue", "Arn": attribute(&keys::events_queue(), "Arn")}],
    });
    entry(subject, Kind::Rule, keys::task_events_rule(), wanted)
}

fn rule_name(subject: &Subject<'_>) -> String {
    format!("{}{RULE_SUFFIX}", subject.spec.name)
}

fn rule_arn(subject: &Subject<'_>) -> String {
    subject.place.arn("events", &format!("rule/{}", rule_name(subject)))
}

fn entry(subject: &Subject<'_>, kind: Kind, key: Key, wanted: Value) -> Entry {
    Entry::new(Step::WorkerSetup, kind, key, wanted).tagged(subject, &format!("{}-ecs", subject.spec.name))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, spec};
    use super::*;
    use crate::spec::Nat;

    fn wanted(key: &Key) -> Value {
        let entry = entries(&spec(Nat::Single)).into_iter().find(|entry| entry.key == *key);
        Value::Object(entry.expect("it is in the catalogue").wanted)
    }

    #[test]
    fn only_the_environments_own_rule_may_send_to_its_queue() {
        let statements = wanted(&keys::events_queue())["PolicyDocument"]["Statement"].clone();
        let rule = "arn:aws:events:eu-west-1:123456789012:rule/prefect-ecs-task-events";
        let sends = json!([{
            "Sid": "TaskEvents",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "arn:aws:sqs:eu-west-1:123456789012:prefect-ecs-events",
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }]);
        assert_eq!(statements, sends);
        assert!(wanted(&keys::events_dead_letter_queue()).get("PolicyDocument").is_none(), "SQS itself fills it");
    }

    #[test]
    fn the_rule_hears_of_this_cluster_alone() {
        let pattern = wanted(&keys::task_events_rule())["EventPattern"].clone();
        assert_eq!(
            pattern["detail"]["clusterArn"],
            json!(["arn:aws:ecs:eu-west-1:123456789012:cluster/prefect-cluster"])
        );
        assert!(pattern.get("resources").is_none(), "they name the task");
    }

    #[test]
    fn an_event_is_kept_longer_where_it_could_not_be_handled() {
        let kept = |key: Key| wanted(&key)["MessageRetentionPeriod"].as_u64();
        assert!(kept(keys::events_dead_letter_queue()) > kept(keys::events_queue()));
    }
}
