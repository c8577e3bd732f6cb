//! What has to go first.

use super::memory::State;
use crate::{Answer, Call, rule::Rule, world::World};
use jiff::Timestamp;

/// That something cannot be removed while something else is there.
struct Dependency {
    /// What would remove it,
    action: &'static str,
    /// and the parameter that names it.
    parameter: &'static str,
    code: &'static str,
    /// AWS's words, with `{}` for the id.
    message: &'static str,
    holds: fn(&State, &str, Timestamp) -> bool,
}

/// The order in which AWS lets things go.
const DEPENDENCIES: &[Dependency] = &[
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReleaseAddress.html>
    Dependency {
        action: "ReleaseAddress",
        parameter: "AllocationId",
        code: "InvalidIPAddress.InUse",
        message: "Address {} is in use.",
        holds: |state, id, now| state.uses(id, now).is_some(),
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteInternetGateway.html>
    Dependency {
        action: "DeleteInternetGateway",
        parameter: "InternetGatewayId",
        code: "DependencyViolation",
        message: "The internetGateway '{}' has dependencies and cannot be deleted.",
        holds: |state, id, _| state.internet_gateways.get(id).is_some_and(Option::is_some),
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html>
    Dependency {
        action: "DeleteSubnet",
        parameter: "SubnetId",
        code: "DependencyViolation",
        message: "The subnet '{}' has dependencies and cannot be deleted.",
        holds: |state, id, now| state.interfaces(now).any(|(_, interface)| interface.subnet == id),
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html>
    Dependency {
        action: "DeleteSecurityGroup",
        parameter: "GroupId",
        code: "DependencyViolation",
        message: "resource {} has a dependent object",
        holds: |state, id, now| state.interfaces(now).any(|(_, at)| at.groups.iter().any(|group| group == id)),
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRouteTable.html>
    Dependency {
        action: "DeleteRouteTable",
        parameter: "RouteTableId",
        code: "DependencyViolation",
        message: "The routeTable '{}' has dependencies and cannot be deleted.",
        holds: |state, id, _| {
            state.route_tables.get(id).is_some_and(|table| table.main.is_some() || !table.associations.is_empty())
        },
    },
    // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html>
    Dependency {
        action: "DeleteVpc",
        parameter: "VpcId",
        code: "DependencyViolation",
        message: "The vpc '{}' has dependencies and cannot be deleted.",
        holds: |state, id, now| {
            state.gateway_of(id).is_some()
                || state.subnets.values().any(|subnet| subnet.vpc == id)
                || state.route_tables.values().any(|table| table.vpc == id && table.main.is_none())
                || state.security_groups.values().any(|group| group.vpc == id && group.name != "default")
                || state.interfaces(now).any(|(_, interface)| interface.vpc == id)
        },
    },
];

/// AWS refuses to remove what something else needs.
pub(crate) struct Dependencies;

impl Rule for Dependencies {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let rule = DEPENDENCIES.iter().find(|rule| call.service == "ec2" && rule.action == call.action)?;
        let id = call.text(rule.parameter);
        let holds = (rule.holds)(&world.ec2, id, world.now);
        holds.then(|| Answer::error(call, rule.code, &rule.message.replace("{}", id)))
    }
}

#[cfg(test)]
mod tests {
    use crate::ec2::scene::{DONE, Scene, interface, one};

    const GOING: &[(&str, (&str, &str))] = &[
        ("ReleaseAddress", ("AllocationId", "eipalloc-1")),
        ("DeleteSubnet", ("SubnetId", "subnet-1")),
        ("DeleteSecurityGroup", ("GroupId", "sg-1")),
        ("DeleteVpc", ("VpcId", "vpc-1")),
    ];

    #[tokio::test]
    async fn a_nat_gateway_keeps_its_address_and_its_subnet_until_it_is_deleted() {
        let mut scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        let delete = [("NatGatewayId", "nat-1")];
        scene.done("DeleteNatGateway", &delete, DONE).await;
        scene.0.later(53);
        for (action, parameter) in &GOING[..2] {
            assert!(!scene.refused(action, &[*parameter]).await.is_empty(), "{action} while the gateway is deleting");
        }
        assert_eq!(scene.refused("ReleaseAddress", &[GOING[0].1]).await, "InvalidIPAddress.InUse");
        scene.0.later(1);
        for (action, parameter) in &GOING[..2] {
            scene.done(action, &[*parameter], DONE).await;
        }
    }

    #[tokio::test]
    async fn an_interface_keeps_its_subnet_its_group_and_its_vpc() {
        let scene = Scene::new().await;
        scene
            .done("CreateNetworkInterface", &[("SubnetId", "subnet-1")], &one("networkInterface", &interface("eni-1")))
            .await;
        for (action, parameter) in &GOING[1..] {
            assert_eq!(scene.refused(action, &[*parameter]).await, "DependencyViolation", "{action}");
        }
        scene.done("DeleteNetworkInterface", &[("NetworkInterfaceId", "eni-1")], DONE).await;
        scene.done("DeleteSubnet", &[GOING[1].1], DONE).await;
        scene.done("DeleteSecurityGroup", &[GOING[2].1], DONE).await;
    }

    #[tokio::test]
    async fn a_vpc_goes_last() {
        let scene = Scene::new().await;
        let vpc = ("VpcId", "vpc-1");
        let gateway = ("InternetGatewayId", "igw-1");
        for (action, parameters) in [
            ("DeleteSubnet", vec![("SubnetId", "subnet-1")]),
            ("DeleteSecurityGroup", vec![("GroupId", "sg-1")]),
            ("DeleteRouteTable", vec![("RouteTableId", "rtb-1")]),
            ("DetachInternetGateway", vec![gateway, vpc]),
        ] {
            assert_eq!(scene.refused("DeleteVpc", &[vpc]).await, "DependencyViolation", "before {action}");
            scene.done(action, &parameters, DONE).await;
        }
        scene.done("DeleteVpc", &[vpc], DONE).await;
    }
}
