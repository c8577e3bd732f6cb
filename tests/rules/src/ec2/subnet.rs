//! A subnet's block.

use super::cidr::Cidr;
use crate::{Answer, Call, rule::Rule, world::World};

/// A subnet lies within its VPC and beside the other subnets.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html>
pub(crate) struct SubnetBlock;

impl Rule for SubnetBlock {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let (vpc, asked) = (call.text("VpcId"), call.text("CidrBlock"));
        if call.action != "CreateSubnet" || asked.is_empty() {
            return None;
        }
        let Some(cidr) = Cidr::parse(asked) else {
            let message =
                format!("Value ({asked}) for parameter cidrBlock is invalid. This is not a valid CIDR block.");
            return Some(Answer::error(call, "InvalidParameterValue", &message));
        };
        let within = world.ec2.vpcs.get(vpc).copied().flatten();
        if !cidr.has_a_size_for_aws() || within.is_some_and(|vpc| !vpc.contains(&cidr)) {
            return Some(Answer::error(call, "InvalidSubnet.Range", &format!("The CIDR '{asked}' is invalid.")));
        }
        let mut others = world.ec2.subnets.values().filter(|subnet| subnet.vpc == vpc);
        let conflict = others.any(|other| other.cidr.is_some_and(|other| other.overlaps(&cidr)));
        let message = format!("The CIDR '{asked}' conflicts with another subnet");
        conflict.then(|| Answer::error(call, "InvalidSubnet.Conflict", &message))
    }
}

#[cfg(test)]
mod tests {
    use crate::ec2::scene::Scene;

    #[tokio::test]
    async fn it_lies_within_the_vpc_and_beside_the_others() {
        let scene = Scene::new().await;
        for (block, code) in [
            ("10.1.0.0/24", "InvalidSubnet.Range"),
            ("10.0.2.0/29", "InvalidSubnet.Range"),
            ("10.0.1.128/25", "InvalidSubnet.Conflict"),
            ("10.0.1.0/24", "InvalidSubnet.Conflict"),
            ("nonsense", "InvalidParameterValue"),
            ("10.0.2.0/24", ""),
        ] {
            assert_eq!(
                scene.refused("CreateSubnet", &[("VpcId", "vpc-1"), ("CidrBlock", block)]).await,
                code,
                "{block}"
            );
        }
    }
}
