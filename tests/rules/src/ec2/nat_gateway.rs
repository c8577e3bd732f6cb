//! NAT gateways take their time to come and to go.

use super::{
    absent,
    memory::{State, new_id},
    network_interface::{Association, Interface},
    xml::{list, push},
};
use crate::{
    Answer, Call,
    answer::{element, items, leaf, retain, set, set_text, text},
    rule::Rule,
    world::World,
};
use jiff::{SignedDuration, Timestamp};
use xmltree::Element;

/// Nine applies of Terraform, measured by their users: 85 to 125 s, half of them within this.
pub(crate) const COMES_IN: f64 = 107.0;
/// Six destroys of Terraform: 37 to 79 s, half of them within this.
pub(crate) const GOES_IN: f64 = 54.0;
/// A deleted or failed gateway is shown for about so long.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html>
const SHOWN_FOR: f64 = 3600.0;

/// A NAT gateway is `pending` before it is `available` and `deleting` before it is `deleted`; all that is wrong with
/// it, it says as a `failed` gateway and not to whoever asked for it. It holds one network interface and its address.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NatGateway.html>
#[derive(Clone, Debug)]
pub(crate) struct NatGateway {
    /// What the local cloud shows.
    item: Element,
    allocation: String,
    interface: String,
    association: String,
    private_ip: String,
    public_ip: String,
    /// When it is through with coming.
    comes: Timestamp,
    failure: Option<Failure>,
    /// When it is through with going.
    goes: Option<Timestamp>,
    shown_for: SignedDuration,
}

/// Why a gateway could not be made.
#[derive(Clone, Debug)]
struct Failure {
    code: String,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    Pending,
    Available,
    Failed,
    Deleting,
    Deleted,
    /// No longer shown.
    Gone,
}

impl NatGateway {
    pub(crate) fn phase(&self, now: Timestamp) -> Phase {
        let through = |at: Timestamp| now >= at;
        match (self.goes, &self.failure) {
            (Some(goes), _) if through(goes + self.shown_for) => Phase::Gone,
            (Some(goes), _) if through(goes) => Phase::Deleted,
            (Some(_), _) => Phase::Deleting,
            (None, _) if !through(self.comes) => Phase::Pending,
            (None, None) => Phase::Available,
            (None, Some(_)) if through(self.comes + self.shown_for) => Phase::Gone,
            (None, Some(_)) => Phase::Failed,
        }
    }

    /// The gateway as AWS shows it; `shown` is what the local cloud shows, its tags above all.
    fn complete(&self, shown: &mut Element, now: Timestamp) {
        let phase = self.phase(now);
        set_text(
            shown,
            "state",
            match phase {
                Phase::Pending => "pending",
                Phase::Available => "available",
                Phase::Failed => "failed",
                Phase::Deleting => "deleting",
                Phase::Deleted | Phase::Gone => "deleted",
            },
        );
        if let (Phase::Failed, Some(failure)) = (phase, &self.failure) {
            set_text(shown, "failureCode", &failure.code);
            set_text(shown, "failureMessage", &failure.message);
        }
        if let Some(goes) = self.goes {
            set_text(shown, "deleteTime", &goes.to_string());
        }
        let mut address = vec![leaf("networkInterfaceId", &self.interface), leaf("privateIp", &self.private_ip)];
        if !self.allocation.is_empty() {
            address.push(leaf("allocationId", &self.allocation));
        }
        if !self.association.is_empty() && !matches!(phase, Phase::Deleted | Phase::Gone) {
            address.extend([leaf("publicIp", &self.public_ip), leaf("associationId", &self.association)]);
        }
        set(shown, element("natGatewayAddressSet", vec![element("item", address)]));
    }
}

/// What a gateway that has just been asked for will run into.
fn failure(call: &Call, vpc: &str, world: &World) -> Option<Failure> {
    let state = &world.ec2;
    let fails = |code: &str, message: String| Some(Failure { code: code.to_owned(), message });
    if let Some(code) = &world.settings.misfortunes.nat_gateway_fails {
        return fails(code, "The NAT gateway could not be created.".to_owned());
    }
    if call.text("ConnectivityType") == "private" {
        return None;
    }
    if state.gateway_of(vpc).is_none() {
        return fails("Gateway.NotAttached", format!("Network {vpc} has no Internet gateway attached"));
    }
    let allocation = call.text("AllocationId");
    if state.uses(allocation, world.now).is_some() {
        return fails("Resource.AlreadyAssociated", format!("Elastic IP address {allocation} is already associated"));
    }
    None
}

