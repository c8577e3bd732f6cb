//! The watch: what it sees of workers is shown and counted, and moves nothing else. It looks at every environment of the
//! stack, so that its numbers are those of all these tests together.

use end_to_end::{
    Service, Stage,
    api::{Answer, text},
    requests::{request, unique},
    waiting::until,
};
use serde_json::{Value, json};
use std::time::SystemTime;

#[tokio::test]
async fn what_was_seen_is_shown_and_moves_no_revision() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("watched"))).await;
    let path = format!("/environments/{}", environment.id());
    let before = stage.api.get(&path).await;
    let records = stage.table.partition(environment.id()).await;

    let tally = stage.run("watch").await;

    assert!(tally["watched"].as_u64() >= Some(1), "{tally:#}");
    let after = stage.api.get(&path).await;
    let (was, is) = (before.json()["worker"].clone(), after.json()["worker"].clone());
    assert!(is["observed_at"].as_str() > was["observed_at"].as_str(), "a newer look: {is:#} after {was:#}");
    let seen = ["status", "running_count", "crashed_tasks", "dead_letters", "image"].map(|field| is[field].clone());
    let image = "prefecthq/prefect-aws:0.7-python3.12";
    assert_eq!(seen, [json!("ONLINE"), json!(1), json!(0), json!(0), json!(image)], "{is:#}");
    assert!(is["error"].is_null(), "{is:#}");
    assert_eq!(after.header("etag"), before.header("etag"), "what is merely observed moves no revision");
    assert_eq!(stage.table.partition(environment.id()).await, records, "and is written beside everything else");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn a_worker_that_is_offline_is_told_and_shown_until_it_is_back() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("silent"))).await;
    let id = environment.id();
    let service = stage.cloud.ecs.update_service().cluster(environment.physical("cluster/cluster"));
    let service = service.service("dev-worker").desired_count(0).send().await;
    service.expect("somebody scales the service to nothing");

    let began = SystemTime::now();
    let tally = stage.run("watch").await;

    assert!(tally["workers_offline"].as_u64() >= Some(1), "{tally:#}");
    let seen = seen(&stage, id).await;
    assert_eq!((text(&seen["status"]), text(&seen["error"]["code"])), ("OFFLINE", "WORKER_OFFLINE"), "{seen:#}");
    assert_eq!(seen["running_count"], 0, "{seen:#}");
    let told = told(&stage, began, id).await;
    assert_eq!((&told["status"], &told["name"]), (&json!("OFFLINE"), &environment.0["name"]), "{told:#}");
    let counted = counted(&stage, began).await;
    assert!(counted["workers_offline"].as_u64() >= Some(1), "what the alarm reads: {counted:#}");

    stage.api.repair(id).await.expect(202);
    stage.api.at_rest(id).await.must_be("ACTIVE");
    stage.run("watch").await;
    let seen = self::seen(&stage, id).await;
    assert_eq!((&seen["status"], &seen["error"]), (&json!("ONLINE"), &Value::Null), "{seen:#}");
    stage.delete(id).await;
}

#[tokio::test]
async fn a_service_that_is_gone_is_offline_too() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("gone"))).await;
    let service = stage.cloud.ecs.delete_service().cluster(environment.physical("cluster/cluster"));
    service.service("dev-worker").force(true).send().await.expect("somebody deletes the service");
    until("the service is seen to be gone", || async {
        watch(&stage, environment.id()).await;
        let seen = seen(&stage, environment.id()).await;
        if text(&seen["status"]) == "OFFLINE" { Ok(()) } else { Err(format!("{seen:#}")) }
    })
    .await;
    stage.delete(environment.id()).await;
}

