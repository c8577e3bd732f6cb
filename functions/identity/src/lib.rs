//! Who tasks are and what they hold: roles with their policies, and the secret.

mod document;
mod quotas;
mod role;
mod secret;

use async_trait::async_trait;
use engine::{Group, Preflight, Quota, Resource, SdkConfig, Sighting, Whose, aws};
use environment::{Fault, Kind, Place};

/// The group.
pub struct Identity {
    role: role::Role,
    secret: secret::Secret,
}

impl Identity {
    /// The group with its clients, built once.
    pub fn new(config: &SdkConfig) -> Self {
        Identity {
            role: role::Role {
                client: aws_sdk_iam::Client::new(config),
                once: aws_sdk_iam::Client::new(&aws::without_retries(config)),
            },
            secret: secret::Secret { client: aws_sdk_secretsmanager::Client::new(config) },
        }
    }
}

#[async_trait]
impl Group for Identity {
    fn resource(&self, kind: Kind) -> Option<&dyn Resource> {
        match kind {
            Kind::Role => Some(&self.role),
            Kind::Secret => Some(&self.secret),
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
            | Kind::Cluster
            | Kind::PrivateDnsNamespace
            | Kind::LogGroup
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

    async fn preflight(&self, asked: &Preflight, place: &Place) -> Vec<Quota> {
        quotas::told(&self.role.client, asked, place).await
    }

    /// IAM lists no tags with its roles: of one environment the proof looks each role up by its name.
    async fn list_tagged(&self, whose: Whose<'_>, kind: Kind) -> Result<Vec<Sighting>, Fault> {
        match (kind, whose) {
            (Kind::Secret, _) => self.secret.list_tagged(whose).await,
            (Kind::Role, Whose::Stack(place, _)) => self.role.list_tagged(whose, &place.role_path).await,
            _ => Ok(Vec::new()),
        }
    }
}
