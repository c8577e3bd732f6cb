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
