//! What keeps a part of the network from going, when AWS has refused to remove it.
//!
//! What somebody else put into our network is neither removed nor waited for: the removal fails and names it, and
//! a later one goes on once it is gone. What an AWS service keeps for a while (network interfaces of stopped tasks)
//! is waited for, and named where it never goes. The look is taken only after a refusal, so that a removal without
//! hindrance costs none; a look that fails names nothing and hides no other.
//!
//! What may stand in the way of which removal: `DependencyViolation` in the EC2 API reference's error codes, and
//! <https://repost.aws/knowledge-center/troubleshoot-dependency-error-delete-vpc>.

use crate::{
    Clients, internet_gateway, nat_gateway,
    network_interface::{self, Kept},
    route_table, security_group, subnet,
    tagged::{self, Tagged, filter},
};
use aws_sdk_ec2::types::{AttachmentStatus, NatGatewayState, VpcEndpoint};
use engine::{Departure, Site, aws::fault};
use environment::{Code, Fault};
use futures::future::{BoxFuture, FutureExt, join_all};
use std::fmt;

/// The part of the network that should go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Within<'a> {
    Vpc(&'a str),
    /// The internet gateway's attachment to this VPC, which public addresses hold.
    Attachment(&'a str),
    InternetGateway(&'a str),
    Subnet(&'a str),
    RouteTable(&'a str),
    SecurityGroup(&'a str),
    /// An Elastic IP address, by its allocation.
    Address(&'a str),
}

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Within::Vpc(id) => write!(f, "VPC {id}"),
            Within::Attachment(vpc) => write!(f, "internet gateway at VPC {vpc}"),
            Within::InternetGateway(id) => write!(f, "internet gateway {id}"),
            Within::Subnet(id) => write!(f, "subnet {id}"),
            Within::RouteTable(id) => write!(f, "route table {id}"),
            Within::SecurityGroup(id) => write!(f, "security group {id}"),
            Within::Address(id) => write!(f, "address {id}"),
        }
    }
}

/// Something that is not ours and holds a part of ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dependent {
    pub(crate) what: &'static str,
    pub(crate) id: String,
}

impl fmt::Display for Dependent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.id)
    }
}

/// A message names so many; whoever removes them learns of the rest by the next delete.
const NAMED: usize = 5;

type Look<'a> = BoxFuture<'a, Result<Vec<Dependent>, Fault>>;

/// What a removal comes to that AWS refused because something is in use: a fault that names what is not ours, one
/// that names what is waited for, or the refusal itself where nothing is seen.
pub(crate) async fn judge(
    clients: &Clients,
    at: &Site<'_>,
    within: Within<'_>,
    conflict: Fault,
) -> Result<Departure, Fault> {
    let (interfaces, others) =
        futures::join!(network_interface::within(clients, at, within), strangers(clients, at, within));
    let Kept { by_strangers, by_services } = interfaces.unwrap_or_else(|fault| {
        tracing::warn!(?fault, "the network interfaces in the way cannot be seen");
        Kept::default()
    });
    let mut foreign: Vec<Dependent> = by_strangers.into_iter().chain(others).collect();
    foreign.sort();
    foreign.dedup();
    if !foreign.is_empty() {
        return Err(Fault { code: Code::ForeignDependent, ..named(conflict, foreign_dependents(&foreign, within)) });
    }
    match by_services.first() {
        Some(interface) => {
            let message =
                format!("The network interface {interface}, which an AWS service keeps, holds its {within} still.");
            Err(named(conflict, message))
        }
        None => Err(conflict),
    }
}

fn named(conflict: Fault, message: String) -> Fault {
    Fault { message, ..conflict }
}

fn foreign_dependents(foreign: &[Dependent], within: Within<'_>) -> String {
    let mut names: Vec<String> = foreign.iter().take(NAMED).map(|one| format!("the {one}")).collect();
    if foreign.len() > NAMED {
        names.push(format!("{} more", foreign.len() - NAMED));
    }
    let last = names.pop().unwrap_or_default();
    let (names, are, keep) = match names.is_empty() {
        true => (last, "is", "keeps"),
        false => (format!("{} and {last}", names.join(", ")), "are", "keep"),
    };
    let names = names.strip_prefix("the ").unwrap_or(&names);
    format!("The {names} {are} not this environment's and {keep} its {within} from being removed.")
}

