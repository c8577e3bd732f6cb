use crate::{Answer, Misfortunes, Settings, rehearsal::Rehearsal};
use serde_json::{Value, json};

const TASK: &str = "arn:aws:ecs:r:1:task/blue/1";

fn service(deployment: &str, definition: &str) -> Value {
    json!({
        "serviceName": "worker", "clusterArn": "arn:aws:ecs:r:1:cluster/blue", "status": "ACTIVE", "desiredCount": 1,
        "runningCount": 1, "pendingCount": 0, "taskDefinition": definition, "events": [], "tags": [{"key": "a", "value": "b"}],
        "propagateTags": "SERVICE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-00000001"], "securityGroups": ["sg-1"]}},
        "deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": true, "rollback": true}},
        "deployments": [{"id": deployment, "status": "PRIMARY", "rolloutState": "COMPLETED", "taskDefinition": definition}],
    })
}

/// A service that was just made, and its account.
async fn stage(misfortunes: Misfortunes) -> Rehearsal {
    let aws = Rehearsal::new(Settings { misfortunes, ..Settings::default() });
    aws.json("ecs", "CreateCluster", &json!({"clusterName": "blue"}), &json!({})).await;
    for revision in ["d:1", "d:2"] {
        let definition = json!({"taskDefinition": {"taskDefinitionArn": revision, "status": "ACTIVE"}});
        aws.json("ecs", "RegisterTaskDefinition", &json!({}), &definition).await;
    }
    assert_eq!(create(&aws, "t").await.code(), "");
    aws
}

async fn create(aws: &Rehearsal, token: &str) -> Answer {
    let wanted = json!({"cluster": "blue", "serviceName": "worker", "taskDefinition": "d:1", "clientToken": token});
    aws.json("ecs", "CreateService", &wanted, &json!({"service": service("one", "d:1")})).await
}

async fn update(aws: &Rehearsal) -> Answer {
    let wanted = json!({"cluster": "blue", "service": "worker", "taskDefinition": "d:2"});
    aws.json("ecs", "UpdateService", &wanted, &json!({"service": service("two", "d:2")})).await
}

async fn delete(aws: &Rehearsal) -> Answer {
    let mut gone = service("one", "d:1");
    (gone["status"], gone["desiredCount"], gone["runningCount"]) = (json!("INACTIVE"), json!(0), json!(0));
    let wanted = json!({"cluster": "blue", "service": "worker", "force": true});
    aws.json("ecs", "DeleteService", &wanted, &json!({"service": gone})).await
}

async fn seen(aws: &Rehearsal, said: Value) -> Value {
    let asked = json!({"cluster": "blue", "services": ["worker"]});
    let mut told = aws.json("ecs", "DescribeServices", &asked, &json!({"services": [said]})).await;
    told.value().expect("a list")["services"][0].clone()
}

/// The service's first deployment, and how many tasks run.
fn rollout(service: &Value) -> (&str, i64) {
    let state = service["deployments"][0]["rolloutState"].as_str().unwrap_or_default();
    (state, service["runningCount"].as_i64().unwrap_or_default())
}