/// Nobody is woken for workers that nobody wants.
#[tokio::test]
async fn a_paused_environment_is_no_trouble() {
    let stage = Stage::set().await;
    let mut body = request(&unique("resting"));
    body["worker"] = json!({"desired_count": 0});
    let environment = stage.create(&body).await;
    let tally = watch(&stage, environment.id()).await;
    assert_eq!(
        tally,
        json!({
            "watched": 1, "workers_offline": 0, "workers_unseen": 0, "tasks_crashed": 0, "dead_letters": 0,
        })
    );
    assert_eq!(seen(&stage, environment.id()).await["status"], "PAUSED");
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn crashed_tasks_and_dead_letters_are_counted_by_environment() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("crashed"))).await;
    let (id, cluster) = (environment.id(), environment.physical("cluster/cluster"));
    let tasks = stage.cloud.ecs.list_tasks().cluster(cluster).send().await.expect("list tasks").task_arns;
    let task = tasks.and_then(|tasks| tasks.into_iter().next()).expect("the worker has a task");
    let stop = stage.cloud.ecs.stop_task().cluster(cluster).task(task).reason("crash");
    stop.send().await.expect("the task ends by itself");
    let queue = environment.physical("worker/events-dead-letter-queue");
    let send = stage.cloud.queues.send_message().queue_url(queue).message_body("an event");
    send.send().await.expect("the worker could not handle an event");

    let (began, tally) = (SystemTime::now(), watch(&stage, id).await);

    assert_eq!((&tally["tasks_crashed"], &tally["dead_letters"]), (&json!(1), &json!(1)), "{tally:#}");
    let seen = seen(&stage, id).await;
    assert_eq!((&seen["crashed_tasks"], &seen["dead_letters"]), (&json!(1), &json!(1)), "{seen:#}");
    let told = told(&stage, began, id).await;
    assert_eq!((&told["tasks_crashed"], &told["dead_letters"]), (&json!(1), &json!(1)), "{told:#}");
    stage.delete(id).await;
}

/// A key that was withdrawn says nothing about the worker: it may be online with what it has.
#[tokio::test]
async fn what_cannot_be_seen_is_neither_online_nor_offline_and_hides_no_other() {
    let stage = Stage::set().await;
    let (blind, well) = (request(&unique("blind")), request(&unique("well")));
    let (blind, well) = futures::join!(stage.create(&blind), stage.create(&well));
    let put = stage.cloud.secrets.put_secret_value().secret_id(blind.physical("identity/secret"));
    put.secret_string("pnu_revoked").send().await.expect("somebody withdraws its key");

    let asked = json!({"action": "watch", "environments": [blind.id(), well.id(), "env-00000000000000000000000000"]});
    let tally = stage.functions.invoke("worker", &asked).await;

    assert_eq!(
        tally,
        json!({
            "watched": 2, "workers_offline": 0, "workers_unseen": 1, "tasks_crashed": 0, "dead_letters": 0,
        })
    );
    let unseen = seen(&stage, blind.id()).await;
    assert_eq!((text(&unseen["status"]), text(&unseen["error"]["code"])), ("UNKNOWN", "PREFECT_UNAUTHORIZED"));
    assert_eq!(unseen["running_count"], 1, "what ECS says is shown all the same: {unseen:#}");
    assert_eq!(seen(&stage, well.id()).await["status"], "ONLINE");
    futures::join!(stage.delete(blind.id()), stage.delete(well.id()));
}

/// A look at this environment alone, as a round of the watch has it.
async fn watch(stage: &Stage, id: &str) -> Value {
    stage.functions.invoke("worker", &json!({"action": "watch", "environments": [id]})).await
}

/// What the environment shows of its workers.
async fn seen(stage: &Stage, id: &str) -> Value {
    let answer: Answer = stage.api.get(&format!("/environments/{id}")).await;
    answer.expect(200)["worker"].clone()
}

/// The line that names this environment.
async fn told(stage: &Stage, since: SystemTime, id: &str) -> Value {
    let named = |line: &Value| line["span"]["environment"] == id && line["message"] == "the workers are in trouble";
    line(stage, "worker", since, named).await
}

/// The line of which the metrics are made.
async fn counted(stage: &Stage, since: SystemTime) -> Value {
    line(stage, "operation", since, |line| line["watch"] == "TALLY").await
}

async fn line(stage: &Stage, function: &str, since: SystemTime, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let group = &format!("/aws/lambda/{}-{function}", Service::under_test().stack);
    let is_wanted = &is_wanted;
    until(&format!("{function} has written the line"), || async move {
        let lines = stage.cloud.log_lines(group, since).await;
        let lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.into_iter().find(|line| is_wanted(line)).ok_or_else(|| "it is not there".to_owned())
    })
    .await
}
