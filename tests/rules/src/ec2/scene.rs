//! A network for the rules' tests: VPC, internet gateway, subnet, address, route table and security group, each with
//! number 1, made by calls to a local cloud that lets everything pass.

use super::xml::values;
use crate::{Answer, Body, Settings, rehearsal::Rehearsal};

/// What the local cloud says when it has nothing to say.
pub(crate) const DONE: &str = "<R><return>true</return></R>";

/// The network, and the account that it is in.
pub(crate) struct Scene(pub(crate) Rehearsal);

impl Scene {
    pub(crate) async fn new() -> Scene {
        Scene::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Scene {
        let scene = Scene(Rehearsal::new(settings));
        scene.done("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], &one("vpc", VPC)).await;
        scene
            .done("CreateInternetGateway", &[], &one("internetGateway", "<internetGatewayId>igw-1</internetGatewayId>"))
            .await;
        scene.done("AttachInternetGateway", &[("InternetGatewayId", "igw-1"), ("VpcId", "vpc-1")], DONE).await;
        scene.done("CreateSubnet", &[("VpcId", "vpc-1"), ("CidrBlock", "10.0.1.0/24")], &one("subnet", SUBNET)).await;
        let address = "<R><allocationId>eipalloc-1</allocationId><publicIp>52.0.0.1</publicIp></R>";
        scene.done("AllocateAddress", &[("Domain", "vpc")], address).await;
        scene.done("CreateRouteTable", &[("VpcId", "vpc-1")], &one("routeTable", TABLE)).await;
        let group = [("VpcId", "vpc-1"), ("GroupName", "workers")];
        scene.done("CreateSecurityGroup", &group, "<R><groupId>sg-1</groupId></R>").await;
        scene
    }

    pub(crate) async fn call(&self, action: &str, parameters: &[(&str, &str)], said: &str) -> Answer {
        self.0.form("ec2", action, parameters, said).await
    }

    /// A call that AWS carries out.
    pub(crate) async fn done(&self, action: &str, parameters: &[(&str, &str)], said: &str) -> Answer {
        let answer = self.call(action, parameters, said).await;
        assert!(answer.succeeded(), "AWS carries {action} out, the rules answered {}", answer.code());
        answer
    }

    /// The code with which AWS refuses a call; empty where it does not.
    pub(crate) async fn refused(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.call(action, parameters, DONE).await.code()
    }

    /// A NAT gateway in the subnet, on the address.
    pub(crate) async fn nat_gateway(&self, id: &str) -> Answer {
        let parameters = [("SubnetId", "subnet-1"), ("AllocationId", "eipalloc-1"), ("ConnectivityType", "public")];
        self.call("CreateNatGateway", &parameters, &one("natGateway", &nat_gateway(id))).await
    }

    /// What the description of every NAT gateway says at a path, which the local cloud shows as available.
    pub(crate) async fn nat_gateways(&self, id: &str, path: &str) -> Vec<String> {
        let shown = set("natGatewaySet", &[&nat_gateway(id)]);
        told(&self.call("DescribeNatGateways", &[], &shown).await, &format!("natGatewaySet/item/{path}"))
    }
}

/// The texts at a path of an answer.
pub(crate) fn told(answer: &Answer, path: &str) -> Vec<String> {
    match &answer.body {
        Body::Xml(root) => values(root, path),
        _ => Vec::new(),
    }
}

/// An answer that shows one thing.
pub(crate) fn one(name: &str, what: &str) -> String {
    format!("<R><{name}>{what}</{name}></R>")
}

/// An answer that lists things.
pub(crate) fn set(name: &str, what: &[&str]) -> String {
    let items: String = what.iter().map(|what| format!("<item>{what}</item>")).collect();
    one(name, &items)
}

/// A NAT gateway as the local cloud shows it.
pub(crate) fn nat_gateway(id: &str) -> String {
    format!(
        "<natGatewayId>{id}</natGatewayId><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><state>available</state>"
    )
}

/// A network interface as the local cloud shows it.
pub(crate) fn interface(id: &str) -> String {
    format!(
        "<networkInterfaceId>{id}</networkInterfaceId><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId>\
         <groupSet><item><groupId>sg-1</groupId></item></groupSet><tagSet/>"
    )
}

const VPC: &str = "<vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock>";
const SUBNET: &str = "<subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><cidrBlock>10.0.1.0/24</cidrBlock>";
/// The route table as the local cloud shows it.
pub(crate) const TABLE: &str = "<routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId><routeSet><item>\
    <destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item></routeSet>";
