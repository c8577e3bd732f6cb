//! Where tasks run and what they leave in the logs: ECS cluster, namespace, log groups.

mod cluster;
mod log_group;
mod namespace;

use async_trait::async_trait;
use engine::{Group, Resource, SdkConfig, Sighting, Whose, aws};
use environment::{Fault, Kind};

/// The group.
pub struct ClusterGroup {
    cluster: cluster::Cluster,
    namespace: namespace::PrivateDnsNamespace,
    log_group: log_group::LogGroup,
}

impl ClusterGroup {
    /// The group with its clients, built once.
    pub fn new(config: &SdkConfig) -> Self {
        let once = aws::without_retries(config);
        ClusterGroup {
            cluster: cluster::Cluster {
                client: aws_sdk_ecs::Client::new(config),
                once: aws_sdk_ecs::Client::new(&once),
            },
            namespace: namespace::PrivateDnsNamespace { client: aws_sdk_servicediscovery::Client::new(config) },
            log_group: log_group::LogGroup {
                client: aws_sdk_cloudwatchlogs::Client::new(config),
                once: aws_sdk_cloudwatchlogs::Client::new(&once),
            },
        }
    }
}

#[async_trait]
impl Group for ClusterGroup {
    fn resource(&self, kind: Kind) -> Option<&dyn Resource> {
        match kind {
            Kind::Cluster => Some(&self.cluster),
            Kind::PrivateDnsNamespace => Some(&self.namespace),
            Kind::LogGroup => Some(&self.log_group),
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
            | Kind::Queue
            | Kind::Rule
            | Kind::TaskDefinition
            | Kind::ScalableTarget
            | Kind::ScalingPolicy
            | Kind::FlowDefinitions
            | Kind::Service
            | Kind::WorkPool
            | Kind::Worker => None,
        }
    }

    /// None of these services lists by tag: of one environment the proof looks up everything by its name.
    async fn list_tagged(&self, whose: Whose<'_>, kind: Kind) -> Result<Vec<Sighting>, Fault> {
        match (kind, whose) {
            (_, Whose::Environment(_)) => Ok(Vec::new()),
            (Kind::Cluster, _) => self.cluster.list_tagged(whose).await,
            (Kind::PrivateDnsNamespace, _) => self.namespace.list_tagged(whose).await,
            (Kind::LogGroup, _) => self.log_group.list_tagged(whose).await,
            _ => Ok(Vec::new()),
        }
    }
}