/// Everything but network interfaces that is not ours and may be in the way.
async fn strangers(clients: &Clients, at: &Site<'_>, within: Within<'_>) -> Vec<Dependent> {
    let vpc = at.text("VpcId").ok();
    let looks: Vec<Look<'_>> = match within {
        Within::Vpc(id) => in_vpc(clients, at, id),
        Within::Attachment(vpc) => vec![nat_gateways(clients, at, "vpc-id", vpc).boxed()],
        Within::InternetGateway(id) => vec![attachments(clients, at, id).boxed()],
        Within::Subnet(id) => {
            let mut looks: Vec<Look<'_>> = vec![nat_gateways(clients, at, "subnet-id", id).boxed()];
            let in_subnet = move |endpoint: &VpcEndpoint| endpoint.subnet_ids().iter().any(|subnet| subnet == id);
            looks.extend(vpc.map(|vpc| endpoints(clients, at, vpc, in_subnet).boxed()));
            looks
        }
        Within::RouteTable(id) => vec![associated(clients, at, id).boxed()],
        Within::SecurityGroup(id) => {
            let behind = move |endpoint: &VpcEndpoint| {
                let mut groups = endpoint.groups().iter();
                groups.any(|group| group.group_id() == Some(id))
            };
            let looks = vpc.map(|vpc| {
                [referring(clients, at, vpc, id).boxed(), endpoints(clients, at, vpc, behind).boxed() as Look<'_>]
            });
            looks.into_iter().flatten().collect()
        }
        Within::Address(_) => Vec::new(),
    };
    let mut found = Vec::new();
    for look in join_all(looks).await {
        match look {
            Ok(strangers) => found.extend(strangers),
            Err(fault) => tracing::warn!(?fault, "something in the way cannot be seen"),
        }
    }
    found
}

/// Whatever AWS does not remove with a VPC. What it put into it itself (default group, main route table, default
/// network ACL) goes with it.
fn in_vpc<'a>(clients: &'a Clients, at: &'a Site<'_>, vpc: &'a str) -> Vec<Look<'a>> {
    let ec2 = &clients.ec2;
    let here = move || filter("vpc-id", vpc);
    vec![
        async move {
            let subnets = subnet::list(ec2.describe_subnets().filters(here())).await?;
            Ok(not_ours(at, "subnet", subnets.iter().filter(|it| it.vpc_id() == Some(vpc))))
        }
        .boxed(),
        async move {
            let groups = security_group::list(ec2.describe_security_groups().filters(here())).await?;
            let groups = groups.iter().filter(|it| it.vpc_id() == Some(vpc) && it.group_name() != Some("default"));
            Ok(not_ours(at, "security group", groups))
        }
        .boxed(),
        async move {
            let tables = route_table::list(ec2.describe_route_tables().filters(here())).await?;
            let tables = tables.iter().filter(|it| it.vpc_id() == Some(vpc) && !route_table::is_main(it));
            Ok(not_ours(at, "route table", tables))
        }
        .boxed(),
        async move {
            let lists = ec2.describe_network_acls().filters(here()).into_paginator().items().send();
            let lists = lists.collect::<Result<Vec<_>, _>>().await;
            let lists = lists.map_err(|error| fault("ec2:DescribeNetworkAcls", error))?;
            let lists = lists.iter().filter(|it| it.vpc_id() == Some(vpc) && it.is_default() != Some(true));
            Ok(not_ours(at, "network ACL", lists))
        }
        .boxed(),
        async move {
            let request = ec2.describe_internet_gateways().filters(filter("attachment.vpc-id", vpc));
            let gateways = internet_gateway::list(request).await?;
            let attached = gateways.iter().filter(|it| it.attachments().iter().any(|one| one.vpc_id() == Some(vpc)));
            Ok(not_ours(at, "internet gateway", attached))
        }
        .boxed(),
        async move {
            let answer = ec2.describe_vpn_gateways().filters(filter("attachment.vpc-id", vpc)).send().await;
            let answer = answer.map_err(|error| fault("ec2:DescribeVpnGateways", error))?;
            let attached = answer.vpn_gateways().iter().filter(|it| {
                let mut attachments = it.vpc_attachments().iter();
                attachments.any(|one| one.vpc_id() == Some(vpc) && one.state() != Some(&AttachmentStatus::Detached))
            });
            Ok(not_ours(at, "VPN gateway", attached))
        }
        .boxed(),
        async move {
            let gateways = ec2.describe_egress_only_internet_gateways().into_paginator().items().send();
            let gateways = gateways.collect::<Result<Vec<_>, _>>().await;
            let gateways = gateways.map_err(|error| fault("ec2:DescribeEgressOnlyInternetGateways", error))?;
            let attached = gateways.iter().filter(|it| it.attachments().iter().any(|one| one.vpc_id() == Some(vpc)));
            Ok(not_ours(at, "egress-only internet gateway", attached))
        }
        .boxed(),
        nat_gateways(clients, at, "vpc-id", vpc).boxed(),
        endpoints(clients, at, vpc, |_| true).boxed(),
    ]
}

