//! ECS: what takes its time there, and what must not be done in the wrong order.
//!
//! The local cloud runs a service's tasks and rolls it out within the call that asks for it. These rules tell of both
//! what their time tells: a service rolls out, and its tasks start and stop, as slowly as on Fargate.

pub(crate) mod cluster;
mod lifecycle;
mod rollout;
pub(crate) mod service;
pub(crate) mod task;
pub(crate) mod task_definition;

pub(crate) use lifecycle::STOPS_IN;
pub(crate) use rollout::COMPLETES_IN;

use crate::{Call, world::World};
use std::collections::BTreeMap;

/// What the rules remember of ECS.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The clusters by name.
    clusters: BTreeMap<String, cluster::State>,
    /// The services by cluster and name.
    services: BTreeMap<ServiceKey, service::State>,
    /// The tasks by ARN.
    tasks: BTreeMap<String, task::State>,
    /// The task definitions by ARN, and whether each is still active.
    definitions: BTreeMap<String, bool>,
}

impl State {
    /// The deployments whose tasks run.
    pub(crate) fn running_services<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a rollout::Rollout> {
        self.services.iter().filter_map(|(key, service)| service.running_rollout(key, world))
    }

    /// The ARN of the service that Application Auto Scaling knows as `service/<cluster>/<service>`, if it is active.
    pub(crate) fn active_service(&self, resource: &str, world: &World) -> Option<String> {
        let (cluster, name) = resource.strip_prefix("service/")?.split_once('/')?;
        let service = self.services.get(&(cluster.to_owned(), name.to_owned()))?;
        service.arn_of_active(world)
    }
}

/// A service's cluster and name.
type ServiceKey = (String, String);

/// The name in a name or an ARN.
fn name_of(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// The cluster that a call is about.
fn cluster_of(call: &Call) -> &str {
    match call.text("cluster") {
        "" => "default",
        cluster => name_of(cluster),
    }
}

/// The service that a call is about.
fn service_of(call: &Call) -> ServiceKey {
    let name = [call.text("service"), call.text("serviceName")].into_iter().find(|name| !name.is_empty());
    (cluster_of(call).to_owned(), name_of(name.unwrap_or_default()).to_owned())
}
