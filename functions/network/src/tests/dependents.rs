//! What stands in the way of a removal or a create, and what it is called.

use super::{
    clients,
    ec2::{Ec2, set, tags_of},
    entry, environment, place, site,
};
use crate::{eip::Eip, internet_gateway::InternetGateway, route_table::RouteTable, security_group::SecurityGroup};
use crate::{subnet::Subnet, vpc::Vpc, vpc_gateway_attachment::VpcGatewayAttachment};
use engine::{Owner, Resource, State};
use environment::{Code, Fault};

const REFUSED: &str = "DependencyViolation";

/// The fault that the removal of the resource under this key comes to.
async fn removing(resource: &dyn Resource, key: &str, id: &str) -> Fault {
    let (entry, place) = (entry(key), place());
    resource.remove(&site(&entry, &place, Some(id)), id).await.expect_err("EC2 refuses it")
}

#[track_caller]
fn names(fault: &Fault, names: &[&str]) {
    assert_eq!(fault.code, Code::ForeignDependent, "{fault:?}");
    for name in names {
        assert!(fault.message.contains(name), "{name} is not named: {}", fault.message);
    }
    assert!(!fault.message.contains("EC2's words"), "{}", fault.message);
    assert!(fault.aws_code.is_some(), "AWS's code is kept");
}

fn in_vpc(id: &str) -> String {
    format!("{id}<vpcId>vpc-1</vpcId>")
}

#[tokio::test]
async fn everything_that_somebody_put_into_the_vpc_is_named() {
    let attached = |id: &str| format!("{id}<attachmentSet><item><vpcId>vpc-1</vpcId></item></attachmentSet>");
    let cases = [
        ("DescribeSubnets", "subnetSet", in_vpc("<subnetId>subnet-9</subnetId>"), "subnet subnet-9"),
        ("DescribeSecurityGroups", "securityGroupInfo", in_vpc("<groupId>sg-9</groupId>"), "security group sg-9"),
        ("DescribeRouteTables", "routeTableSet", in_vpc("<routeTableId>rtb-9</routeTableId>"), "route table rtb-9"),
        ("DescribeNetworkAcls", "networkAclSet", in_vpc("<networkAclId>acl-9</networkAclId>"), "network ACL acl-9"),
        (
            "DescribeVpcEndpoints",
            "vpcEndpointSet",
            in_vpc("<vpcEndpointId>vpce-9</vpcEndpointId>"),
            "VPC endpoint vpce-9",
        ),
        ("DescribeNatGateways", "natGatewaySet", in_vpc("<natGatewayId>nat-9</natGatewayId>"), "NAT gateway nat-9"),
        (
            "DescribeInternetGateways",
            "internetGatewaySet",
            attached("<internetGatewayId>igw-9</internetGatewayId>"),
            "internet gateway igw-9",
        ),
        (
            "DescribeEgressOnlyInternetGateways",
            "egressOnlyInternetGatewaySet",
            attached("<egressOnlyInternetGatewayId>eigw-9</egressOnlyInternetGatewayId>"),
            "egress-only internet gateway eigw-9",
        ),
        (
            "DescribeVpnGateways",
            "vpnGatewaySet",
            "<vpnGatewayId>vgw-9</vpnGatewayId><attachments><item><vpcId>vpc-1</vpcId><state>attached</state></item>\
             </attachments>"
                .to_owned(),
            "VPN gateway vgw-9",
        ),
        (
            "DescribeNetworkInterfaces",
            "networkInterfaceSet",
            in_vpc(
                "<networkInterfaceId>eni-9</networkInterfaceId><attachment><instanceId>i-9</instanceId></attachment>",
            ),
            "instance i-9",
        ),
    ];
    for (action, list, item, name) in cases {
        let ec2 = Ec2::default().refuses("DeleteVpc", REFUSED).says(action, &set(list, &[item]));
        let fault = removing(&Vpc(clients(&ec2)), "network/vpc", "vpc-1").await;
        names(&fault, &[name]);
        assert_eq!(
            fault.message,
            format!("The {name} is not this environment's and keeps its VPC vpc-1 from being removed.")
        );
    }
}

