//! What the rules remember of an account's network.
//!
//! Every create, describe and delete is learned from, whoever calls. What somebody has made past these rules is known
//! from the first describe that shows it; what somebody has removed past them, from the first `NotFound`.

use super::{
    cidr::Cidr, nat_gateway::NatGateway, network_interface::Interface, route_table::RouteTable, token::Tokens,
    xml::list,
};
use crate::{Answer, Call, answer::text, rule::Rule, world::World};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;
use xmltree::Element;

/// An account's network.
#[derive(Debug)]
pub(crate) struct State {
    /// The VPCs' blocks.
    pub(crate) vpcs: BTreeMap<String, Option<Cidr>>,
    /// The subnets.
    pub(crate) subnets: BTreeMap<String, Subnet>,
    /// The internet gateways, with the VPC to which each is attached.
    pub(crate) internet_gateways: BTreeMap<String, Option<String>>,
    /// The public addresses by allocation id.
    pub(crate) addresses: BTreeMap<String, String>,
    /// The NAT gateways.
    pub(crate) nat_gateways: BTreeMap<String, NatGateway>,
    /// The route tables.
    pub(crate) route_tables: BTreeMap<String, RouteTable>,
    /// The security groups.
    pub(crate) security_groups: BTreeMap<String, SecurityGroup>,
    /// The network interfaces, also those of services, of which the local cloud knows nothing.
    pub(crate) interfaces: BTreeMap<String, Interface>,
    /// The client tokens in use.
    pub(crate) tokens: Tokens,
    /// The ids of what has been removed.
    pub(crate) removed: BTreeSet<String>,
}

/// A subnet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subnet {
    pub(crate) vpc: String,
    pub(crate) cidr: Option<Cidr>,
    pub(crate) zone: String,
}

/// A security group.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecurityGroup {
    pub(crate) vpc: String,
    pub(crate) name: String,
}

impl Default for State {
    /// An account with its default VPC, by the ids that the local cloud gives it.
    fn default() -> State {
        let vpc = "vpc-00000001".to_owned();
        let mut state = State {
            vpcs: [(vpc.clone(), Cidr::parse("172.31.0.0/16"))].into(),
            subnets: BTreeMap::new(),
            internet_gateways: [("igw-00000001".to_owned(), Some(vpc.clone()))].into(),
            addresses: BTreeMap::new(),
            nat_gateways: BTreeMap::new(),
            route_tables: [("rtb-00000001".to_owned(), RouteTable::main(vpc.clone()))].into(),
            security_groups: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            tokens: Tokens::default(),
            removed: BTreeSet::new(),
        };
        let group = SecurityGroup { vpc: vpc.clone(), name: "default".to_owned() };
        state.security_groups.insert("sg-00000001".to_owned(), group);
        for (id, cidr) in [("1", "172.31.0.0/20"), ("2", "172.31.16.0/20"), ("3", "172.31.32.0/20")] {
            let subnet = Subnet { vpc: vpc.clone(), cidr: Cidr::parse(cidr), zone: String::new() };
            state.subnets.insert(format!("subnet-0000000{id}"), subnet);
        }
        state
    }
}

impl State {
    /// The VPC's interfaces that are there at this time.
    pub(crate) fn interfaces(&self, now: Timestamp) -> impl Iterator<Item = (&String, &Interface)> {
        self.interfaces.iter().filter(move |(_, interface)| interface.is_there(now))
    }

    /// The internet gateway of a VPC.
    pub(crate) fn gateway_of(&self, vpc: &str) -> Option<&String> {
        self.internet_gateways.iter().find(|(_, attached)| attached.as_deref() == Some(vpc)).map(|(id, _)| id)
    }

    /// Something is no longer there.
    pub(crate) fn forget(&mut self, id: &str) {
        self.removed.insert(id.to_owned());
        self.interfaces.remove(id);
        self.addresses.remove(id);
        self.internet_gateways.remove(id);
        self.route_tables.remove(id);
        self.security_groups.remove(id);
        if self.subnets.remove(id).is_some() {
            // Its association goes with it.
            self.route_tables.values_mut().for_each(|table| table.associations.retain(|_, subnet| subnet != id));
        }
        if self.vpcs.remove(id).is_some() {
            // So do the VPC's main route table and default security group.
            self.route_tables.retain(|_, table| table.vpc != id);
            self.security_groups.retain(|_, group| group.vpc != id);
        }
    }
}

/// A new id, such as `eni-0123456789abcdef0`.
pub(crate) fn new_id(prefix: &str) -> String {
    let digits = Uuid::new_v4().simple().to_string();
    format!("{prefix}-{}", digits.get(..17).unwrap_or_default())
}

/// Learns from every answer. It stands first: the others build on it.
pub(crate) struct Memory;

type Learn = fn(&mut State, &Call, &Element);

/// Where answers show things: in a list, in an element of its own, or (without a place) in the root.
const SHOWN: &[(&str, &str, Learn)] = &[
    ("CreateVpc", "vpc", learn_vpc),
    ("DescribeVpcs", "vpcSet", learn_vpc),
    ("CreateSubnet", "subnet", learn_subnet),
    ("DescribeSubnets", "subnetSet", learn_subnet),
    ("CreateInternetGateway", "internetGateway", learn_internet_gateway),
    ("DescribeInternetGateways", "internetGatewaySet", learn_internet_gateway),
    ("AllocateAddress", "", learn_address),
    ("DescribeAddresses", "addressesSet", learn_address),
    ("CreateRouteTable", "routeTable", learn_route_table),
    ("DescribeRouteTables", "routeTableSet", learn_route_table),
    ("CreateSecurityGroup", "", learn_security_group),
    ("DescribeSecurityGroups", "securityGroupInfo", learn_security_group),
];

