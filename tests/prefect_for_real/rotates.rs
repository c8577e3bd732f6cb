//! A new credential for an environment whose worker is at work: the next worker reads it before the last one goes.

use crate::{request, server::Server};
use end_to_end::{Environment, Stage, api::text, waiting::until};
use serde_json::{Value, json};

#[tokio::test]
async fn a_new_credential_is_in_use_the_old_one_gone_and_the_service_never_without_a_task() {
    let (stage, server) = (Stage::set().await, Server::real());
    let environment = stage.create(&request(&server, "rotates")).await;
    let pool = text(&environment.outputs()["work_pool"]).to_owned();
    let first = tasks(&stage, &environment).await;
    assert_eq!(first.len(), 1, "one worker: {first:?}");

    // The server has one credential only: the new version of the secret holds the same one.
    let patch = json!({"prefect": {"auth_string": server.auth_string}});
    stage.api.update(environment.id(), &patch).await.expect(202);
    let updated = until("the change is through", || async {
        assert!(!tasks(&stage, &environment).await.is_empty(), "the service is without a running task");
        let environment = stage.api.read(environment.id()).await;
        if environment.status() == "UPDATING" { Err(environment.to_string()) } else { Ok(environment) }
    });
    let updated = updated.await.must_be("ACTIVE");

    let secret = updated.physical("identity/secret");
    let versions = stage.cloud.labelled_versions(secret).await;
    let version = text(&updated.0["spec"]["prefect"]["key_version"]);
    assert_eq!(versions.into_keys().collect::<Vec<_>>(), [version], "the credential of before is without a label");
    assert_eq!(
        stage.cloud.read_by_the_worker(&updated).await,
        format!("{secret}:::{version}"),
        "what the new worker reads"
    );
    let now = tasks(&stage, &updated).await;
    assert!(now.len() == 1 && now != first, "another worker has taken the first one's place: {first:?}, {now:?}");

    // And it is at work.
    let greeting = server.deploy("greet", &pool, json!({})).await;
    let ended: Value = server.ended(&server.schedule(&greeting).await).await;
    assert_eq!(ended["state_type"], "COMPLETED", "the run ended otherwise: {}", ended["state"]);

    server.withdraw(&greeting).await;
    stage.delete(environment.id()).await;
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the delete");
}

/// The tasks of the environment's service that run.
async fn tasks(stage: &Stage, environment: &Environment) -> Vec<String> {
    let cluster = environment.physical("cluster/cluster");
    let list = stage.cloud.ecs.list_tasks().cluster(cluster).service_name("dev-worker").send().await;
    let arns = list.expect("the cluster is there").task_arns.unwrap_or_default();
    if arns.is_empty() {
        return arns;
    }
    let look = stage.cloud.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns)).send().await;
    let tasks = look.expect("the tasks are there").tasks.unwrap_or_default();
    let running = tasks.into_iter().filter(|task| task.last_status() == Some("RUNNING"));
    running.filter_map(|task| task.task_arn).collect()
}
