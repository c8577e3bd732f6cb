//! VPC, subnets, gateways, routes and security group, as EC2 shows them.

use super::are_tags_of;
use aws_sdk_ec2::{
    Client,
    types::{NatGatewayState, RouteTable, Tag, VpcAttributeName},
};
use end_to_end::{Environment, Stage};
use std::collections::BTreeSet;

const PUBLIC: [&str; 3] = ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"];
const PRIVATE: [&str; 3] = ["10.0.4.0/24", "10.0.5.0/24", "10.0.6.0/24"];

pub async fn is_as_designed(stage: &Stage, environment: &Environment) {
    let ec2 = &stage.cloud.ec2;
    vpc(ec2, environment).await;
    subnets(ec2, environment).await;
    internet_gateway(ec2, environment).await;
    nat_gateway(ec2, environment).await;
    routes(ec2, environment).await;
    security_group(ec2, environment).await;
}

async fn vpc(ec2: &Client, environment: &Environment) {
    let id = environment.physical("network/vpc");
    let vpcs = ec2.describe_vpcs().vpc_ids(id).send().await.expect("the VPC is there");
    let vpc = vpcs.vpcs().first().expect("the VPC is there");
    assert_eq!(vpc.cidr_block(), Some("10.0.0.0/16"), "the VPC's range");
    are_tags_of(pairs(vpc.tags()), environment, "network/vpc", "prefect-ecs");

    let support = ec2.describe_vpc_attribute().vpc_id(id).attribute(VpcAttributeName::EnableDnsSupport).send().await;
    let support = support.expect("a VPC's attribute").enable_dns_support.and_then(|on| on.value);
    assert_eq!(support, Some(true), "DNS support");
    let names = ec2.describe_vpc_attribute().vpc_id(id).attribute(VpcAttributeName::EnableDnsHostnames).send().await;
    let names = names.expect("a VPC's attribute").enable_dns_hostnames.and_then(|on| on.value);
    assert_eq!(names, Some(true), "DNS hostnames");
}

async fn subnets(ec2: &Client, environment: &Environment) {
    let mut zones = Vec::new();
    for (side, ranges) in [("public", PUBLIC), ("private", PRIVATE)] {
        for (index, range) in ranges.iter().enumerate() {
            let key = format!("network/{side}-subnet-{}", index + 1);
            let found = ec2.describe_subnets().subnet_ids(environment.physical(&key)).send().await;
            let found = found.unwrap_or_else(|error| panic!("{key} is not there: {error:?}"));
            let subnet = found.subnets().first().unwrap_or_else(|| panic!("{key} is not there"));
            assert_eq!(subnet.vpc_id(), Some(environment.physical("network/vpc")), "{key} lies in the VPC");
            assert_eq!(subnet.cidr_block(), Some(*range), "the range of {key}");
            let public_address = subnet.map_public_ip_on_launch();
            assert_eq!(public_address, Some(side == "public"), "public addresses on launch in {key}");
            zones.push(subnet.availability_zone().expect("a subnet has a zone").to_owned());
            are_tags_of(pairs(subnet.tags()), environment, &key, &format!("prefect-ecs-{side}-{}", index + 1));
        }
    }
    let (public, private) = zones.split_at(3);
    assert_eq!(public.iter().collect::<BTreeSet<_>>().len(), 3, "three zones, not {public:?}");
    assert_eq!(public, private, "the private subnets lie in the zones of the public ones");
}

async fn internet_gateway(ec2: &Client, environment: &Environment) {
    let id = environment.physical("network/internet-gateway");
    let found = ec2.describe_internet_gateways().internet_gateway_ids(id).send().await.expect("the gateway is there");
    let gateway = found.internet_gateways().first().expect("the gateway is there");
    let vpcs: Vec<_> = gateway.attachments().iter().map(|attachment| attachment.vpc_id()).collect();
    assert_eq!(vpcs, [Some(environment.physical("network/vpc"))], "the internet gateway is attached to the VPC");
    are_tags_of(pairs(gateway.tags()), environment, "network/internet-gateway", "prefect-ecs");
}

