//! Steps: sets of resources that are made or removed in one turn of a function.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One step of an operation. Its name is the `step` in a Task's payload, in the state machine's
/// definition and in the sort key `STEP#<step>` of the step's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// VPC, subnets, internet gateway, route tables, security group.
    Network,
    /// The way out of the private subnets: address, NAT gateway, default route.
    Egress,
    /// Roles and the secret.
    Identity,
    /// ECS cluster, namespace, log groups.
    Cluster,
    /// What the worker's service is made from: the events queue with its rule, the task definition.
    WorkerSetup,
    /// The worker's service.
    Worker,
}

impl Step {
    /// Every step, in the order in which an apply begins them.
    pub const ALL: [Step; 6] =
        [Step::Network, Step::Egress, Step::Identity, Step::Cluster, Step::WorkerSetup, Step::Worker];

    /// Whether the state machine runs it beside others, in both directions. The network comes before these in an
    /// apply and after them in a removal, the worker the other way round.
    pub fn runs_beside_others(self) -> bool {
        match self {
            Step::Egress | Step::Identity | Step::Cluster | Step::WorkerSetup => true,
            Step::Network | Step::Worker => false,
        }
    }

    /// Whether a change of its resources leaves something to put away once the change is made: revisions of the task
    /// definition, versions of the secret, the way out that was before, autoscaling that is not wanted any more.
    pub fn is_tidied(self) -> bool {
        match self {
            Step::Network | Step::Egress | Step::Identity | Step::WorkerSetup | Step::Worker => true,
            Step::Cluster => false,
        }
    }

    /// The function that makes and removes its resources.
    pub fn function(self) -> &'static str {
        match self {
            Step::Network | Step::Egress => "network",
            Step::Identity => "identity",
            Step::Cluster => "cluster",
            Step::WorkerSetup | Step::Worker => "worker",
        }
    }

    /// The name in payloads, keys and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Network => "network",
            Step::Egress => "egress",
            Step::Identity => "identity",
            Step::Cluster => "cluster",
            Step::WorkerSetup => "worker-setup",
            Step::Worker => "worker",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