#[tokio::test]
async fn several_are_named_together_and_very_many_are_counted() {
    let subnets =
        |count: u32| (1..=count).map(|n| in_vpc(&format!("<subnetId>subnet-{n}</subnetId>"))).collect::<Vec<_>>();
    let of = async |count| {
        let ec2 =
            Ec2::default().refuses("DeleteVpc", REFUSED).says("DescribeSubnets", &set("subnetSet", &subnets(count)));
        removing(&Vpc(clients(&ec2)), "network/vpc", "vpc-1").await.message
    };
    let end = "are not this environment's and keep its VPC vpc-1 from being removed.";
    assert_eq!(of(2).await, format!("The subnet subnet-1 and the subnet subnet-2 {end}"));
    assert!(of(8).await.ends_with(&format!("the subnet subnet-5 and 3 more {end}")), "{}", of(8).await);
}

/// What is the environment's own, AWS's own or elsewhere hinders nothing by itself: AWS's refusal passes.
#[tokio::test]
async fn what_is_not_somebody_elses_is_not_named() {
    let ours = format!("<subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>{}", tags_of(environment()));
    let elsewhere = "<subnetId>subnet-2</subnetId><vpcId>vpc-2</vpcId>".to_owned();
    let default = in_vpc("<groupId>sg-1</groupId><groupName>default</groupName>");
    let main =
        in_vpc("<routeTableId>rtb-1</routeTableId><associationSet><item><main>true</main></item></associationSet>");
    let list = in_vpc("<networkAclId>acl-1</networkAclId><default>true</default>");
    let deleted = in_vpc("<vpcEndpointId>vpce-1</vpcEndpointId><state>deleted</state>");
    let gone = in_vpc("<natGatewayId>nat-1</natGatewayId><state>deleted</state>");
    let ec2 = Ec2::default()
        .refuses("DeleteVpc", REFUSED)
        .says("DescribeSubnets", &set("subnetSet", &[ours, elsewhere]))
        .says("DescribeSecurityGroups", &set("securityGroupInfo", &[default]))
        .says("DescribeRouteTables", &set("routeTableSet", &[main]))
        .says("DescribeNetworkAcls", &set("networkAclSet", &[list]))
        .says("DescribeVpcEndpoints", &set("vpcEndpointSet", &[deleted]))
        .says("DescribeNatGateways", &set("natGatewaySet", &[gone]));
    let fault = removing(&Vpc(clients(&ec2)), "network/vpc", "vpc-1").await;
    assert_eq!((fault.code, fault.message.as_str()), (Code::Conflict, "ec2:DeleteVpc answered DependencyViolation."));
}

#[tokio::test]
async fn a_look_that_is_refused_hides_no_other() {
    let subnet = in_vpc("<subnetId>subnet-9</subnetId>");
    let ec2 = Ec2::default()
        .refuses("DeleteVpc", REFUSED)
        .refuses("DescribeNetworkInterfaces", "RequestLimitExceeded")
        .refuses("DescribeVpcEndpoints", "UnauthorizedOperation")
        .says("DescribeSubnets", &set("subnetSet", &[subnet]));
    names(&removing(&Vpc(clients(&ec2)), "network/vpc", "vpc-1").await, &["subnet subnet-9"]);
}

