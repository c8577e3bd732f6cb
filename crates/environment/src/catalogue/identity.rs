//! Who tasks are and what they may do: four roles and the secrets with their credentials.
//!
//! The worker and the flow runs have a pair of roles each: the execution role is what ECS itself uses to
//! start a task (logs, secrets, image), the task role is what the code inside is. A worker needs just the
//! calls listed here to run flows; what a flow run may do is the request's `flows.policy_arns`.

use super::{Entry, Subject, cluster, events, keys};
use crate::{
    key::Key,
    kind::Kind,
    properties::reference,
    spec::{Credential, Spec},
    step::Step,
};
use serde_json::{Value, json};

pub(super) fn entries(subject: &Subject<'_>) -> Vec<Entry> {
    let place = subject.place;
    let name = &subject.spec.name;
    let tag = format!("{name}-ecs");
    let mut entries = Vec::new();
    let prefect = &subject.spec.prefect;
    let kept = prefect.credential.is_kept_by_the_environment();
    let secret = kept.then(|| (keys::secret(), secret_name(name), prefect.key_version));
    let worker_secret =
        prefect.worker_key.as_ref().map(|key| (keys::worker_secret(), worker_secret_name(name), key.version));
    for (key, name, version) in [secret, worker_secret].into_iter().flatten() {
        // Null is the version that came with the create, whatever it is called.
        let wanted = json!({"Name": name, "VersionId": version});
        entries.push(Entry::new(Step::Identity, Kind::Secret, key, wanted).tagged(subject, &tag));
    }
    let execution = Role {
        managed: vec![place.aws_policy_arn("service-role/AmazonECSTaskExecutionRolePolicy")],
        inline: readable_by_the_worker(subject.spec)
            .map(|secrets| ("secrets-access", vec![allow(SECRET_READ, secrets)])),
    };
    let worker = Role { managed: vec![], inline: Some(("worker-access", worker_access(subject))) };
    let flow_execution = Role { managed: vec![], inline: Some(("flow-execution", flow_execution(subject))) };
    let flow_task = Role { managed: subject.spec.flows.policy_arns.clone(), inline: None };
    entries.extend([
        role(subject, keys::execution_role(), "task-execution-role", execution),
        role(subject, keys::worker_task_role(), "worker-task-role", worker),
        role(subject, keys::flow_execution_role(), FLOW_EXECUTION_ROLE, flow_execution),
        role(subject, keys::flow_task_role(), FLOW_TASK_ROLE, flow_task),
    ]);
    entries
}

const FLOW_EXECUTION_ROLE: &str = "flow-execution-role";
const FLOW_TASK_ROLE: &str = "flow-task-role";
const SECRET_READ: &[&str] = &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"];

/// The staging label of a key that came with a change, until the change is made.
pub const NEXT_KEY: &str = "prefect-environments-next";

fn secret_name(name: &str) -> String {
    format!("{name}-api-key")
}

/// The name of the secret with the worker's own key. No environment's name has a slash, so that none has a secret of
/// this name as its first one.
fn worker_secret_name(name: &str) -> String {
    format!("{name}/worker-api-key")
}

struct Role {
    managed: Vec<String>,
    inline: Option<(&'static str, Vec<Value>)>,
}

/// The ARN of the flow runs' execution role: the mark of this environment on what its worker registers.
pub(super) fn flow_execution_role_arn(subject: &Subject<'_>) -> String {
    subject.place.role_arn(&format!("{}-{FLOW_EXECUTION_ROLE}", subject.spec.name))
}

fn role(subject: &Subject<'_>, key: Key, suffix: &str, role: Role) -> Entry {
    let name = &subject.spec.name;
    let policies: Vec<Value> = role
        .inline
        .map(|(suffix, statements)| {
            let document = json!({"Version": "2012-10-17", "Statement": statements});
            json!({"PolicyName": format!("{name}-{suffix}"), "PolicyDocument": document})
        })
        .into_iter()
        .collect();
    let mut wanted = json!({
        "RoleName": format!("{name}-{suffix}"),
        "Path": subject.place.role_path,
        "AssumeRolePolicyDocument": subject.place.trusts_ecs_tasks(),
        "ManagedPolicyArns": role.managed,
        "Policies": policies,
    });
    if let Some(boundary) = &subject.place.permissions_boundary {
        wanted["PermissionsBoundary"] = json!(boundary);
    }
    Entry::new(Step::Identity, Kind::Role, key, wanted).tagged(subject, &format!("{name}-ecs"))
}

fn allow(actions: &[&str], resources: Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

fn allow_if(actions: &[&str], resources: Value, condition: Value) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources, "Condition": condition})
}

/// The secret of the credential that this service uses, wherever it lies.
pub(super) fn credential_secret(spec: &Spec) -> Option<Value> {
    match &spec.prefect.credential {
        Credential::ApiKey | Credential::AuthString => Some(reference(&keys::secret())),
        Credential::SharedApiKey { secret_arn } => Some(json!(secret_arn)),
        Credential::None => None,
    }
}

/// The secret of the credential that worker and flow runs use. Where they have one of their own they reach no other.
pub(super) fn worker_credential_secret(spec: &Spec) -> Option<Value> {
    match &spec.prefect.worker_key {
        Some(_) => Some(reference(&keys::worker_secret())),
        None => credential_secret(spec),
    }
}

fn readable_by_the_worker(spec: &Spec) -> Option<Value> {
    let secrets: Vec<Value> =
        worker_credential_secret(spec).into_iter().chain(spec.worker.secrets.values().map(|arn| json!(arn))).collect();
    (!secrets.is_empty()).then_some(Value::Array(secrets))
}

