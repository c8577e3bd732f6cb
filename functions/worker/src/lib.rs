//! The worker: its task definition and its service.

mod container;
mod service;
mod task_definition;
mod tasks;
mod wanted;

use async_trait::async_trait;
use engine::{Group, Resource, SdkConfig, aws};
use environment::Kind;

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
}