impl World {
    /// Remembers a gateway with the interface that it holds.
    fn remember_nat_gateway(&mut self, item: &Element, allocation: &str, comes: Timestamp, failure: Option<Failure>) {
        let (id, subnet) = (text(item, "natGatewayId"), text(item, "subnetId"));
        let association = if failure.is_none() && !allocation.is_empty() { new_id("eipassoc") } else { String::new() };
        let gateway = NatGateway {
            item: item.clone(),
            allocation: allocation.to_owned(),
            interface: new_id("eni"),
            association,
            private_ip: self.ec2.free_address(&subnet),
            public_ip: self.ec2.addresses.get(allocation).cloned().unwrap_or_default(),
            comes,
            failure,
            goes: None,
            shown_for: self.scaled(SHOWN_FOR),
        };
        let association = Some(&gateway.association)
            .filter(|id| !id.is_empty())
            .map(|id| Association { allocation: gateway.allocation.clone(), association: id.clone() });
        self.ec2.attach(
            gateway.interface.clone(),
            Interface {
                subnet,
                vpc: text(item, "vpcId"),
                description: format!("Interface for NAT Gateway {id}"),
                kind: "nat_gateway".to_owned(),
                requester_managed: true,
                private_ip: gateway.private_ip.clone(),
                public_ip: association.is_some().then(|| gateway.public_ip.clone()),
                association,
                ..Interface::default()
            },
        );
        if gateway.failure.is_some() {
            self.ec2.detach_at(&gateway.interface, comes);
        }
        self.ec2.nat_gateways.insert(id, gateway);
    }

    /// A gateway begins to go, unless it goes already.
    fn delete_nat_gateway(&mut self, id: &str) {
        let (now, goes) = (self.now, self.now + self.scaled(GOES_IN));
        let Some(gateway) = self.ec2.nat_gateways.get_mut(id) else { return };
        if gateway.goes.is_none() {
            // Of a failed one nothing is left to take apart.
            gateway.goes = Some(if gateway.phase(now) == Phase::Failed { now } else { goes });
            let interface = gateway.interface.clone();
            self.ec2.detach_at(&interface, goes);
        }
    }
}

/// See [`NatGateway`].
pub(crate) struct NatGateways;

impl Rule for NatGateways {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let named = call.text("NatGatewayId");
        let gone = |id: &str| world.ec2.nat_gateway(id, world.now).is_none() && world.ec2.nat_gateways.contains_key(id);
        (call.service == "ec2" && call.action == "DeleteNatGateway" && gone(named))
            .then(|| absent::refusal(call, "NatGatewayNotFound", "NAT gateway", named))
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "ec2" {
            return;
        }
        let Some(document) = answer.document() else { return };
        match call.action.as_str() {
            "CreateNatGateway" => {
                let Some(made) = document.get_mut_child("natGateway") else { return };
                let failure = failure(call, &text(made, "vpcId"), world);
                let comes = world.now + world.scaled(COMES_IN);
                world.remember_nat_gateway(made, call.text("AllocationId"), comes, failure);
                if let Some(gateway) = world.ec2.nat_gateways.get(&text(made, "natGatewayId")) {
                    gateway.complete(made, world.now);
                }
            }
            "DeleteNatGateway" => world.delete_nat_gateway(call.text("NatGatewayId")),
            "DescribeNatGateways" => describe(call, document, world),
            _ => {}
        }
    }
}

fn describe(call: &Call, document: &mut Element, world: &mut World) {
    for item in list(document, "natGatewaySet") {
        let id = text(item, "natGatewayId");
        if !world.ec2.nat_gateways.contains_key(&id) {
            world.remember_nat_gateway(item, "", world.now, None);
        }
        if text(item, "state") == "deleted" {
            world.delete_nat_gateway(&id);
        }
    }
    let (state, now) = (&world.ec2, world.now);
    // The local cloud has gone by its own states: what it left out is put to the filters again.
    let shown: Vec<String> = list(document, "natGatewaySet").map(|item| text(item, "natGatewayId")).collect();
    let asked = call.texts("NatGatewayId");
    let left_out = state
        .nat_gateways
        .iter()
        .filter(|(id, _)| !shown.contains(id) && (asked.is_empty() || asked.contains(&id.as_str())));
    for (_, gateway) in left_out {
        push(document, "natGatewaySet", gateway.item.clone());
    }
    for item in items(document, "natGatewaySet") {
        if let Some(gateway) = state.nat_gateways.get(&text(item, "natGatewayId")) {
            gateway.complete(item, now);
        }
    }
    retain(document, "natGatewaySet", |item| state.nat_gateway(&text(item, "natGatewayId"), now).is_some());
}

impl State {
    /// A gateway that is still shown.
    pub(crate) fn nat_gateway(&self, id: &str, now: Timestamp) -> Option<Phase> {
        self.nat_gateways.get(id).map(|gateway| gateway.phase(now)).filter(|phase| *phase != Phase::Gone)
    }

    /// A gateway as `CreateNatGateway` shows it.
    pub(crate) fn nat_gateway_made(&self, id: &str, now: Timestamp) -> Option<Element> {
        let gateway = self.nat_gateways.get(id).filter(|gateway| gateway.phase(now) != Phase::Gone)?;
        let mut shown = gateway.item.clone();
        shown.name = "natGateway".to_owned();
        gateway.complete(&mut shown, now);
        Some(shown)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Misfortunes, Settings,
        ec2::scene::{DONE, Scene, set, told},
    };

