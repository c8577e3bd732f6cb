//! Four roles and the secret, as IAM and Secrets Manager show them.

use super::are_tags_of;
use aws_sdk_iam::Client;
use end_to_end::{Environment, Service, Stage, inventory::decoded};
use serde_json::{Value, json};

pub async fn is_as_designed(stage: &Stage, environment: &Environment) {
    let service = Service::under_test();
    let secret = secret(stage, environment).await;
    let task_execution = Role {
        attached: &["arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"],
        inline: vec![("prefect-secrets-access", reads_the_secret(&secret))],
    };
    let worker_task = Role { attached: &[], inline: vec![("prefect-worker-access", runs_flows(service))] };
    let flow_execution =
        Role { attached: &[], inline: vec![("prefect-flow-execution", starts_flows(service, &secret))] };
    let flow_task = Role { attached: &[], inline: Vec::new() };
    let iam = &stage.cloud.iam;
    task_execution.is(iam, environment, "task-execution-role").await;
    worker_task.is(iam, environment, "worker-task-role").await;
    flow_execution.is(iam, environment, "flow-execution-role").await;
    flow_task.is(iam, environment, "flow-task-role").await;
}

/// What a role may do.
struct Role {
    attached: &'static [&'static str],
    inline: Vec<(&'static str, Value)>,
}

impl Role {
    async fn is(&self, iam: &Client, environment: &Environment, suffix: &str) {
        let name = &format!("prefect-{suffix}");
        let key = &format!("identity/{suffix}");
        assert_eq!(environment.physical(key), name, "the name of {key}");
        let role = iam.get_role().role_name(name).send().await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let role = role.role.expect("a role");
        let trust = role.assume_role_policy_document().unwrap_or_default();
        assert_eq!(decoded(trust), trusts_tasks_of_this_account(), "whom {name} trusts");
        let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
        let of_the_account =
            format!("arn:aws:iam::{}:policy/prefect-environments-boundary", Service::under_test().account());
        assert_eq!(boundary, Some(of_the_account.as_str()), "the permissions boundary of {name}");

        let attached = iam.list_attached_role_policies().role_name(name).send().await.expect("a role's policies");
        let attached: Vec<_> = attached.attached_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
        assert_eq!(attached, self.attached, "the managed policies of {name}");
        let names = iam.list_role_policies().role_name(name).send().await.expect("a role's policies").policy_names;
        let wanted: Vec<_> = self.inline.iter().map(|(policy, _)| *policy).collect();
        assert_eq!(names, wanted, "the inline policies of {name}");
        for (policy, document) in &self.inline {
            let found = iam.get_role_policy().role_name(name).policy_name(*policy).send().await.expect("a policy");
            assert_eq!(decoded(found.policy_document()), *document, "what {policy} allows");
        }
        let tags = role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
        are_tags_of(tags, environment, key, "prefect-ecs");
    }
}

/// Tasks of this account and of no other.
fn trusts_tasks_of_this_account() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": Service::under_test().account()}},
    }]})
}

fn reads_the_secret(secret: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
        "Resource": [secret],
    }]})
}

/// The calls that a worker of type `ecs` makes.
fn runs_flows(service: &Service) -> Value {
    let cluster = json!({"ArnEquals": {"ecs:cluster": service.arn("ecs", "cluster/prefect-cluster")}});
    let families = service.arn("ecs", "task-definition/prefect_ecs-work-pool_*:*");
    let tasks = service.arn("ecs", "task/prefect-cluster/*");
    json!({"Version": "2012-10-17", "Statement": [
        {
            "Effect": "Allow",
            "Action": ["ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition", "ec2:DescribeVpcs", "ec2:DescribeSubnets"],
            "Resource": "*",
        },
        {"Effect": "Allow", "Action": ["ecs:RegisterTaskDefinition"], "Resource": families},
        {"Effect": "Allow", "Action": ["ecs:RunTask"], "Resource": families, "Condition": cluster},
        {"Effect": "Allow", "Action": ["ecs:DescribeTasks", "ecs:StopTask"], "Resource": tasks, "Condition": cluster},
        {
            "Effect": "Allow",
            "Action": ["ecs:TagResource"],
            "Resource": tasks,
            "Condition": {"StringEquals": {"ecs:CreateAction": "RunTask"}},
        },
        {
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": [service.role_arn("prefect-flow-execution-role"), service.role_arn("prefect-flow-task-role")],
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
        {
            "Effect": "Allow",
            "Action": ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
            "Resource": service.arn("sqs", "prefect-ecs-events"),
        },
        {
            "Effect": "Allow",
            "Action": ["logs:GetLogEvents"],
            "Resource": service.arn("logs", "log-group:/ecs/prefect-flows:log-stream:*"),
        },
    ]})
}

/// What ECS needs to start a flow run.
fn starts_flows(service: &Service, secret: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": service.arn("logs", "log-group:/ecs/prefect-flows:*"),
        },
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
            "Resource": service.arn("ecr", "repository/*"),
        },
        {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": secret},
    ]})
}

/// The secret holds the request's key. Its ARN.
async fn secret(stage: &Stage, environment: &Environment) -> String {
    let secrets = &stage.cloud.secrets;
    let secret = secrets.describe_secret().secret_id("prefect-api-key").send().await.expect("the secret is there");
    let arn = secret.arn().expect("a secret has an ARN");
    assert_eq!(environment.physical("identity/secret"), arn, "the secret that the environment shows");
    let value = secrets.get_secret_value().secret_id(arn).send().await.expect("the secret has a value");
    assert_eq!(value.secret_string(), Some("pnu_of_prefect"), "the secret's value");
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tags = secret.tags().iter().map(|tag| (text(tag.key()), text(tag.value())));
    are_tags_of(tags, environment, "identity/secret", "prefect-ecs");
    arn.to_owned()
}
