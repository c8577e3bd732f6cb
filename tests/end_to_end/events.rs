//! Every status change is told on EventBridge: a rule on the bus leads to a queue, and the queue hears the whole story.

use end_to_end::{
    Stage,
    requests::{TEAM, request, unique},
    waiting::until,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio::sync::Mutex;

/// What events of environments say that they are.
const STATUS_CHANGE: &str = "Environment Status Change";
/// What events of workers do.
const WORKER_CHANGE: &str = "Environment Worker Status Change";

/// Somebody who listens to the environments of one name.
struct Listener<'a> {
    stage: &'a Stage,
    queue: String,
    /// What was heard so far, by the event's own id. At least once means: maybe more than once.
    heard: Mutex<BTreeMap<String, Value>>,
}

impl Listener<'_> {
    /// A queue, and a rule of the default bus that leads to it: for events of this kind.
    async fn to<'a>(stage: &'a Stage, name: &str, kind: &str) -> Listener<'a> {
        let listener = unique("listens");
        let queue = stage.cloud.queues.create_queue().queue_name(&listener).send().await.expect("make a queue");
        let queue = queue.queue_url.expect("a queue has a URL");
        let pattern = json!({
            "source": ["prefect-environments"],
            "detail-type": [kind],
            "detail": {"name": [name]},
        });
        let rule = stage.cloud.events.put_rule().name(&listener).event_pattern(pattern.to_string());
        rule.send().await.expect("make a rule");
        let arn = end_to_end::Service::under_test().arn("sqs", &listener);
        let target = aws_sdk_eventbridge::types::Target::builder().id("queue").arn(arn).build().expect("a target");
        let targets = stage.cloud.events.put_targets().rule(&listener).targets(target);
        targets.send().await.expect("lead the rule to the queue");
        Listener { stage, queue, heard: Mutex::default() }
    }

    /// Everything that was heard by now.
    async fn all(&self) -> Result<Vec<Value>, String> {
        let receive = self.stage.cloud.queues.receive_message().queue_url(&self.queue).max_number_of_messages(10);
        let received = receive.send().await.map_err(|error| format!("{error:?}"))?;
        let mut heard = self.heard.lock().await;
        for message in received.messages() {
            let event: Value = serde_json::from_str(message.body().unwrap_or_default()).expect("an event is JSON");
            let id = event["detail"]["event_id"].as_str().expect("an event has an id").to_owned();
            heard.insert(id, event);
            let handle = message.receipt_handle().unwrap_or_default();
            let delete = self.stage.cloud.queues.delete_message().queue_url(&self.queue).receipt_handle(handle);
            delete.send().await.map_err(|error| format!("{error:?}"))?;
        }
        Ok(heard.values().cloned().collect())
    }

    /// Listens until the last of the events is that the environment has come to this status.
    async fn hears(&self, status: &str) -> Vec<Value> {
        until(&format!("a listener hears of {status}"), || async {
            let mut events = self.all().await?;
            events.sort_by_key(|event| event["detail"]["version"].as_u64());
            let story = story(&events);
            if story.last().is_some_and(|last| last.ends_with(&format!("→ {status}"))) && is_whole(&story) {
                Ok(events)
            } else {
                Err(format!("heard {story:?}"))
            }
        })
        .await
    }
}

/// What events say, one line each: what the status was, and what it is.
fn story(events: &[Value]) -> Vec<String> {
    let line = |event: &Value| {
        let status = |name: &str| event["detail"][name].as_str().unwrap_or("new").to_owned();
        format!("{} → {}", status("previous_status"), status("status"))
    };
    events.iter().map(line).collect()
}

/// Whether each event goes on where the one before it has ended.
fn is_whole(story: &[String]) -> bool {
    let ends = |line: &String| line.rsplit(' ').next().map(str::to_owned);
    let begins = |line: &String| line.split(' ').next().map(str::to_owned);
    story.first().is_some_and(|line| line.starts_with("new "))
        && story.windows(2).all(|pair| ends(&pair[0]) == begins(&pair[1]))
}

