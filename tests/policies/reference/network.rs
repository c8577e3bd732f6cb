//! EC2: a create is authorised on the new thing, on its tags, and on everything that it is made in.

use super::{Place, asking, tagged, unknown};
use crate::{journal::Call, policy::Request, world::World};

impl Place {
    pub(super) fn ec2(&self, call: &Call, world: &World) -> Vec<Request> {
        let name = call.name();
        if ["CreateTags", "DeleteTags"].contains(&call.action.as_str()) {
            let id = call.text("ResourceId.1");
            let resource = self.arn("ec2", &format!("{}/{id}", ec2_type(id)));
            return vec![asking(tagged(Request::of(&name, resource), &world.thing(id).tags), &call.tags())];
        }
        let made = match call.action.as_str() {
            "CreateVpc" => "vpc",
            "CreateSubnet" => "subnet",
            "CreateInternetGateway" => "internet-gateway",
            "CreateRouteTable" => "route-table",
            "CreateSecurityGroup" => "security-group",
            "CreateNatGateway" => "natgateway",
            "AllocateAddress" => "elastic-ip",
            "AssociateRouteTable"
            | "DisassociateRouteTable"
            | "AttachInternetGateway"
            | "DetachInternetGateway"
            | "CreateRoute"
            | "DeleteRoute"
            | "DeleteInternetGateway"
            | "DeleteNatGateway"
            | "DeleteRouteTable"
            | "DeleteSecurityGroup"
            | "DeleteSubnet"
            | "DeleteVpc"
            | "ModifySubnetAttribute"
            | "ModifyVpcAttribute"
            | "ReleaseAddress"
            | "ReplaceRoute"
            | "ReplaceRouteTableAssociation"
            | "DescribeVpcAttribute" => "",
            _ => return unknown(call),
        };
        let mut requests = Vec::new();
        if !made.is_empty() {
            let new = self.arn("ec2", &format!("{made}/*"));
            requests.push(asking(Request::of(&name, &new), &call.tags()));
            let tagging = Request::of("ec2:CreateTags", &new).with("ec2:CreateAction", &call.action);
            requests.push(asking(tagging, &call.tags()));
        }
        // Not the target of a route: AWS does not ask for it.
        let parameters = [
            "VpcId",
            "SubnetId",
            "RouteTableId",
            "InternetGatewayId",
            "NatGatewayId",
            "GroupId",
            "AllocationId",
            "AssociationId",
        ];
        let is_route = call.action.ends_with("Route");
        let named = parameters.iter().filter(|name| !is_route || **name == "RouteTableId").map(|name| call.text(name));
        for id in named.filter(|id| !id.is_empty()) {
            let with = world.thing(id).with;
            // A NAT gateway is in the VPC of its subnet; other calls on a subnet are not asked about its VPC.
            let touched = match call.action.as_str() {
                "CreateNatGateway" => [vec![id.to_owned()], with].concat(),
                "DisassociateRouteTable" => with,
                // The subnet's table as it shall be; of the association, what it is with.
                "ReplaceRouteTableAssociation" if id.starts_with("rtbassoc-") => with,
                _ => vec![id.to_owned()],
            };
            requests.extend(touched.iter().map(|id| {
                let resource = self.arn("ec2", &format!("{}/{id}", ec2_type(id)));
                tagged(Request::of(&name, resource), &world.thing(id).tags)
            }));
        }
        requests
    }
}

fn ec2_type(id: &str) -> &'static str {
    match id.rsplit_once('-').map(|(prefix, _)| prefix) {
        Some("vpc") => "vpc",
        Some("subnet") => "subnet",
        Some("igw") => "internet-gateway",
        Some("rtb") => "route-table",
        Some("sg") => "security-group",
        Some("nat") => "natgateway",
        Some("eipalloc") => "elastic-ip",
        _ => panic!("{id} is of no type that this evaluator knows"),
    }
}
