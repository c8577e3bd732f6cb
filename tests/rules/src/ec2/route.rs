//! A destination identifies a route; a route whose target is gone is a black hole.

use super::{memory::State, nat_gateway::Phase};
use crate::{
    Answer, Call,
    answer::{items, set_text, text},
    rule::Rule,
    world::World,
};
use jiff::Timestamp;

/// Making and removing routes.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html>
pub(crate) struct Route;

impl Rule for Route {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let (table, destination) = (call.text("RouteTableId"), call.text("DestinationCidrBlock"));
        let known = world.ec2.route_tables.get(table)?;
        let error = |code: &str, message: String| Some(Answer::error(call, code, &message));
        match (call.action.as_str(), known.routes.get(destination).map(String::as_str)) {
            ("CreateRoute", Some(_)) => {
                error("RouteAlreadyExists", format!("The route identified by {destination} already exists."))
            }
            ("CreateRoute", None) => refuse_target(call, table, &known.vpc, &world.ec2, world.now),
            ("DeleteRoute", None) => error(
                "InvalidRoute.NotFound",
                format!("no route with destination-cidr-block {destination} in route table {table}"),
            ),
            ("DeleteRoute", Some("local")) => error(
                "InvalidParameterValue",
                format!("cannot remove local route {destination} in route table {table}"),
            ),
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.action != "DescribeRouteTables" {
            return;
        }
        let Some(document) = answer.document() else { return };
        for table in items(document, "routeTableSet") {
            let vpc = text(table, "vpcId");
            for route in items(table, "routeSet") {
                if world.ec2.is_black_hole(&vpc, &text(route, "gatewayId"), &text(route, "natGatewayId"), world.now) {
                    set_text(route, "state", "blackhole");
                }
            }
        }
    }
}

/// A route needs an internet gateway that is attached to the table's VPC, or a NAT gateway that is available.
fn refuse_target(call: &Call, table: &str, vpc: &str, state: &State, now: Timestamp) -> Option<Answer> {
    let (gateway, nat_gateway) = (call.text("GatewayId"), call.text("NatGatewayId"));
    if gateway.starts_with("igw-") {
        return match state.internet_gateways.get(gateway) {
            None => {
                let message = format!("The gateway ID '{gateway}' does not exist");
                Some(Answer::error(call, "InvalidGatewayID.NotFound", &message))
            }
            Some(attached) if attached.as_deref() != Some(vpc) => {
                let message = format!("route table {table} and network gateway {gateway} belong to different networks");
                Some(Answer::error(call, "InvalidParameterValue", &message))
            }
            Some(_) => None,
        };
    }
    let is_available = state.nat_gateway(nat_gateway, now) == Some(Phase::Available);
    let message = format!("The natGateway ID '{nat_gateway}' does not exist");
    (!nat_gateway.is_empty() && !is_available).then(|| Answer::error(call, "InvalidNatGatewayID.NotFound", &message))
}

impl State {
    /// Whether nothing takes what is sent to this target.
    /// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-working-with.html>
    fn is_black_hole(&self, vpc: &str, gateway: &str, nat_gateway: &str, now: Timestamp) -> bool {
        let detached = || self.internet_gateways.get(gateway).is_none_or(|attached| attached.as_deref() != Some(vpc));
        let gone = || {
            let phase = self.nat_gateway(nat_gateway, now);
            matches!(phase, None | Some(Phase::Failed | Phase::Deleted))
        };
        (gateway.starts_with("igw-") && detached()) || (!nat_gateway.is_empty() && gone())
    }
}
