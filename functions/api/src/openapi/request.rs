//! The body of `POST /environments`, as the document describes it. It is read by `environment::request`, field by
//! field, so that every violation is told at once; a test holds the fields here against the fields there.
#![expect(dead_code, reason = "these types describe and are never made")]

use schemars::JsonSchema;
use serde_json::{Value, json};
use std::collections::HashMap;

/// What is asked for. A field that is null counts as left out.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(example = example())]
pub(super) struct EnvironmentRequest {
    /// Words of lower-case letters and digits joined by single hyphens. Unique in this deployment; the names of the
    /// resources derive from it.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"), length(min = 2, max = 24))]
    name: String,
    /// The caller's own, or the one that an administrator names.
    #[schemars(regex(pattern = r"^[A-Za-z0-9._-]+$"), length(min = 1, max = 64))]
    team: Option<String>,
    /// The Prefect server and work pool that the worker serves.
    prefect: PrefectRequest,
    /// The network that the worker and the flow runs live in.
    network: Option<NetworkRequest>,
    /// The worker's service.
    worker: Option<WorkerRequest>,
    /// What flow runs may do.
    flows: Option<FlowsRequest>,
    /// How long the log groups keep a line: one of CloudWatch's values.
    #[schemars(range(min = 1, max = 3653), extend("default" = 30))]
    log_retention_days: Option<u32>,
    /// The team's own tags, 40 at most; not `Name`, `aws:…`, `prefect-environments:…`.
    tags: Option<HashMap<String, String>>,
    /// Refuses a DELETE until it has been taken back.
    deletion_protection: Option<DeletionProtectionRequest>,
    /// When the environment is deleted by itself: a time to come. Not together with `ttl`.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    expires_at: Option<String>,
    /// How long after the request it is deleted by itself: an ISO 8601 duration without months and years, 10 minutes to
    /// 3660 days.
    #[schemars(example = &"P14D", length(max = 64))]
    ttl: Option<String>,
}

/// What is to be changed: a JSON merge patch (RFC 7396) of an `EnvironmentRequest`. What it names becomes so, null takes
/// away or brings the default back, everything else stays.
#[derive(JsonSchema)]
#[schemars(example = json!({"worker": {"desired_count": 0}}))]
pub(super) struct EnvironmentPatch(serde_json::Map<String, Value>);

/// A workspace of Prefect Cloud (`account_id` and `workspace_id`, and a key or a secret's ARN), or a server of the team's
/// own (`api_url`).
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("anyOf" = forms()))]
pub(super) struct PrefectRequest {
    /// The account in Prefect Cloud.
    #[schemars(extend("format" = "uuid"))]
    account_id: Option<String>,
    /// The workspace in Prefect Cloud.
    #[schemars(extend("format" = "uuid"))]
    workspace_id: Option<String>,
    /// The API key. Goes to Secrets Manager and is never shown again.
    #[schemars(length(min = 1, max = 512), extend("format" = "password", "writeOnly" = true))]
    api_key: Option<String>,
    /// Or a secret of the team's own with the key, in this account and region, tagged `prefect-environments:team`.
    #[schemars(length(max = 2048))]
    api_key_secret_arn: Option<String>,
    /// A self-hosted server's API: https, without user info and query.
    #[schemars(example = &"https://prefect.example.com/api", length(max = 1024))]
    api_url: Option<String>,
    /// The self-hosted server's `user:password`. Goes to Secrets Manager and is never shown again.
    #[schemars(length(min = 1, max = 1024), extend("format" = "password", "writeOnly" = true))]
    auth_string: Option<String>,
    /// An API key that worker and flow runs use instead. It needs fewer rights: Prefect Cloud's workspace role `Worker`.
    /// Goes to Secrets Manager and is never shown again.
    #[schemars(length(min = 1, max = 512), extend("format" = "password", "writeOnly" = true))]
    worker_api_key: Option<String>,
    /// The work pool that the worker serves; no other environment serves it.
    #[schemars(length(min = 1, max = 200), extend("default" = "ecs-work-pool"))]
    work_pool: Option<String>,
    /// Whether a work pool of that name that exists is lent the environment's defaults, and stays its owner's.
    #[schemars(extend("default" = false))]
    adopt_pool: Option<bool>,
    /// `false` where the service's functions do not reach the server: then it is not asked, and the pool is the team's
    /// affair.
    #[schemars(extend("default" = true))]
    verify: Option<bool>,
}

