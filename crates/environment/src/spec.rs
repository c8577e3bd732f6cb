//! The spec: what a team asked for, validated, with every default filled in. It never holds a secret.
//!
//! [`crate::request`] turns a request's body into a spec; from then on everything derives from it.

use crate::place::Place;
use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a team asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// The environment's name, from which the names of its resources derive.
    pub name: String,
    /// The team that owns the environment.
    pub team: String,
    /// The network that the worker and the flow runs live in.
    pub network: Network,
    /// The Prefect server and work pool that the worker serves.
    pub prefect: Prefect,
    /// The worker's service.
    pub worker: Worker,
    /// What flow runs may do.
    pub flows: Flows,
    /// How long the log groups keep a line, in days.
    pub log_retention_days: u32,
    /// The team's own tags, put on every resource that can carry tags.
    pub tags: BTreeMap<String, String>,
}

impl Spec {
    /// The specs that a change may have led here from, one for each choice that can be changed and decides what there
    /// is.
    pub(crate) fn predecessors(&self) -> Vec<Spec> {
        [self.with_other_nat(), self.with_autoscaling(), self.with_worker_key()].into_iter().flatten().collect()
    }

    fn with_other_nat(&self) -> Option<Spec> {
        let Network::Create { nat, .. } = &self.network;
        let other = match nat {
            Nat::Single => Nat::PerAz,
            Nat::PerAz => Nat::Single,
            Nat::None => return None,
        };
        let mut spec = self.clone();
        let Network::Create { nat, .. } = &mut spec.network;
        *nat = other;
        Some(spec)
    }

    /// With autoscaling there is more than without, whatever its bounds were.
    fn with_autoscaling(&self) -> Option<Spec> {
        let Count::Fixed { desired_count } = self.worker.count else { return None };
        let mut spec = self.clone();
        let autoscaling = Autoscaling { min: desired_count, max: desired_count, cpu_target: 50 };
        spec.worker.count = Count::Scaled { autoscaling };
        Some(spec)
    }

    /// A key of the worker's own comes and goes with a change.
    fn with_worker_key(&self) -> Option<Spec> {
        let may_have_had_one = self.prefect.worker_key.is_none() && matches!(self.prefect.server, Server::Cloud { .. });
        let mut spec = may_have_had_one.then(|| self.clone())?;
        spec.prefect.worker_key = Some(WorkerKey::default());
        Some(spec)
    }
}

/// The network. An enum, so that a mode `existing` can join it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mode", rename_all = "kebab-case")]
pub enum Network {
    /// A VPC of the environment's own.
    Create {
        /// The VPC's address range.
        #[schemars(with = "String", example = &"10.0.0.0/16")]
        vpc_cidr: Ipv4Net,
        /// One public subnet for each range, each in a zone of its own as far as the region has zones.
        #[schemars(with = "Vec<String>")]
        public_subnets: Vec<Ipv4Net>,
        /// One private subnet for each range, in the same zones. Empty where `nat` is `none`.
        #[schemars(with = "Vec<String>")]
        private_subnets: Vec<Ipv4Net>,
        /// How private subnets reach the internet.
        nat: Nat,
    },
}

/// How the tasks reach the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// One NAT gateway, in the first public subnet.
    Single,
    /// A NAT gateway in every zone.
    PerAz,
    /// None: tasks run in the public subnets, with public addresses.
    None,
}

/// The Prefect server and work pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Prefect {
    /// Which server.
    #[serde(flatten)]
    pub server: Server,
    /// Where the credential for it lies that this service uses, and the worker where it has none of its own.
    pub credential: Credential,
    /// Which version of the environment's own secret is read, once another credential came with a change.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>", extend("format" = "uuid"))]
    pub key_version: Option<Uuid>,
    /// The API key that the worker and the flow runs use instead.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub worker_key: Option<WorkerKey>,
    /// The work pool that the worker serves.
    pub work_pool: String,
    /// Whether a pool of that name that exists is lent the environment's defaults, and stays its owner's.
    #[serde(default)]
    pub adopt_pool: bool,
    /// Whether the functions reach the server: then they check it, make the work pool, and wait for the worker to
    /// come online. Otherwise all of that is the team's.
    #[serde(default = "yes")]
    pub verify: bool,
}

fn yes() -> bool {
    true
}

impl Prefect {
    /// Whether a change brought a credential: the version of a secret is called what the change is.
    pub fn has_key_of(&self, change: Uuid) -> bool {
        [self.key_version, self.worker_key.as_ref().and_then(|key| key.version)].contains(&Some(change))
    }

