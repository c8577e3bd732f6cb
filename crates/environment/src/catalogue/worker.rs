//! The worker: its task definition and its service, and what Prefect knows of both: the work pool and the workers
//! that are online.

use super::{Entry, Subject, cluster, events, identity, keys, network, references};
use crate::{
    key::Key,
    kind::Kind,
    properties::{attribute, joined, reference},
    spec::{Autoscaling, Capacity, Count, Credential, Nat, Network, Server, Spec},
    step::Step,
};
use serde_json::{Value, json};

/// What the families of workers' task definitions end with. The policies of template.yaml say so, too.
pub const FAMILY_SUFFIX: &str = "-worker-task";
/// The container's name.
pub const CONTAINER: &str = "prefect-worker";
/// The option that makes a worker answer health checks.
pub const WITH_HEALTHCHECK: &str = "--with-healthcheck";

pub(super) fn entries(subject: &Subject<'_>) -> Vec<Entry> {
    let mut entries = vec![task_definition(subject), flow_definitions(subject), service(subject)];
    // Where the functions do not reach the server, the pool is the team's affair.
    let work_pool = subject.spec.prefect.verify.then(|| work_pool(subject));
    entries.extend(work_pool);
    entries.push(online(subject));
    entries
}

/// The command of a worker of this pool. An exec array: no shell reads it, and signals reach Prefect.
pub fn default_command(work_pool: &str) -> Vec<String> {
    ["prefect", "worker", "start", "--pool", work_pool, "--type", "ecs", WITH_HEALTHCHECK].map(String::from).to_vec()
}

fn task_definition(subject: &Subject<'_>) -> Entry {
    let spec = subject.spec;
    let wanted = json!({
        "Family": format!("{}{FAMILY_SUFFIX}", spec.name),
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "Cpu": spec.worker.cpu.to_string(),
        "Memory": spec.worker.memory.to_string(),
        "ExecutionRoleArn": attribute(&keys::execution_role(), "Arn"),
        "TaskRoleArn": attribute(&keys::worker_task_role(), "Arn"),
        "ContainerDefinitions": [container(subject)],
    });
    Entry::new(Step::WorkerSetup, Kind::TaskDefinition, keys::task_definition(), wanted)
        .tagged(subject, &format!("{}-ecs", spec.name))
}

/// The worker registers one family for each deployment: `prefect_<pool>_<deployment>`.
fn flow_definitions(subject: &Subject<'_>) -> Entry {
    let wanted = json!({
        "FamilyPrefix": format!("prefect_{}_", subject.spec.prefect.work_pool),
        "ExecutionRoleArn": identity::flow_execution_role_arn(subject),
    });
    Entry::new(Step::WorkerSetup, Kind::FlowDefinitions, keys::flow_definitions(), wanted)
}

fn container(subject: &Subject<'_>) -> Value {
    let spec = subject.spec;
    let mut container = json!({
        "Name": CONTAINER,
        "Image": spec.worker.image,
        "Essential": true,
        "Cpu": spec.worker.cpu,
        "Memory": spec.worker.memory,
        "Command": spec.worker.command,
        "Environment": environment(subject),
        "Secrets": secrets(spec),
        // As long as Fargate allows: the worker finishes what it is submitting.
        "StopTimeout": 120,
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": cluster::worker_log_group(&spec.name),
                "awslogs-region": subject.place.region,
                "awslogs-stream-prefix": "prefect",
            }
        },
    });
    // A command of the team's own may not answer health checks; ECS would then kill a healthy worker.
    if spec.worker.command.iter().any(|argument| argument == WITH_HEALTHCHECK) {
        let look = "import urllib.request as u; u.urlopen('http://localhost:8080/health', timeout=4)";
        container["HealthCheck"] = json!({
            "Command": ["CMD", "python", "-c", look],
            "Interval": 30,
            "Timeout": 5,
            "Retries": 3,
            "StartPeriod": 60,
        });
    }
    container
}

