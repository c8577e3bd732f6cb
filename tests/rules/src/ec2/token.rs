//! Client tokens.

use super::memory::State;
use crate::{
    Answer, Call,
    answer::{element, text},
    rule::Rule,
    world::World,
};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use xmltree::Element;

/// What was asked for with a token and what came of it, by action and token.
pub(crate) type Tokens = BTreeMap<(String, String), (Value, String)>;

/// A create that honours tokens.
struct Create {
    action: &'static str,
    /// The answer's element for what was made, and what names it there.
    made: (&'static str, &'static str),
    /// What was made, as it is now.
    again: fn(&State, &str, Timestamp) -> Option<Element>,
}

const CREATES: &[Create] = &[
    Create {
        action: "CreateNatGateway",
        made: ("natGateway", "natGatewayId"),
        again: |state, id, now| state.nat_gateway_made(id, now),
    },
    Create {
        action: "CreateRouteTable",
        made: ("routeTable", "routeTableId"),
        again: |state, id, _| state.route_tables.get(id).and_then(|table| table.made.clone()),
    },
];

/// The same token with the same parameters makes nothing a second time; with other parameters it is refused.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>
pub(crate) struct ClientToken;

impl Rule for ClientToken {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let (create, key) = of(call)?;
        let (parameters, id) = world.ec2.tokens.get(&key)?;
        if *parameters != without_token(call) {
            let message = "Arguments on this idempotent request are inconsistent with arguments used in previous \
                           request(s).";
            return Some(Answer::error(call, "IdempotentParameterMismatch", message));
        }
        let made = (create.again)(&world.ec2, id, world.now)?;
        Some(Answer::xml(element(&format!("{}Response", create.action), vec![made])))
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        let Some((create, key)) = of(call) else { return };
        let made = answer.document().and_then(|document| document.get_child(create.made.0));
        if let Some(made) = made {
            world.ec2.tokens.insert(key, (without_token(call), text(made, create.made.1)));
        }
    }
}

fn of(call: &Call) -> Option<(&'static Create, (String, String))> {
    let create = CREATES.iter().find(|create| call.service == "ec2" && create.action == call.action)?;
    let token = call.text("ClientToken");
    (!token.is_empty()).then(|| (create, (call.action.clone(), token.to_owned())))
}

fn without_token(call: &Call) -> Value {
    let mut parameters = call.parameters.clone();
    if let Some(members) = parameters.as_object_mut() {
        members.remove("ClientToken");
    }
    parameters
}

#[cfg(test)]
mod tests {
    use crate::ec2::scene::{Scene, nat_gateway, one, told};

    const SUBNET: (&str, &str) = ("SubnetId", "subnet-1");
    const PRIVATE: (&str, &str) = ("ConnectivityType", "private");

    #[tokio::test]
    async fn the_same_token_makes_nothing_a_second_time() {
        let mut scene = Scene::new().await;
        let asked = [SUBNET, PRIVATE, ("ClientToken", "t")];
        scene.done("CreateNatGateway", &asked, &one("natGateway", &nat_gateway("nat-1"))).await;
        scene.0.later(107);
        let again = scene.done("CreateNatGateway", &asked, &one("natGateway", &nat_gateway("nat-2"))).await;
        assert_eq!(told(&again, "natGateway/natGatewayId"), ["nat-1"]);
        assert_eq!(told(&again, "natGateway/state"), ["available"], "as it is now");
        let table = [("VpcId", "vpc-1"), ("ClientToken", "t")];
        for id in ["rtb-2", "rtb-3"] {
            let made = one("routeTable", &format!("<routeTableId>{id}</routeTableId><vpcId>vpc-1</vpcId>"));
            let made = scene.done("CreateRouteTable", &table, &made).await;
            assert_eq!(told(&made, "routeTable/routeTableId"), ["rtb-2"]);
        }
    }

    #[tokio::test]
    async fn a_token_with_other_parameters_is_refused() {
        let scene = Scene::new().await;
        let token = ("ClientToken", "t");
        scene.done("CreateNatGateway", &[SUBNET, PRIVATE, token], &one("natGateway", &nat_gateway("nat-1"))).await;
        let code = scene.refused("CreateNatGateway", &[SUBNET, token]).await;
        assert_eq!(code, "IdempotentParameterMismatch");
        let other = [SUBNET, PRIVATE, ("ClientToken", "another")];
        let second = scene.done("CreateNatGateway", &other, &one("natGateway", &nat_gateway("nat-2"))).await;
        assert_eq!(told(&second, "natGateway/natGatewayId"), ["nat-2"]);
    }
}