/// The network.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct NetworkRequest {
    /// A VPC of the environment's own.
    #[schemars(regex(pattern = r"^create$"), extend("default" = "create"))]
    mode: Option<String>,
    /// The VPC's address range, /16 to /28.
    #[schemars(extend("default" = "10.0.0.0/16"))]
    vpc_cidr: Option<String>,
    /// Two or three ranges inside the VPC's, one for each public subnet.
    #[schemars(length(min = 2, max = 3))]
    public_subnets: Option<Vec<String>>,
    /// As many for the private subnets; none where `nat` is `none`.
    #[schemars(length(max = 3))]
    private_subnets: Option<Vec<String>>,
    /// How tasks reach the internet.
    nat: Option<environment::spec::Nat>,
}

/// The worker's service.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct WorkerRequest {
    /// The service's name.
    #[schemars(length(min = 1, max = 255), extend("default" = "dev-worker"))]
    name: Option<String>,
    /// The container image: among the operator's, where there are any.
    #[schemars(length(min = 1, max = 255))]
    image: Option<String>,
    /// CPU units: 1024 are one vCPU. With `memory` a pair that Fargate has.
    #[schemars(range(min = 256, max = 16384), extend("default" = 512))]
    cpu: Option<u32>,
    /// MiB.
    #[schemars(range(min = 512, max = 122880), extend("default" = 1024))]
    memory: Option<u32>,
    /// How many workers run. Not together with `autoscaling`.
    #[schemars(range(min = 0, max = 100), extend("default" = 1))]
    desired_count: Option<u32>,
    /// Or the bounds within which AWS sets how many run, by their CPU use.
    autoscaling: Option<AutoscalingRequest>,
    /// The container's command, as an exec array: no shell reads it.
    #[schemars(length(min = 1, max = 64))]
    command: Option<Vec<String>>,
    /// Further variables of the container. Stored and shown in the clear.
    environment: Option<HashMap<String, String>>,
    /// Further variables of the container, each from the secret of this ARN.
    secrets: Option<HashMap<String, String>>,
    /// The capacity that the worker runs on.
    capacity: Option<environment::spec::Capacity>,
}

/// Target tracking on the workers' average CPU use.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct AutoscalingRequest {
    /// The fewest workers: without any there is no CPU use to go by.
    #[schemars(range(min = 1, max = 100), extend("default" = 1))]
    min: Option<u32>,
    /// The most workers, `min` or more.
    #[schemars(range(min = 1, max = 100))]
    max: u32,
    /// The average CPU use that is aimed at, in percent of what the tasks have.
    #[schemars(range(min = 10, max = 90), extend("default" = 60))]
    cpu_target: Option<u32>,
}

/// What flow runs may do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FlowsRequest {
    /// Managed policies for the flow runs' role, among the operator's.
    #[schemars(length(max = 10))]
    policy_arns: Option<Vec<String>>,
}

/// Why an environment must not be deleted.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DeletionProtectionRequest {
    /// A line for those who would delete it.
    #[schemars(length(min = 1, max = 256))]
    reason: String,
}

fn example() -> Value {
    json!({
        "name": "prefect",
        "team": "data",
        "prefect": {
            "account_id": "11111111-2222-4333-8444-555555555555",
            "workspace_id": "66666666-7777-4888-9999-000000000000",
            "api_key": "pnu_0123456789",
        },
    })
}

/// Which fields of `prefect` go together, at the least.
fn forms() -> Value {
    json!([
        {"required": ["account_id", "workspace_id", "api_key"]},
        {"required": ["account_id", "workspace_id", "api_key_secret_arn"]},
        {"required": ["api_url"]},
    ])
}
