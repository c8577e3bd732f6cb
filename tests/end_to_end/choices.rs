//! What a request can choose beside the defaults, seen in AWS.

use aws_sdk_ecs::types::{AssignPublicIp, Service as EcsService};
use aws_sdk_secretsmanager::types::Tag;
use end_to_end::{
    Environment, Service, Stage,
    requests::{ACCOUNT, TEAM, WORKSPACE, request, unique},
};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_nat_gateway_for_each_zone() {
    let stage = Stage::set().await;
    let mut body = request(&unique("per-az"));
    body["network"] = json!({
        "vpc_cidr": "172.20.0.0/20",
        "public_subnets": ["172.20.1.0/24", "172.20.2.0/24"],
        "private_subnets": ["172.20.3.0/24", "172.20.4.0/24"],
        "nat": "per-az",
    });
    let environment = stage.create(&body).await;
    let mut addresses = BTreeSet::new();
    for number in 1..=2 {
        let gateway = environment.physical(&format!("network/nat-gateway-{number}"));
        let found = stage.cloud.ec2.describe_nat_gateways().nat_gateway_ids(gateway).send().await.expect("a gateway");
        let subnet = found.nat_gateways().first().and_then(|gateway| gateway.subnet_id());
        let public = environment.physical(&format!("network/public-subnet-{number}"));
        assert_eq!(subnet, Some(public), "gateway {number} stands in public subnet {number}");
        let private = environment.physical(&format!("network/private-subnet-{number}"));
        assert_eq!(way_out_of(&stage, &environment, private).await, gateway, "the way out of private subnet {number}");
        addresses.insert(environment.physical(&format!("network/nat-address-{number}")));
    }
    assert_eq!(addresses.len(), 2, "each gateway has an address of its own");
    let outputs = environment.outputs();
    assert_eq!(outputs["nat_public_addresses"].as_array().map(Vec::len), Some(2), "{outputs}");
    gone(&stage, &environment).await;
}

#[tokio::test]
async fn without_a_nat_gateway_tasks_have_public_addresses() {
    let stage = Stage::set().await;
    let mut body = request(&unique("no-nat"));
    body["network"] = json!({"nat": "none"});
    let environment = stage.create(&body).await;
    let inventory = stage.inventory_of(&environment.marks()).await;
    assert_eq!((inventory.count("nat-gateway"), inventory.count("address")), (0, 0), "no gateway, no address");
    assert_eq!(inventory.count("subnet"), 3, "public subnets only");

    let service = service_of(&stage, &environment, "dev-worker").await;
    let network = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let network = network.expect("the service has a network");
    assert_eq!(network.assign_public_ip(), Some(&AssignPublicIp::Enabled), "tasks have public addresses");
    let subnets: Vec<_> =
        (1..=3).map(|number| environment.physical(&format!("network/public-subnet-{number}"))).collect();
    assert_eq!(network.subnets(), subnets, "tasks run in the public subnets");
    gone(&stage, &environment).await;
}

#[tokio::test]
async fn the_worker_and_what_it_is_told() {
    let stage = Stage::set().await;
    let tag = Tag::builder().key("prefect-environments:team").value(TEAM).build();
    let token = stage.cloud.secrets.create_secret().name(unique("a-token")).secret_string("t").tags(tag).send().await;
    let token = token.expect("a secret").arn.expect("an ARN");
    let mut body = request(&unique("worker"));
    let pool = body["prefect"]["work_pool"].as_str().expect("a pool").to_owned();
    body["worker"] = json!({
        "name": "night-worker",
        "image": "example.com/team/worker:3",
        "cpu": 1024,
        "memory": 4096,
        "desired_count": 2,
        "command": ["prefect", "worker", "start", "--pool", pool],
        "environment": {"LEVEL": "debug"},
        "secrets": {"TOKEN": token},
        "capacity": "FARGATE_SPOT",
    });
    body["log_retention_days"] = json!(7);
    body["tags"] = json!({"cost-center": "4711"});
    let environment = stage.create(&body).await;

    let service = service_of(&stage, &environment, "night-worker").await;
    assert_eq!((service.desired_count(), service.running_count()), (2, 2), "two workers");
    let providers: Vec<_> = service.capacity_provider_strategy().iter().map(|item| item.capacity_provider()).collect();
    assert_eq!(providers, ["FARGATE_SPOT"], "spare capacity");
    let cost = service.tags().iter().find(|tag| tag.key() == Some("cost-center")).and_then(|tag| tag.value());
    assert_eq!(cost, Some("4711"), "the team's own tags");

    let definition = environment.physical("worker/task-definition");
    let found = stage.cloud.ecs.describe_task_definition().task_definition(definition).send().await;
    let found = found.expect("the task definition is there");
    let definition = found.task_definition().expect("the task definition is there");
    assert_eq!((definition.cpu(), definition.memory()), (Some("1024"), Some("4096")), "CPU and memory");
    let container = definition.container_definitions().first().expect("a container");
    assert_eq!(container.image(), Some("example.com/team/worker:3"), "the image");
    assert_eq!(container.command(), ["prefect", "worker", "start", "--pool", &pool], "the command");
    assert!(container.health_check().is_none(), "a command that may not answer health checks is not checked");
    let level = container.environment().iter().find(|one| one.name() == Some("LEVEL")).and_then(|one| one.value());
    assert_eq!(level, Some("debug"), "the team's own variables");
    let secret = container.secrets().iter().find(|one| one.name() == "TOKEN").map(|one| one.value_from());
    assert_eq!(secret, Some(token.as_str()), "the team's own secrets");

    let group = format!("/ecs/{}-flows", environment.marks().name);
    let found = stage.cloud.logs.describe_log_groups().log_group_name_prefix(&group).send().await.expect("log groups");
    assert_eq!(found.log_groups().first().and_then(|group| group.retention_in_days()), Some(7), "retention");
    gone(&stage, &environment).await;
    stage.cloud.secrets.describe_secret().secret_id(&token).send().await.expect("the team's own secret stays");
}