    /// As if no key had ever been changed.
    pub fn forget_versions(&mut self) {
        self.key_version = None;
        if let Some(key) = &mut self.worker_key {
            key.version = None;
        }
    }
}

/// A Prefect server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Server {
    /// A workspace of Prefect Cloud.
    Cloud {
        /// The account.
        #[schemars(with = "String", extend("format" = "uuid"))]
        account_id: Uuid,
        /// The workspace within it.
        #[schemars(with = "String", extend("format" = "uuid"))]
        workspace_id: Uuid,
    },
    /// A server of the team's own.
    SelfHosted {
        /// Its API, for instance `https://prefect.example.com/api`.
        api_url: String,
    },
}

impl Server {
    /// The value of `PREFECT_API_URL`. Prefect Cloud's carries account and workspace: a worker ignores
    /// the variables `PREFECT_ACCOUNT_ID` and `PREFECT_WORKSPACE_ID`.
    pub fn api_url(&self, place: &Place) -> String {
        match self {
            Server::Cloud { account_id, workspace_id } => {
                format!("{}/accounts/{account_id}/workspaces/{workspace_id}", place.prefect_cloud_url)
            }
            Server::SelfHosted { api_url } => api_url.clone(),
        }
    }
}

/// Where a credential lies. The credential itself is in Secrets Manager only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Credential {
    /// An API key that came with the request, kept in the environment's own secret.
    ApiKey,
    /// An API key in a secret of the team's own.
    SharedApiKey {
        /// That secret.
        secret_arn: String,
    },
    /// A self-hosted server's `user:password`, kept in the environment's own secret.
    AuthString,
    /// The self-hosted server asks for none.
    None,
}

impl Credential {
    /// The variable through which a worker receives one.
    pub fn variable(&self) -> Option<&'static str> {
        match self {
            Credential::ApiKey | Credential::SharedApiKey { .. } => Some("PREFECT_API_KEY"),
            Credential::AuthString => Some("PREFECT_API_AUTH_STRING"),
            Credential::None => None,
        }
    }

    /// Whether the environment has a secret of its own for it.
    pub fn is_kept_by_the_environment(&self) -> bool {
        matches!(self, Credential::ApiKey | Credential::AuthString)
    }
}

/// An API key that worker and flow runs have of their own, in a secret of its own: it needs to be able to do less than
/// the one that makes work pools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerKey {
    /// Which version of that secret is read, once the key came with a change.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>", extend("format" = "uuid"))]
    pub version: Option<Uuid>,
}

/// The worker's service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Worker {
    /// The service's name.
    pub name: String,
    /// The container image.
    pub image: String,
    /// CPU units of the task: 1024 are one vCPU.
    pub cpu: u32,
    /// Memory of the task in MiB.
    pub memory: u32,
    /// How many workers run.
    #[serde(flatten)]
    pub count: Count,
    /// The container's command, as an exec array: no shell reads it.
    pub command: Vec<String>,
    /// Further variables of the container. Stored and shown in the clear.
    pub environment: BTreeMap<String, String>,
    /// Further variables of the container, each from the secret of this ARN.
    pub secrets: BTreeMap<String, String>,
    /// The capacity that the worker runs on.
    pub capacity: Capacity,
}

/// How many workers run: a number, or what their load asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Count {
    /// So many. None pauses the worker.
    Fixed {
        /// How many.
        desired_count: u32,
    },
    /// As many as AWS sets within these bounds.
    Scaled {
        /// The bounds, and what decides within them.
        autoscaling: Autoscaling,
    },
}

impl Count {
    /// How many run at the least, and at first.
    pub fn least(&self) -> u32 {
        match self {
            Count::Fixed { desired_count } => *desired_count,
            Count::Scaled { autoscaling } => autoscaling.min,
        }
    }

    /// How many may run.
    pub fn most(&self) -> u32 {
        match self {
            Count::Fixed { desired_count } => *desired_count,
            Count::Scaled { autoscaling } => autoscaling.max,
        }
    }
}

/// Target tracking: AWS keeps the average CPU use of the workers near a target by starting and stopping some.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Autoscaling {
    /// The fewest workers.
    pub min: u32,
    /// The most workers.
    pub max: u32,
    /// The average CPU use that is aimed at, in percent of what the tasks have.
    pub cpu_target: u32,
}

/// Fargate capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Capacity {
    /// On demand.
    Fargate,
    /// Spare capacity: cheaper, may be taken back at two minutes' notice.
    FargateSpot,
}

/// What flow runs may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flows {
    /// Managed policies attached to the flow task role.
    pub policy_arns: Vec<String>,
}