async fn task(aws: &Rehearsal, arn: &str, known: bool) -> Value {
    let looks = json!({"taskArn": arn, "group": "service:worker", "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "tags": []});
    let missing = json!([{"arn": arn, "reason": "MISSING"}]);
    let said =
        if known { json!({"tasks": [looks], "failures": []}) } else { json!({"tasks": [], "failures": missing}) };
    let mut told = aws.json("ecs", "DescribeTasks", &json!({"cluster": "blue", "tasks": [arn]}), &said).await;
    told.value().expect("a list")["tasks"][0].clone()
}

async fn interfaces(aws: &Rehearsal) -> usize {
    let mut told = aws.form("ec2", "DescribeNetworkInterfaces", &[], "<R><networkInterfaceSet/></R>").await;
    crate::answer::items(told.document().expect("a list"), "networkInterfaceSet").len()
}

#[tokio::test]
async fn a_service_rolls_out_over_time() {
    let mut aws = stage(Misfortunes::default()).await;
    let mut states = Vec::new();
    for _ in 0..4 {
        let seen = seen(&aws, service("one", "d:1")).await;
        states.push((rollout(&seen).0.to_owned(), rollout(&seen).1));
        aws.later(25);
    }
    let told: Vec<_> = states.iter().map(|(state, running)| (state.as_str(), *running)).collect();
    assert_eq!(told, [("IN_PROGRESS", 0), ("IN_PROGRESS", 0), ("IN_PROGRESS", 1), ("COMPLETED", 1)]);
}

#[tokio::test]
async fn the_same_token_gives_the_same_service_and_another_finds_the_name_taken() {
    let aws = stage(Misfortunes::default()).await;
    let mut again = create(&aws, "t").await;
    assert_eq!(again.value().expect("a service")["service"]["serviceName"], "worker");
    assert_eq!(create(&aws, "another").await.code(), "InvalidParameterException");
}

#[tokio::test]
async fn a_deleted_service_drains_and_its_name_is_free_then() {
    let mut aws = stage(Misfortunes::default()).await;
    let mut deleted = delete(&aws).await;
    assert_eq!(deleted.value().expect("a service")["service"]["status"], "DRAINING");
    assert_eq!(create(&aws, "t").await.code(), "InvalidParameterException");
    assert_eq!(update(&aws).await.code(), "ServiceNotActiveException");
    aws.later(30);
    let mut gone = service("one", "d:1");
    gone["status"] = json!("INACTIVE");
    assert_eq!(seen(&aws, gone).await["status"], "INACTIVE");
    assert_eq!(create(&aws, "u").await.code(), "");
}

#[tokio::test]
async fn its_tasks_outlive_it_and_their_interfaces_outlive_them() {
    let mut aws = stage(Misfortunes::default()).await;
    assert_eq!(
        (task(&aws, TASK, true).await["lastStatus"].clone(), interfaces(&aws).await),
        (json!("PROVISIONING"), 1)
    );
    aws.later(60);
    assert_eq!(task(&aws, TASK, true).await["lastStatus"], "RUNNING");
    delete(&aws).await;
    aws.later(31);
    assert_eq!(task(&aws, TASK, true).await["lastStatus"], "DEPROVISIONING");
    let cluster = aws.json("ecs", "DeleteCluster", &json!({"cluster": "blue"}), &json!({})).await;
    assert_eq!(cluster.code(), "ClusterContainsTasksException");
    aws.later(5);
    assert_eq!((task(&aws, TASK, true).await["lastStatus"].clone(), interfaces(&aws).await), (json!("STOPPED"), 1));
    aws.later(15);
    assert_eq!(interfaces(&aws).await, 0);
}

#[tokio::test]
async fn a_task_that_is_stopped_is_replaced() {
    let mut aws = stage(Misfortunes::default()).await;
    aws.later(80);
    let stopped = json!({"task": {"taskArn": TASK, "group": "service:worker", "lastStatus": "STOPPED", "desiredStatus": "STOPPED"}});
    aws.json("ecs", "StopTask", &json!({"cluster": "blue", "task": TASK}), &stopped).await;
    let mut listed = aws.json("ecs", "ListTasks", &json!({"cluster": "blue"}), &json!({"taskArns": []})).await;
    let another = listed.value().expect("a list")["taskArns"][0].as_str().expect("another task").to_owned();
    assert_ne!(another, TASK);
    assert_eq!(seen(&aws, service("one", "d:1")).await["runningCount"], 0);
    aws.later(50);
    assert_eq!(task(&aws, &another, false).await["lastStatus"], "RUNNING");
    assert_eq!(seen(&aws, service("one", "d:1")).await["runningCount"], 1);
    // That one can be stopped as well, and goes with the service.
    aws.json("ecs", "StopTask", &json!({"cluster": "blue", "task": another}), &json!({})).await;
    assert_eq!(task(&aws, &another, false).await["desiredStatus"], "STOPPED");
    delete(&aws).await;
    let mut listed = aws.json("ecs", "ListTasks", &json!({"cluster": "blue"}), &json!({"taskArns": []})).await;
    assert_eq!(listed.value().expect("a list")["taskArns"], json!([]));
}

#[tokio::test]
async fn tasks_carry_the_tags_of_their_service() {
    let aws = stage(Misfortunes::default()).await;
    assert_eq!(task(&aws, TASK, true).await["tags"][0]["key"], "a");
}

#[tokio::test]
async fn tasks_that_crash_fail_the_first_deployment() {
    let mut aws = stage(Misfortunes { tasks_crash: true, ..Misfortunes::default() }).await;
    aws.later(149);
    let seen_before = seen(&aws, service("one", "d:1")).await;
    assert_eq!((rollout(&seen_before), &seen_before["deployments"][0]["failedTasks"]), (("IN_PROGRESS", 0), &json!(2)));
    aws.later(1);
    let seen = seen(&aws, service("one", "d:1")).await;
    assert_eq!(rollout(&seen), ("FAILED", 0));
    assert!(seen["events"][0]["message"].as_str().is_some_and(|event| event.contains("deployment failed")), "{seen}");
    assert_eq!(task(&aws, TASK, true).await["stopCode"], "EssentialContainerExited");
}

#[tokio::test]
async fn tasks_that_find_no_place_are_none() {
    let mut aws = stage(Misfortunes { tasks_are_unplaceable: true, ..Misfortunes::default() }).await;
    assert_eq!((task(&aws, TASK, true).await, interfaces(&aws).await), (Value::Null, 0));
    aws.later(60);
    assert_eq!(rollout(&seen(&aws, service("one", "d:1")).await), ("FAILED", 0));
}

#[tokio::test]
async fn while_another_deployment_rolls_out_the_old_tasks_run() {
    let mut aws = stage(Misfortunes::default()).await;
    aws.later(80);
    update(&aws).await;
    let seen_at_once = seen(&aws, service("two", "d:2")).await;
    assert_eq!(rollout(&seen_at_once), ("IN_PROGRESS", 1));
    assert_eq!(seen_at_once["deployments"][1]["taskDefinition"], "d:1");
    aws.later(75);
    assert_eq!(rollout(&seen(&aws, service("two", "d:2")).await), ("COMPLETED", 1));
}

#[tokio::test]
async fn without_time_nothing_is_different() {
    let aws = Rehearsal::new(Settings::lenient());
    aws.json("ecs", "CreateCluster", &json!({"clusterName": "blue"}), &json!({})).await;
    let definition = json!({"taskDefinition": {"taskDefinitionArn": "d:1", "status": "ACTIVE"}});
    aws.json("ecs", "RegisterTaskDefinition", &json!({}), &definition).await;
    let mut made = create(&aws, "t").await;
    assert_eq!(rollout(&made.value().expect("a service")["service"]), ("COMPLETED", 1));
    assert_eq!(task(&aws, TASK, true).await["lastStatus"], "RUNNING");
    let mut deleted = delete(&aws).await;
    assert_eq!(deleted.value().expect("a service")["service"]["status"], "INACTIVE");
    assert_eq!(interfaces(&aws).await, 0);
}
