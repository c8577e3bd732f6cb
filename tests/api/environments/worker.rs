//! The look at the workers: what is there now, in ECS and in Prefect, and nothing is touched.

use end_to_end::{
    Stage,
    requests::{request, unique},
};
use serde_json::json;

#[tokio::test]
async fn the_workers_are_seen_as_they_are_now_and_nothing_is_recorded() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("look"))).await;
    let (id, path) = (environment.id(), format!("/environments/{}/worker", environment.id()));
    let inventory = stage.inventory_of(&environment.marks()).await;
    let before = stage.table.partition(id).await;

    let seen = stage.api.get(&path).await.expect(200);
    assert_eq!(seen["status"], "ONLINE", "{seen:#}");
    let counts = ["desired_count", "running_count", "pending_count"].map(|count| seen[count].clone());
    assert_eq!(counts, [json!(1), json!(1), json!(0)], "{seen:#}");
    assert_eq!(seen["rollout_state"], "COMPLETED", "{seen:#}");
    assert_eq!(seen["image"], "prefecthq/prefect-aws:0.7-python3.12", "of the task, {seen:#}");
    assert!(seen["last_heartbeat_at"].is_string() && seen["version"].is_string(), "as Prefect Cloud tells: {seen:#}");
    let recorded = &environment.0["worker"];
    assert_eq!((&seen["crashed_tasks"], &seen["dead_letters"]), (&json!(0), &json!(0)), "{seen:#}");
    assert!(seen["observed_at"].as_str() > recorded["observed_at"].as_str(), "{seen:#} after {recorded:#}");

    let secret = environment.physical("identity/secret");
    let key = stage.cloud.secrets.get_secret_value().secret_id(secret).send().await.expect("the key");
    let key = key.secret_string.expect("text");
    let put = |key: &str| stage.cloud.secrets.put_secret_value().secret_id(secret).secret_string(key).send();
    put("pnu_revoked").await.expect("somebody puts another key");
    let seen = stage.api.get(&path).await.expect(200);
    assert_eq!((&seen["status"], &seen["error"]["code"]), (&json!("UNKNOWN"), &json!("PREFECT_UNAUTHORIZED")));
    assert_eq!(seen["running_count"], 1, "what ECS says is told all the same: {seen:#}");
    put(&key).await.expect("and takes it back");

    stage.inventory_of(&environment.marks()).await.must_be_as(&inventory, "after looks");
    assert_eq!(stage.table.partition(id).await, before, "and nothing is recorded");

    stage.api.update(id, &json!({"worker": {"desired_count": 0}})).await.expect(202);
    stage.api.at_rest(id).await.must_be("ACTIVE");
    let seen = stage.api.get(&path).await.expect(200);
    assert_eq!((&seen["status"], &seen["running_count"]), (&json!("PAUSED"), &json!(0)), "{seen:#}");

    stage.delete(id).await;
    stage.api.get(&path).await.problem(409, "NO_WORKER");
    stage.api.get("/environments/env-00000000000000000000000000/worker").await.problem(404, "NOT_FOUND");
}
