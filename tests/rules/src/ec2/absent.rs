//! What is not there.
//!
//! Codes: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>

use super::{memory::State, xml::values};
use crate::{Answer, Body, Call, answer::text, rule::Rule, world::World};

/// A thing that a call needs.
struct Parent {
    action: &'static str,
    parameter: &'static str,
    kind: Kind,
}

/// A kind of thing: how AWS says that one is absent, and how it is known to be there.
#[derive(Clone, Copy)]
struct Kind {
    code: &'static str,
    name: &'static str,
    is_there: fn(&State, &str) -> bool,
}

const VPC: Kind =
    Kind { code: "InvalidVpcID.NotFound", name: "vpc ID", is_there: |state, id| state.vpcs.contains_key(id) };
const SUBNET: Kind =
    Kind { code: "InvalidSubnetID.NotFound", name: "subnet ID", is_there: |state, id| state.subnets.contains_key(id) };
const ADDRESS: Kind = Kind {
    code: "InvalidAllocationID.NotFound",
    name: "allocation ID",
    is_there: |state, id| state.addresses.contains_key(id),
};
const INTERNET_GATEWAY: Kind = Kind {
    code: "InvalidInternetGatewayID.NotFound",
    name: "internetGateway ID",
    is_there: |state, id| state.internet_gateways.contains_key(id),
};

/// What the local cloud would make without its parent.
const PARENTS: &[Parent] = &[
    Parent { action: "CreateSubnet", parameter: "VpcId", kind: VPC },
    Parent { action: "CreateRouteTable", parameter: "VpcId", kind: VPC },
    Parent { action: "CreateSecurityGroup", parameter: "VpcId", kind: VPC },
    Parent { action: "AttachInternetGateway", parameter: "VpcId", kind: VPC },
    Parent { action: "DetachInternetGateway", parameter: "InternetGatewayId", kind: INTERNET_GATEWAY },
    Parent { action: "AssociateRouteTable", parameter: "SubnetId", kind: SUBNET },
    Parent { action: "CreateNetworkInterface", parameter: "SubnetId", kind: SUBNET },
    Parent { action: "CreateNatGateway", parameter: "SubnetId", kind: SUBNET },
    Parent { action: "CreateNatGateway", parameter: "AllocationId", kind: ADDRESS },
];

/// A describe of which the local cloud answers nothing where AWS says that there is nothing.
struct Describe {
    action: &'static str,
    parameter: &'static str,
    /// Where the ids are in the answer.
    ids: &'static str,
    code: &'static str,
    name: &'static str,
}

const DESCRIBES: &[Describe] = &[
    Describe {
        action: "DescribeAddresses",
        parameter: "AllocationId",
        ids: "addressesSet/item/allocationId",
        code: ADDRESS.code,
        name: ADDRESS.name,
    },
    Describe {
        action: "DescribeNatGateways",
        parameter: "NatGatewayId",
        ids: "natGatewaySet/item/natGatewayId",
        code: "NatGatewayNotFound",
        name: "NAT gateway",
    },
    Describe {
        action: "DescribeRouteTables",
        parameter: "RouteTableId",
        ids: "routeTableSet/item/routeTableId",
        code: "InvalidRouteTableID.NotFound",
        name: "routeTable ID",
    },
    Describe {
        action: "DescribeNetworkInterfaces",
        parameter: "NetworkInterfaceId",
        ids: "networkInterfaceSet/item/networkInterfaceId",
        code: "InvalidNetworkInterfaceID.NotFound",
        name: "networkInterface ID",
    },
];

/// Nothing is made in what is absent.
pub(crate) struct AbsentParent;

impl Rule for AbsentParent {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let mut parents = PARENTS.iter().filter(|parent| call.service == "ec2" && parent.action == call.action);
        let absent = parents.find(|parent| {
            let id = call.text(parent.parameter);
            !id.is_empty() && !(parent.kind.is_there)(&world.ec2, id)
        })?;
        Some(refusal(call, absent.kind.code, absent.kind.name, call.text(absent.parameter)))
    }
}

/// Nothing is described of what is absent. It stands after those who add to what the local cloud shows.
pub(crate) struct AbsentNamed;

