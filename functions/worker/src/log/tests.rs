//! Logs read from an account with two tasks, each of a definition of its own.

use super::*;
use crate::account::Account;
use environment::Code;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const NOW: Timestamp = Timestamp::constant(1_000, 0);

/// What each task has written: the time in milliseconds, and the words.
type Written = Arc<Mutex<BTreeMap<&'static str, Vec<(i64, &'static str)>>>>;

fn log(written: &Written, refused: Option<&'static str>) -> WorkerLog {
    let written = Arc::clone(written);
    let config = Account::config(move |action, input| match action {
        _ if refused == Some(action) => (400, json!({"__type": "AccessDeniedException"})),
        "ListTasks" if input["desiredStatus"] == "RUNNING" => (200, json!({"taskArns": ["young"]})),
        "ListTasks" => (200, json!({"taskArns": ["old"]})),
        "DescribeTasks" => {
            let id = input["tasks"][0].as_str().unwrap_or_default();
            let created = if id == "young" { 900.0 } else { 100.0 };
            let definition = format!("arn:aws:ecs:eu-west-1:1:task-definition/blue-worker-task:{id}");
            let arn = format!("arn:aws:ecs:eu-west-1:1:task/blue-cluster/{id}");
            (
                200,
                json!({"tasks": [{"taskArn": arn, "taskDefinitionArn": definition, "createdAt": created,
                               "startedAt": created}]}),
            )
        }
        "DescribeTaskDefinition" => {
            let revision = input["taskDefinition"].as_str().and_then(|arn| arn.rsplit(':').next()).unwrap_or_default();
            let secret = format!("arn:aws:secretsmanager:eu-west-1:1:secret:blue-AbCdEf:::{revision}");
            let options = json!({"awslogs-group": "/ecs/blue-worker", "awslogs-stream-prefix": "prefect"});
            let container = json!({
                "name": "prefect-worker",
                "secrets": [{"name": "PREFECT_API_KEY", "valueFrom": secret}],
                "logConfiguration": {"logDriver": "awslogs", "options": options},
            });
            (200, json!({"taskDefinition": {"containerDefinitions": [container]}}))
        }
        "GetSecretValue" if refused == input["VersionId"].as_str() => {
            (400, json!({"__type": "ResourceNotFoundException"}))
        }
        "GetSecretValue" => {
            (200, json!({"SecretString": format!("key of the {}", input["VersionId"].as_str().unwrap_or_default())}))
        }
        "GetLogEvents" => events(&written.lock().expect("no test panics in here"), input),
        other => panic!("nobody asks for {other}"),
    });
    let client = Client::new(&config);
    let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
    let log = ContainerLog { ecs: client.clone(), logs, secrets: aws_sdk_secretsmanager::Client::new(&config) };
    WorkerLog { client, log }
}

/// GetLogEvents of one stream: its end, or what comes after a place or a time.
fn events(written: &BTreeMap<&str, Vec<(i64, &str)>>, input: &Value) -> (u16, Value) {
    let stream = input["logStreamName"].as_str().unwrap_or_default();
    let Some(lines) = stream.rsplit('/').next().and_then(|task| written.get(task)) else {
        return (400, json!({"__type": "ResourceNotFoundException"}));
    };
    let limit = input["limit"].as_u64().unwrap_or_default() as usize;
    let (from, to) = match (input["startFromHead"].as_bool(), input["nextToken"].as_str()) {
        (Some(true), Some(place)) => {
            let from: usize = place.trim_start_matches("f/").parse().expect("a place");
            (from, lines.len().min(from + limit))
        }
        (Some(true), None) => {
            let since = input["startTime"].as_i64().unwrap_or_default();
            let from = lines.iter().take_while(|(time, _)| *time < since).count();
            (from, lines.len().min(from + limit))
        }
        _ => (lines.len().saturating_sub(limit), lines.len()),
    };
    let events: Vec<Value> =
        lines[from..to].iter().map(|(time, words)| json!({"timestamp": time, "message": words})).collect();
    (200, json!({"events": events, "nextForwardToken": format!("f/{to}")}))
}