/// It goes when the service is done with it; where it never goes, the operation ends with this fault.
#[tokio::test]
async fn an_interface_that_a_service_keeps_is_waited_for_by_name() {
    let interface = "<networkInterfaceId>eni-9</networkInterfaceId><subnetId>subnet-1</subnetId>\
                     <requesterManaged>true</requesterManaged>";
    let ec2 = Ec2::default()
        .refuses("DeleteSubnet", REFUSED)
        .says("DescribeNetworkInterfaces", &set("networkInterfaceSet", &[interface.to_owned()]));
    let fault = removing(&Subnet(clients(&ec2)), "network/public-subnet-1", "subnet-1").await;
    assert!(fault.code.is_retryable(), "{fault:?}");
    assert!(fault.message.contains("eni-9") && fault.message.contains("subnet subnet-1"), "{}", fault.message);
}

#[tokio::test]
async fn what_holds_a_subnet_is_named_by_what_somebody_can_remove() {
    let interface = "<networkInterfaceId>eni-9</networkInterfaceId><subnetId>subnet-1</subnetId>\
                     <requesterManaged>true</requesterManaged>";
    let endpoint = in_vpc("<vpcEndpointId>vpce-9</vpcEndpointId><subnetIdSet><item>subnet-1</item></subnetIdSet>");
    let elsewhere = in_vpc("<vpcEndpointId>vpce-8</vpcEndpointId><subnetIdSet><item>subnet-2</item></subnetIdSet>");
    let gateway = "<natGatewayId>nat-9</natGatewayId><subnetId>subnet-1</subnetId>".to_owned();
    let ec2 = Ec2::default()
        .refuses("DeleteSubnet", REFUSED)
        .says("DescribeNetworkInterfaces", &set("networkInterfaceSet", &[interface.to_owned()]))
        .says("DescribeVpcEndpoints", &set("vpcEndpointSet", &[endpoint, elsewhere]))
        .says("DescribeNatGateways", &set("natGatewaySet", &[gateway]));
    let fault = removing(&Subnet(clients(&ec2)), "network/public-subnet-1", "subnet-1").await;
    names(&fault, &["VPC endpoint vpce-9", "NAT gateway nat-9"]);
    assert!(!fault.message.contains("vpce-8"), "{}", fault.message);
}

#[tokio::test]
async fn what_uses_a_security_group_is_named() {
    let rule = "<ipPermissions><item><groups><item><groupId>sg-1</groupId></item></groups></item></ipPermissions>";
    let group = format!("<groupId>sg-9</groupId><vpcId>vpc-1</vpcId>{rule}");
    let endpoint =
        in_vpc("<vpcEndpointId>vpce-9</vpcEndpointId><groupSet><item><groupId>sg-1</groupId></item></groupSet>");
    let ec2 = Ec2::default()
        .refuses("DeleteSecurityGroup", REFUSED)
        .says("DescribeSecurityGroups", &set("securityGroupInfo", &[group]))
        .says("DescribeVpcEndpoints", &set("vpcEndpointSet", &[endpoint]));
    let fault = removing(&SecurityGroup(clients(&ec2)), "network/security-group", "sg-1").await;
    names(&fault, &["security group sg-9", "VPC endpoint vpce-9"]);
}

/// Subnets and groups in the VPC do not hold the gateway: only public addresses do.
#[tokio::test]
async fn what_has_a_public_address_holds_the_gateway() {
    let key = "network/internet-gateway-attachment";
    let public = "<association><publicIp>192.0.2.1</publicIp></association>";
    let instance = |public: &str| {
        let attachment = "<attachment><instanceId>i-9</instanceId></attachment>";
        in_vpc(&format!("<networkInterfaceId>eni-9</networkInterfaceId>{attachment}{public}"))
    };
    let ec2 = |interface: String| {
        Ec2::default()
            .refuses("DetachInternetGateway", REFUSED)
            .says("DescribeSubnets", &set("subnetSet", &[in_vpc("<subnetId>subnet-9</subnetId>")]))
            .says("DescribeNetworkInterfaces", &set("networkInterfaceSet", &[interface]))
    };
    let fault = removing(&VpcGatewayAttachment(clients(&ec2(instance(public)))), key, "igw-1|vpc-1").await;
    names(&fault, &["instance i-9"]);
    let fault = removing(&VpcGatewayAttachment(clients(&ec2(instance("")))), key, "igw-1|vpc-1").await;
    assert_eq!(fault.code, Code::Conflict, "an address that is on its way: {fault:?}");
}