/// Every call that a worker of type `ecs` makes, and no other. It registers one family for each deployment:
/// `prefect_<pool>_<deployment>`. `ecs:DescribeTaskDefinition`, `ecs:DeregisterTaskDefinition` and the
/// describes of EC2 take no narrower resource than `*`.
fn worker_access(subject: &Subject<'_>) -> Vec<Value> {
    let place = subject.place;
    let name = &subject.spec.name;
    let cluster_arn = cluster::cluster_arn(subject);
    let of_this_cluster = json!({"ArnEquals": {"ecs:cluster": cluster_arn}});
    let families = place.arn("ecs", &format!("task-definition/prefect_{}_*:*", subject.spec.prefect.work_pool));
    let tasks = place.arn("ecs", &format!("task/{name}-cluster/*"));
    let flow_roles = [FLOW_EXECUTION_ROLE, FLOW_TASK_ROLE].map(|suffix| place.role_arn(&format!("{name}-{suffix}")));
    let flow_logs = place.arn("logs", &format!("log-group:{}:log-stream:*", cluster::flows_log_group(name)));
    vec![
        allow(
            &["ecs:DescribeTaskDefinition", "ecs:DeregisterTaskDefinition", "ec2:DescribeVpcs", "ec2:DescribeSubnets"],
            json!("*"),
        ),
        allow(&["ecs:RegisterTaskDefinition"], json!(families)),
        allow_if(&["ecs:RunTask"], json!(families), of_this_cluster.clone()),
        allow_if(&["ecs:DescribeTasks", "ecs:StopTask"], json!(tasks), of_this_cluster),
        allow_if(&["ecs:TagResource"], json!(tasks), json!({"StringEquals": {"ecs:CreateAction": "RunTask"}})),
        allow_if(
            &["iam:PassRole"],
            json!(flow_roles),
            json!({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
        ),
        allow(
            &["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"],
            json!(events::queue_arn(subject)),
        ),
        allow(&["logs:GetLogEvents"], json!(flow_logs)),
    ]
}

/// What ECS needs to start a flow run: its log stream, the credential, an image of this account's registry.
fn flow_execution(subject: &Subject<'_>) -> Vec<Value> {
    let place = subject.place;
    let log_group = cluster::flows_log_group(&subject.spec.name);
    let mut statements = vec![
        allow(
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            json!(place.arn("logs", &format!("log-group:{log_group}:*"))),
        ),
        allow(&["ecr:GetAuthorizationToken"], json!("*")),
        allow(
            &["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
            json!(place.arn("ecr", "repository/*")),
        ),
    ];
    statements
        .extend(worker_credential_secret(subject.spec).map(|secret| allow(&["secretsmanager:GetSecretValue"], secret)));
    statements
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, spec};
    use super::*;
    use crate::spec::{Nat, Server, WorkerKey};

    fn policies(spec: &Spec, key: &Key) -> String {
        let entries = entries(spec);
        let role = entries.iter().find(|entry| &entry.key == key).expect("the role is in the catalogue");
        role.wanted["Policies"].to_string()
    }

    #[test]
    fn the_execution_role_reads_the_one_secret_and_those_of_the_worker() {
        let mut spec = spec(Nat::Single);
        spec.worker.secrets.insert("TOKEN".into(), "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t-1".into());
        let policies = policies(&spec, &keys::execution_role());
        assert!(
            policies
                .contains(r#"{"Ref":"identity/secret"},"arn:aws:secretsmanager:eu-west-1:123456789012:secret:t-1""#)
        );
        assert!(policies.contains("prefect-secrets-access"));
    }

    #[test]
    fn tasks_reach_the_workers_own_key_and_not_the_one_that_makes_pools() {
        let mut spec = spec(Nat::Single);
        spec.prefect.worker_key = Some(WorkerKey::default());
        for key in [keys::execution_role(), keys::flow_execution_role()] {
            let policies = policies(&spec, &key);
            assert!(policies.contains(r#"{"Ref":"identity/worker-secret"}"#), "{key}: {policies}");
            assert!(!policies.contains(r#"{"Ref":"identity/secret"}"#), "{key}: {policies}");
        }
    }

    #[test]
    fn a_server_without_a_credential_has_no_secret_and_no_right_to_one() {
        let mut spec = spec(Nat::Single);
        spec.prefect.server = Server::SelfHosted { api_url: "https://prefect.example.com/api".into() };
        spec.prefect.credential = Credential::None;
        assert!(entries(&spec).iter().all(|entry| entry.kind != Kind::Secret));
        for key in [keys::execution_role(), keys::flow_execution_role()] {
            assert!(!policies(&spec, &key).contains("secretsmanager"), "{key} may read a secret");
        }
    }

    #[test]
    fn the_worker_may_pass_the_flow_roles_and_no_other() {
        let policies = policies(&spec(Nat::Single), &keys::worker_task_role());
        assert!(policies.contains("role/prefect-environments/prefect-environments/prefect-flow-task-role"));
        assert!(!policies.contains("prefect-task-execution-role"), "the worker's own role must not be passed on");
    }

    #[test]
    fn flow_runs_start_without_any_right() {
        let entries = entries(&spec(Nat::Single));
        let role = entries.iter().find(|entry| entry.key == keys::flow_task_role()).expect("the flow task role");
        assert_eq!((&role.wanted["Policies"], &role.wanted["ManagedPolicyArns"]), (&json!([]), &json!([])));
    }
}
