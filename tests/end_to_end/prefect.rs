//! Prefect's side of an environment: its work pool, and its workers.

use end_to_end::{
    Stage,
    prefect::{ask, work_pool},
    requests::{request, unique},
};
use serde_json::{Value, json};

/// The default of a variable of a pool's base job template.
fn default<'a>(pool: &'a Value, variable: &str) -> &'a Value {
    &pool["base_job_template"]["variables"]["properties"][variable]["default"]
}

#[tokio::test]
async fn the_pool_sends_flow_runs_to_the_environment_and_goes_with_it() {
    let stage = Stage::set().await;
    let body = request(&unique("pool"));
    let name = body["prefect"]["work_pool"].as_str().expect("a pool").to_owned();
    let environment = stage.create(&body).await;
    let pool = work_pool(&name).await.expect("the pool is there");
    assert_eq!((&pool["type"], &pool["status"]), (&json!("ecs"), &json!("READY")));
    assert!(
        pool["description"].as_str().is_some_and(|text| text.contains(environment.id())),
        "{}",
        pool["description"]
    );
    let subnets: Vec<&str> =
        ["1", "2", "3"].map(|number| environment.physical(&format!("network/private-subnet-{number}"))).to_vec();
    let group = environment.physical("network/security-group");
    assert_eq!(
        default(&pool, "network_configuration"),
        &json!({"subnets": subnets, "securityGroups": [group], "assignPublicIp": "DISABLED"})
    );
    for (variable, output) in [
        ("cluster", "ecs_cluster_arn"),
        ("vpc_id", "vpc_id"),
        ("execution_role_arn", "flow_execution_role_arn"),
        ("task_role_arn", "flow_task_role_arn"),
        ("prefect_api_key_secret_arn", "secret_arn"),
    ] {
        assert_eq!(default(&pool, variable), &environment.outputs()[output], "{variable}");
    }
    assert_eq!(default(&pool, "prefect_api_auth_string_secret_arn"), &Value::Null);
    let worker = &environment.0["worker"];
    assert_eq!((&worker["status"], &worker["running_count"]), (&json!("ONLINE"), &json!(1)), "{worker}");
    assert!(worker["last_heartbeat_at"].is_string() && worker["observed_at"].is_string(), "{worker}");
    stage.delete(environment.id()).await;
    assert_eq!(work_pool(&name).await, None, "the pool went with it");
}

#[tokio::test]
async fn a_repair_corrects_the_pool() {
    let stage = Stage::set().await;
    let body = request(&unique("bent"));
    let name = body["prefect"]["work_pool"].as_str().expect("a pool").to_owned();
    let environment = stage.create(&body).await;
    let mut template = work_pool(&name).await.expect("the pool is there")["base_job_template"].clone();
    template["variables"]["properties"]["cluster"]["default"] = json!("default");
    let bent = json!({"base_job_template": template, "is_paused": true});
    assert_eq!(ask("PATCH", &format!("/work_pools/{name}"), &bent).await.0, 204);
    stage.api.repair(environment.id()).await.expect(202);
    stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    let pool = work_pool(&name).await.expect("the pool is there");
    assert_eq!(default(&pool, "cluster"), &environment.outputs()["ecs_cluster_arn"]);
    assert_eq!(pool["is_paused"], false);
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn a_pool_that_deployments_point_at_is_left_to_them_paused() {
    let stage = Stage::set().await;
    let body = request(&unique("held"));
    let name = body["prefect"]["work_pool"].as_str().expect("a pool").to_owned();
    let environment = stage.create(&body).await;
    assert_eq!(ask("POST", "/deployments/", &json!({"name": "nightly", "work_pool_name": name})).await.0, 201);
    let deleted = stage.delete(environment.id()).await;
    let pool = work_pool(&name).await.expect("the pool is still there");
    assert_eq!(pool["is_paused"], true);
    let retained = deleted.resources().iter().find(|one| one["key"] == "worker/work-pool").expect("the pool is shown");
    assert_eq!(retained["state"], "RETAINED", "{retained}");
    assert!(retained["error"]["message"].as_str().is_some_and(|text| text.contains("Deployments")), "{retained}");
}

#[tokio::test]
async fn an_adopted_pool_is_lent_what_it_lacks_and_is_then_as_before() {
    let stage = Stage::set().await;
    let mut body = request(&unique("adopted"));
    let name = body["prefect"]["work_pool"].as_str().expect("a pool").to_owned();
    let variables = json!({"properties": {
        "cluster": {"type": "string", "default": "their-cluster"},
        "vpc_id": {"type": "string", "default": null},
    }});
    let configuration = json!({"cluster": "{{ cluster }}", "vpc_id": "{{ vpc_id }}"});
    let template = json!({"variables": variables, "job_configuration": configuration});
    let theirs = json!({"name": name, "type": "ecs", "description": "Theirs.", "base_job_template": template});
    assert_eq!(ask("POST", "/work_pools/", &theirs).await.0, 201);
    stage.api.create(&body).await.problem(422, "ALREADY_EXISTS");

    body["prefect"]["adopt_pool"] = json!(true);
    let environment = stage.create(&body).await;
    let lent = work_pool(&name).await.expect("the pool is there");
    assert_eq!(default(&lent, "cluster"), "their-cluster", "what they have stays");
    assert_eq!(default(&lent, "vpc_id"), &environment.outputs()["vpc_id"]);
    assert_eq!(default(&lent, "prefect_api_key_secret_arn"), &environment.outputs()["secret_arn"]);
    stage.delete(environment.id()).await;
    let after = work_pool(&name).await.expect("the pool is still there");
    assert_eq!(after["base_job_template"], template, "as it was");
    assert_eq!((&after["description"], &after["is_paused"]), (&json!("Theirs."), &json!(false)));
}

#[tokio::test]
async fn what_prefect_does_not_let_in_is_refused_and_nothing_is_made() {
    let stage = Stage::set().await;
    let name = unique("locked-out");
    let with = |pointer: &str, value: Value| {
        let mut body = request(&name);
        body["prefect"][pointer] = value;
        body
    };
    for (body, code) in [
        (with("api_key", json!("pnu_revoked")), "PREFECT_UNAUTHORIZED"),
        (with("api_key", json!("pnu_forbidden")), "PREFECT_FORBIDDEN"),
        (with("worker_api_key", json!("pnu_revoked")), "PREFECT_UNAUTHORIZED"),
        (with("workspace_id", json!("00000000-0000-4000-8000-00000000dead")), "PREFECT_WORKSPACE_NOT_FOUND"),
    ] {
        stage.api.create(&body).await.problem(422, code);
    }
    let mut nobody = request(&name);
    nobody["prefect"] = json!({"api_url": "http://127.0.0.1:9/api", "work_pool": format!("{name}-pool")});
    stage.api.create(&nobody).await.problem(422, "PREFECT_UNREACHABLE");

    nobody["prefect"]["verify"] = json!(false);
    let environment = stage.create(&nobody).await;
    assert_eq!(environment.0["worker"]["status"], "UNKNOWN");
    assert!(environment.resources().iter().all(|resource| resource["type"] != "Prefect::WorkPool"));
    stage.delete(environment.id()).await;
}