#[tokio::test]
async fn a_prefect_server_of_ones_own() {
    let stage = Stage::set().await;
    let name = unique("own-server");
    // Prefect's stand-in is a server under any path.
    let api_url = format!("{}/own-server/api", Service::under_test().aws_endpoint);
    let mut body = request(&name);
    body["prefect"] = json!({
        "api_url": api_url,
        "auth_string": "admin:open sesame",
        "work_pool": format!("{name}-pool"),
    });
    let environment = stage.create(&body).await;
    let secret = environment.physical("identity/secret");
    let value = stage.cloud.secrets.get_secret_value().secret_id(secret).send().await.expect("the secret is there");
    assert_eq!(value.secret_string(), Some("admin:open sesame"), "the secret holds the credential");
    let (variables, secrets) = told(&stage, &environment).await;
    assert!(variables.contains(&("PREFECT_API_URL".into(), api_url)), "{variables:?}");
    assert!(variables.iter().all(|(name, _)| !name.ends_with("_ID")), "no account, no workspace: {variables:?}");
    assert_eq!(secrets, [("PREFECT_API_AUTH_STRING".to_owned(), secret.to_owned())], "the credential");
    gone(&stage, &environment).await;
}

#[tokio::test]
async fn an_api_key_in_a_secret_of_the_teams_own() {
    let stage = Stage::set().await;
    let name = unique("shared-key");
    let tag = Tag::builder().key("prefect-environments:team").value(TEAM).build();
    let create = stage.cloud.secrets.create_secret().name(unique("team-key")).secret_string("pnu_shared").tags(tag);
    let arn = create.send().await.expect("a secret").arn.expect("an ARN");
    let mut body = request(&name);
    body["prefect"] = json!({
        "account_id": ACCOUNT,
        "workspace_id": WORKSPACE,
        "api_key_secret_arn": arn,
        "work_pool": format!("{name}-pool"),
    });
    let environment = stage.create(&body).await;
    let inventory = stage.inventory_of(&environment.marks()).await;
    assert_eq!(inventory.count("secret"), 0, "no secret of the environment's own:\n{inventory}");
    let (_, secrets) = told(&stage, &environment).await;
    assert_eq!(secrets, [("PREFECT_API_KEY".to_owned(), arn.clone())], "the key comes from the team's secret");
    gone(&stage, &environment).await;
    let value = stage.cloud.secrets.get_secret_value().secret_id(&arn).send().await.expect("the team's secret stays");
    assert_eq!(value.secret_string(), Some("pnu_shared"), "as it was");
}

type Pairs = Vec<(String, String)>;

/// The variables and the secrets of the worker's container.
async fn told(stage: &Stage, environment: &Environment) -> (Pairs, Pairs) {
    let definition = environment.physical("worker/task-definition");
    let found = stage.cloud.ecs.describe_task_definition().task_definition(definition).send().await;
    let found = found.expect("the task definition is there");
    let definition = found.task_definition().expect("the task definition is there");
    let container = definition.container_definitions().first().expect("a container");
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let variables = container.environment().iter().map(|one| (text(one.name()), text(one.value()))).collect();
    let secrets = container.secrets().iter().map(|one| (one.name().to_owned(), one.value_from().to_owned())).collect();
    (variables, secrets)
}

async fn service_of(stage: &Stage, environment: &Environment, name: &str) -> EcsService {
    let cluster = environment.physical("cluster/cluster");
    let look = stage.cloud.ecs.describe_services().cluster(cluster).services(name);
    let look = look.include(aws_sdk_ecs::types::ServiceField::Tags).send().await.expect("describe the service");
    look.services().first().cloned().unwrap_or_else(|| panic!("there is no service {name}: {look:?}"))
}

/// Where a subnet's default route leads to.
async fn way_out_of(stage: &Stage, environment: &Environment, subnet: &str) -> String {
    let tables = stage.cloud.ec2.describe_route_tables().send().await.expect("describe route tables");
    let vpc = environment.physical("network/vpc");
    let table = tables
        .route_tables()
        .iter()
        .filter(|table| table.vpc_id() == Some(vpc))
        .find(|table| table.associations().iter().any(|association| association.subnet_id() == Some(subnet)));
    let table = table.unwrap_or_else(|| panic!("{subnet} has no route table"));
    let route = table.routes().iter().find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
    let target = route.and_then(|route| route.nat_gateway_id().or(route.gateway_id()));
    target.unwrap_or_else(|| panic!("{subnet} has no way out: {table:?}")).to_owned()
}

async fn gone(stage: &Stage, environment: &Environment) {
    stage.delete(environment.id()).await;
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the delete");
}
