//! A delete while flow runs are at work: it waits, says for what, and takes nothing down under them. Then it is told to
//! stop them and to keep the logs; what the worker had registered for its flows goes, and nobody else's does.

use aws_sdk_ecs::types::{AssignPublicIp, AwsVpcConfiguration, LaunchType, NetworkConfiguration, TaskDefinitionStatus};
use end_to_end::{
    Environment, Inventory, Stage,
    api::text,
    requests::{request, unique},
};

#[tokio::test]
async fn a_delete_waits_for_flow_runs_until_it_is_told_to_stop_them() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("draining"))).await;
    let name = environment.marks().name;
    let family =
        |deployment: &str| format!("prefect_{}_{deployment}", text(&environment.0["spec"]["prefect"]["work_pool"]));
    let ours = stage.register_flow(&family("1"), &format!("{name}-flow-execution-role")).await;
    let theirs = stage.register_flow(&family("2"), &format!("{name}-task-execution-role")).await;
    run(&stage, &environment, &ours).await;

    stage.api.delete(environment.id()).await.expect(202);
    let waits = |now: &Environment| now.resource("worker/service")["error"]["code"] == "FLOW_RUNS_AT_WORK";
    let waiting = stage.api.until(environment.id(), "the delete waits for the flow run", waits).await;
    let said = text(&waiting.resource("worker/service")["error"]["message"]);
    assert!(said.contains("tasks: 1 ("), "how many are waited for: {said}");
    for key in ["worker/service", "network/nat-gateway", "identity/flow-task-role", "worker/flow-definitions"] {
        assert_eq!(waiting.resource(key)["state"], "READY", "nothing is taken down under a flow run: {key}");
    }

    stage.api.delete(&format!("{}?retain=everything", environment.id())).await.problem(400, "INVALID_QUERY");
    stage.api.delete(&format!("{}?force=true&retain=logs", environment.id())).await.expect(202);
    let deleted = stage.api.at_rest(environment.id()).await.must_be("DELETED");

    let left = Inventory::take(&stage.cloud).await.of(&environment.marks());
    for log_group in ["worker", "flows"] {
        assert!(left.has("log-group", &format!("/ecs/{name}-{log_group}")), "it was to be kept:\n{left}");
        let kept = deleted.resource(&format!("cluster/{log_group}-log-group"));
        assert_eq!(kept["state"], "RETAINED", "{kept}");
        assert_eq!(kept["evidence"]["reason"], "The delete asked to keep the logs.", "{kept}");
    }
    assert_eq!(left.len(), 2, "and nothing else was:\n{left}");
    assert_eq!(deleted.0["proof"]["evidence"]["RETAINED"], 2, "{}", deleted.0["proof"]);
    assert_eq!(stage.definition_status(&ours).await, TaskDefinitionStatus::DeleteInProgress, "what the flows ran from");
    assert_eq!(
        stage.definition_status(&theirs).await,
        TaskDefinitionStatus::Active,
        "what names another role is not ours"
    );

    // What its owner keeps is no stray.
    let seen = stage.functions.invoke("cluster", &serde_json::json!({"action": "survey"})).await;
    assert!(!seen.to_string().contains(&name), "the survey takes it for a stray: {seen}");
}

async fn run(stage: &Stage, environment: &Environment, definition: &str) {
    let network = AwsVpcConfiguration::builder()
        .subnets(environment.physical("network/private-subnet-1"))
        .security_groups(environment.physical("network/security-group"))
        .assign_public_ip(AssignPublicIp::Disabled)
        .build();
    let network = NetworkConfiguration::builder().awsvpc_configuration(network.expect("a network")).build();
    let run = stage.cloud.ecs.run_task().cluster(environment.physical("cluster/cluster")).task_definition(definition);
    let run = run.launch_type(LaunchType::Fargate).network_configuration(network).send().await;
    assert_eq!(run.expect("the worker runs a task").tasks().len(), 1, "a flow run is at work");
}
