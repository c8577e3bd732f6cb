//! Network interfaces: those of services, of which the local cloud knows nothing, and those that somebody has made.

use super::{
    memory::State,
    xml::{list, push, tag_set, tags},
};
use crate::{
    Answer, Call,
    answer::{element, items, leaf, set, text},
    rule::Rule,
    world::World,
};
use jiff::Timestamp;
use xmltree::Element;

/// A network interface.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInterface.html>
#[derive(Clone, Debug, Default)]
pub(crate) struct Interface {
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    /// Its security groups.
    pub(crate) groups: Vec<String>,
    pub(crate) description: String,
    /// `interface`, `nat_gateway`, …
    pub(crate) kind: String,
    /// Whether a service of AWS holds it.
    pub(crate) requester_managed: bool,
    pub(crate) private_ip: String,
    /// A public address that is mapped to it.
    pub(crate) public_ip: Option<String>,
    /// The allocated address that this public address is.
    pub(crate) association: Option<Association>,
    pub(crate) tags: Vec<(String, String)>,
    /// Whether the local cloud shows it by itself.
    pub(crate) in_the_cloud: bool,
    /// When it is gone.
    pub(crate) until: Option<Timestamp>,
}

/// That an allocated address belongs to an interface.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Association {
    pub(crate) allocation: String,
    pub(crate) association: String,
}

impl Interface {
    pub(crate) fn is_there(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// The interface as an item of `DescribeNetworkInterfaces`.
    fn item(&self, id: &str, state: &State) -> Element {
        let zone = state.subnets.get(&self.subnet).map(|subnet| subnet.zone.as_str()).unwrap_or_default();
        let groups = self.groups.iter().map(|group| {
            let name = state.security_groups.get(group).map(|group| group.name.as_str()).unwrap_or_default();
            element("item", vec![leaf("groupId", group), leaf("groupName", name)])
        });
        let mut item = element(
            "item",
            vec![
                leaf("networkInterfaceId", id),
                leaf("subnetId", &self.subnet),
                leaf("vpcId", &self.vpc),
                leaf("availabilityZone", zone),
                leaf("description", &self.description),
                leaf("requesterManaged", if self.requester_managed { "true" } else { "false" }),
                leaf("status", "in-use"),
                leaf("privateIpAddress", &self.private_ip),
                leaf("interfaceType", &self.kind),
                element("groupSet", groups.collect()),
                element("attachment", vec![leaf("instanceOwnerId", "amazon-aws"), leaf("status", "attached")]),
                tag_set(self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
            ],
        );
        if let Some(public_ip) = &self.public_ip {
            let mut mapped = vec![leaf("publicIp", public_ip)];
            if let Some(association) = &self.association {
                mapped.push(leaf("allocationId", &association.allocation));
                mapped.push(leaf("associationId", &association.association));
            }
            set(&mut item, element("association", mapped));
        }
        item
    }
}

impl State {
    /// A service of AWS puts an interface into a subnet.
    pub(crate) fn attach(&mut self, id: String, mut interface: Interface) {
        if let Some(subnet) = self.subnets.get(&interface.subnet) {
            interface.vpc.clone_from(&subnet.vpc);
        }
        self.interfaces.insert(id, interface);
    }

    /// The interface of a service is gone from this time on.
    pub(crate) fn detach_at(&mut self, id: &str, time: Timestamp) {
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.until = Some(time);
        }
    }

    /// An address of a subnet that no interface has had.
    pub(crate) fn free_address(&self, subnet: &str) -> String {
        let taken = self.interfaces.values().filter(|interface| interface.subnet == subnet).count();
        let cidr = self.subnets.get(subnet).and_then(|subnet| subnet.cidr);
        cidr.map(|cidr| cidr.address(taken)).unwrap_or_default()
    }
}

/// `DescribeNetworkInterfaces` shows every interface, with its tags; one that is in use is not deleted.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html>
pub(crate) struct NetworkInterface;

impl Rule for NetworkInterface {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let id = call.text("NetworkInterfaceId");
        if call.service != "ec2" || call.action != "DeleteNetworkInterface" {
            return None;
        }
        let (_, held) = world.ec2.interfaces(world.now).find(|(known, _)| *known == id)?;
        let message = format!("Network interface '{id}' is currently in use.");
        (!held.in_the_cloud).then(|| Answer::error(call, "InvalidParameterValue", &message))
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        let (state, now) = (&mut world.ec2, world.now);
        if call.service != "ec2" {
            return;
        }
        let Some(document) = answer.document() else { return };
        match call.action.as_str() {
            "CreateNetworkInterface" => {
                if let Some(made) = document.get_mut_child("networkInterface") {
                    set(made, tag_set(call.tags()));
                    learn(state, made);
                }
            }
            "DescribeNetworkInterfaces" => {
                list(document, "networkInterfaceSet").for_each(|item| learn(state, item));
                for item in items(document, "networkInterfaceSet") {
                    let known = state.interfaces.get(&text(item, "networkInterfaceId"));
                    let tags = known.into_iter().flat_map(|known| &known.tags);
                    set(item, tag_set(tags.map(|(key, value)| (key.as_str(), value.as_str()))));
                }
                let asked = call.texts("NetworkInterfaceId");
                let is_asked = |id: &String| asked.is_empty() || asked.contains(&id.as_str());
                let held = state.interfaces(now).filter(|(id, held)| !held.in_the_cloud && is_asked(id));
                held.for_each(|(id, held)| push(document, "networkInterfaceSet", held.item(id, state)));
            }
            _ => {}
        }
    }
}

