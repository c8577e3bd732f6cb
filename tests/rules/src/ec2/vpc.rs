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