#[tokio::test]
async fn a_gateway_a_table_and_an_address_that_somebody_uses_are_not_taken_from_them() {
    let gateway = "<internetGatewayId>igw-1</internetGatewayId><attachmentSet><item><vpcId>vpc-9</vpcId></item>\
                   </attachmentSet>";
    let ec2 = Ec2::default()
        .refuses("DeleteInternetGateway", REFUSED)
        .says("DescribeInternetGateways", &set("internetGatewaySet", &[gateway.to_owned()]))
        .says("DescribeVpcs", &set("vpcSet", &["<vpcId>vpc-9</vpcId>".to_owned()]));
    let fault = removing(&InternetGateway(clients(&ec2)), "network/internet-gateway", "igw-1").await;
    names(&fault, &["VPC vpc-9", "internet gateway igw-1"]);

    let table = "<routeTableId>rtb-1</routeTableId><associationSet><item><subnetId>subnet-9</subnetId></item>\
                 </associationSet>";
    let ec2 = Ec2::default()
        .refuses("DeleteRouteTable", REFUSED)
        .says("DescribeRouteTables", &set("routeTableSet", &[table.to_owned()]))
        .says("DescribeSubnets", &set("subnetSet", &["<subnetId>subnet-9</subnetId>".to_owned()]));
    let fault = removing(&RouteTable(clients(&ec2)), "network/public-route-table", "rtb-1").await;
    names(&fault, &["subnet subnet-9", "route table rtb-1"]);

    let interface = "<networkInterfaceId>eni-9</networkInterfaceId><attachment><instanceId>i-9</instanceId></attachment>\
                     <association><allocationId>eipalloc-1</allocationId></association>";
    let ec2 = Ec2::default()
        .refuses("ReleaseAddress", "InvalidIPAddress.InUse")
        .says("DescribeNetworkInterfaces", &set("networkInterfaceSet", &[interface.to_owned()]));
    let fault = removing(&Eip(clients(&ec2)), "network/nat-address", "eipalloc-1").await;
    names(&fault, &["instance i-9", "address eipalloc-1"]);
}

/// The range of our subnet is taken: by whom, decides.
#[tokio::test]
async fn a_foreign_subnet_in_our_range_is_named_and_ours_is_not_foreign() {
    let (entry, place) = (entry("network/public-subnet-1"), place());
    let subnet = |range: &str, tags: String| {
        let subnet = format!("<subnetId>subnet-9</subnetId><vpcId>vpc-1</vpcId><cidrBlock>{range}</cidrBlock>{tags}");
        Ec2::default()
            .refuses("CreateSubnet", "InvalidSubnet.Conflict")
            .says("DescribeSubnets", &set("subnetSet", &[subnet]))
    };
    let range = entry.wanted["CidrBlock"].as_str().expect("a range");
    for theirs in [range, "10.0.0.0/20"] {
        let ec2 = subnet(theirs, String::new());
        let found = Subnet(clients(&ec2)).create(&site(&entry, &place, None)).await.expect("what is there");
        assert_eq!((found.id.as_str(), found.owner), ("subnet-9", Owner::Foreign), "{theirs}");
        let State::Failed(said) = found.state else { panic!("AWS's refusal goes with it") };
        assert_eq!(said.aws_code.as_deref(), Some("InvalidSubnet.Conflict"));
    }
    for ec2 in [subnet(range, tags_of(environment())), subnet("10.0.200.0/24", String::new())] {
        let fault = Subnet(clients(&ec2)).create(&site(&entry, &place, None)).await.expect_err("EC2 refuses it");
        assert_eq!(fault.code, Code::AlreadyExists, "the next look finds what is ours");
    }
}