#[tokio::test]
async fn a_listener_hears_the_whole_life_of_an_environment_and_no_secret() {
    let stage = Stage::set().await;
    let name = unique("told");
    let listener = Listener::to(&stage, &name, STATUS_CHANGE).await;

    let active = stage.create(&request(&name)).await;
    listener.hears("ACTIVE").await;
    let deleted = stage.delete(active.id()).await;

    let events = listener.hears("DELETED").await;
    let expected =
        ["new → PENDING", "PENDING → CREATING", "CREATING → ACTIVE", "ACTIVE → DELETING", "DELETING → DELETED"];
    assert_eq!(story(&events), expected);
    let [delete, create] = deleted.operations() else { panic!("two operations: {deleted}") };
    let stack = &end_to_end::Service::under_test().stack;
    for (at, event) in events.iter().enumerate() {
        let detail = &event["detail"];
        assert_eq!((&event["source"], &event["detail-type"]), (&json!("prefect-environments"), &json!(STATUS_CHANGE)));
        let operation = if at < 3 { create } else { delete };
        let expected = json!({
            "schema": 1, "stack": stack, "environment_id": active.id(), "name": name, "team": TEAM,
            "operation_id": operation["id"],
        });
        for (member, value) in expected.as_object().expect("members") {
            assert_eq!(&detail[member], value, "{member} of {event:#}");
        }
        assert_eq!(detail.as_object().expect("members").len(), 11, "docs/events.md tells of each: {detail:#}");
        assert!(!event.to_string().contains("pnu_"), "the key is nobody's business: {event:#}");
    }
    let left = stage.table.partition(active.id()).await;
    assert!(!left.keys().any(|key| key.starts_with("EVENT#")), "what was sent is kept no longer: {left:#?}");
}

/// The API has no right to send: what it alone writes waits for whoever has, at the latest for the sweep.
#[tokio::test]
async fn what_no_operation_follows_is_told_by_the_sweep() {
    let stage = Stage::set().await;
    let name = unique("file");
    let listener = Listener::to(&stage, &name, STATUS_CHANGE).await;
    // Somebody has a log group of its name.
    let theirs = stage.cloud.logs.create_log_group().log_group_name(format!("/ecs/{name}-worker"));
    theirs.send().await.expect("somebody makes a log group");
    let failed = stage.create_in_vain(&request(&name)).await;
    listener.hears("FAILED").await;

    stage.api.delete(failed.id()).await.expect(200);

    until("the sweep has told of the last status", || async {
        stage.functions.invoke("operation", &json!({"action": "sweep"})).await;
        let left = stage.table.partition(failed.id()).await;
        if left.keys().any(|key| key.starts_with("EVENT#")) { Err(format!("{:?}", left.keys())) } else { Ok(()) }
    })
    .await;
    let events = listener.hears("DELETED").await;
    assert_eq!(story(&events).last().map(String::as_str), Some("FAILED → DELETED"));
}

#[tokio::test]
async fn a_listener_hears_of_workers_that_go_offline_and_come_back() {
    let stage = Stage::set().await;
    let name = unique("leaves");
    let listener = Listener::to(&stage, &name, WORKER_CHANGE).await;
    let environment = stage.create(&request(&name)).await;
    let watch = async || {
        let watch = json!({"action": "watch", "environments": [environment.id()]});
        stage.functions.invoke("worker", &watch).await;
        stage.functions.invoke("operation", &json!({"action": "sweep"})).await;
    };
    let hears = async |count: usize| {
        let heard = until("a listener hears of workers", || async {
            let mut events = listener.all().await?;
            events.sort_by_key(|event| event["detail"]["time"].as_str().map(str::to_owned));
            if events.len() >= count { Ok(events) } else { Err(format!("heard {events:#?}")) }
        })
        .await;
        let story = |event: &Value| {
            let detail = &event["detail"];
            assert_eq!((&detail["environment_id"], &detail["name"]), (&json!(environment.id()), &json!(name)));
            assert_eq!(detail.as_object().expect("members").len(), 10, "docs/events.md tells of each: {detail:#}");
            let status = |name: &str| detail[name].as_str().unwrap_or("nothing").to_owned();
            format!("{} → {}", status("previous_worker_status"), status("worker_status"))
        };
        heard.iter().map(story).collect::<Vec<String>>()
    };

    watch().await;
    let scale = stage.cloud.ecs.update_service().cluster(environment.physical("cluster/cluster"));
    scale.service("dev-worker").desired_count(0).send().await.expect("somebody scales the service to nothing");
    watch().await;
    assert_eq!(hears(1).await, ["ONLINE → OFFLINE"], "and nothing of the look before, which saw what was known");
    watch().await;

    stage.api.repair(environment.id()).await.expect(202);
    stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    watch().await;
    assert_eq!(hears(2).await, ["ONLINE → OFFLINE", "OFFLINE → ONLINE"], "and nothing twice");
    stage.delete(environment.id()).await;
}
