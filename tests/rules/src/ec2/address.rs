//! Elastic IP addresses show who uses them.

use super::{
    memory::State,
    network_interface::{Association, Interface},
};
use crate::{
    Answer, Call,
    answer::{items, set_text, text},
    rule::Rule,
    world::World,
};
use jiff::Timestamp;

/// While an interface has an address, `DescribeAddresses` shows the association.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Address.html>
pub(crate) struct Address;

impl Rule for Address {
    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "ec2" || call.action != "DescribeAddresses" {
            return;
        }
        let Some(document) = answer.document() else { return };
        for item in items(document, "addressesSet") {
            if let Some((id, interface, association)) = world.ec2.uses(&text(item, "allocationId"), world.now) {
                set_text(item, "associationId", &association.association);
                set_text(item, "networkInterfaceId", id);
                set_text(item, "privateIpAddress", &interface.private_ip);
            }
        }
    }
}

impl State {
    /// The interface that has an allocated address.
    pub(crate) fn uses(&self, allocation: &str, now: Timestamp) -> Option<(&String, &Interface, &Association)> {
        self.interfaces(now).find_map(|(id, interface)| {
            let association = interface.association.as_ref()?;
            (association.allocation == allocation).then_some((id, interface, association))
        })
    }
}