fn learn(state: &mut State, item: &Element) {
    let id = text(item, "networkInterfaceId");
    // The local cloud forgets the tags of the create.
    let known = state.interfaces.get(&id).map(|known| known.tags.clone()).unwrap_or_default();
    let seen = tags(item);
    let interface = Interface {
        subnet: text(item, "subnetId"),
        vpc: text(item, "vpcId"),
        groups: list(item, "groupSet").map(|group| text(group, "groupId")).collect(),
        description: text(item, "description"),
        kind: text(item, "interfaceType"),
        private_ip: text(item, "privateIpAddress"),
        tags: if seen.is_empty() { known } else { seen },
        in_the_cloud: true,
        ..Interface::default()
    };
    state.interfaces.insert(id, interface);
}

#[cfg(test)]
mod tests {
    use crate::ec2::scene::{DONE, Scene, interface, one, set, told};

    const NONE: &str = "<R><networkInterfaceSet/></R>";

    async fn shown(scene: &Scene, filter: (&str, &str), said: &str, path: &str) -> Vec<String> {
        let filter = [("Filter.1.Name", filter.0), ("Filter.1.Value.1", filter.1)];
        told(&scene.call("DescribeNetworkInterfaces", &filter, said).await, &format!("networkInterfaceSet/item/{path}"))
    }

    #[tokio::test]
    async fn a_nat_gateways_is_there_until_the_gateway_is_deleted() {
        let mut scene = Scene::new().await;
        scene.nat_gateway("nat-1").await;
        let kind = shown(&scene, ("subnet-id", "subnet-1"), NONE, "interfaceType").await;
        assert_eq!(kind, ["nat_gateway"]);
        assert_eq!(shown(&scene, ("vpc-id", "vpc-1"), NONE, "requesterManaged").await, ["true"]);
        let id = shown(&scene, ("vpc-id", "vpc-1"), NONE, "networkInterfaceId").await.concat();
        let code = scene.refused("DeleteNetworkInterface", &[("NetworkInterfaceId", &id)]).await;
        assert_eq!(code, "InvalidParameterValue", "it is in use");
        scene.done("DeleteNatGateway", &[("NatGatewayId", "nat-1")], DONE).await;
        assert_eq!(shown(&scene, ("vpc-id", "vpc-1"), NONE, "interfaceType").await, ["nat_gateway"]);
        scene.0.later(54);
        assert!(shown(&scene, ("vpc-id", "vpc-1"), NONE, "interfaceType").await.is_empty());
    }

    #[tokio::test]
    async fn somebodys_keeps_its_tags_and_is_found_by_them() {
        let scene = Scene::new().await;
        let tag = [("TagSpecification.1.Tag.1.Key", "Name"), ("TagSpecification.1.Tag.1.Value", "theirs")];
        let parameters = [("SubnetId", "subnet-1"), tag[0], tag[1]];
        scene.done("CreateNetworkInterface", &parameters, &one("networkInterface", &interface("eni-1"))).await;
        let both = set("networkInterfaceSet", &[&interface("eni-1"), &interface("eni-2")]);
        assert_eq!(shown(&scene, ("tag:Name", "theirs"), &both, "networkInterfaceId").await, ["eni-1"]);
        assert_eq!(shown(&scene, ("tag-key", "Owner"), &both, "networkInterfaceId").await, [""; 0]);
        assert_eq!(shown(&scene, ("group-id", "sg-1"), &both, "networkInterfaceId").await, ["eni-1", "eni-2"]);
    }
}
