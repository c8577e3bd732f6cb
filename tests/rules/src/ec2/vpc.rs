//! A VPC's block.

use super::cidr::Cidr;
use crate::{Answer, Call, rule::Rule, world::World};

/// A VPC has from 16 to 65,536 addresses.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>
pub(crate) struct VpcBlock;

impl Rule for VpcBlock {
    fn refuse(&self, call: &Call, _world: &mut World) -> Option<Answer> {
        let asked = call.text("CidrBlock");
        let too_large_or_small = Cidr::parse(asked).is_some_and(|cidr| !cidr.has_a_size_for_aws());
        let message = format!("The CIDR '{asked}' is invalid.");
        (call.action == "CreateVpc" && too_large_or_small).then(|| Answer::error(call, "InvalidVpc.Range", &message))
    }
}

#[cfg(test)]
mod tests {
    use crate::ec2::scene::Scene;

    #[tokio::test]
    async fn it_is_neither_too_large_nor_too_small() {
        let scene = Scene::new().await;
        for (block, code) in
            [("10.0.0.0/8", "InvalidVpc.Range"), ("10.0.0.0/29", "InvalidVpc.Range"), ("10.0.0.0/28", "")]
        {
            assert_eq!(scene.refused("CreateVpc", &[("CidrBlock", block)]).await, code, "{block}");
        }
    }
}
