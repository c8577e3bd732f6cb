//! The environment as the API shows it, from the first answer to the last.

use end_to_end::{
    Answer, Environment, Service, Stage,
    api::{list, text},
    requests::{ACCOUNT, TEAM, WORKSPACE},
};
use serde_json::{Value, json};

/// Every resource and its type, by key.
const RESOURCES: [(&str, &str); 39] = [
    ("cluster/cluster", "AWS::ECS::Cluster"),
    ("cluster/flows-log-group", "AWS::Logs::LogGroup"),
    ("cluster/namespace", "AWS::ServiceDiscovery::PrivateDnsNamespace"),
    ("cluster/worker-log-group", "AWS::Logs::LogGroup"),
    ("identity/flow-execution-role", "AWS::IAM::Role"),
    ("identity/flow-task-role", "AWS::IAM::Role"),
    ("identity/secret", "AWS::SecretsManager::Secret"),
    ("identity/task-execution-role", "AWS::IAM::Role"),
    ("identity/worker-task-role", "AWS::IAM::Role"),
    ("network/internet-gateway", "AWS::EC2::InternetGateway"),
    ("network/internet-gateway-attachment", "AWS::EC2::VPCGatewayAttachment"),
    ("network/nat-address", "AWS::EC2::EIP"),
    ("network/nat-gateway", "AWS::EC2::NatGateway"),
    ("network/private-association-1", "AWS::EC2::SubnetRouteTableAssociation"),
    ("network/private-association-2", "AWS::EC2::SubnetRouteTableAssociation"),
    ("network/private-association-3", "AWS::EC2::SubnetRouteTableAssociation"),
    ("network/private-route", "AWS::EC2::Route"),
    ("network/private-route-table", "AWS::EC2::RouteTable"),
    ("network/private-subnet-1", "AWS::EC2::Subnet"),
    ("network/private-subnet-2", "AWS::EC2::Subnet"),
    ("network/private-subnet-3", "AWS::EC2::Subnet"),
    ("network/public-association-1", "AWS::EC2::SubnetRouteTableAssociation"),
    ("network/public-association-2", "AWS::EC2::SubnetRouteTableAssociation"),
    ("network/public-association-3", "AWS::EC2::SubnetRouteTableAssociation"),
    ("network/public-route", "AWS::EC2::Route"),
    ("network/public-route-table", "AWS::EC2::RouteTable"),
    ("network/public-subnet-1", "AWS::EC2::Subnet"),
    ("network/public-subnet-2", "AWS::EC2::Subnet"),
    ("network/public-subnet-3", "AWS::EC2::Subnet"),
    ("network/security-group", "AWS::EC2::SecurityGroup"),
    ("network/vpc", "AWS::EC2::VPC"),
    ("worker/events-dead-letter-queue", "AWS::SQS::Queue"),
    ("worker/events-queue", "AWS::SQS::Queue"),
    ("worker/flow-definitions", "Prefect::FlowDefinitions"),
    ("worker/online", "Prefect::Worker"),
    ("worker/service", "AWS::ECS::Service"),
    ("worker/task-definition", "AWS::ECS::TaskDefinition"),
    ("worker/task-events-rule", "AWS::Events::Rule"),
    ("worker/work-pool", "Prefect::WorkPool"),
];

/// The steps of a create, in the order in which they can end at the earliest.
const STEPS: [&str; 6] = ["network", "egress", "identity", "cluster", "worker-setup", "worker"];

/// The answer to the request: 202, where to look, and the environment as it was accepted. Its id.
pub fn accepts(answer: &Answer) -> String {
    let environment = Environment(answer.expect(202));
    let id = environment.id();
    assert!(id.starts_with("env-"), "an environment's id begins with env-: {id}");
    assert!(answer.header("location").ends_with(&format!("/environments/{id}")), "Location: {:?}", answer.headers);
    assert_eq!(answer.header("content-type"), "application/json", "the answer's media type");
    assert_eq!(environment.status(), "PENDING", "nothing is made yet");
    let seconds: u32 = answer.header("retry-after").parse().expect("Retry-After says when to look again");
    assert!((2..=30).contains(&seconds), "a sensible time to look again, not {seconds} s");
    assert!(environment.resources().iter().all(|one| one["state"] == "PLANNED"), "everything is planned: {answer:?}");
    id.to_owned()
}

/// The active environment.
pub async fn shows_everything(stage: &Stage, environment: &Environment) {
    has_the_spec_with_every_default(environment);
    lists_every_resource(environment, "READY");
    has_every_output(stage, environment).await;
    tells_how_it_was_made(stage, environment).await;
    assert_eq!(environment.0["created_by"]["arn"], format!("arn:aws:iam::{}:root", Service::under_test().account()));
    assert!(text(&environment.0["created_at"]) < text(&environment.0["updated_at"]), "times: {}", environment.0);
}

fn has_the_spec_with_every_default(environment: &Environment) {
    let wanted = json!({
        "name": "prefect",
        "team": TEAM,
        "network": {
            "mode": "create",
            "vpc_cidr": "10.0.0.0/16",
            "public_subnets": ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"],
            "private_subnets": ["10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24"],
            "nat": "single",
        },
        "prefect": {
            "account_id": ACCOUNT,
            "workspace_id": WORKSPACE,
            "credential": {"kind": "api_key"},
            "work_pool": "ecs-work-pool",
            "adopt_pool": false,
            "verify": true,
        },
        "worker": {
            "name": "dev-worker",
            "image": "prefecthq/prefect-aws:0.7-python3.12",
            "cpu": 512,
            "memory": 1024,
            "desired_count": 1,
            "command": ["prefect", "worker", "start", "--pool", "ecs-work-pool", "--type", "ecs", "--with-healthcheck"],
            "environment": {},
            "secrets": {},
            "capacity": "FARGATE",
        },
        "flows": {"policy_arns": []},
        "log_retention_days": 30,
        "tags": {},
    });
    assert_eq!(environment.0["spec"], wanted, "the spec, with every default filled in");
}