fn written(tasks: &[(&'static str, &[(i64, &'static str)])]) -> Written {
    Arc::new(Mutex::new(tasks.iter().map(|(task, lines)| (*task, lines.to_vec())).collect()))
}

/// The lines, as `task: message`.
fn told(page: &LogPage) -> Vec<String> {
    assert!(page.error.is_none(), "{page:?}");
    page.lines.iter().map(|line| format!("{}: {}", line.task, line.message)).collect()
}

async fn read(log: &WorkerLog, limit: usize, after: Option<&LogPosition>) -> LogPage {
    log.read("blue-cluster", "dev-worker", NOW, limit, after).await.expect("a page")
}

#[tokio::test]
async fn the_last_lines_of_all_tasks_are_told_by_time_without_the_key_of_either() {
    let written = written(&[
        ("old", &[(1, "one"), (3, "with key of the old"), (5, "five")]),
        ("young", &[(2, "two"), (4, "with key of the young")]),
    ]);
    let page = read(&log(&written, None), 4, None).await;
    assert_eq!(told(&page), ["young: two", "old: with [removed]", "young: with [removed]", "old: five"]);
}

#[tokio::test]
async fn what_is_written_next_is_told_once_however_late_it_comes() {
    let written = written(&[("old", &[(5, "five")])]);
    let log = log(&written, None);
    let first = read(&log, 10, None).await;
    assert_eq!(told(&first), ["old: five"]);
    {
        let mut written = written.lock().expect("no test panics in here");
        // Of a time before what was told already: CloudWatch takes lines in as they come.
        written.get_mut("old").expect("old").extend([(4, "late"), (6, "six")]);
        // Its first line came before the reading began, its second after that.
        written.insert("young", vec![(999_000, "before"), (1_000_001, "after")]);
    }
    let second = read(&log, 10, Some(&first.end)).await;
    assert_eq!(told(&second), ["old: late", "old: six", "young: after"]);
    let third = read(&log, 10, Some(&second.end)).await;
    assert_eq!((told(&third).len(), &third.end), (0, &second.end), "nothing new");
}

#[tokio::test]
async fn a_page_is_never_longer_than_asked_for_and_the_next_ones_have_the_rest() {
    let written = written(&[("old", &[]), ("young", &[])]);
    let log = log(&written, None);
    let mut end = read(&log, 2, None).await.end;
    for task in written.lock().expect("no test panics in here").values_mut() {
        task.extend([(1, "a"), (2, "b"), (3, "c")]);
    }
    let mut all = Vec::new();
    for _ in 0..3 {
        let page = read(&log, 2, Some(&end)).await;
        assert!(page.lines.len() <= 2, "{page:?}");
        all.extend(told(&page));
        end = page.end;
    }
    all.sort();
    assert_eq!(all, ["old: a", "old: b", "old: c", "young: a", "young: b", "young: c"]);
}

/// A change may have taken it away while ECS still knows of a task that was given it.
#[tokio::test]
async fn a_log_whose_secret_is_gone_is_withheld_and_hides_no_other() {
    let written = written(&[("old", &[(1, "with key of the old")]), ("young", &[(2, "two")])]);
    let page = read(&log(&written, Some("old")), 10, None).await;
    assert_eq!(page.error.as_ref().map(|fault| fault.code), Some(Code::NotFound));
    let lines: Vec<_> = page.lines.iter().map(|line| (line.task.as_str(), line.message.as_str())).collect();
    assert_eq!(lines, [("young", "two")]);
    assert!(!page.end.tasks.contains_key("old"), "what is not told is not passed over");
}

#[tokio::test]
async fn where_a_secret_or_a_log_cannot_be_read_nothing_is_told_and_nothing_is_skipped() {
    let written = written(&[("old", &[(1, "one")]), ("young", &[])]);
    let before = read(&log(&written, None), 10, None).await;
    for call in ["GetSecretValue", "GetLogEvents", "DescribeTaskDefinition"] {
        let page = read(&log(&written, Some(call)), 10, Some(&before.end)).await;
        let code = page.error.expect("an error").code;
        assert_eq!((code, page.lines.len(), page.end), (Code::AccessDenied, 0, before.end.clone()), "{call}");
    }
}