impl Rule for AbsentNamed {
    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        let describe = DESCRIBES.iter().find(|describe| call.service == "ec2" && describe.action == call.action);
        // With filters, the local cloud may have left out one that is there.
        let Some(describe) = describe.filter(|_| call.filters().is_empty()) else { return };
        let Some(document) = answer.document() else { return };
        let shown = values(document, describe.ids);
        let asked = call.texts(describe.parameter);
        if let Some(absent) = asked.iter().find(|id| !shown.iter().any(|shown| shown == **id)) {
            world.ec2.forget(absent);
            *answer = refusal(call, describe.code, describe.name, absent);
        }
    }
}

/// The refusal of a call that names something absent.
pub(crate) fn refusal(call: &Call, code: &str, name: &str, id: &str) -> Answer {
    Answer::error(call, code, &format!("The {name} '{id}' does not exist"))
}

/// Whether an answer says that something is absent.
pub(crate) fn says_so(answer: &Answer) -> bool {
    let Body::Xml(root) = &answer.body else { return false };
    let error = root.get_child("Errors").and_then(|errors| errors.get_child("Error"));
    error.is_some_and(|error| text(error, "Code").ends_with("NotFound"))
}

#[cfg(test)]
mod tests {
    use crate::ec2::scene::{DONE, Scene, set};

    #[tokio::test]
    async fn nothing_is_made_in_what_is_absent() {
        let scene = Scene::new().await;
        let (vpc, subnet) = (("VpcId", "vpc-9"), ("SubnetId", "subnet-9"));
        for (action, parameters, code) in [
            ("CreateSubnet", vec![vpc, ("CidrBlock", "10.9.0.0/24")], "InvalidVpcID.NotFound"),
            ("CreateRouteTable", vec![vpc], "InvalidVpcID.NotFound"),
            ("CreateSecurityGroup", vec![vpc], "InvalidVpcID.NotFound"),
            ("AttachInternetGateway", vec![vpc, ("InternetGatewayId", "igw-1")], "InvalidVpcID.NotFound"),
            ("CreateNetworkInterface", vec![subnet], "InvalidSubnetID.NotFound"),
            ("AssociateRouteTable", vec![subnet, ("RouteTableId", "rtb-1")], "InvalidSubnetID.NotFound"),
            ("CreateNatGateway", vec![subnet], "InvalidSubnetID.NotFound"),
            (
                "CreateNatGateway",
                vec![("SubnetId", "subnet-1"), ("AllocationId", "eipalloc-9")],
                "InvalidAllocationID.NotFound",
            ),
        ] {
            assert_eq!(scene.refused(action, &parameters).await, code, "{action}");
        }
    }

    #[tokio::test]
    async fn what_is_absent_is_not_described() {
        let scene = Scene::new().await;
        for (action, id, list, code) in [
            ("DescribeAddresses", "AllocationId.1", "addressesSet", "InvalidAllocationID.NotFound"),
            ("DescribeNatGateways", "NatGatewayId.1", "natGatewaySet", "NatGatewayNotFound"),
            ("DescribeRouteTables", "RouteTableId.1", "routeTableSet", "InvalidRouteTableID.NotFound"),
            (
                "DescribeNetworkInterfaces",
                "NetworkInterfaceId.1",
                "networkInterfaceSet",
                "InvalidNetworkInterfaceID.NotFound",
            ),
        ] {
            let nothing = set(list, &[]);
            assert_eq!(scene.call(action, &[(id, "x-9")], &nothing).await.code(), code, "{action}");
            assert!(scene.call(action, &[], &nothing).await.succeeded(), "{action} of all finds none");
        }
    }

    #[tokio::test]
    async fn what_was_removed_past_the_rules_is_forgotten_with_the_first_not_found() {
        let scene = Scene::new().await;
        let gone = "<Response><Errors><Error><Code>InvalidSubnetID.NotFound</Code></Error></Errors></Response>";
        scene.call("DescribeSubnets", &[("SubnetId.1", "subnet-1")], gone).await;
        let others = [("DeleteSecurityGroup", ("GroupId", "sg-1")), ("DeleteRouteTable", ("RouteTableId", "rtb-1"))];
        for (action, parameter) in others {
            scene.done(action, &[parameter], DONE).await;
        }
        scene.done("DetachInternetGateway", &[("InternetGatewayId", "igw-1"), ("VpcId", "vpc-1")], DONE).await;
        scene.done("DeleteVpc", &[("VpcId", "vpc-1")], DONE).await;
    }
}
