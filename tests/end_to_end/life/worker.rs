//! Task definition and service, as ECS shows them.

use super::are_tags_of;
use aws_sdk_ecs::types::{
    AssignPublicIp, Compatibility, ContainerDefinition, DeploymentRolloutState, LaunchType, LogDriver, NetworkMode,
    PropagateTags, ServiceField, Tag, TaskDefinitionField,
};
use end_to_end::{
    Environment, Service, Stage,
    requests::{ACCOUNT, WORKSPACE},
};
use serde_json::{Value, json};

pub async fn is_as_designed(stage: &Stage, environment: &Environment) {
    task_definition(stage, environment).await;
    service(stage, environment).await;
}

async fn task_definition(stage: &Stage, environment: &Environment) {
    let arn = environment.physical("worker/task-definition");
    let look = stage.cloud.ecs.describe_task_definition().task_definition(arn).include(TaskDefinitionField::Tags);
    let found = look.send().await.expect("the task definition is there");
    let definition = found.task_definition().expect("the task definition is there");
    assert_eq!(definition.family(), Some("prefect-worker-task"), "the family");
    assert_eq!(definition.network_mode(), Some(&NetworkMode::Awsvpc), "the network mode");
    assert_eq!(definition.requires_compatibilities(), [Compatibility::Fargate], "for Fargate");
    assert_eq!((definition.cpu(), definition.memory()), (Some("512"), Some("1024")), "CPU and memory");
    let role = |name| Service::under_test().role_arn(name);
    assert_eq!(definition.execution_role_arn(), Some(role("prefect-task-execution-role").as_str()), "execution role");
    assert_eq!(definition.task_role_arn(), Some(role("prefect-worker-task-role").as_str()), "task role");
    let [container] = definition.container_definitions() else { panic!("one container: {definition:?}") };
    assert_eq!(in_words(container), wanted(environment.physical("identity/secret")), "the container");
    are_tags_of(pairs(found.tags()), environment, "worker/task-definition", "prefect-ecs");
}

/// The container of the worker.
fn wanted(secret: &str) -> Value {
    json!({
        "name": "prefect-worker",
        "image": "prefecthq/prefect-aws:0.7-python3.12",
        "essential": true,
        "cpu": 512,
        "memory": 1024,
        "entry point": [],
        "command": ["prefect", "worker", "start", "--pool", "ecs-work-pool", "--type", "ecs", "--with-healthcheck"],
        "environment": {
            "PREFECT_API_URL": end_to_end::prefect::url(),
            "PREFECT_ACCOUNT_ID": ACCOUNT,
            "PREFECT_WORKSPACE_ID": WORKSPACE,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME": "prefect-ecs-events",
        },
        "secrets": {"PREFECT_API_KEY": secret},
        "stop timeout": 120,
        "log driver": "awslogs",
        "log options": {
            "awslogs-group": "/ecs/prefect-worker",
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "prefect",
        },
        "health check": {
            "command": [
                "CMD",
                "python",
                "-c",
                "import urllib.request as u; u.urlopen('http://localhost:8080/health', timeout=4)",
            ],
            "seconds": [30, 5, 60],
            "retries": 3,
        },
    })
}

fn in_words(container: &ContainerDefinition) -> Value {
    let environment =
        container.environment().iter().map(|one| (one.name().unwrap_or_default().to_owned(), json!(one.value())));
    let secrets = container.secrets().iter().map(|one| (one.name().to_owned(), json!(one.value_from())));
    let logs = container.log_configuration();
    let health = container.health_check();
    json!({
        "name": container.name(),
        "image": container.image(),
        "essential": container.essential(),
        "cpu": container.cpu(),
        "memory": container.memory(),
        "entry point": container.entry_point(),
        "command": container.command(),
        "environment": Value::Object(environment.collect()),
        "secrets": Value::Object(secrets.collect()),
        "stop timeout": container.stop_timeout(),
        "log driver": logs.map(|logs| LogDriver::as_str(logs.log_driver())),
        "log options": logs.and_then(|logs| logs.options()),
        "health check": health.map(|health| json!({
            "command": health.command(),
            "seconds": [health.interval(), health.timeout(), health.start_period()],
            "retries": health.retries(),
        })),
    })
}

async fn service(stage: &Stage, environment: &Environment) {
    let look = stage.cloud.ecs.describe_services().cluster("prefect-cluster").services("dev-worker");
    let found = look.include(ServiceField::Tags).send().await.expect("describe the service");
    let service = found.services().first().expect("the service is there");
    assert_eq!(
        service.service_arn(),
        Some(environment.physical("worker/service")),
        "the service that the environment shows"
    );
    assert_eq!(service.status(), Some("ACTIVE"), "the service's status");
    let definition = environment.physical("worker/task-definition");
    assert_eq!(service.task_definition(), Some(definition), "the service runs the task definition");
    assert_eq!(service.launch_type(), Some(&LaunchType::Fargate), "the launch type");
    assert_eq!((service.desired_count(), service.running_count()), (1, 1), "one worker is wanted and runs");
    let states: Vec<_> = service.deployments().iter().map(|deployment| deployment.rollout_state()).collect();
    assert_eq!(states, [Some(&DeploymentRolloutState::Completed)], "one deployment, rolled out");

    let network = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let network = network.expect("the service has a network");
    let subnets: Vec<_> =
        (1..=3).map(|number| environment.physical(&format!("network/private-subnet-{number}"))).collect();
    assert_eq!(network.subnets(), subnets, "the service runs in the private subnets");
    assert_eq!(network.security_groups(), [environment.physical("network/security-group")], "its security group");
    assert_eq!(network.assign_public_ip(), Some(&AssignPublicIp::Disabled), "no public address");

    let breaker = service.deployment_configuration().and_then(|deployment| deployment.deployment_circuit_breaker());
    let breaker = breaker.expect("the service has a circuit breaker");
    assert!(breaker.enable() && breaker.rollback(), "circuit breaker with rollback");
    assert_eq!(service.propagate_tags(), Some(&PropagateTags::Service), "tasks carry the service's tags");
    are_tags_of(pairs(service.tags()), environment, "worker/service", "prefect-ecs");
}

fn pairs(tags: &[Tag]) -> Vec<(String, String)> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}
