//! The worker's service.
//!
//! It is ready when its deployment is completed and as many tasks run as are wanted; ECS's circuit breaker
//! decides when a deployment has failed. A removal waits until no flow run is at work, the worker with them, unless it is
//! told to stop them. The service is gone only when its tasks have stopped, and those of
//! flow runs with them: until then their network interfaces hold the subnets. So a service that ECS already
//! calls INACTIVE, or no longer knows, is still seen while tasks of its cluster live.
//!
//! A change is a deployment: tasks of the new kind start beside the old ones and take their place, so that the service
//! is never without a running task. When they do not start or do not stay, the circuit breaker goes back to what ran
//! before, and the service looks well again. So the deployment that a change has begun is recorded: where that is shown
//! as failed, or is not the current one some time later, and the service is not as wanted, the change has failed.
//!
//! With autoscaling AWS sets the number of tasks. Whatever it is within the bounds is as wanted: nothing here sets it, not
//! even on the way back from a change that failed. What is outside is brought to the nearer bound.

use crate::{
    post_mortem::PostMortem,
    task_definition::family_of,
    tasks,
    wanted::{self, bug, in_wanted_order},
};
use async_trait::async_trait;
use aws_sdk_ecs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::update_service::builders::UpdateServiceFluentBuilder,
    types::{self, AssignPublicIp, DeploymentRolloutState, LaunchType, PropagateTags, ServiceField},
};
use engine::{Action, Departure, Found, Owner, Resource, Sighting, Site, State, TagChange, Whose, aws};
use environment::{Change, Code, Fault, Kind, Properties, catalogue, diff, kind::TAGS};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) struct Service {
    pub(crate) client: Client,
    pub(crate) post_mortem: PostMortem,
}

/// DescribeServices takes so many at once.
const DESCRIBED_AT_ONCE: usize = 10;

/// A service as the catalogue writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wanted {
    service_name: String,
    cluster: String,
    task_definition: String,
    desired_count: DesiredCount,
    network_configuration: NetworkConfiguration,
    deployment_configuration: DeploymentConfiguration,
    propagate_tags: String,
    launch_type: Option<String>,
    capacity_provider_strategy: Option<Vec<CapacityProvider>>,
    #[serde(rename = "Tags")]
    _tags: Value,
}

/// How many tasks are wanted: a number, or the bounds within which AWS sets it.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum DesiredCount {
    Fixed(i32),
    #[serde(rename_all = "PascalCase")]
    Scaled {
        at_least: i32,
        at_most: i32,
    },
}

impl DesiredCount {
    fn read(wanted: &Value) -> Result<Self, Fault> {
        serde_json::from_value(wanted.clone()).map_err(bug)
    }

