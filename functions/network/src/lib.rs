//! The network of an environment: VPC, subnets, gateways, routes, security group. The only user of EC2.
//!
//! One file for each kind of resource: how it is found, made, corrected and removed. EC2 gives every id once
//! and for ever, so a thing with a recorded id is ours; a thing found in any other way is ours only if it
//! carries our tags. EC2 has client tokens for route tables and NAT gateways alone: every other create goes
//! out once, and a lost reply leaves a thing with our tags behind, which the next look finds.

mod availability_zone;
mod dependents;
mod eip;
mod internet_gateway;
mod nat_gateway;
mod network_interface;
mod quotas;
mod route;
mod route_table;
mod security_group;
mod subnet;
mod subnet_route_table_association;
mod tagged;
mod vpc;
mod vpc_gateway_attachment;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use aws_sdk_ec2::Client;
use engine::{Group, Preflight, Quota, Resource, SdkConfig, Sighting, Whose};
use environment::{Code, Fault, Kind, Place};

/// The resources of the network.
pub struct Network {
    clients: Clients,
    quotas: quotas::Quotas,
    vpc: vpc::Vpc,
    internet_gateway: internet_gateway::InternetGateway,
    vpc_gateway_attachment: vpc_gateway_attachment::VpcGatewayAttachment,
    subnet: subnet::Subnet,
    route_table: route_table::RouteTable,
    route: route::Route,
    subnet_route_table_association: subnet_route_table_association::SubnetRouteTableAssociation,
    security_group: security_group::SecurityGroup,
    eip: eip::Eip,
    nat_gateway: nat_gateway::NatGateway,
}

impl Network {
    /// The resources of the network, behind clients that every turn shares.
    pub fn new(config: &SdkConfig) -> Self {
        let clients = Clients { ec2: Client::new(config), once: Client::new(&engine::aws::without_retries(config)) };
        Network {
            vpc: vpc::Vpc(clients.clone()),
            internet_gateway: internet_gateway::InternetGateway(clients.clone()),
            vpc_gateway_attachment: vpc_gateway_attachment::VpcGatewayAttachment(clients.clone()),
            subnet: subnet::Subnet(clients.clone()),
            route_table: route_table::RouteTable(clients.clone()),
            route: route::Route(clients.clone()),
            subnet_route_table_association: subnet_route_table_association::SubnetRouteTableAssociation(
                clients.clone(),
            ),
            security_group: security_group::SecurityGroup(clients.clone()),
            eip: eip::Eip(clients.clone()),
            nat_gateway: nat_gateway::NatGateway(clients.clone()),
            quotas: quotas::Quotas::new(config),
            clients,
        }
    }

    /// The same where AWS's default quotas do not hold: on the local cloud, which has none.
    pub fn without_default_quotas(mut self) -> Self {
        self.quotas.has_defaults = false;
        self
    }
}

#[async_trait]
impl Group for Network {
    fn resource(&self, kind: Kind) -> Option<&dyn Resource> {
        match kind {
            Kind::Vpc => Some(&self.vpc),
            Kind::InternetGateway => Some(&self.internet_gateway),
            Kind::VpcGatewayAttachment => Some(&self.vpc_gateway_attachment),
            Kind::Subnet => Some(&self.subnet),
            Kind::RouteTable => Some(&self.route_table),
            Kind::Route => Some(&self.route),
            Kind::SubnetRouteTableAssociation => Some(&self.subnet_route_table_association),
            Kind::SecurityGroup => Some(&self.security_group),
            Kind::Eip => Some(&self.eip),
            Kind::NatGateway => Some(&self.nat_gateway),
            Kind::Role
            | Kind::Secret
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

    async fn choose_zones(&self, count: usize) -> Result<Option<Vec<String>>, Fault> {
        availability_zone::choose(&self.clients, count).await.map(Some)
    }

    async fn preflight(&self, asked: &Preflight, place: &Place) -> Vec<Quota> {
        self.quotas.told(&self.clients, asked, place).await
    }

    /// One list for each kind that carries tags. `DescribeTags` would be a single call, but it knows a tag
    /// and not whether its bearer still lives.
    async fn list_tagged(&self, whose: Whose<'_>, kind: Kind) -> Result<Vec<Sighting>, Fault> {
        match kind {
            Kind::Vpc => self.vpc.sightings(whose).await,
            Kind::InternetGateway => self.internet_gateway.sightings(whose).await,
            Kind::Subnet => self.subnet.sightings(whose).await,
            Kind::RouteTable => self.route_table.sightings(whose).await,
            Kind::SecurityGroup => self.security_group.sightings(whose).await,
            Kind::Eip => self.eip.sightings(whose).await,
            Kind::NatGateway => self.nat_gateway.sightings(whose).await,
            // Without tags of their own they go with what they are part of.
            _ => Ok(Vec::new()),
        }
    }
}

/// The clients of EC2.
#[derive(Clone)]
struct Clients {
    /// For everything that may be repeated.
    ec2: Client,
    /// For creates without a client token: a repetition would make a twin.
    once: Client,
}

/// The id in a create's answer. Without it nobody knows what was made: the next look will.
fn made(call: &str, id: Option<&str>) -> Result<String, Fault> {
    let nameless = || Fault::new(Code::ServiceUnavailable, format!("{call} answered without an id."));
    id.map(str::to_owned).ok_or_else(nameless)
}

/// The two halves of the id of something that has none of its own at AWS: `<whole>|<part>`.
fn halves(id: &str) -> Result<(&str, &str), Fault> {
    id.split_once('|').ok_or_else(|| Fault::bug(format!("{id} is not of two halves")))
}
