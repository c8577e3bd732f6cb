//! What is there in EC2.

use super::{Inventory, Thing};
use aws_sdk_ec2::{
    Client,
    types::{NatGatewayState, Tag},
};

pub(super) async fn list(ec2: &Client, into: &mut Inventory) {
    vpcs_and_subnets(ec2, into).await;
    gateways(ec2, into).await;
    route_tables(ec2, into).await;
    groups_and_interfaces(ec2, into).await;
}

async fn vpcs_and_subnets(ec2: &Client, into: &mut Inventory) {
    let vpcs = ec2.describe_vpcs().send().await.expect("describe VPCs");
    for vpc in vpcs.vpcs() {
        let id = vpc.vpc_id().unwrap_or_default();
        let detail = vpc.cidr_block().unwrap_or_default().to_owned();
        into.add("vpc", id, Thing::new("", detail).in_vpc(Some(id)).tagged(pairs(vpc.tags())));
    }
    let subnets = ec2.describe_subnets().send().await.expect("describe subnets");
    for subnet in subnets.subnets() {
        let detail = format!(
            "{} {} public={:?}",
            subnet.cidr_block().unwrap_or_default(),
            subnet.availability_zone().unwrap_or_default(),
            subnet.map_public_ip_on_launch()
        );
        let thing = Thing::new("", detail).in_vpc(subnet.vpc_id()).tagged(pairs(subnet.tags()));
        into.add("subnet", subnet.subnet_id().unwrap_or_default(), thing);
    }
}

async fn gateways(ec2: &Client, into: &mut Inventory) {
    let gateways = ec2.describe_internet_gateways().send().await.expect("describe internet gateways");
    for gateway in gateways.internet_gateways() {
        let vpc = gateway.attachments().first().and_then(|attachment| attachment.vpc_id());
        let thing = Thing::new("", String::new()).in_vpc(vpc).tagged(pairs(gateway.tags()));
        into.add("internet-gateway", gateway.internet_gateway_id().unwrap_or_default(), thing);
    }
    let addresses = ec2.describe_addresses().send().await.expect("describe addresses");
    for address in addresses.addresses() {
        let detail = address.public_ip().unwrap_or_default().to_owned();
        let thing = Thing::new("", detail).tagged(pairs(address.tags()));
        into.add("address", address.allocation_id().unwrap_or_default(), thing);
    }
    let gateways = ec2.describe_nat_gateways().send().await.expect("describe NAT gateways");
    for gateway in gateways.nat_gateways() {
        // AWS shows a deleted gateway for an hour, the local cloud for ever.
        if gateway.state() == Some(&NatGatewayState::Deleted) {
            continue;
        }
        let detail = format!("{:?} in {}", gateway.state(), gateway.subnet_id().unwrap_or_default());
        let thing = Thing::new("", detail).in_vpc(gateway.vpc_id()).tagged(pairs(gateway.tags()));
        into.add("nat-gateway", gateway.nat_gateway_id().unwrap_or_default(), thing);
    }
}

async fn route_tables(ec2: &Client, into: &mut Inventory) {
    let tables = ec2.describe_route_tables().send().await.expect("describe route tables");
    for table in tables.route_tables() {
        let mut routes: Vec<String> = table
            .routes()
            .iter()
            .map(|route| {
                let target = route.nat_gateway_id().or(route.gateway_id()).unwrap_or_default();
                format!("{}→{target}", route.destination_cidr_block().unwrap_or_default())
            })
            .collect();
        let mut subnets: Vec<&str> =
            table.associations().iter().filter_map(|association| association.subnet_id()).collect();
        routes.sort();
        subnets.sort();
        let thing =
            Thing::new("", format!("{routes:?} {subnets:?}")).in_vpc(table.vpc_id()).tagged(pairs(table.tags()));
        into.add("route-table", table.route_table_id().unwrap_or_default(), thing);
    }
}

async fn groups_and_interfaces(ec2: &Client, into: &mut Inventory) {
    let groups = ec2.describe_security_groups().send().await.expect("describe security groups");
    for group in groups.security_groups() {
        let detail = format!("in={:?} out={:?}", group.ip_permissions(), group.ip_permissions_egress());
        let name = group.group_name().unwrap_or_default();
        let thing = Thing::new(name, detail).in_vpc(group.vpc_id()).tagged(pairs(group.tags()));
        into.add("security-group", group.group_id().unwrap_or_default(), thing);
    }
    let interfaces = ec2.describe_network_interfaces().send().await.expect("describe network interfaces");
    for interface in interfaces.network_interfaces() {
        let detail = interface.description().unwrap_or_default().to_owned();
        let thing = Thing::new("", detail).in_vpc(interface.vpc_id()).tagged(pairs(interface.tag_set()));
        into.add("network-interface", interface.network_interface_id().unwrap_or_default(), thing);
    }
}

fn pairs(tags: &[Tag]) -> Vec<(String, String)> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}