    #[tokio::test]
    async fn it_is_pending_before_it_is_available() {
        let mut scene = Scene::new().await;
        let made = scene.nat_gateway("nat-1").await;
        assert_eq!(told(&made, "natGateway/state"), ["pending"]);
        scene.0.later(106);
        assert_eq!(scene.nat_gateways("nat-1", "state").await, ["pending"]);
        scene.0.later(1);
        assert_eq!(scene.nat_gateways("nat-1", "state").await, ["available"]);
    }

    #[tokio::test]
    async fn it_is_deleting_then_deleted_for_an_hour_then_gone() {
        let mut scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        scene.0.later(200);
        scene.done("DeleteNatGateway", &[("NatGatewayId", "nat-1")], DONE).await;
        let mut states = Vec::new();
        for wait in [53, 1, 3599, 1] {
            scene.0.later(wait);
            states.push(scene.nat_gateways("nat-1", "state").await.concat());
        }
        assert_eq!(states, ["deleting", "deleted", "deleted", ""]);
        let named = [("NatGatewayId.1", "nat-1")];
        let seen = scene.call("DescribeNatGateways", &named, &set("natGatewaySet", &[])).await;
        assert_eq!(seen.code(), "NatGatewayNotFound");
        assert_eq!(scene.refused("DeleteNatGateway", &[("NatGatewayId", "nat-1")]).await, "NatGatewayNotFound");
    }

    #[tokio::test]
    async fn a_second_delete_does_not_begin_again() {
        let mut scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        for _ in 0..2 {
            scene.done("DeleteNatGateway", &[("NatGatewayId", "nat-1")], DONE).await;
            scene.0.later(27);
        }
        assert_eq!(scene.nat_gateways("nat-1", "state").await, ["deleted"]);
    }

    #[tokio::test]
    async fn it_shows_its_address_and_the_address_shows_it() {
        let scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        let address = scene.nat_gateways("nat-1", "natGatewayAddressSet/item/publicIp").await;
        assert_eq!(address, ["52.0.0.1"]);
        let shown = set("addressesSet", &["<allocationId>eipalloc-1</allocationId>"]);
        let addresses = scene.call("DescribeAddresses", &[], &shown).await;
        let association = scene.nat_gateways("nat-1", "natGatewayAddressSet/item/associationId").await;
        assert_eq!(told(&addresses, "addressesSet/item/associationId"), association);
        assert!(association.concat().starts_with("eipassoc-"));
    }

    #[tokio::test]
    async fn without_an_internet_gateway_it_fails() {
        let mut scene = Scene::new().await;
        scene.done("DetachInternetGateway", &[("InternetGatewayId", "igw-1"), ("VpcId", "vpc-1")], DONE).await;
        assert!(scene.nat_gateway("nat-1").await.succeeded(), "AWS says it later");
        scene.0.later(107);
        assert_eq!(scene.nat_gateways("nat-1", "state").await, ["failed"]);
        assert_eq!(scene.nat_gateways("nat-1", "failureCode").await, ["Gateway.NotAttached"]);
        scene.0.later(3600);
        assert!(scene.nat_gateways("nat-1", "state").await.is_empty(), "AWS removes it after an hour");
    }

    #[tokio::test]
    async fn a_second_one_on_an_address_fails() {
        let mut scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        scene.nat_gateway("nat-2").await;
        scene.0.later(107);
        assert_eq!(scene.nat_gateways("nat-1", "failureCode").await, ["Resource.AlreadyAssociated"]);
    }

    #[tokio::test]
    async fn it_fails_where_a_run_is_out_of_luck() {
        let misfortunes = Misfortunes { nat_gateway_fails: Some("InternalError".to_owned()), ..Misfortunes::default() };
        let mut scene = Scene::with(Settings { misfortunes, ..Settings::default() }).await;
        scene.nat_gateway("nat-1").await;
        scene.0.later(107);
        assert_eq!(scene.nat_gateways("nat-1", "failureCode").await, ["InternalError"]);
        scene.done("DeleteNatGateway", &[("NatGatewayId", "nat-1")], DONE).await;
        assert_eq!(scene.nat_gateways("nat-1", "state").await, ["deleted"]);
    }

    #[tokio::test]
    async fn one_that_somebody_removed_past_the_rules_is_on_its_way() {
        let scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        let shown = set("natGatewaySet", &["<natGatewayId>nat-1</natGatewayId><state>deleted</state>"]);
        let seen = scene.call("DescribeNatGateways", &[], &shown).await;
        assert_eq!(told(&seen, "natGatewaySet/item/state"), ["deleting"]);
    }

    #[tokio::test]
    async fn the_filter_for_states_goes_by_awss_states() {
        let scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        let mut seen = Vec::new();
        for state in ["pending", "available"] {
            let filter = [("Filter.1.Name", "state"), ("Filter.1.Value.1", state)];
            let answer = scene.call("DescribeNatGateways", &filter, &set("natGatewaySet", &[])).await;
            seen.push(told(&answer, "natGatewaySet/item/natGatewayId").concat());
        }
        assert_eq!(seen, ["nat-1", ""]);
    }
}