    /// The number that is wanted of a service that has so many now.
    fn nearest(self, now: i32) -> i32 {
        match self {
            DesiredCount::Fixed(count) => count,
            DesiredCount::Scaled { at_least, at_most } => now.min(at_most).max(at_least),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NetworkConfiguration {
    awsvpc_configuration: AwsvpcConfiguration,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AwsvpcConfiguration {
    subnets: Vec<String>,
    security_groups: Vec<String>,
    assign_public_ip: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeploymentConfiguration {
    maximum_percent: i32,
    minimum_healthy_percent: i32,
    deployment_circuit_breaker: CircuitBreaker,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CircuitBreaker {
    enable: bool,
    rollback: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CapacityProvider {
    capacity_provider: String,
    weight: i32,
}

#[async_trait]
impl Resource for Service {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let Some(cluster) = cluster(at) else { return Ok(None) };
        let name = at.text("ServiceName")?;
        let look = self.client.describe_services().cluster(&cluster).services(name).include(ServiceField::Tags);
        // ClusterNotFoundException: a service, and its tasks, are in their cluster or nowhere.
        let answer = look.send().await.map_err(|error| aws::fault("ecs:DescribeServices", error))?;
        let is_it = |service: &&types::Service| service.service_name() == Some(name) && is_in(service, &cluster);
        match answer.services().iter().find(is_it) {
            Some(service) if service.status() != Some("INACTIVE") => {
                let owner = at.owner(wanted::pairs(service.tags()));
                let found = found(at, &cluster, service)?.owner(owner).tagged(at, wanted::pairs(service.tags()));
                Ok(Some(match found.state.clone() {
                    State::Failed(fault) if at.action == Action::Ensure && owner == Owner::Ours => {
                        found.state(State::Failed(self.post_mortem.of(fault, &cluster, name).await))
                    }
                    _ => found,
                }))
            }
            // Flow runs do not keep a service from being made anew.
            _ if at.action == Action::Ensure => Ok(None),
            _ => self.tasks_left(at, &cluster).await,
        }
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let wanted: Wanted = wanted::read(at)?;
        let cluster = wanted.cluster.clone();
        let create = self
            .client
            .create_service()
            .client_token(at.token())
            .service_name(wanted.service_name)
            .cluster(wanted.cluster)
            .task_definition(wanted.task_definition)
            // Where AWS sets it, it begins with the fewest.
            .desired_count(wanted.desired_count.nearest(0))
            .network_configuration(wanted.network_configuration.definition()?)
            .deployment_configuration(wanted.deployment_configuration.definition())
            .set_launch_type(wanted.launch_type.as_deref().map(LaunchType::from))
            .set_capacity_provider_strategy(strategy(wanted.capacity_provider_strategy)?)
            .propagate_tags(PropagateTags::from(wanted.propagate_tags.as_str()))
            // Each task then says in its tags which cluster and service it is of: costs can be told apart.
            .enable_ecs_managed_tags(true)
            .set_tags(Some(wanted::tags(at)));
        let answer = create.send().await.map_err(|error| fault("ecs:CreateService", error))?;
        let service = answer.service.ok_or_else(|| Fault::bug("CreateService answered no service"))?;
        found(at, &cluster, &service)
    }

    async fn correct(&self, at: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
        let update = self.update(at, changes)?;
        let answer = update.send().await.map_err(|error| fault("ecs:UpdateService", error))?;
        Ok(deployed(at, found, answer.service()))
    }

    /// What kept the tasks from running may be mended by now: ECS is told to deploy once more. Tags that are not as
    /// wanted are corrected when it has settled.
    async fn try_again(&self, at: &Site<'_>, found: Found, _failure: Fault) -> Result<Found, Fault> {
        let changes = diff(&at.wanted, &found.seen).into_iter().filter(|change| change.property != TAGS);
        let update = self.update(at, &changes.collect::<Vec<_>>())?;
        let update = update.task_definition(at.text("TaskDefinition")?).force_new_deployment(true);
        let answer = update.send().await.map_err(|error| fault("ecs:UpdateService", error))?;
        Ok(deployed(at, found, answer.service()))
    }

    /// Tasks carry the tags that their service had when they started.
    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        wanted::retag(&self.client, &found.id, change).await
    }

    async fn remove(&self, at: &Site<'_>, _id: &str) -> Result<Departure, Fault> {
        let Some(cluster) = cluster(at) else { return Ok(Departure::Gone) };
        let name = at.text("ServiceName")?;
        let living = tasks::living(&self.client, &cluster).await?;
        if !at.force {
            are_done(living.iter().filter(|task| tasks::is_flow_run(task, name)))?;
        }
        let delete = self.client.delete_service().cluster(&cluster).service(name).force(true);
        let draining = match delete.send().await {
            Ok(answer) => answer.service().and_then(types::Service::status) != Some("INACTIVE"),
            // The service has gone already; its tasks, or those of flow runs, live on.
            Err(error) if matches!(error.code(), Some("ServiceNotFoundException" | "ServiceNotActiveException")) => {
                false
            }
            Err(error) => return Err(fault("ecs:DeleteService", error)),
        };
        let family = worker_family(at);
        // A draining service stops its tasks itself, each as gently as its stop timeout says.
        let ours = living
            .iter()
            .filter(|task| tasks::is_ours(task, name, family) && !(draining && tasks::is_of_service(task, name)));
        tasks::stop(&self.client, &cluster, ours.filter(|task| tasks::is_to_be_stopped(task))).await?;
        Ok(if draining || !living.is_empty() { Departure::Leaving } else { Departure::Gone })
    }
}

impl Service {
    fn update(&self, at: &Site<'_>, changes: &[Change]) -> Result<UpdateServiceFluentBuilder, Fault> {
        let mut update = self.client.update_service().cluster(at.text("Cluster")?).service(at.text("ServiceName")?);
        for Change { property, wanted, seen } in changes {
            update = match property.as_str() {
                "DesiredCount" => {
                    let seen = seen.as_i64().and_then(|seen| seen.try_into().ok()).unwrap_or_default();
                    update.desired_count(DesiredCount::read(wanted)?.nearest(seen))
                }
                "TaskDefinition" => update.set_task_definition(wanted.as_str().map(str::to_owned)),
                "NetworkConfiguration" => {
                    let wanted: NetworkConfiguration = serde_json::from_value(wanted.clone()).map_err(bug)?;
                    update.network_configuration(wanted.definition()?)
                }
                // Two names of one choice. Another strategy alone deploys nothing (Amazon ECS API Reference,
                // UpdateService).
                "CapacityProviderStrategy" | "LaunchType" => {
                    update.set_capacity_provider_strategy(Some(new_strategy(at)?)).force_new_deployment(true)
                }
                other => return Err(Fault::bug(format!("{}: its {other} cannot be corrected", at.entry.key))),
            };
        }
        Ok(update)
    }

    /// The services that carry that tag, in clusters that are called like an environment's.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let clusters = self.client.list_clusters().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let mut clusters = clusters.map_err(|error| aws::fault("ecs:ListClusters", error))?;
        clusters.retain(|arn| arn.ends_with(catalogue::CLUSTER_SUFFIX));
        let mut sightings = Vec::new();
        for cluster in whose.portion(clusters) {
            match self.tagged_in(whose, &cluster).await {
                Ok(seen) => sightings.extend(seen),
                // The cluster has gone meanwhile, and its services with it.
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }

    async fn tagged_in(&self, whose: Whose<'_>, cluster: &str) -> Result<Vec<Sighting>, Fault> {
        let list = self.client.list_services().cluster(cluster).into_paginator();
        let arns = list.items().send().collect::<Result<Vec<_>, _>>().await;
        let arns = arns.map_err(|error| aws::fault("ecs:ListServices", error))?;
        let mut sightings = Vec::new();
        for arns in arns.chunks(DESCRIBED_AT_ONCE) {
            let look = self.client.describe_services().cluster(cluster).set_services(Some(arns.to_vec()));
            let answer = look.include(ServiceField::Tags).send().await;
            let answer = answer.map_err(|error| aws::fault("ecs:DescribeServices", error))?;
            let there = answer.services().iter().filter(|service| service.status() != Some("INACTIVE"));
            sightings.extend(there.filter_map(|service| {
                whose.sighting(Kind::Service, service.service_arn()?, wanted::pairs(service.tags()))
            }));
        }
        Ok(sightings)
    }

    /// What remains of a service that is INACTIVE or unknown: the tasks in its cluster.
    async fn tasks_left(&self, at: &Site<'_>, cluster: &str) -> Result<Option<Found>, Fault> {
        let name = at.text("ServiceName")?;
        let living = tasks::living(&self.client, cluster).await?;
        let family = worker_family(at);
        let mut ours = living.iter().filter(|task| tasks::is_ours(task, name, family)).peekable();
        if ours.peek().is_none() {
            return match living.first().and_then(types::Task::task_arn) {
                None => Ok(None),
                Some(task) => {
                    let message = format!("A task that is not this environment's runs in its cluster: {task}.");
                    Err(Fault::new(Code::ForeignDependent, message))
                }
            };
        }
        // One that nobody has told to stop must be removed once more.
        let state = if ours.any(tasks::is_to_be_stopped) { State::Settling } else { State::Leaving };
        let arn = at.place.arn("ecs", &format!("service/{cluster}/{name}"));
        Ok(Some(Found::ready(at.id.unwrap_or(&arn)).state(state)))
    }
}

/// Fails while flow runs are at work: the worker stays and sees to them.
fn are_done<'t>(flow_runs: impl Iterator<Item = &'t types::Task>) -> Result<(), Fault> {
    let ids = flow_runs.filter_map(|task| task.task_arn()?.rsplit('/').next()).collect::<Vec<_>>();
    let (count, told) = (ids.len(), ids.iter().take(5).copied().collect::<Vec<_>>().join(", "));
    match count {
        0 => Ok(()),
        _ => {
            let more = if count > 5 { ", …" } else { "" };
            let message = format!(
                "Flow runs are still at work, tasks: {count} ({told}{more}). The environment goes when they have ended; a \
                 DELETE with force=true stops them."
            );
            Err(Fault::new(Code::FlowRunsAtWork, message))
        }
    }
}

/// The cluster's name. Where the cluster itself is gone, the recorded ARN still tells it.
fn cluster(at: &Site<'_>) -> Option<String> {
    let of_arn = || at.id?.rsplit_once(":service/")?.1.split_once('/').map(|(cluster, _)| cluster);
    at.wanted.get("Cluster").and_then(Value::as_str).or_else(of_arn).map(str::to_owned)
}

fn is_in(service: &types::Service, cluster: &str) -> bool {
    service.cluster_arn().and_then(|arn| arn.rsplit_once('/')).is_some_and(|(_, name)| name == cluster)
}

fn worker_family<'a>(at: &'a Site<'_>) -> Option<&'a str> {
    at.wanted.get("TaskDefinition").and_then(Value::as_str).and_then(family_of)
}

fn found(at: &Site<'_>, cluster: &str, service: &types::Service) -> Result<Found, Fault> {
    if !is_in(service, cluster) {
        return Err(Fault::bug(format!("{}: ECS answered a service of another cluster", at.entry.key)));
    }
    let arn = service.service_arn().ok_or_else(|| Fault::bug("ECS answered a service without an ARN"))?;
    let (launch_type, strategy) = capacity(&at.wanted, service);
    let mut found = Found::ready(arn)
        .arn(arn)
        .owner(Owner::Ours)
        .seen("DesiredCount", desired_count(&at.wanted, service.desired_count()))
        .seen("TaskDefinition", service.task_definition())
        .seen("LaunchType", launch_type)
        .seen("CapacityProviderStrategy", strategy);
    if let Some(network) = network(at, service) {
        found = found.seen("NetworkConfiguration", network);
    }
    found.attributes = at.attributes.clone();
    let current = current(service).and_then(types::Deployment::id);
    let is_as_wanted = !diff(&at.wanted, &found.seen)
        .iter()
        .any(|change| !["DesiredCount", "Tags"].contains(&change.property.as_str()));
    let state = match course(at.attributes, at.now, service, is_as_wanted) {
        Course::Steady => {
            found.attributes.extend(current.map(|id| (DEPLOYMENT.to_owned(), id.to_owned())));
            state(service)
        }
        // What is on its way is not what is wanted: there is nothing to wait for.
        Course::ToBeChanged => match state(service) {
            State::Settling => State::Ready,
            other => other,
        },
        Course::NotSeenYet => State::Settling,
        Course::GoneBack => State::Failed(gone_back(service)),
    };
    Ok(found.state(state))
}

/// The recorded attributes: the deployment that was last asked for, and when.
const DEPLOYMENT: &str = "Deployment";
const TOLD_AT: &str = "ToldAt";
/// A look that does not show a deployment so long after it was asked for does not lag.
const SHOWN_WITHIN: SignedDuration = SignedDuration::from_mins(2);

/// Where a service is on its way to what is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    /// It is on its way, or has arrived.
    Steady,
    /// It was never told.
    ToBeChanged,
    /// It was told, and this look does not show it yet.
    NotSeenYet,
    /// It was told, and the circuit breaker has taken it back.
    GoneBack,
}

fn course(recorded: &BTreeMap<String, String>, now: Timestamp, service: &types::Service, is_as_wanted: bool) -> Course {
    if is_as_wanted {
        return Course::Steady;
    }
    let Some(told) = recorded.get(DEPLOYMENT) else { return Course::ToBeChanged };
    let is_it = |deployment: &&types::Deployment| deployment.id() == Some(told);
    if current(service).as_ref().is_some_and(is_it) {
        return Course::ToBeChanged;
    }
    let has_failed = service
        .deployments()
        .iter()
        .find(is_it)
        .is_some_and(|it| it.rollout_state() == Some(&DeploymentRolloutState::Failed));
    let told_at = recorded.get(TOLD_AT).and_then(|at| at.parse::<Timestamp>().ok());
    match told_at.is_some_and(|told_at| now.duration_since(told_at) < SHOWN_WITHIN) {
        true if !has_failed => Course::NotSeenYet,
        _ => Course::GoneBack,
    }
}

/// A service that was told what it is to be. Which deployment is to make it so is recorded.
fn deployed(at: &Site<'_>, mut found: Found, service: Option<&types::Service>) -> Found {
    if let Some(now) = service.and_then(current).and_then(types::Deployment::id)
        && found.attributes.get(DEPLOYMENT).is_none_or(|before| before != now)
    {
        found = found.attribute(DEPLOYMENT, now).attribute(TOLD_AT, at.now.to_string());
    }
    found.state(State::Settling)
}

fn current(service: &types::Service) -> Option<&types::Deployment> {
    service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"))
}

fn gone_back(service: &types::Service) -> Fault {
    let message = "ECS gave the worker's new deployment up and went back to the one before: its tasks do not start, or \
                   do not stay.";
    told_by_ecs(Fault::new(Code::ResourceFailed, message), None, service)
}

/// The fault with ECS's own words, for the log.
fn told_by_ecs(mut fault: Fault, reason: Option<&str>, service: &types::Service) -> Fault {
    let events = service.events().iter().filter_map(types::ServiceEvent::message).take(5);
    fault.internal.0 = reason.into_iter().chain(events).collect::<Vec<_>>().join(" | ");
    fault
}

/// What the service runs on: its launch type, or its strategy. A strategy of FARGATE alone is what the launch type is.
fn capacity(wanted: &Properties, service: &types::Service) -> (Value, Value) {
    let strategy = service.capacity_provider_strategy();
    let shape = |item: &types::CapacityProviderStrategyItem| json!({"CapacityProvider": item.capacity_provider(), "Weight": item.weight()});
    let on_demand = strategy.iter().all(|item| item.capacity_provider() == ON_DEMAND);
    match strategy {
        [] => (json!(service.launch_type().map(LaunchType::as_str)), Value::Null),
        _ if on_demand && wanted.contains_key("LaunchType") => (json!(ON_DEMAND), Value::Null),
        items => (Value::Null, items.iter().map(shape).collect()),
    }
}

/// The strategy that gives a service the capacity that is wanted. Whoever has one once does not go back to a launch
/// type: that is a transition that not every ECS knows.
fn new_strategy(at: &Site<'_>) -> Result<Vec<types::CapacityProviderStrategyItem>, Fault> {
    let on_demand = || vec![CapacityProvider { capacity_provider: ON_DEMAND.to_owned(), weight: 1 }];
    let wanted: Wanted = wanted::read(at)?;
    strategy(Some(wanted.capacity_provider_strategy.unwrap_or_else(on_demand))).map(Option::unwrap_or_default)
}

/// Fargate's launch type, and the capacity provider that is the same.
const ON_DEMAND: &str = "FARGATE";

/// Where the service's tasks run, in the catalogue's shape and in its order where that is the only difference.
fn network(at: &Site<'_>, service: &types::Service) -> Option<Value> {
    let wanted = &at.wanted["NetworkConfiguration"]["AwsvpcConfiguration"];
    let seen = service.network_configuration()?.awsvpc_configuration()?;
    let ids = |ids: &[String]| ids.iter().map(|id| json!(id)).collect();
    Some(json!({"AwsvpcConfiguration": {
        "Subnets": in_wanted_order(&wanted["Subnets"], ids(seen.subnets())),
        "SecurityGroups": in_wanted_order(&wanted["SecurityGroups"], ids(seen.security_groups())),
        "AssignPublicIp": seen.assign_public_ip().map(AssignPublicIp::as_str),
    }}))
}

/// How many tasks the service is to have: as wanted, where AWS has set a number within the bounds.
fn desired_count(wanted: &Properties, seen: i32) -> Value {
    match wanted.get("DesiredCount") {
        Some(bounds) if DesiredCount::read(bounds).is_ok_and(|bounds| bounds.nearest(seen) == seen) => bounds.clone(),
        _ => seen.into(),
    }
}

fn state(service: &types::Service) -> State {
    if service.status() == Some("DRAINING") {
        return State::Leaving;
    }
    let current = current(service);
    match current.and_then(types::Deployment::rollout_state) {
        Some(DeploymentRolloutState::Completed) if service.running_count() == service.desired_count() => State::Ready,
        Some(DeploymentRolloutState::Failed) => {
            let message = "ECS gave the worker's deployment up: its tasks do not start, or do not stay.";
            let reason = current.and_then(types::Deployment::rollout_state_reason);
            State::Failed(told_by_ecs(Fault::new(Code::ResourceFailed, message), reason, service))
        }
        _ => State::Settling,
    }
}

impl NetworkConfiguration {
    fn definition(self) -> Result<types::NetworkConfiguration, Fault> {
        let awsvpc = self.awsvpc_configuration;
        let awsvpc = types::AwsVpcConfiguration::builder()
            .set_subnets(Some(awsvpc.subnets))
            .set_security_groups(Some(awsvpc.security_groups))
            .assign_public_ip(AssignPublicIp::from(awsvpc.assign_public_ip.as_str()))
            .build()
            .map_err(bug)?;
        Ok(types::NetworkConfiguration::builder().awsvpc_configuration(awsvpc).build())
    }
}

impl DeploymentConfiguration {
    fn definition(self) -> types::DeploymentConfiguration {
        let breaker = self.deployment_circuit_breaker;
        let breaker =
            types::DeploymentCircuitBreaker::builder().enable(breaker.enable).rollback(breaker.rollback).build();
        types::DeploymentConfiguration::builder()
            .maximum_percent(self.maximum_percent)
            .minimum_healthy_percent(self.minimum_healthy_percent)
            .deployment_circuit_breaker(breaker)
            .build()
    }
}

fn strategy(
    strategy: Option<Vec<CapacityProvider>>,
) -> Result<Option<Vec<types::CapacityProviderStrategyItem>>, Fault> {
    let item = |CapacityProvider { capacity_provider, weight }| {
        types::CapacityProviderStrategyItem::builder().capacity_provider(capacity_provider).weight(weight).build()
    };
    let items = strategy.map(|items| items.into_iter().map(item).collect::<Result<Vec<_>, _>>());
    items.transpose().map_err(bug)
}

fn fault<E>(call: &str, error: SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.message().and_then(code);
    let fault = aws::fault(call, error);
    Fault { code: code.unwrap_or(fault.code), ..fault }
}

/// What ECS tells apart by the words of its InvalidParameterException and ClientException only.
fn code(message: &str) -> Option<Code> {
    let says = |words: &str| message.contains(words);
    if says("was not idempotent") {
        // A service of this name exists.
        Some(Code::AlreadyExists)
    } else if says("still Draining") || says("Unable to assume") || says("deployments are active") {
        // A predecessor is on its way out; ECS cannot use a role made a moment ago yet; a deployment is under way.
        Some(Code::Conflict)
    } else if says(".NotFound") || says("TaskDefinition not found") || says("Unable to find task definition") {
        // ECS asks EC2 for subnets and groups and passes on its answer: "… (ErrorCode: InvalidSubnetID.NotFound)".
        Some(Code::NotFound)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(rollout: DeploymentRolloutState, running: i32) -> types::Service {
        let deployment =
            types::Deployment::builder().status("PRIMARY").rollout_state(rollout).rollout_state_reason("tasks failed");
        types::Service::builder()
            .status("ACTIVE")
            .desired_count(1)
            .running_count(running)
            .deployments(deployment.build())
            .build()
    }

    #[test]
    fn a_service_is_ready_when_it_is_rolled_out_and_runs_whole() {
        use DeploymentRolloutState::{Completed, InProgress};
        assert!(matches!(state(&service(Completed, 1)), State::Ready));
        assert!(matches!(state(&service(Completed, 0)), State::Settling), "its task has stopped");
        assert!(matches!(state(&service(InProgress, 1)), State::Settling), "it is still being judged");
    }

    #[test]
    fn a_failed_rollout_is_told_in_our_own_words() {
        let State::Failed(fault) = state(&service(DeploymentRolloutState::Failed, 0)) else {
            panic!("the rollout has failed")
        };
        assert_eq!(fault.code, Code::ResourceFailed);
        assert!(!fault.message.contains("tasks failed") && fault.internal.0.contains("tasks failed"));
    }

    /// The course of a service that was told a deployment this many seconds ago, with these deployments, the current one
    /// first.
    fn course_of(
        told: Option<(&str, i64)>,
        deployments: &[(&str, DeploymentRolloutState)],
        is_as_wanted: bool,
    ) -> Course {
        let attributes = told.into_iter().flat_map(|(id, _)| {
            let one = |name: &str, value: String| (name.to_owned(), value);
            [one(DEPLOYMENT, id.to_owned()), one(TOLD_AT, Timestamp::UNIX_EPOCH.to_string())]
        });
        let attributes: BTreeMap<String, String> = attributes.collect();
        let later = SignedDuration::from_secs(told.map_or(0, |(_, seconds)| seconds));
        let shown = deployments.iter().enumerate().map(|(index, (id, rollout))| {
            let status = if index == 0 { "PRIMARY" } else { "ACTIVE" };
            types::Deployment::builder().id(*id).status(status).rollout_state(rollout.clone()).build()
        });
        let service = types::Service::builder().set_deployments(Some(shown.collect())).build();
        course(&attributes, Timestamp::UNIX_EPOCH + later, &service, is_as_wanted)
    }

    #[test]
    fn a_change_goes_its_course_until_ecs_takes_it_back() {
        use DeploymentRolloutState::{Completed, Failed, InProgress};
        let told = Some(("new", 30));
        let under_way = [("new", InProgress), ("old", Completed)];
        assert_eq!(course_of(told, &under_way, true), Course::Steady);
        assert_eq!(course_of(told, &under_way, false), Course::ToBeChanged, "something else is wanted by now");
        assert_eq!(course_of(told, &[("old", Completed)], false), Course::NotSeenYet, "a read lags");
        assert_eq!(course_of(told, &[("old", InProgress), ("new", Failed)], false), Course::GoneBack);
        let back = [("old", Completed)];
        assert_eq!(course_of(Some(("new", 300)), &back, false), Course::GoneBack, "it is not even shown any more");
        assert_eq!(course_of(Some(("new", 300)), &back, true), Course::Steady, "what it went back to is wanted again");
        assert_eq!(course_of(None, &back, false), Course::ToBeChanged, "nothing was ever told");
    }

    #[test]
    fn what_aws_sets_within_the_bounds_is_as_wanted_and_what_is_outside_is_brought_to_the_nearer_one() {
        let bounds = json!({"AtLeast": 2, "AtMost": 5});
        let wanted = Properties::from_iter([("DesiredCount".to_owned(), bounds.clone())]);
        for within in [2, 4, 5] {
            assert_eq!(desired_count(&wanted, within), bounds, "{within} is within them");
        }
        for (outside, nearer) in [(0, 2), (1, 2), (6, 5)] {
            assert_eq!(desired_count(&wanted, outside), json!(outside), "{outside} is outside");
            assert_eq!(DesiredCount::read(&bounds).expect("bounds").nearest(outside), nearer);
        }
        let fixed = Properties::from_iter([("DesiredCount".to_owned(), json!(3))]);
        assert_eq!((desired_count(&fixed, 3), desired_count(&fixed, 4)), (json!(3), json!(4)));
        assert_eq!(DesiredCount::read(&json!(3)).expect("a number").nearest(4), 3);
    }

    #[test]
    fn a_strategy_of_fargate_alone_is_the_launch_type() {
        let on = |strategy: &[&str]| {
            let item = |name: &&str| {
                types::CapacityProviderStrategyItem::builder().capacity_provider(*name).weight(1).build().unwrap()
            };
            let service = types::Service::builder().launch_type(LaunchType::Fargate);
            service.set_capacity_provider_strategy(Some(strategy.iter().map(item).collect())).build()
        };
        let wanted = Properties::from_iter([("LaunchType".to_owned(), json!("FARGATE"))]);
        assert_eq!(capacity(&wanted, &on(&[])), (json!("FARGATE"), Value::Null));
        assert_eq!(capacity(&wanted, &on(&["FARGATE"])), (json!("FARGATE"), Value::Null));
        let spot = json!([{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]);
        assert_eq!(capacity(&wanted, &on(&["FARGATE_SPOT"])), (Value::Null, spot));
    }

    #[test]
    fn flow_runs_that_are_waited_for_are_named() {
        let task = |id: usize| types::Task::builder().task_arn(format!("arn:task/blue-cluster/t{id}")).build();
        assert!(are_done([].iter()).is_ok());
        let tasks: Vec<_> = (1..=7).map(task).collect();
        let fault = are_done(tasks.iter()).expect_err("they are at work");
        assert_eq!(fault.code, Code::FlowRunsAtWork);
        assert!(fault.message.contains("tasks: 7 (t1, t2, t3, t4, t5, …)"), "{}", fault.message);
    }

    #[test]
    fn a_draining_service_is_leaving() {
        assert!(matches!(state(&types::Service::builder().status("DRAINING").build()), State::Leaving));
    }

    #[test]
    fn the_words_of_a_refusal_are_told_apart() {
        assert_eq!(code("Creation of service was not idempotent."), Some(Code::AlreadyExists));
        assert_eq!(code("Unable to Start a service that is still Draining."), Some(Code::Conflict));
        let lags = "Error retrieving subnet information for [subnet-1]: … (ErrorCode: InvalidSubnetID.NotFound)";
        assert_eq!(code(lags), Some(Code::NotFound));
        assert_eq!(code("No Fargate configuration exists for given values."), None);
    }
}
