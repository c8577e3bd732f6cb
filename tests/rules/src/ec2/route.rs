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

#[cfg(test)]
mod tests {
    use crate::ec2::scene::{DONE, Scene, TABLE, set, told};

    const TABLE_1: (&str, &str) = ("RouteTableId", "rtb-1");
    const EVERYTHING: (&str, &str) = ("DestinationCidrBlock", "0.0.0.0/0");

    #[tokio::test]
    async fn a_destination_has_one_route() {
        let scene = Scene::new().await;
        let route = [TABLE_1, EVERYTHING, ("GatewayId", "igw-1")];
        scene.done("CreateRoute", &route, DONE).await;
        assert_eq!(scene.refused("CreateRoute", &route).await, "RouteAlreadyExists");
        let local = [TABLE_1, ("DestinationCidrBlock", "10.0.0.0/16"), ("GatewayId", "igw-1")];
        assert_eq!(scene.refused("CreateRoute", &local).await, "RouteAlreadyExists");
        scene.done("DeleteRoute", &[TABLE_1, EVERYTHING], DONE).await;
        assert_eq!(scene.refused("DeleteRoute", &[TABLE_1, EVERYTHING]).await, "InvalidRoute.NotFound");
    }

    #[tokio::test]
    async fn a_route_needs_a_target_that_is_there() {
        let mut scene = Scene::new().await;
        let to = |target| [TABLE_1, EVERYTHING, target];
        assert_eq!(scene.refused("CreateRoute", &to(("GatewayId", "igw-9"))).await, "InvalidGatewayID.NotFound");
        scene.nat_gateway("nat-1").await;
        let nat_gateway = to(("NatGatewayId", "nat-1"));
        assert_eq!(scene.refused("CreateRoute", &nat_gateway).await, "InvalidNatGatewayID.NotFound", "still pending");
        scene.0.later(107);
        scene.done("CreateRoute", &nat_gateway, DONE).await;
        let detached = Scene::new().await;
        detached.done("DetachInternetGateway", &[("InternetGatewayId", "igw-1"), ("VpcId", "vpc-1")], DONE).await;
        assert_eq!(detached.refused("CreateRoute", &to(("GatewayId", "igw-1"))).await, "InvalidParameterValue");
    }

    #[tokio::test]
    async fn a_route_whose_target_is_gone_is_a_black_hole() {
        let mut scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        scene.0.later(107);
        let route = "<routeSet><item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock>\
                     <natGatewayId>nat-1</natGatewayId><state>active</state></item></routeSet>";
        let shown =
            set("routeTableSet", &[&["<routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId>", route].concat()]);
        let state = "routeTableSet/item/routeSet/item/state";
        assert_eq!(told(&scene.call("DescribeRouteTables", &[], &shown).await, state), ["active"]);
        scene.done("DeleteNatGateway", &[("NatGatewayId", "nat-1")], DONE).await;
        scene.0.later(54);
        assert_eq!(told(&scene.call("DescribeRouteTables", &[], &shown).await, state), ["blackhole"]);
        let local = set("routeTableSet", &[TABLE]);
        assert_eq!(told(&scene.call("DescribeRouteTables", &[], &local).await, state), ["active"]);
    }
}
