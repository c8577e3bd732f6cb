//! An internet gateway belongs to one VPC, and a VPC has one.

use crate::{Answer, Call, rule::Rule, world::World};

/// Attaching and detaching.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
pub(crate) struct InternetGateway;

impl Rule for InternetGateway {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let (gateway, vpc) = (call.text("InternetGatewayId"), call.text("VpcId"));
        let attached = world.ec2.internet_gateways.get(gateway)?;
        let error = |code: &str, message: String| Some(Answer::error(call, code, &message));
        match (call.action.as_str(), attached) {
            ("AttachInternetGateway", Some(other)) => error(
                "Resource.AlreadyAssociated",
                format!("resource {gateway} is already attached to network {other}"),
            ),
            ("AttachInternetGateway", None) if world.ec2.gateway_of(vpc).is_some() => {
                error("InvalidParameterValue", format!("Network {vpc} already has an internet gateway attached"))
            }
            ("DetachInternetGateway", attached) if attached.as_deref() != Some(vpc) => {
                error("Gateway.NotAttached", format!("resource {gateway} is not attached to network {vpc}"))
            }
            ("DetachInternetGateway", _) => {
                let mut interfaces = world.ec2.interfaces(world.now);
                let mapped = interfaces.any(|(_, at)| at.vpc == vpc && at.public_ip.is_some());
                let message = format!(
                    "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before \
                     detaching the gateway."
                );
                if mapped { error("DependencyViolation", message) } else { None }
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ec2::scene::{DONE, Scene, one};

    const FIRST: (&str, &str) = ("InternetGatewayId", "igw-1");
    const SECOND: (&str, &str) = ("InternetGatewayId", "igw-2");
    const VPC: (&str, &str) = ("VpcId", "vpc-1");

    #[tokio::test]
    async fn it_is_attached_once_and_a_vpc_has_one() {
        let scene = Scene::new().await;
        assert_eq!(scene.refused("AttachInternetGateway", &[FIRST, VPC]).await, "Resource.AlreadyAssociated");
        let second = one("internetGateway", "<internetGatewayId>igw-2</internetGatewayId>");
        scene.done("CreateInternetGateway", &[], &second).await;
        assert_eq!(scene.refused("AttachInternetGateway", &[SECOND, VPC]).await, "InvalidParameterValue");
        assert_eq!(scene.refused("DetachInternetGateway", &[SECOND, VPC]).await, "Gateway.NotAttached");
    }

    #[tokio::test]
    async fn it_is_detached_before_it_is_deleted() {
        let scene = Scene::new().await;
        assert_eq!(scene.refused("DeleteInternetGateway", &[FIRST]).await, "DependencyViolation");
        scene.done("DetachInternetGateway", &[FIRST, VPC], DONE).await;
        scene.done("DeleteInternetGateway", &[FIRST], DONE).await;
    }

    #[tokio::test]
    async fn it_stays_while_public_addresses_are_mapped() {
        let mut scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        assert_eq!(scene.refused("DetachInternetGateway", &[FIRST, VPC]).await, "DependencyViolation");
        scene.done("DeleteNatGateway", &[("NatGatewayId", "nat-1")], DONE).await;
        assert_eq!(scene.refused("DetachInternetGateway", &[FIRST, VPC]).await, "DependencyViolation");
        scene.0.later(54);
        scene.done("DetachInternetGateway", &[FIRST, VPC], DONE).await;
    }
}