async fn nat_gateway(ec2: &Client, environment: &Environment) {
    let id = environment.physical("network/nat-gateway");
    let found = ec2.describe_nat_gateways().nat_gateway_ids(id).send().await.expect("the NAT gateway is there");
    let gateway = found.nat_gateways().first().expect("the NAT gateway is there");
    assert_eq!(gateway.state(), Some(&NatGatewayState::Available), "the NAT gateway can be used");
    let subnet = environment.physical("network/public-subnet-1");
    assert_eq!(gateway.subnet_id(), Some(subnet), "the NAT gateway stands in the first public subnet");
    are_tags_of(pairs(gateway.tags()), environment, "network/nat-gateway", "prefect-ecs");

    let allocation = environment.physical("network/nat-address");
    // The local cloud does not say which address a NAT gateway has.
    for address in gateway.nat_gateway_addresses() {
        assert_eq!(address.allocation_id(), Some(allocation), "the NAT gateway has the environment's address");
    }
    let found = ec2.describe_addresses().allocation_ids(allocation).send().await.expect("the address is there");
    let mut addresses = found.addresses().iter();
    let address = addresses.find(|one| one.allocation_id() == Some(allocation)).expect("the address is there");
    assert!(address.public_ip().is_some(), "the address is a public one: {address:?}");
    are_tags_of(pairs(address.tags()), environment, "network/nat-address", "prefect-ecs");
}

async fn routes(ec2: &Client, environment: &Environment) {
    let internet_gateway = environment.physical("network/internet-gateway");
    let nat_gateway = environment.physical("network/nat-gateway");
    for (side, ways_out) in [("public", internet_gateway), ("private", nat_gateway)] {
        let key = format!("network/{side}-route-table");
        let table = route_table(ec2, environment.physical(&key)).await;
        assert_eq!(table.vpc_id(), Some(environment.physical("network/vpc")), "{key} belongs to the VPC");
        let ways: Vec<_> = table
            .routes()
            .iter()
            .filter(|route| route.destination_cidr_block() == Some("0.0.0.0/0"))
            .filter_map(|route| route.nat_gateway_id().or(route.gateway_id()))
            .collect();
        assert_eq!(ways, [ways_out], "where {key} leads to");
        let mut subnets: Vec<_> = table.associations().iter().filter_map(|one| one.subnet_id()).collect();
        let mut wanted: Vec<_> =
            (1..=3).map(|number| environment.physical(&format!("network/{side}-subnet-{number}"))).collect();
        subnets.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(subnets, wanted, "the subnets of {key}");
        are_tags_of(pairs(table.tags()), environment, &key, &format!("prefect-ecs-{side}"));
    }
}

async fn route_table(ec2: &Client, id: &str) -> RouteTable {
    let found = ec2.describe_route_tables().route_table_ids(id).send().await.expect("the route table is there");
    found.route_tables.into_iter().flatten().next().expect("the route table is there")
}

async fn security_group(ec2: &Client, environment: &Environment) {
    let id = environment.physical("network/security-group");
    let found = ec2.describe_security_groups().group_ids(id).send().await.expect("the group is there");
    let group = found.security_groups().iter().find(|group| group.group_id() == Some(id)).expect("the group is there");
    assert_eq!(group.group_name(), Some("prefect-ecs-service-sg"), "the group's name");
    assert_eq!(group.vpc_id(), Some(environment.physical("network/vpc")), "the group belongs to the VPC");
    assert_eq!(group.ip_permissions(), [], "nothing comes in");
    let [out] = group.ip_permissions_egress() else { panic!("one rule for what goes out: {group:?}") };
    let ranges: Vec<_> = out.ip_ranges().iter().filter_map(|range| range.cidr_ip()).collect();
    assert_eq!((out.ip_protocol(), ranges.as_slice()), (Some("-1"), ["0.0.0.0/0"].as_slice()), "everything goes out");
    are_tags_of(pairs(group.tags()), environment, "network/security-group", "prefect-ecs");
}

fn pairs(tags: &[Tag]) -> Vec<(String, String)> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}
