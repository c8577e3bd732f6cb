//! The worker: the queue of task events with its rule, its task definition, its service and what scales that, its work
//! pool in Prefect, and whether it is online there.

#[cfg(test)]
mod account;
mod container;
mod container_log;
mod flow_definitions;
mod log;
mod online;
mod post_mortem;
mod queue;
mod rule;
mod scalable_target;
mod scaling_policy;
mod server;
mod service;
mod task_definition;
mod tasks;
mod wanted;
mod work_pool;

use async_trait::async_trait;
use engine::{
    Group, Preflight, Resource, SdkConfig, Sighting, Site, Whose, aws,
    logs::{LogPage, LogPosition},
    observe::Observation,
};
use environment::{Fault, Kind, Place};

/// The group.
pub struct Worker {
    queue: queue::Queue,
    rule: rule::Rule,
    task_definition: task_definition::TaskDefinition,
    flow_definitions: flow_definitions::FlowDefinitions,
    service: service::Service,
    scalable_target: scalable_target::ScalableTarget,
    scaling_policy: scaling_policy::ScalingPolicy,
    work_pool: work_pool::WorkPool,
    online: online::Online,
    log: log::WorkerLog,
    servers: server::Servers,
}

impl Worker {
    /// The group with its clients, built once. On the local cloud a Prefect server may be on this machine.
    pub fn new(config: &SdkConfig, on_local_cloud: bool) -> Self {
        let client = aws_sdk_ecs::Client::new(config);
        let servers = server::Servers {
            // In tests the way to AWS is the way to Prefect, too.
            prefect: prefect::Client::new(config.http_client(), on_local_cloud),
            secrets: aws_sdk_secretsmanager::Client::new(config),
        };
        let container_log = container_log::ContainerLog {
            ecs: client.clone(),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            secrets: servers.secrets.clone(),
        };
        let post_mortem = post_mortem::PostMortem { client: client.clone(), log: container_log.clone() };
        let task_definition = task_definition::TaskDefinition {
            client: client.clone(),
            once: aws_sdk_ecs::Client::new(&aws::without_retries(config)),
        };
        let queues = aws_sdk_sqs::Client::new(config);
        let scaling = aws_sdk_applicationautoscaling::Client::new(config);
        Worker {
            queue: queue::Queue { client: queues.clone() },
            rule: rule::Rule { client: aws_sdk_eventbridge::Client::new(config) },
            work_pool: work_pool::WorkPool { servers: servers.clone() },
            online: online::Online {
                client: client.clone(),
                queues,
                servers: servers.clone(),
                post_mortem: post_mortem.clone(),
            },
            log: log::WorkerLog { client: client.clone(), log: container_log },
            servers,
            flow_definitions: flow_definitions::FlowDefinitions { definitions: task_definition.clone() },
            task_definition,
            service: service::Service { client, post_mortem },
            scalable_target: scalable_target::ScalableTarget { client: scaling.clone() },
            scaling_policy: scaling_policy::ScalingPolicy { client: scaling },
        }
    }
}

#[async_trait]
impl Group for Worker {
    fn resource(&self, kind: Kind) -> Option<&dyn Resource> {
        match kind {
            Kind::Queue => Some(&self.queue),
            Kind::Rule => Some(&self.rule),
            Kind::TaskDefinition => Some(&self.task_definition),
            Kind::FlowDefinitions => Some(&self.flow_definitions),
            Kind::Service => Some(&self.service),
            Kind::ScalableTarget => Some(&self.scalable_target),
            Kind::ScalingPolicy => Some(&self.scaling_policy),
            Kind::WorkPool => Some(&self.work_pool),
            Kind::Worker => Some(&self.online),
            Kind::Vpc
            | Kind::InternetGateway
            | Kind::VpcGatewayAttachment
            | Kind::Subnet
            | Kind::RouteTable
            | Kind::Route
            | Kind::SubnetRouteTableAssociation
            | Kind::SecurityGroup
            | Kind::Eip
            | Kind::NatGateway
            | Kind::Role
            | Kind::Secret
            | Kind::Cluster
            | Kind::PrivateDnsNamespace
            | Kind::LogGroup => None,
        }
    }

    async fn observe(&self, at: &Site<'_>) -> Result<Option<Observation>, Fault> {
        self.online.observe(at).await
    }

    async fn logs(&self, at: &Site<'_>, limit: usize, after: Option<&LogPosition>) -> Result<Option<LogPage>, Fault> {
        let (cluster, service) = (at.text("Cluster")?, at.text("ServiceName")?);
        self.log.read(cluster, service, at.now, limit, after).await.map(Some)
    }

    /// Prefect is asked with a key that the request names; a key that came with the request the API has checked.
    async fn refusal(&self, asked: &Preflight, place: &Place) -> Option<Fault> {
        self.servers.check(&asked.spec.prefect, place).await.err()
    }

    /// None of these services lists by tag: of one environment the proof looks up everything by its name.
    async fn list_tagged(&self, whose: Whose<'_>, kind: Kind) -> Result<Vec<Sighting>, Fault> {
        match (kind, whose) {
            (_, Whose::Environment(_)) => Ok(Vec::new()),
            (Kind::Queue, _) => self.queue.list_tagged(whose).await,
            (Kind::Rule, _) => self.rule.list_tagged(whose).await,
            (Kind::TaskDefinition, _) => self.task_definition.list_tagged(whose).await,
            (Kind::Service, _) => self.service.list_tagged(whose).await,
            (Kind::ScalableTarget, _) => self.scalable_target.list_tagged(whose).await,
            _ => Ok(Vec::new()),
        }
    }
}
