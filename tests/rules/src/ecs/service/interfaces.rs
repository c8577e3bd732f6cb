//! The network interfaces of a service's tasks. Each is there from its task's start until some time after its end.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html>

use super::State;
use crate::{
    ec2::{memory::new_id, network_interface::Interface},
    ecs::{
        lifecycle::{INTERFACE_STAYS_FOR, STOPS_IN},
        rollout::Fate,
    },
    world::World,
};
use serde_json::Value;

/// The tasks of the deployment before go when the new ones are steady.
const REPLACED_IN: f64 = 75.0;

/// As many interfaces as the service wants tasks: more come, and those that are too many go.
pub(super) fn attach(service: &mut State, world: &mut World) {
    let places = match service.rollout.fate() {
        Fate::FindNoPlace => 0,
        Fate::Run | Fate::Crash => usize::try_from(service.rollout.wanted()).unwrap_or_default(),
    };
    while service.interfaces.len() < places {
        let interface = one(&service.made["networkConfiguration"], service.interfaces.len(), world);
        service.interfaces.extend(interface.clone());
        if interface.is_none() {
            return;
        }
    }
    for id in service.interfaces.split_off(places) {
        leave(&id, 0.0, world);
    }
}

/// Another deployment's tasks come, and then those that were there go.
pub(super) fn replace(service: &mut State, world: &mut World) {
    std::mem::take(&mut service.interfaces).iter().for_each(|id| leave(id, REPLACED_IN, world));
    attach(service, world);
}

/// One task goes, and another comes.
pub(super) fn replace_one(service: &mut State, world: &mut World) {
    service.interfaces.pop().iter().for_each(|id| leave(id, 0.0, world));
    attach(service, world);
}

/// All tasks go.
pub(super) fn detach(service: &mut State, world: &mut World) {
    std::mem::take(&mut service.interfaces).iter().for_each(|id| leave(id, 0.0, world));
}

/// An interface goes with its task, which is told to stop in so many seconds.
pub(in crate::ecs) fn leave(id: &str, seconds: f64, world: &mut World) {
    let gone = world.now + world.scaled(seconds + STOPS_IN + INTERFACE_STAYS_FOR);
    world.ec2.detach_at(id, gone);
}

/// The interface of one task in this network.
pub(in crate::ecs) fn one(network: &Value, nth: usize, world: &mut World) -> Option<String> {
    let awsvpc = &network["awsvpcConfiguration"];
    let texts = |name: &str| awsvpc[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let subnets: Vec<String> = texts("subnets").collect();
    let subnet = subnets.get(nth.checked_rem(subnets.len())?)?.clone();
    let id = new_id("eni");
    let is_public = awsvpc["assignPublicIp"] == "ENABLED";
    let interface = Interface {
        groups: texts("securityGroups").collect(),
        description: format!("arn:aws:ecs:us-east-1:000000000000:attachment/{id}"),
        kind: "interface".to_owned(),
        requester_managed: true,
        private_ip: world.ec2.free_address(&subnet),
        public_ip: is_public.then(|| format!("203.0.113.{}", world.ec2.interfaces.len() % 256)),
        subnet,
        ..Interface::default()
    };
    world.ec2.attach(id.clone(), interface);
    Some(id)
}
