//! A flow run, from a deployment in Prefect to its end as a task in the environment.

use crate::{calls::Call, request, rights, server::Server};
use end_to_end::{
    Environment, Stage,
    api::{list, text},
    waiting::until,
};
use serde_json::{Value, json};

#[tokio::test]
async fn a_flow_run_ends_completed_in_the_environments_network_with_its_roles() {
    let (stage, server) = (Stage::set().await, Server::real());
    let environment = stage.create(&request(&server, "flows")).await;
    let pool = text(&environment.outputs()["work_pool"]).to_owned();

    is_online(&server, &pool).await;
    points_at(&environment, &server.pool(&pool).await.expect("the environment has its work pool"));

    let greeting = server.deploy("greet", &pool, json!({})).await;
    let run = server.schedule(&greeting).await;
    let ended = server.ended(&run).await;
    assert_eq!(ended["state_type"], "COMPLETED", "the run ended otherwise: {}", ended["state"]);
    server.has_logged(&run, "hello from a task").await;
    ran_where_it_belongs(&stage, &environment, &server, &greeting).await;

    its_log_is_told(&stage, &environment, &server).await;
    rights::were_enough();

    server.withdraw(&greeting).await;
    stage.delete(environment.id()).await;
    assert_eq!(server.pool(&pool).await, None, "the pool is gone");
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the delete");
}

/// `ACTIVE` is said of an environment when this is so, and not before.
async fn is_online(server: &Server, pool: &str) {
    let workers = server.workers(pool).await;
    let statuses: Vec<&str> = workers.iter().map(|worker| text(&worker["status"])).collect();
    assert_eq!(statuses, ["ONLINE"], "an ACTIVE environment has a worker: {workers:?}");
    let found = server.pool(pool).await.expect("the pool");
    assert_eq!((&found["type"], &found["status"]), (&json!("ecs"), &json!("READY")), "the pool: {found}");
}

/// What the worker has written about the flow run is told, and the credential is not.
async fn its_log_is_told(stage: &Stage, environment: &Environment, server: &Server) {
    let path = format!("/environments/{}/logs", environment.id());
    until("the worker has written of the flow run", || async {
        let page = stage.api.get(&path).await.expect(200);
        let lines: Vec<&str> = list(&page["items"]).iter().map(|line| text(&line["message"])).collect();
        if lines.iter().any(|line| line.contains("submitting flow run")) { Ok(()) } else { Err(format!("{lines:#?}")) }
    })
    .await;
    let password = server.auth_string.as_str();
    assert!(!stage.api.everything_heard().join("\n").contains(password), "nobody is told the auth string");
}

/// The pool's template sends flow runs into the environment.
fn points_at(environment: &Environment, pool: &Value) {
    let variables = &pool["base_job_template"]["variables"]["properties"];
    let set = |variable: &str| variables[variable]["default"].clone();
    let output = |output: &str| environment.outputs()[output].clone();
    for (variable, wanted) in [
        ("cluster", output("ecs_cluster_arn")),
        ("vpc_id", output("vpc_id")),
        ("network_configuration", network(environment)),
        ("execution_role_arn", output("flow_execution_role_arn")),
        ("task_role_arn", output("flow_task_role_arn")),
        ("prefect_api_auth_string_secret_arn", output("secret_arn")),
        ("configure_cloudwatch_logs", json!(true)),
        ("match_latest_revision_in_family", json!(true)),
    ] {
        assert_eq!(set(variable), wanted, "the pool's default of {variable}");
    }
    assert_eq!(set("cloudwatch_logs_options")["awslogs-group"], output("flows_log_group"), "where flow runs log");
    assert_eq!(set("prefect_api_key_secret_arn"), Value::Null, "a server of one's own has no API keys");
}

/// The private subnets, the security group, no public address.
fn network(environment: &Environment) -> Value {
    json!({
        "subnets": environment.outputs()["private_subnet_ids"],
        "securityGroups": [environment.outputs()["security_group_id"]],
        "assignPublicIp": "DISABLED",
    })
}

/// The one RunTask and the definition that it ran.
async fn ran_where_it_belongs(stage: &Stage, environment: &Environment, server: &Server, deployment: &str) {
    let calls = Call::all();
    let asked = |call: &&Call| call.action() == "ecs:RunTask" && call.is_about(deployment);
    let [run] = calls.iter().filter(asked).collect::<Vec<_>>()[..] else {
        panic!("one task is run for one flow run: {calls:#?}")
    };
    let asked = run.parameters();
    let output = |output: &str| &environment.outputs()[output];
    assert_eq!(&asked["cluster"], output("ecs_cluster_arn"), "the cluster");
    assert_eq!(asked["networkConfiguration"]["awsvpcConfiguration"], network(environment), "the network");
    assert_eq!(asked["launchType"], "FARGATE", "the launch type");
    assert_eq!(&asked["overrides"]["taskRoleArn"], output("flow_task_role_arn"), "what the flow run may do");
    let password = server.auth_string.as_str();
    assert!(!asked.to_string().contains(password), "the auth string is in RunTask, where everybody reads it");

    let arn = text(&asked["taskDefinition"]);
    let found = stage.cloud.ecs.describe_task_definition().task_definition(arn).send().await;
    let found = found.expect("the definition that the worker registered is there");
    let definition = found.task_definition().expect("a definition");
    assert!(
        definition.family().is_some_and(|family| family.contains(deployment)),
        "the family of the deployment: {arn}"
    );
    assert_eq!(definition.execution_role_arn(), output("flow_execution_role_arn").as_str(), "the execution role");
    let [container] = definition.container_definitions() else { panic!("one container: {definition:?}") };
    let secrets: Vec<_> = container.secrets().iter().map(|secret| (secret.name(), secret.value_from())).collect();
    assert_eq!(secrets, [("PREFECT_API_AUTH_STRING", text(output("secret_arn")))], "the credential is a secret");
    let options = container.log_configuration().and_then(|log| log.options()).expect("log options");
    assert_eq!(options.get("awslogs-group").map(String::as_str), output("flows_log_group").as_str(), "the log group");
}
