//! Network interfaces in the way of a removal.
//!
//! ECS takes the interfaces of stopped tasks away by itself, some time after the tasks, and so do other services with
//! theirs: those are waited for. An instance's, or one that somebody made, goes only when somebody removes it.

use crate::{
    Clients,
    dependents::{Dependent, Within},
    tagged,
};
use aws_sdk_ec2::types::{Filter, NetworkInterface, NetworkInterfaceType};
use engine::{Site, aws::fault};
use environment::{EnvironmentId, Fault};

/// The interfaces that hold a part of the network.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// What plainly is not ours: instances, or the interfaces themselves.
    pub(crate) by_strangers: Vec<Dependent>,
    /// Interfaces that AWS services keep, of ours or others: they go when the service is done with them.
    pub(crate) by_services: Vec<String>,
}

/// The interfaces that hold this part of the network.
pub(crate) async fn within(clients: &Clients, at: &Site<'_>, within: Within<'_>) -> Result<Kept, Fault> {
    let Some(filter) = filter(within) else { return Ok(Kept::default()) };
    let request = clients.ec2.describe_network_interfaces().filters(filter);
    let interfaces = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let interfaces = interfaces.map_err(|error| fault("ec2:DescribeNetworkInterfaces", error))?;
    let mut kept = Kept::default();
    for interface in interfaces.iter().filter(|interface| holds(within, interface)) {
        match foreign(at.environment, interface) {
            Some((what, id)) => kept.by_strangers.push(Dependent { what, id: id.to_owned() }),
            None => kept.by_services.extend(interface.network_interface_id().map(str::to_owned)),
        }
    }
    Ok(kept)
}

/// What to ask EC2 for; `None` where interfaces hold nothing.
fn filter(within: Within<'_>) -> Option<Filter> {
    match within {
        Within::Vpc(id) | Within::Attachment(id) => Some(tagged::filter("vpc-id", id)),
        Within::Subnet(id) => Some(tagged::filter("subnet-id", id)),
        Within::SecurityGroup(id) => Some(tagged::filter("group-id", id)),
        Within::Address(id) => Some(tagged::filter("association.allocation-id", id)),
        Within::InternetGateway(_) | Within::RouteTable(_) => None,
    }
}

fn holds(within: Within<'_>, interface: &NetworkInterface) -> bool {
    match within {
        Within::Vpc(id) => interface.vpc_id() == Some(id),
        // Only a public address goes through the gateway.
        Within::Attachment(vpc) => interface.vpc_id() == Some(vpc) && interface.association().is_some(),
        Within::Subnet(id) => interface.subnet_id() == Some(id),
        Within::SecurityGroup(id) => interface.groups().iter().any(|group| group.group_id() == Some(id)),
        Within::Address(id) => interface.association().is_some_and(|public| public.allocation_id() == Some(id)),
        Within::InternetGateway(_) | Within::RouteTable(_) => false,
    }
}

/// What the interface belongs to, if that is plainly not ours: an instance, or itself. Interfaces that an AWS
/// service keeps (of tasks, of a NAT gateway) go when that service is done with them.
fn foreign(environment: EnvironmentId, interface: &NetworkInterface) -> Option<(&'static str, &str)> {
    let kept_by_a_service = interface.requester_managed() == Some(true)
        || interface.interface_type() == Some(&NetworkInterfaceType::NatGateway)
        || is_a_tasks(interface);
    if kept_by_a_service || tagged::belongs(environment, interface) {
        return None;
    }
    let instance = interface.attachment().and_then(|attachment| attachment.instance_id());
    match instance.filter(|id| !id.is_empty()) {
        Some(instance) => Some(("instance", instance)),
        None => interface.network_interface_id().map(|id| ("network interface", id)),
    }
}

/// ECS writes the ARN of the task's attachment into the description of its interface.
fn is_a_tasks(interface: &NetworkInterface) -> bool {
    let mut arn = interface.description().unwrap_or_default().split(':');
    arn.next() == Some("arn") && arn.nth(1) == Some("ecs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{GroupIdentifier, NetworkInterfaceAttachment, Tag, builders::NetworkInterfaceBuilder};
    use environment::tags;

    fn environment() -> EnvironmentId {
        EnvironmentId::new(1, 1)
    }

    fn interface() -> NetworkInterfaceBuilder {
        NetworkInterface::builder().network_interface_id("eni-1")
    }

    #[test]
    fn the_interfaces_of_tasks_and_nat_gateways_are_waited_for() {
        let task = interface().description("arn:aws-cn:ecs:cn-north-1:123456789012:attachment/1").build();
        let nat = interface().interface_type(NetworkInterfaceType::NatGateway).build();
        let managed = interface().requester_managed(true).build();
        let tag = Tag::builder().key(tags::ID).value(environment().to_string()).build();
        for ours in [task, nat, managed, interface().tag_set(tag).build()] {
            assert_eq!(foreign(environment(), &ours), None, "{ours:?}");
        }
    }

    #[test]
    fn what_somebody_else_put_there_is_named() {
        assert_eq!(foreign(environment(), &interface().build()), Some(("network interface", "eni-1")));
        let attachment = NetworkInterfaceAttachment::builder().instance_id("i-1").build();
        let of_an_instance = interface().attachment(attachment).build();
        assert_eq!(foreign(environment(), &of_an_instance), Some(("instance", "i-1")));
        let tag = Tag::builder().key(tags::ID).value(EnvironmentId::new(2, 2).to_string()).build();
        assert!(foreign(environment(), &interface().tag_set(tag).build()).is_some(), "another environment's");
        assert!(foreign(environment(), &interface().description("not an arn:aws:ecs:").build()).is_some());
    }

    #[test]
    fn an_interface_elsewhere_is_not_looked_at() {
        let group = GroupIdentifier::builder().group_id("sg-1").build();
        let there = interface().vpc_id("vpc-1").subnet_id("subnet-1").groups(group).build();
        for within in [Within::Vpc("vpc-1"), Within::Subnet("subnet-1"), Within::SecurityGroup("sg-1")] {
            assert!(holds(within, &there), "{within}");
        }
        for within in [Within::Vpc("vpc-2"), Within::Subnet("subnet-2"), Within::SecurityGroup("sg-2")] {
            assert!(!holds(within, &there), "{within}");
        }
        assert!(!holds(Within::Attachment("vpc-1"), &there), "it has no public address");
    }
}
