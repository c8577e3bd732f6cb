//! What keeps a part of the network from going: mostly network interfaces.
//!
//! ECS takes the interfaces of stopped tasks away by itself, some time after the tasks: those are waited for.
//! What somebody else put into our network is neither removed nor waited for: the removal fails and names
//! it. The look is taken only when AWS has refused a removal, so that a removal without hindrance costs none.

use crate::{
    Clients,
    tagged::{self, Tagged},
};
use aws_sdk_ec2::types::{Filter, NetworkInterface, NetworkInterfaceType};
use engine::{Departure, Site, aws::fault};
use environment::{Code, EnvironmentId, Fault};
use std::fmt;

/// The part of the network that should go.
#[derive(Clone, Copy)]
pub(crate) enum Within<'a> {
    Vpc(&'a str),
    Subnet(&'a str),
    SecurityGroup(&'a str),
}

impl Within<'_> {
    fn filter(&self) -> Filter {
        match *self {
            Within::Vpc(id) => tagged::filter("vpc-id", id),
            Within::Subnet(id) => tagged::filter("subnet-id", id),
            Within::SecurityGroup(id) => tagged::filter("group-id", id),
        }
    }

    fn holds(&self, interface: &NetworkInterface) -> bool {
        match *self {
            Within::Vpc(id) => interface.vpc_id() == Some(id),
            Within::Subnet(id) => interface.subnet_id() == Some(id),
            Within::SecurityGroup(id) => interface.groups().iter().any(|group| group.group_id() == Some(id)),
        }
    }
}

impl fmt::Display for Within<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Within::Vpc(id) => write!(f, "VPC {id}"),
            Within::Subnet(id) => write!(f, "subnet {id}"),
            Within::SecurityGroup(id) => write!(f, "security group {id}"),
        }
    }
}

/// What a removal comes to that AWS refused because something is in use: a fault that names what is not ours,
/// a wait for interfaces that are going, or the refusal itself where there are none.
pub(crate) async fn judge(
    clients: &Clients,
    at: &Site<'_>,
    within: Within<'_>,
    conflict: Fault,
) -> Result<Departure, Fault> {
    let request = clients.ec2.describe_network_interfaces().filters(within.filter());
    let interfaces = request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let mut interfaces = interfaces.map_err(|error| fault("ec2:DescribeNetworkInterfaces", error))?;
    interfaces.retain(|interface| within.holds(interface));
    if let Some((what, id)) = interfaces.iter().find_map(|interface| foreign(at.environment, interface)) {
        return Err(foreign_dependent(what, id, &within, &conflict));
    }
    if interfaces.is_empty() { Err(conflict) } else { Ok(Departure::Leaving) }
}

/// Something that is not ours and holds a part of ours.
pub(crate) fn foreign_dependent(what: &str, id: &str, within: &Within<'_>, conflict: &Fault) -> Fault {
    let message = format!("The {what} {id} is not this environment's and keeps its {within} from being removed.");
    Fault {
        aws_code: conflict.aws_code.clone(),
        request_id: conflict.request_id.clone(),
        internal: conflict.internal.clone(),
        ..Fault::new(Code::ForeignDependent, message)
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
        None => interface.id().map(|id| ("network interface", id)),
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
            assert!(within.holds(&there), "{within}");
        }
        for within in [Within::Vpc("vpc-2"), Within::Subnet("subnet-2"), Within::SecurityGroup("sg-2")] {
            assert!(!within.holds(&there), "{within}");
        }
    }

    #[test]
    fn the_fault_names_both_and_keeps_awss_code() {
        let mut conflict = Fault::new(Code::Conflict, "ec2:DeleteVpc answered DependencyViolation.");
        conflict.aws_code = Some("DependencyViolation".into());
        let fault = foreign_dependent("instance", "i-1", &Within::Vpc("vpc-1"), &conflict);
        assert_eq!(fault.code, Code::ForeignDependent);
        assert_eq!(fault.aws_code, conflict.aws_code);
        assert!(fault.message.contains("i-1") && fault.message.contains("vpc-1"), "{}", fault.message);
    }
}