/// What else changes something.
const DONE: &[(&str, Learn)] = &[
    ("AttachInternetGateway", |state, call, _| {
        let vpc = Some(call.text("VpcId").to_owned());
        state.internet_gateways.insert(call.text("InternetGatewayId").to_owned(), vpc);
    }),
    ("DetachInternetGateway", |state, call, _| {
        state.internet_gateways.insert(call.text("InternetGatewayId").to_owned(), None);
    }),
    ("AssociateRouteTable", |state, call, answer| {
        if let Some(table) = state.route_tables.get_mut(call.text("RouteTableId")) {
            table.associations.insert(text(answer, "associationId"), call.text("SubnetId").to_owned());
        }
    }),
    ("DisassociateRouteTable", |state, call, _| {
        let id = call.text("AssociationId");
        state.route_tables.values_mut().for_each(|table| table.associations.retain(|known, _| known != id));
    }),
    ("CreateRoute", learn_route),
    ("ReplaceRoute", learn_route),
    ("DeleteRoute", |state, call, _| {
        if let Some(table) = state.route_tables.get_mut(call.text("RouteTableId")) {
            table.routes.remove(call.text("DestinationCidrBlock"));
        }
    }),
];

/// What removes what.
const REMOVED: &[(&str, &str)] = &[
    ("DeleteVpc", "VpcId"),
    ("DeleteSubnet", "SubnetId"),
    ("DeleteInternetGateway", "InternetGatewayId"),
    ("ReleaseAddress", "AllocationId"),
    ("DeleteRouteTable", "RouteTableId"),
    ("DeleteSecurityGroup", "GroupId"),
    ("DeleteNetworkInterface", "NetworkInterfaceId"),
];

/// Describes that say of a thing that it is absent.
const NAMED: &[(&str, &str)] = &[
    ("DescribeVpcs", "VpcId"),
    ("DescribeSubnets", "SubnetId"),
    ("DescribeInternetGateways", "InternetGatewayId"),
    ("DescribeSecurityGroups", "GroupId"),
];

impl Rule for Memory {
    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "ec2" {
            return;
        }
        let (state, action) = (&mut world.ec2, call.action.as_str());
        let removed = REMOVED.iter().find(|(known, _)| *known == action).map(|(_, parameter)| call.text(parameter));
        let Some(document) = answer.document() else {
            // Somebody has removed it past these rules.
            let named = NAMED.iter().find(|(known, _)| *known == action).map(|(_, parameter)| call.texts(parameter));
            let gone = named.filter(|ids| ids.len() == 1).and_then(|ids| ids.first().copied()).or(removed);
            if let Some(id) = gone.filter(|_| super::absent::says_so(answer)) {
                state.forget(id);
            }
            return;
        };
        if let Some((_, place, learn)) = SHOWN.iter().find(|(known, ..)| *known == action) {
            match document.get_child(*place) {
                _ if action.starts_with("Describe") => list(document, place).for_each(|item| learn(state, call, item)),
                Some(made) => learn(state, call, made),
                None => learn(state, call, document),
            }
        }
        if let Some((_, learn)) = DONE.iter().find(|(known, _)| *known == action) {
            learn(state, call, document);
        }
        if let Some(id) = removed {
            state.forget(id);
        }
    }
}

fn learn_vpc(state: &mut State, _: &Call, item: &Element) {
    state.vpcs.insert(text(item, "vpcId"), Cidr::parse(&text(item, "cidrBlock")));
}

fn learn_subnet(state: &mut State, _: &Call, item: &Element) {
    let (vpc, cidr) = (text(item, "vpcId"), Cidr::parse(&text(item, "cidrBlock")));
    state.subnets.insert(text(item, "subnetId"), Subnet { vpc, cidr, zone: text(item, "availabilityZone") });
}

fn learn_internet_gateway(state: &mut State, _: &Call, item: &Element) {
    let attached = list(item, "attachmentSet").next().map(|attachment| text(attachment, "vpcId"));
    state.internet_gateways.insert(text(item, "internetGatewayId"), attached);
}

fn learn_address(state: &mut State, _: &Call, item: &Element) {
    state.addresses.insert(text(item, "allocationId"), text(item, "publicIp"));
}

fn learn_security_group(state: &mut State, call: &Call, item: &Element) {
    let or = |seen: String, asked: &str| if seen.is_empty() { call.text(asked).to_owned() } else { seen };
    let group = SecurityGroup { vpc: or(text(item, "vpcId"), "VpcId"), name: or(text(item, "groupName"), "GroupName") };
    state.security_groups.insert(text(item, "groupId"), group);
}

fn learn_route_table(state: &mut State, _: &Call, item: &Element) {
    let table = RouteTable::read(item, &state.removed);
    state.route_tables.insert(text(item, "routeTableId"), table);
}

fn learn_route(state: &mut State, call: &Call, _: &Element) {
    let target =
        ["NatGatewayId", "GatewayId"].map(|name| call.text(name)).into_iter().find(|target| !target.is_empty());
    if let Some(table) = state.route_tables.get_mut(call.text("RouteTableId")) {
        table.routes.insert(call.text("DestinationCidrBlock").to_owned(), target.unwrap_or_default().to_owned());
    }
}
