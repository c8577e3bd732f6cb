//! The network: a VPC with public and private subnets, a way in for nobody and a way out for tasks.

use super::{Entry, Subject, keys};
use crate::{
    key::Key,
    kind::Kind,
    properties::{attribute, reference},
    spec::{Nat, Network},
    step::Step,
};
use ipnet::Ipv4Net;
use serde_json::json;

const ANYWHERE: &str = "0.0.0.0/0";

pub(super) fn entries(subject: &Subject<'_>) -> Vec<Entry> {
    let Network::Create { vpc_cidr, public_subnets, private_subnets, nat } = &subject.spec.network;
    let mut entries = vec![vpc(subject, *vpc_cidr)];
    entries.extend(internet_gateway(subject));
    for (index, range) in public_subnets.iter().enumerate() {
        entries.push(subnet(subject, Side::Public, index, *range));
    }
    for (index, range) in private_subnets.iter().enumerate() {
        entries.push(subnet(subject, Side::Private, index, *range));
    }
    entries.extend(public_routes(subject, public_subnets.len()));
    entries.push(security_group(subject));
    entries.extend(egress(subject, *nat, private_subnets.len()));
    entries
}

/// The name that most of the network carries in its `Name` tag.
fn name(subject: &Subject<'_>) -> String {
    format!("{}-ecs", subject.spec.name)
}

fn vpc(subject: &Subject<'_>, range: Ipv4Net) -> Entry {
    let wanted = json!({"CidrBlock": range, "EnableDnsSupport": true, "EnableDnsHostnames": true});
    Entry::new(Step::Network, Kind::Vpc, keys::vpc(), wanted).tagged(subject, &name(subject))
}

fn internet_gateway(subject: &Subject<'_>) -> [Entry; 2] {
    let gateway = keys::internet_gateway();
    let attachment = json!({"VpcId": reference(&keys::vpc()), "InternetGatewayId": reference(&gateway)});
    [
        Entry::new(Step::Network, Kind::InternetGateway, gateway, json!({})).tagged(subject, &name(subject)),
        Entry::new(Step::Network, Kind::VpcGatewayAttachment, keys::internet_gateway_attachment(), attachment),
    ]
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Public,
    Private,
}

impl Side {
    fn as_str(self) -> &'static str {
        match self {
            Side::Public => "public",
            Side::Private => "private",
        }
    }

    fn subnet(self, number: usize) -> Key {
        match self {
            Side::Public => keys::public_subnet(number),
            Side::Private => keys::private_subnet(number),
        }
    }
}

fn subnet(subject: &Subject<'_>, side: Side, index: usize, range: Ipv4Net) -> Entry {
    // Before the first step no zone is chosen yet; a region may have fewer zones than there are subnets.
    let zone = subject.zones.get(index % subject.zones.len().max(1));
    let wanted = json!({
        "VpcId": reference(&keys::vpc()),
        "CidrBlock": range,
        "AvailabilityZoneId": zone,
        "MapPublicIpOnLaunch": side == Side::Public,
    });
    let number = index + 1;
    Entry::new(Step::Network, Kind::Subnet, side.subnet(number), wanted)
        .tagged(subject, &format!("{}-{}-{number}", name(subject), side.as_str()))
}

fn route_table(subject: &Subject<'_>, step: Step, key: Key, suffix: &str) -> Entry {
    Entry::new(step, Kind::RouteTable, key, json!({"VpcId": reference(&keys::vpc())}))
        .tagged(subject, &format!("{}-{suffix}", name(subject)))
}

fn association(side: Side, number: usize, table: &Key) -> Entry {
    let subnet = side.subnet(number);
    let wanted = json!({"SubnetId": reference(&subnet), "RouteTableId": reference(table)});
    let key = Key::new(format!("network/{}-association-{number}", side.as_str()));
    Entry::new(Step::Network, Kind::SubnetRouteTableAssociation, key, wanted).part_of(subnet)
}

fn public_routes(subject: &Subject<'_>, subnets: usize) -> Vec<Entry> {
    let table = keys::public_route_table();
    let route = json!({
        "RouteTableId": reference(&table),
        "DestinationCidrBlock": ANYWHERE,
        "GatewayId": reference(&keys::internet_gateway()),
    });
    let mut entries = vec![
        route_table(subject, Step::Network, table.clone(), "public"),
        Entry::new(Step::Network, Kind::Route, Key::new("network/public-route"), route)
            .after([keys::internet_gateway_attachment()])
            .part_of(table.clone()),
    ];
    entries.extend((1..=subnets).map(|number| association(Side::Public, number, &table)));
    entries
}

fn security_group(subject: &Subject<'_>) -> Entry {
    let wanted = json!({
        "VpcId": reference(&keys::vpc()),
        "GroupName": format!("{}-ecs-service-sg", subject.spec.name),
        "GroupDescription": "Prefect worker and flow runs: nothing in, everything out",
        "SecurityGroupIngress": [],
        "SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": ANYWHERE}],
    });
    Entry::new(Step::Network, Kind::SecurityGroup, keys::security_group(), wanted).tagged(subject, &name(subject))
}

