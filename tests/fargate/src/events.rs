//! ECS tells of its tasks: "ECS Task State Change". The local cloud sends no such event, so it is sent here.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html>
//!
//! Each cluster that a rule asks about is looked at once in a while. Of what has changed since the last look an event
//! is made, and sent to the queues of every rule whose pattern it matches.

use crate::aws::{Aws, Refusal, Service, root};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use uuid::Uuid;

const BETWEEN_LOOKS: Duration = Duration::from_millis(700);
/// DescribeTasks takes so many at once.
const DESCRIBED_AT_ONCE: usize = 100;

/// A rule that asks for ECS's events.
#[derive(Debug)]
struct Rule {
    name: String,
    pattern: Value,
}

/// A task's status and the one that it is to have.
type Status = (String, String);

/// Sends events for ever.
pub(crate) async fn send(aws: Aws) {
    let mut told = HashMap::new();
    loop {
        if let Err(refusal) = look(&aws, &mut told).await {
            eprintln!("no events: {refusal}");
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

async fn look(aws: &Aws, told: &mut HashMap<String, Status>) -> Result<(), Refusal> {
    let rules = rules(aws).await?;
    let clusters: BTreeSet<&str> = rules.iter().flat_map(Rule::clusters).collect();
    for cluster in clusters {
        for task in tasks(aws, cluster, told).await? {
            let text = |name: &str| task[name].as_str().unwrap_or_default().to_owned();
            let status = (text("lastStatus"), text("desiredStatus"));
            if told.insert(text("taskArn"), status.clone()).as_ref() != Some(&status) {
                tell(aws, &rules, &event(&task)).await?;
            }
        }
    }
    Ok(())
}

async fn rules(aws: &Aws) -> Result<Vec<Rule>, Refusal> {
    let listed = aws.json(&root(), Service::Events, "ListRules", json!({})).await?;
    let rules = listed["Rules"].as_array().into_iter().flatten().filter(|rule| rule["State"] == "ENABLED");
    let read = |rule: &Value| {
        let pattern = serde_json::from_str(rule["EventPattern"].as_str()?).ok()?;
        Some(Rule { name: rule["Name"].as_str()?.to_owned(), pattern })
    };
    Ok(rules.filter_map(read).collect())
}

impl Rule {
    /// The clusters that it asks about. One that asks about every cluster is none of ours.
    fn clusters(&self) -> impl Iterator<Item = &str> {
        self.pattern["detail"]["clusterArn"].as_array().into_iter().flatten().filter_map(Value::as_str)
    }
}

/// A cluster's tasks, but for those that are known to have stopped: nothing happens to them any more.
async fn tasks(aws: &Aws, cluster: &str, told: &HashMap<String, Status>) -> Result<Vec<Value>, Refusal> {
    let mut arns = Vec::new();
    for desired in ["RUNNING", "STOPPED"] {
        let input = json!({"cluster": cluster, "desiredStatus": desired});
        // The rule may be there before its cluster.
        let Ok(listed) = aws.json(&root(), Service::Ecs, "ListTasks", input).await else { continue };
        let listed = listed["taskArns"].as_array().into_iter().flatten().filter_map(Value::as_str);
        arns.extend(listed.map(str::to_owned));
    }
    arns.retain(|arn| told.get(arn).is_none_or(|(status, _)| status != "STOPPED"));
    let mut tasks = Vec::new();
    for arns in arns.chunks(DESCRIBED_AT_ONCE) {
        let input = json!({"cluster": cluster, "tasks": arns});
        let described = aws.json(&root(), Service::Ecs, "DescribeTasks", input).await?;
        tasks.extend(described["tasks"].as_array().into_iter().flatten().cloned());
    }
    Ok(tasks)
}

/// The event of a task as it is now. Its detail is the task as DescribeTasks shows it.
fn event(task: &Value) -> Value {
    let arn = task["taskArn"].as_str().unwrap_or_default();
    let part = |at: usize| arn.split(':').nth(at).unwrap_or_default();
    let mut detail = task.clone();
    for time in
        ["createdAt", "connectivityAt", "pullStartedAt", "pullStoppedAt", "startedAt", "stoppingAt", "stoppedAt"]
    {
        // The API counts seconds, an event writes the time out.
        if let Some(moment) = detail[time].as_f64().and_then(in_words) {
            detail[time] = json!(moment);
        }
    }
    if let Some(members) = detail.as_object_mut() {
        members.retain(|_, value| !value.is_null() && value != "");
        members.insert("updatedAt".into(), json!(Timestamp::now().to_string()));
    }
    json!({
        "version": "0",
        "id": Uuid::new_v4().to_string(),
        "detail-type": "ECS Task State Change",
        "source": "aws.ecs",
        "account": part(4),
        "time": Timestamp::now().to_string(),
        "region": part(3),
        "resources": [arn],
        "detail": detail,
    })
}

#[allow(clippy::cast_possible_truncation, reason = "a time of our days has milliseconds that fit")]
fn in_words(seconds: f64) -> Option<String> {
    Some(Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()?.to_string())
}

async fn tell(aws: &Aws, rules: &[Rule], event: &Value) -> Result<(), Refusal> {
    for rule in rules {
        let input = json!({"EventPattern": rule.pattern.to_string(), "Event": event.to_string()});
        if aws.json(&root(), Service::Events, "TestEventPattern", input).await?["Result"] != true {
            continue;
        }
        let targets = aws.json(&root(), Service::Events, "ListTargetsByRule", json!({"Rule": rule.name})).await?;
        let arns = targets["Targets"].as_array().into_iter().flatten().filter_map(|target| target["Arn"].as_str());
        for queue in arns.filter_map(|arn| arn.strip_prefix("arn:aws:sqs:")?.rsplit(':').next()) {
            let found = aws.json(&root(), Service::Sqs, "GetQueueUrl", json!({"QueueName": queue})).await?;
            let message = json!({"QueueUrl": found["QueueUrl"], "MessageBody": event.to_string()});
            aws.json(&root(), Service::Sqs, "SendMessage", message).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_shaped_as_ecs_shapes_it() {
        let arn = "arn:aws:ecs:us-east-1:111122223333:task/a-cluster/1f";
        let event = event(&json!({
            "taskArn": arn, "lastStatus": "STOPPED", "startedAt": 1_700_000_000.5, "stoppingAt": null,
            "containers": [{"name": "prefect", "exitCode": 1}],
        }));
        assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.ecs"), &json!("ECS Task State Change")));
        assert_eq!((&event["account"], &event["region"]), (&json!("111122223333"), &json!("us-east-1")));
        assert_eq!(event["resources"], json!([arn]));
        assert_eq!(event["detail"]["containers"][0]["exitCode"], 1, "the detail is the task");
        assert_eq!(event["detail"]["startedAt"], "2023-11-14T22:13:20.5Z");
        assert!(event["detail"].get("stoppingAt").is_none(), "what has not happened is left out");
    }

    #[test]
    fn a_rule_says_which_clusters_it_asks_about() {
        let of = |pattern: Value| Rule { name: "r".into(), pattern }.clusters().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of(json!({"source": ["aws.ecs"], "detail": {"clusterArn": ["a", "b"]}})), ["a", "b"]);
        assert!(of(json!({"source": ["aws.states"]})).is_empty());
    }
}