fn lists_every_resource(environment: &Environment, state: &str) {
    let mut shown: Vec<_> = environment.resources().iter().map(|one| (text(&one["key"]), text(&one["type"]))).collect();
    shown.sort_unstable();
    assert_eq!(shown, RESOURCES, "every resource of the design, and no other");
    for resource in environment.resources() {
        assert_eq!(resource["state"], state, "{resource}");
        assert!(!text(&resource["since"]).is_empty(), "since when: {resource}");
        assert!(!text(&resource["id"]).is_empty(), "its physical id: {resource}");
    }
}

async fn has_every_output(stage: &Stage, environment: &Environment) {
    let physical = |key: &str| environment.physical(key).to_owned();
    let subnets = |side: &str| (1..=3).map(|number| physical(&format!("network/{side}-subnet-{number}"))).collect();
    let (public, private): (Vec<String>, Vec<String>) = (subnets("public"), subnets("private"));
    let addresses = stage.cloud.ec2.describe_addresses().send().await.expect("describe addresses");
    let allocation = physical("network/nat-address");
    let mut addresses = addresses.addresses().iter();
    let address = addresses.find(|one| one.allocation_id() == Some(&allocation)).expect("the address is there");
    let service = Service::under_test();
    let wanted = json!({
        "ecs_cluster_arn": service.arn("ecs", "cluster/prefect-cluster"),
        "vpc_id": physical("network/vpc"),
        "public_subnet_ids": public,
        "private_subnet_ids": private,
        "nat_public_addresses": [address.public_ip()],
        "security_group_id": physical("network/security-group"),
        "service_arn": physical("worker/service"),
        "task_definition_arn": physical("worker/task-definition"),
        "task_execution_role_arn": service.role_arn("prefect-task-execution-role"),
        "worker_task_role_arn": service.role_arn("prefect-worker-task-role"),
        "flow_execution_role_arn": service.role_arn("prefect-flow-execution-role"),
        "flow_task_role_arn": service.role_arn("prefect-flow-task-role"),
        "secret_arn": physical("identity/secret"),
        "worker_log_group": "/ecs/prefect-worker",
        "flows_log_group": "/ecs/prefect-flows",
        "namespace_id": physical("cluster/namespace"),
        "work_pool": "ecs-work-pool",
    });
    assert_eq!(*environment.outputs(), wanted, "the outputs");
}

async fn tells_how_it_was_made(stage: &Stage, environment: &Environment) {
    let [operation] = environment.operations() else { panic!("one operation: {environment}") };
    assert_eq!((text(&operation["kind"]), text(&operation["status"])), ("apply", "SUCCEEDED"), "{operation}");
    let mut steps: Vec<_> = list(&operation["steps"]).iter().map(|step| text(&step["step"])).collect();
    steps.sort_unstable();
    let mut wanted = STEPS;
    wanted.sort_unstable();
    assert_eq!(steps, wanted, "every step: {operation}");
    for step in list(&operation["steps"]) {
        assert_eq!((text(&step["action"]), text(&step["outcome"])), ("ensure", "done"), "{step}");
        assert!(step["attempts"].as_u64() > Some(0), "how many turns it took: {step}");
        assert!(text(&step["started_at"]) <= text(&step["ended_at"]), "from when to when: {step}");
    }
    let id = text(&operation["id"]);
    let arn = text(&operation["execution_arn"]);
    assert_eq!(arn, Service::under_test().execution_arn(id), "the execution has the operation's id as its name");
    assert!(text(&operation["console_url"]).contains(arn), "a link to the execution: {operation}");
    let execution = stage.cloud.executions.describe_execution().execution_arn(arn).send().await;
    let execution = execution.expect("the execution is there");
    let input: Value = serde_json::from_str(execution.input().unwrap_or_default()).expect("an input is JSON");
    let ids = json!({"environment_id": environment.id(), "operation_id": id, "fence": 1});
    assert_eq!(input, ids, "the execution is given ids only");
}

/// The environment after its end: it can still be looked at, and is in no list unless it is asked for.
pub async fn shows_the_end(stage: &Stage, before: &Environment, deleted: &Environment) {
    lists_every_resource(deleted, "GONE");
    for resource in deleted.resources() {
        assert_eq!(resource["id"], before.resource(text(&resource["key"]))["id"], "what went is still named");
    }
    let [delete, create] = deleted.operations() else { panic!("two operations: {deleted}") };
    assert_eq!((text(&delete["kind"]), text(&delete["status"])), ("delete", "SUCCEEDED"), "{delete}");
    assert_eq!(create, before.operation(), "the create's story is kept");
    for action in ["remove", "prove"] {
        for step in STEPS {
            assert_eq!(deleted.outcome(step, action), "done", "{action} {step}: {delete}");
        }
    }
    let again = stage.api.delete(before.id()).await;
    assert_eq!(again.status, 200, "there is nothing more to delete: {}", again.text);
}
