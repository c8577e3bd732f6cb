//! `GET /environments/{id}/logs`: what the workers have written, page by page, without any secret.

use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use end_to_end::{
    Stage,
    api::{list, text},
    requests::{request, unique},
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A task's log stream, written as the awslogs driver does.
struct Stream<'s> {
    stage: &'s Stage,
    group: String,
    name: String,
}

impl Stream<'_> {
    async fn write(&self, lines: &[&str]) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis() as i64;
        let event = |line: &&str| InputLogEvent::builder().timestamp(now).message(*line).build().expect("an event");
        let put = self.stage.cloud.logs.put_log_events().log_group_name(&self.group).log_stream_name(&self.name);
        put.set_log_events(Some(lines.iter().map(event).collect())).send().await.expect("lines are written");
    }
}

fn messages(page: &Value) -> Vec<&str> {
    list(&page["items"]).iter().map(|line| text(&line["message"])).collect()
}

#[tokio::test]
async fn the_last_lines_are_told_and_a_token_leads_to_what_comes_next() {
    let stage = Stage::set().await;
    let name = unique("lines");
    let environment = stage.create(&request(&name)).await;
    let path = format!("/environments/{}/logs", environment.id());
    let tasks = stage.cloud.ecs.list_tasks().cluster(format!("{name}-cluster")).send().await.expect("tasks");
    let task = tasks.task_arns()[0].rsplit('/').next().expect("an id").to_owned();

    let nothing = stage.api.get(&path).await.expect(200);
    assert_eq!(nothing["items"], json!([]), "the task has written nothing: {nothing}");

    let stream =
        Stream { stage: &stage, group: format!("/ecs/{name}-worker"), name: format!("prefect/prefect-worker/{task}") };
    let create = stage.cloud.logs.create_log_stream().log_group_name(&stream.group).log_stream_name(&stream.name);
    create.send().await.expect("a stream");
    let key = format!("pnu_of_{name}");
    stream.write(&["one", "two", &format!("with {key}")]).await;

    let last = stage.api.get(&format!("{path}?limit=2")).await.expect(200);
    assert_eq!(messages(&last), ["two", "with [removed]"], "{last:#}");
    let line = &last["items"][0];
    assert!(line["task"] == task.as_str() && line["time"].is_string(), "{line}");

    let next = |page: &Value| format!("{path}?limit=2&page_token={}", text(&page["next_page_token"]));
    let page = stage.api.get(&next(&last)).await.expect(200);
    assert_eq!(page["items"], json!([]), "nothing new: {page}");
    stream.write(&["three", "four", "five"]).await;
    let page = stage.api.get(&next(&page)).await.expect(200);
    assert_eq!(messages(&page), ["three", "four"], "{page}");
    let rest = stage.api.get(&next(&page)).await.expect(200);
    assert_eq!(messages(&rest), ["five"], "{rest}");
    assert!(!stage.api.everything_heard().join("\n").contains(&key), "nobody is told the key");

    stage.delete(environment.id()).await;
    stage.api.get(&path).await.problem(409, "NO_WORKER");
}

#[tokio::test]
async fn what_is_no_page_is_refused() {
    let stage = Stage::set().await;
    let nobody = "/environments/env-00000000000000000000000000/logs";
    stage.api.get(nobody).await.problem(404, "NOT_FOUND");
    for wrong in ["limit=0", "limit=501", "limit=all", "page_token=of-another-list", "since=yesterday"] {
        stage.api.get(&format!("{nobody}?{wrong}")).await.problem(400, "INVALID_QUERY");
    }
}
