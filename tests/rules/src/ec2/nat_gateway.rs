//! NAT gateways take their time to come and to go.

use crate::{
    Answer, Call,
    answer::{items, set_text, text},
    rule::Rule,
    world::World,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Nine applies of Terraform, measured by their users: 85 to 125 s, half of them within this.
const COMES_IN: f64 = 107.0;

/// The NAT gateways by id, with the time at which each was asked for.
pub(crate) type NatGateways = BTreeMap<String, Timestamp>;

/// A NAT gateway is `pending` before it is `available`.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html>
pub(crate) struct NatGateway;

impl Rule for NatGateway {
    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        let Some(document) = answer.document() else { return };
        match call.action.as_str() {
            "CreateNatGateway" => {
                if let Some(gateway) = document.get_mut_child("natGateway") {
                    world.ec2.nat_gateways.insert(text(gateway, "natGatewayId"), world.now);
                    set_text(gateway, "state", "pending");
                }
            }
            "DescribeNatGateways" => {
                for gateway in items(document, "natGatewaySet") {
                    let began = world.ec2.nat_gateways.get(&text(gateway, "natGatewayId"));
                    if began.is_some_and(|began| !world.is_through(*began, COMES_IN)) {
                        set_text(gateway, "state", "pending");
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    const MADE: &str = "<R><natGateway><natGatewayId>nat-1</natGatewayId><state>available</state></natGateway></R>";
    const SEEN: &str =
        "<R><natGatewaySet><item><natGatewayId>nat-1</natGatewayId><state>available</state></item></natGatewaySet></R>";

    #[tokio::test]
    async fn it_is_pending_before_it_is_available() {
        let mut aws = Rehearsal::new(Settings::default());
        aws.form("ec2", "CreateNatGateway", &[("SubnetId", "subnet-1")], MADE).await;
        let mut states = Vec::new();
        for _ in 0..2 {
            let mut seen = aws.form("ec2", "DescribeNatGateways", &[], SEEN).await;
            states.push(text(items(seen.document().expect("an answer"), "natGatewaySet")[0], "state"));
            aws.later(107);
        }
        assert_eq!(states, ["pending", "available"]);
    }
}