/// The private subnets' way out: one NAT gateway for all of them, or one for each.
fn egress(subject: &Subject<'_>, nat: Nat, subnets: usize) -> Vec<Entry> {
    match nat {
        Nat::None => Vec::new(),
        Nat::Single => {
            let mut entries = nat_gateway(subject, "", 1);
            entries.extend((1..=subnets).map(|number| association(Side::Private, number, &private_route_table(""))));
            entries
        }
        Nat::PerAz => (1..=subnets)
            .flat_map(|number| {
                let suffix = format!("-{number}");
                let mut entries = nat_gateway(subject, &suffix, number);
                entries.push(association(Side::Private, number, &private_route_table(&suffix)));
                entries
            })
            .collect(),
    }
}

/// What a task needs to reach anything outside its subnet.
pub(super) fn way_out(nat: Nat, subnets: usize) -> Vec<Key> {
    let gateway = |suffix: &str| ["nat-gateway", "private-route"].map(|it| Key::new(format!("network/{it}{suffix}")));
    match nat {
        Nat::None => vec![keys::internet_gateway_attachment(), Key::new("network/public-route")],
        Nat::Single => gateway("").to_vec(),
        Nat::PerAz => (1..=subnets).flat_map(|number| gateway(&format!("-{number}"))).collect(),
    }
}

fn private_route_table(suffix: &str) -> Key {
    Key::new(format!("network/private-route-table{suffix}"))
}

/// A NAT gateway in the public subnet of this number, with its address and the route table that leads to it.
/// The table belongs to the network, so that only what must wait for the gateway waits.
fn nat_gateway(subject: &Subject<'_>, suffix: &str, number: usize) -> Vec<Entry> {
    let address = Key::new(format!("network/nat-address{suffix}"));
    let gateway = Key::new(format!("network/nat-gateway{suffix}"));
    let table = private_route_table(suffix);
    let nat = json!({
        "SubnetId": reference(&keys::public_subnet(number)),
        "AllocationId": attribute(&address, "AllocationId"),
        "ConnectivityType": "public",
    });
    let route = json!({
        "RouteTableId": reference(&table),
        "DestinationCidrBlock": ANYWHERE,
        "NatGatewayId": reference(&gateway),
    });
    vec![
        route_table(subject, Step::Network, table.clone(), &format!("private{suffix}")),
        Entry::new(Step::Egress, Kind::Eip, address, json!({"Domain": "vpc"}))
            .after([keys::internet_gateway_attachment()])
            .tagged(subject, &name(subject)),
        // A gateway in a VPC without an attached internet gateway fails (`Gateway.NotAttached`).
        Entry::new(Step::Egress, Kind::NatGateway, gateway, nat)
            .after([keys::internet_gateway_attachment()])
            .tagged(subject, &name(subject)),
        Entry::new(Step::Egress, Kind::Route, Key::new(format!("network/private-route{suffix}")), route).part_of(table),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, spec};
    use super::*;
    use serde_json::Value;

    fn count(nat: Nat, kind: Kind) -> usize {
        entries(&spec(nat)).iter().filter(|entry| entry.kind == kind).count()
    }

    #[test]
    fn a_single_nat_gateway_serves_every_private_subnet() {
        assert_eq!([Kind::NatGateway, Kind::Eip, Kind::RouteTable].map(|kind| count(Nat::Single, kind)), [1, 1, 2]);
        assert_eq!(count(Nat::Single, Kind::SubnetRouteTableAssociation), 6);
    }

    #[test]
    fn per_az_each_private_subnet_has_its_own_gateway_and_table() {
        assert_eq!([Kind::NatGateway, Kind::Eip, Kind::RouteTable].map(|kind| count(Nat::PerAz, kind)), [3, 3, 4]);
        let entries = entries(&spec(Nat::PerAz));
        let gateway = entries.iter().find(|entry| entry.key.as_str() == "network/nat-gateway-2");
        assert_eq!(gateway.map(|entry| &entry.wanted["SubnetId"]), Some(&reference(&keys::public_subnet(2))));
    }

    #[test]
    fn without_nat_there_is_no_gateway_and_no_private_table() {
        assert_eq!([Kind::NatGateway, Kind::Eip, Kind::RouteTable].map(|kind| count(Nat::None, kind)), [0, 0, 1]);
    }

    #[test]
    fn subnets_share_zones_where_the_region_has_too_few() {
        let (spec, place) = (spec(Nat::Single), super::super::tests::place());
        let zones = ["use1-az1", "use1-az2"].map(String::from);
        let subject = Subject { id: crate::id::EnvironmentId::new(1, 1), spec: &spec, zones: &zones, place: &place };
        let chosen: Vec<Value> = super::entries(&subject)
            .iter()
            .filter(|entry| entry.key.as_str().starts_with("network/public-subnet"))
            .map(|entry| entry.wanted["AvailabilityZoneId"].clone())
            .collect();
        assert_eq!(chosen, ["use1-az1", "use1-az2", "use1-az1"]);
    }
}