async fn nat_gateways(
    clients: &Clients,
    at: &Site<'_>,
    place: &'static str,
    id: &str,
) -> Result<Vec<Dependent>, Fault> {
    let gateways = nat_gateway::list(clients.ec2.describe_nat_gateways().filter(filter(place, id))).await?;
    let there = gateways.iter().filter(|gateway| {
        let is_here = gateway.subnet_id() == Some(id) || gateway.vpc_id() == Some(id);
        is_here && gateway.state() != Some(&NatGatewayState::Deleted)
    });
    Ok(not_ours(at, "NAT gateway", there))
}

async fn endpoints(
    clients: &Clients,
    at: &Site<'_>,
    vpc: &str,
    holds: impl Fn(&VpcEndpoint) -> bool,
) -> Result<Vec<Dependent>, Fault> {
    let endpoints = clients.ec2.describe_vpc_endpoints().filters(filter("vpc-id", vpc)).into_paginator().items();
    let endpoints = endpoints.send().collect::<Result<Vec<_>, _>>().await;
    let endpoints = endpoints.map_err(|error| fault("ec2:DescribeVpcEndpoints", error))?;
    // AWS shows deleted ones for a while, in a word that is written in either case.
    let is_there =
        |endpoint: &VpcEndpoint| !endpoint.state().is_some_and(|state| state.as_str().eq_ignore_ascii_case("deleted"));
    let here = endpoints.iter().filter(|it| it.vpc_id() == Some(vpc) && is_there(it) && holds(it));
    Ok(not_ours(at, "VPC endpoint", here))
}

/// The VPC that our gateway is attached to by now: not ours, whose attachment is gone.
async fn attachments(clients: &Clients, at: &Site<'_>, gateway: &str) -> Result<Vec<Dependent>, Fault> {
    let gateways =
        internet_gateway::list(clients.ec2.describe_internet_gateways().internet_gateway_ids(gateway)).await?;
    let gateways = gateways.iter().filter(|seen| seen.internet_gateway_id() == Some(gateway));
    let vpcs: Vec<&str> = gateways.flat_map(|seen| seen.attachments()).filter_map(|one| one.vpc_id()).collect();
    if vpcs.is_empty() {
        return Ok(Vec::new());
    }
    let ids = vpcs.into_iter().map(str::to_owned).collect();
    let vpcs = crate::vpc::list(clients.ec2.describe_vpcs().set_vpc_ids(Some(ids))).await?;
    Ok(not_ours(at, "VPC", &vpcs))
}

/// Subnets that are not ours and use our route table.
async fn associated(clients: &Clients, at: &Site<'_>, table: &str) -> Result<Vec<Dependent>, Fault> {
    let tables = route_table::list(clients.ec2.describe_route_tables().route_table_ids(table)).await?;
    let tables = tables.iter().filter(|seen| seen.route_table_id() == Some(table));
    let subnets = tables.flat_map(|seen| seen.associations()).filter_map(|association| association.subnet_id());
    let subnets: Vec<String> = subnets.map(str::to_owned).collect();
    if subnets.is_empty() {
        return Ok(Vec::new());
    }
    let seen = subnet::list(clients.ec2.describe_subnets().set_subnet_ids(Some(subnets.clone()))).await?;
    let seen = seen.iter().filter(|it| it.subnet_id().is_some_and(|id| subnets.iter().any(|subnet| subnet == id)));
    Ok(not_ours(at, "subnet", seen))
}

/// Groups that are not ours and name ours in a rule: AWS keeps ours until that rule is gone.
async fn referring(clients: &Clients, at: &Site<'_>, vpc: &str, group: &str) -> Result<Vec<Dependent>, Fault> {
    let groups = security_group::list(clients.ec2.describe_security_groups().filters(filter("vpc-id", vpc))).await?;
    Ok(not_ours(at, "security group", groups.iter().filter(|it| security_group::refers_to(it, group))))
}

/// Those that do not carry the environment's tag.
fn not_ours<'t, T: Tagged + 't>(
    at: &Site<'_>,
    what: &'static str,
    things: impl IntoIterator<Item = &'t T>,
) -> Vec<Dependent> {
    let foreign = things.into_iter().filter(|thing| !tagged::belongs(at.environment, *thing));
    foreign.filter_map(|thing| Some(Dependent { what, id: thing.id()?.to_owned() })).collect()
}
