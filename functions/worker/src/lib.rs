//! The worker: its task definition and its service.

mod container;
mod service;
mod task_definition;
mod tasks;
mod wanted;

use async_trait::async_trait;
use engine::{Group, Resource, SdkConfig, Sighting, Whose, aws};
use environment::{Fault, Kind};

/// The group.
pub struct Worker {
    task_definition: task_definition::TaskDefinition,
    service: service::Service,
}

impl Worker {
    /// The group with its clients, built once.
    pub fn new(config: &SdkConfig) -> Self {
        let client = aws_sdk_ecs::Client::new(config);
        Worker {
            task_definition: task_definition::TaskDefinition {
                client: client.clone(),
                once: aws_sdk_ecs::Client::new(&aws::without_retries(config)),
            },
            service: service::Service { client },
        }
    }
}

#[async_trait]
impl Group for Worker {
    fn resource(&self, kind: Kind) -> Option<&dyn Resource> {
        match kind {
            Kind::TaskDefinition => Some(&self.task_definition),
            Kind::Service => Some(&self.service),
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

    /// ECS does not list by tag: of one environment the proof looks up both by their names.
    async fn list_tagged(&self, whose: Whose<'_>, kind: Kind) -> Result<Vec<Sighting>, Fault> {
        match (kind, whose) {
            (_, Whose::Environment(_)) => Ok(Vec::new()),
            (Kind::TaskDefinition, _) => self.task_definition.list_tagged(whose).await,
            (Kind::Service, _) => self.service.list_tagged(whose).await,
            _ => Ok(Vec::new()),
        }
    }
}