/// The names of the variables that the service sets itself, some of them only for some servers. A request may
/// set none of them, neither in the clear nor from a secret.
pub const OWN_VARIABLES: &[&str] = &[
    "PREFECT_API_URL",
    "PREFECT_API_KEY",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_ACCOUNT_ID",
    "PREFECT_WORKSPACE_ID",
    "PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];

/// The variables through which the AWS SDKs would take credentials from somewhere else than the task's role.
pub const AWS_CREDENTIALS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// The variables that the service sets itself, in a fixed order; all of them are among [`OWN_VARIABLES`].
fn own_variables(subject: &Subject<'_>) -> Vec<(&'static str, String)> {
    let server = &subject.spec.prefect.server;
    let region = &subject.place.region;
    let mut variables = vec![("PREFECT_API_URL", server.api_url(subject.place))];
    if let Server::Cloud { account_id, workspace_id } = server {
        variables.push(("PREFECT_ACCOUNT_ID", account_id.to_string()));
        variables.push(("PREFECT_WORKSPACE_ID", workspace_id.to_string()));
    }
    // The AWS SDK in the worker exits where it finds no region.
    variables.push(("AWS_REGION", region.clone()));
    variables.push(("AWS_DEFAULT_REGION", region.clone()));
    variables.push(("PREFECT_INTEGRATIONS_AWS_ECS_OBSERVER_SQS_QUEUE_NAME", events::queue_name(&subject.spec.name)));
    variables
}

fn environment(subject: &Subject<'_>) -> Value {
    let own = own_variables(subject).into_iter().map(|(name, value)| (name.to_owned(), value));
    let teams = subject.spec.worker.environment.clone();
    own.chain(teams).map(|(name, value)| json!({"Name": name, "Value": value})).collect()
}

fn secrets(spec: &Spec) -> Value {
    let prefect = &spec.prefect;
    let secret = json!(identity::worker_credential_secret(spec));
    let source = match prefect.worker_key.as_ref().map_or(prefect.key_version, |key| key.version) {
        // Another key is another task definition, so that the service rolls out to it, and back. Flow runs and this
        // service read the current version.
        Some(version) => joined([secret, json!(format!(":::{version}"))]),
        None => secret,
    };
    let own = spec.prefect.credential.variable().map(|name| json!({"Name": name, "ValueFrom": source}));
    let teams = spec.worker.secrets.iter().map(|(name, arn)| json!({"Name": name, "ValueFrom": arn}));
    own.into_iter().chain(teams).collect()
}

/// The subnets that tasks run in, and whether they have public addresses there.
fn task_network(spec: &Spec) -> (Value, &'static str) {
    let Network::Create { public_subnets, private_subnets, nat, .. } = &spec.network;
    let (subnets, public_address): (Vec<Key>, _) = match nat {
        Nat::None => ((1..=public_subnets.len()).map(keys::public_subnet).collect(), "ENABLED"),
        Nat::Single | Nat::PerAz => ((1..=private_subnets.len()).map(keys::private_subnet).collect(), "DISABLED"),
    };
    (references(subnets), public_address)
}

fn service(subject: &Subject<'_>) -> Entry {
    let spec = subject.spec;
    let Network::Create { private_subnets, nat, .. } = &spec.network;
    let (subnets, public_address) = task_network(spec);
    let mut wanted = json!({
        "ServiceName": spec.worker.name,
        "Cluster": reference(&keys::cluster()),
        "TaskDefinition": reference(&keys::task_definition()),
        "DesiredCount": desired_count(spec.worker.count),
        "NetworkConfiguration": {"AwsvpcConfiguration": {
            "Subnets": subnets,
            "SecurityGroups": [reference(&keys::security_group())],
            "AssignPublicIp": public_address,
        }},
        "DeploymentConfiguration": {
            "MaximumPercent": 200,
            "MinimumHealthyPercent": 100,
            "DeploymentCircuitBreaker": {"Enable": true, "Rollback": true},
        },
        "PropagateTags": "SERVICE",
    });
    match spec.worker.capacity {
        Capacity::Fargate => wanted["LaunchType"] = json!("FARGATE"),
        Capacity::FargateSpot => {
            wanted["CapacityProviderStrategy"] = json!([{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]);
        }
    }
    Entry::new(Step::Worker, Kind::Service, keys::service(), wanted)
        // A task that starts without roles, logs or a way out fails; the step order sees to the way out. A worker
        // that finds no queue at its start never looks for it again.
        .after([keys::execution_role(), keys::worker_task_role(), keys::worker_log_group()])
        .after([keys::events_queue(), keys::task_events_rule()])
        // And the other way round: as long as flow runs are at work, what they live on stays.
        .after([keys::flow_execution_role(), keys::flow_task_role(), keys::flows_log_group(), keys::flow_definitions()])
        .after(spec.prefect.credential.is_kept_by_the_environment().then(keys::secret))
        .after(spec.prefect.worker_key.as_ref().map(|_| keys::worker_secret()))
        .after(network::way_out(*nat, private_subnets.len()))
        .tagged(subject, &format!("{}-ecs", spec.name))
}

/// The number of tasks; where AWS sets it, the bounds that it must be within.
fn desired_count(count: Count) -> Value {
    match count {
        Count::Fixed { desired_count } => json!(desired_count),
        Count::Scaled { autoscaling: Autoscaling { min, max, .. } } => json!({AT_LEAST: min, AT_MOST: max}),
    }
}

/// The bounds of a `DesiredCount` that AWS sets.
pub const AT_LEAST: &str = "AtLeast";
/// See [`AT_LEAST`].
pub const AT_MOST: &str = "AtMost";

/// The API that the work pool is in, and which secret opens it.
fn server(subject: &Subject<'_>) -> Value {
    let prefect = &subject.spec.prefect;
    let credential = json!(identity::credential_secret(subject.spec));
    let mut server = json!({"ApiUrl": prefect.server.api_url(subject.place)});
    match &prefect.credential {
        Credential::ApiKey | Credential::SharedApiKey { .. } => server["ApiKey"] = credential,
        Credential::AuthString => server["AuthString"] = credential,
        Credential::None => {}
    }
    server
}

/// The work pool. Its defaults are variables of the base job template of type `ecs`; null stands for a variable that
/// must have none.
fn work_pool(subject: &Subject<'_>) -> Entry {
    let spec = subject.spec;
    let (subnets, public_address) = task_network(spec);
    let credential = json!(identity::worker_credential_secret(spec));
    let (api_key, auth_string) = match &spec.prefect.credential {
        // With the variable for the other kind of server as well, every flow run would crash.
        Credential::AuthString => (Value::Null, credential),
        Credential::ApiKey | Credential::SharedApiKey { .. } => (credential, Value::Null),
        Credential::None => (Value::Null, Value::Null),
    };
    let wanted = json!({
        "Name": spec.prefect.work_pool,
        // Whose it is: the id is nobody else's.
        "Description": format!("Of the environment {} ({}) of team {}. {MADE_BY}", spec.name, subject.id, spec.team),
        "IsPaused": false,
        "Adopt": spec.prefect.adopt_pool,
        "Server": server(subject),
        "Defaults": {
            "cluster": attribute(&keys::cluster(), "Arn"),
            "vpc_id": reference(&keys::vpc()),
            // Flat: the worker wraps it in awsvpcConfiguration itself.
            "network_configuration": {
                "subnets": subnets,
                "securityGroups": [reference(&keys::security_group())],
                "assignPublicIp": public_address,
            },
            "execution_role_arn": attribute(&keys::flow_execution_role(), "Arn"),
            "task_role_arn": attribute(&keys::flow_task_role(), "Arn"),
            "prefect_api_key_secret_arn": api_key,
            "prefect_api_auth_string_secret_arn": auth_string,
            "configure_cloudwatch_logs": true,
            // The group is there, with its retention: flow runs may not create any.
            "cloudwatch_logs_options": {
                "awslogs-group": cluster::flows_log_group(&spec.name),
                "awslogs-create-group": "false",
            },
            "launch_type": match spec.worker.capacity {
                Capacity::Fargate => "FARGATE",
                Capacity::FargateSpot => "FARGATE_SPOT",
            },
            // Otherwise each worker that starts registers every definition anew.
            "match_latest_revision_in_family": true,
        },
    });
    Entry::new(Step::WorkerSetup, Kind::WorkPool, keys::work_pool(), wanted)
}

/// What the description of every work pool ends with that this service makes.
pub const MADE_BY: &str = "Made and removed by prefect-environments.";

/// What Prefect says of the service's workers.
fn online(subject: &Subject<'_>) -> Entry {
    let spec = subject.spec;
    let mut wanted = json!({
        "WorkPool": spec.prefect.work_pool,
        "Adopt": spec.prefect.adopt_pool,
        "Cluster": reference(&keys::cluster()),
        "ServiceName": spec.worker.name,
        // What the worker could not handle is looked at together with the worker.
        "DeadLetterQueue": reference(&keys::events_dead_letter_queue()),
    });
    let mut after = vec![keys::service()];
    if spec.prefect.verify {
        wanted["Server"] = server(subject);
        after.push(keys::work_pool());
    }
    Entry::new(Step::Worker, Kind::Worker, keys::online(), wanted).after(after)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, spec};
    use super::*;
    use crate::{id::EnvironmentId, spec::WorkerKey};

    fn wanted(spec: &Spec, key: Key) -> Value {
        let entries = entries(spec);
        let entry = entries.into_iter().find(|entry| entry.key == key);
        Value::Object(entry.expect("the key is in the catalogue").wanted)
    }

    #[test]
    fn the_api_key_reaches_the_worker_as_a_secret_and_as_nothing_else() {
        let definition = wanted(&spec(Nat::Single), keys::task_definition());
        let container = &definition["ContainerDefinitions"][0];
        assert_eq!(container["Secrets"], json!([{"Name": "PREFECT_API_KEY", "ValueFrom": {"Ref": "identity/secret"}}]));
        assert!(!container["Environment"].to_string().contains("PREFECT_API_KEY"));
    }

    #[test]
    fn another_key_is_read_by_its_version() {
        let mut spec = spec(Nat::Single);
        spec.prefect.key_version = Some(uuid::Uuid::from_u128(3));
        let definition = wanted(&spec, keys::task_definition());
        let source = &definition["ContainerDefinitions"][0]["Secrets"][0]["ValueFrom"];
        let version = ":::00000000-0000-0000-0000-000000000003";
        assert_eq!(*source, json!({"Fn::Join": ["", [{"Ref": "identity/secret"}, version]]}));
        // Flow runs and this service read the current one, which the identity step has made it by then.
        let secret = wanted(&spec, keys::secret());
        assert_eq!(secret["VersionId"], "00000000-0000-0000-0000-000000000003");
        let pool = wanted(&spec, keys::work_pool());
        assert_eq!(pool["Defaults"]["prefect_api_key_secret_arn"], json!({"Ref": "identity/secret"}));
        assert_eq!(pool["Server"]["ApiKey"], json!({"Ref": "identity/secret"}));
    }

    #[test]
    fn a_key_of_the_workers_own_is_the_one_that_tasks_read_and_this_service_does_not() {
        let mut spec = spec(Nat::Single);
        spec.prefect.key_version = Some(uuid::Uuid::from_u128(3));
        spec.prefect.worker_key = Some(WorkerKey::default());
        let own = json!({"Ref": "identity/worker-secret"});
        let read = |spec: &Spec| {
            wanted(spec, keys::task_definition())["ContainerDefinitions"][0]["Secrets"][0]["ValueFrom"].clone()
        };
        assert_eq!(read(&spec), own, "another key of the service's is no other task definition");
        let pool = wanted(&spec, keys::work_pool());
        assert_eq!(pool["Defaults"]["prefect_api_key_secret_arn"], own);
        assert_eq!(pool["Server"]["ApiKey"], json!({"Ref": "identity/secret"}));
        spec.prefect.worker_key = Some(WorkerKey { version: Some(uuid::Uuid::from_u128(4)) });
        assert_eq!(read(&spec), json!({"Fn::Join": ["", [own, ":::00000000-0000-0000-0000-000000000004"]]}));
        assert_eq!(wanted(&spec, keys::worker_secret())["VersionId"], "00000000-0000-0000-0000-000000000004");
    }

    #[test]
    fn every_variable_that_the_service_sets_is_refused_in_requests() {
        let mut self_hosted = spec(Nat::Single);
        self_hosted.prefect.server = Server::SelfHosted { api_url: "https://prefect.example.com/api".into() };
        self_hosted.prefect.credential = Credential::AuthString;
        for spec in [spec(Nat::Single), self_hosted] {
            let definition = wanted(&spec, keys::task_definition());
            let container = &definition["ContainerDefinitions"][0];
            for variables in ["Environment", "Secrets"] {
                for variable in container[variables].as_array().expect("a list") {
                    let name = variable["Name"].as_str().expect("a name");
                    assert!(OWN_VARIABLES.contains(&name), "{name} is set by the service and by requests");
                }
            }
        }
    }

    #[test]
    fn a_command_without_health_checks_is_not_checked() {
        let mut spec = spec(Nat::Single);
        assert!(wanted(&spec, keys::task_definition())["ContainerDefinitions"][0].get("HealthCheck").is_none());
        spec.worker.command = default_command("ecs-work-pool");
        assert!(wanted(&spec, keys::task_definition())["ContainerDefinitions"][0].get("HealthCheck").is_some());
    }

    #[test]
    fn without_nat_the_tasks_have_public_addresses_in_the_public_subnets() {
        let service = wanted(&spec(Nat::None), keys::service());
        let network = &service["NetworkConfiguration"]["AwsvpcConfiguration"];
        assert_eq!(network["AssignPublicIp"], "ENABLED");
        assert_eq!(network["Subnets"][0], json!({"Ref": "network/public-subnet-1"}));
    }

    #[test]
    fn the_pool_sends_flow_runs_where_the_worker_is_with_the_flows_own_roles() {
        let pool = wanted(&spec(Nat::Single), keys::work_pool());
        let defaults = &pool["Defaults"];
        let network = &defaults["network_configuration"];
        assert_eq!(network["subnets"][2], json!({"Ref": "network/private-subnet-3"}));
        assert_eq!(network["assignPublicIp"], "DISABLED");
        assert_eq!(defaults["task_role_arn"], json!({"Fn::GetAtt": ["identity/flow-task-role", "Arn"]}));
        assert_eq!(defaults["prefect_api_key_secret_arn"], json!({"Ref": "identity/secret"}));
        assert!(defaults["prefect_api_auth_string_secret_arn"].is_null(), "never both");
        let description = pool["Description"].as_str().expect("a text");
        assert!(description.contains(&EnvironmentId::new(1, 1).to_string()) && description.ends_with(MADE_BY));
    }

    #[test]
    fn the_pool_of_a_server_of_ones_own_has_the_auth_string() {
        let mut spec = spec(Nat::None);
        spec.prefect.server = Server::SelfHosted { api_url: "https://prefect.example.com/api".into() };
        spec.prefect.credential = Credential::AuthString;
        let pool = wanted(&spec, keys::work_pool());
        let server = json!({"ApiUrl": "https://prefect.example.com/api", "AuthString": {"Ref": "identity/secret"}});
        assert_eq!(pool["Server"], server);
        assert!(pool["Defaults"]["prefect_api_key_secret_arn"].is_null(), "never both");
        assert_eq!(pool["Defaults"]["prefect_api_auth_string_secret_arn"], json!({"Ref": "identity/secret"}));
        assert_eq!(pool["Defaults"]["network_configuration"]["assignPublicIp"], "ENABLED");
    }

    #[test]
    fn a_server_that_the_functions_do_not_reach_is_not_asked() {
        let mut spec = spec(Nat::Single);
        spec.prefect.verify = false;
        assert!(entries(&spec).iter().all(|entry| entry.kind != Kind::WorkPool));
        assert!(wanted(&spec, keys::online()).get("Server").is_none());
    }

    #[test]
    fn spot_capacity_replaces_the_launch_type() {
        let mut spec = spec(Nat::Single);
        spec.worker.capacity = Capacity::FargateSpot;
        let service = wanted(&spec, keys::service());
        assert!(service.get("LaunchType").is_none());
        assert_eq!(service["CapacityProviderStrategy"][0]["CapacityProvider"], "FARGATE_SPOT");
    }
}
