//! A service: taken once, rolled out over time, drained before it is gone.

mod interfaces;
mod looks;

use super::{
    ServiceKey,
    lifecycle::{STARTS_IN, STOPS_IN},
    name_of,
    rollout::{Rollout, RolloutState},
    service_of,
};
use crate::{Answer, Call, rule::Rule, world::World};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A service drains for so long: until its tasks are STOPPING or STOPPED.
const DRAINS_FOR: f64 = 30.0;

/// A service.
#[derive(Clone, Debug)]
pub(crate) struct State {
    token: String,
    /// As the local cloud showed it when it was made.
    made: Value,
    rollout: Rollout,
    /// The deployment before, had it been completed: what a failed one gives way to.
    settled: Option<Rollout>,
    /// When it was last asked for more tasks, and how many there were.
    grew: Option<(Timestamp, i64)>,
    deleted: Option<Timestamp>,
    /// Whether it held tasks when it was deleted.
    held_tasks: bool,
    /// Its tasks' interfaces.
    interfaces: Vec<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Status {
    Active,
    Draining,
    Inactive,
}

impl State {
    fn status(&self, world: &World) -> Status {
        match self.deleted {
            None => Status::Active,
            Some(at) if self.held_tasks && !world.is_through(at, DRAINS_FOR) => Status::Draining,
            Some(_) => Status::Inactive,
        }
    }

    pub(super) fn is_inactive(&self, world: &World) -> bool {
        self.status(world) == Status::Inactive
    }

    /// Whether tasks of it, which may have left no other trace here, are still stopping.
    pub(super) fn holds_tasks(&self, world: &World) -> bool {
        self.deleted.is_none_or(|at| self.held_tasks && !world.is_through(at, STOPS_IN))
    }

    /// Its ARN, while it is active.
    pub(super) fn arn_of_active(&self, world: &World) -> Option<String> {
        let is_active = self.status(world) == Status::Active;
        self.made["serviceArn"].as_str().filter(|_| is_active).map(str::to_owned)
    }

    /// When it was deleted, if it was.
    pub(super) fn deleted(&self) -> Option<Timestamp> {
        self.deleted
    }

    /// The deployment that its tasks are of.
    pub(super) fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// The tags that its tasks get.
    pub(super) fn tags_of_tasks(&self) -> Option<&Value> {
        (self.made["propagateTags"] == "SERVICE").then(|| &self.made["tags"])
    }

    /// The deployment whose tasks run, if any does.
    pub(super) fn running_rollout(&self, key: &ServiceKey, world: &World) -> Option<&Rollout> {
        let is_running = self.deleted.is_none() && self.running(key, world) > 0;
        let of_tasks = match self.rollout.state(world) {
            RolloutState::Failed { .. } => self.settled.as_ref(),
            RolloutState::InProgress { running: 0, .. } if self.settled.is_some() => self.settled.as_ref(),
            RolloutState::InProgress { .. } | RolloutState::Completed => Some(&self.rollout),
        };
        of_tasks.filter(|_| is_running)
    }

    /// How many of its tasks run.
    fn running(&self, key: &ServiceKey, world: &World) -> i64 {
        let before = self.settled.as_ref().map_or(0, Rollout::wanted);
        let running = match self.rollout.state(world) {
            RolloutState::InProgress { running, .. } => running.max(before),
            RolloutState::Failed { .. } => before,
            RolloutState::Completed => match self.grew {
                Some((at, from)) if !world.is_through(at, STARTS_IN) => from.min(self.rollout.wanted()),
                _ => self.rollout.wanted(),
            },
        };
        let replaced = world.ecs.tasks.values().filter(|task| task.is_starting_in_place_of_another(key, world)).count();
        (running - i64::try_from(replaced).unwrap_or_default()).max(0)
    }
}

/// - The token of an earlier create gives the service that it made; the name of another one is taken, also while that
///   one drains: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
/// - A deleted service drains, and is described as INACTIVE then:
///   <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html>
/// - One that is not active is not updated:
///   <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>
pub(crate) struct Service;

impl Rule for Service {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if call.service != "ecs" {
            return None;
        }
        let key = service_of(call);
        let service = world.ecs.services.get(&key)?;
        let refusal = |code: &str, message: &str| Some(Answer::error(call, code, message));
        match (call.action.as_str(), service.status(world)) {
            ("CreateService", Status::Active) => {
                let token = call.text("clientToken");
                if token.is_empty() || token != service.token {
                    return refusal("InvalidParameterException", "Creation of service was not idempotent.");
                }
                let mut looks = service.made.clone();
                looks::complete(&mut looks, &key, world);
                Some(Answer::json(json!({"service": looks})))
            }
            ("CreateService", Status::Draining) => {
                refusal("InvalidParameterException", "Unable to Start a service that is still Draining.")
            }
            ("UpdateService", Status::Draining | Status::Inactive) => {
                refusal("ServiceNotActiveException", "Service was not ACTIVE.")
            }
            ("DeleteService", Status::Active) if call.parameters["force"] != true => {
                let is_under_way = matches!(service.rollout.state(world), RolloutState::InProgress { .. });
                let message = "The service cannot be stopped while deployments are active.";
                if is_under_way { refusal("InvalidParameterException", message) } else { None }
            }
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "ecs" {
            return;
        }
        let Some(value) = answer.value() else { return };
        let key = service_of(call);
        match call.action.as_str() {
            "CreateService" => create(&value["service"], &key, call, world),
            "UpdateService" => update(&value["service"], &key, world),
            "DeleteService" => delete(&key, world),
            _ => {}
        }
        let one = value.get_mut("service");
        one.into_iter().for_each(|service| looks::complete(service, &key, world));
        for service in value.get_mut("services").and_then(Value::as_array_mut).into_iter().flatten() {
            let key = key_of(service);
            looks::complete(service, &key, world);
        }
    }
}

fn key_of(service: &Value) -> ServiceKey {
    let text = |name: &str| service[name].as_str().unwrap_or_default();
    (name_of(text("clusterArn")).to_owned(), text("serviceName").to_owned())
}

fn create(made: &Value, key: &ServiceKey, call: &Call, world: &mut World) {
    let rollout = Rollout::begin(made, world);
    let mut service = State {
        token: call.text("clientToken").to_owned(),
        made: made.clone(),
        rollout,
        settled: None,
        grew: None,
        deleted: None,
        held_tasks: false,
        interfaces: Vec::new(),
    };
    interfaces::attach(&mut service, world);
    world.ecs.services.insert(key.clone(), service);
}

fn update(updated: &Value, key: &ServiceKey, world: &mut World) {
    let Some(mut service) = world.ecs.services.remove(key) else { return };
    let wanted = updated["desiredCount"].as_i64().unwrap_or_default();
    if &updated["deployments"][0]["id"] == service.rollout.id() {
        let running = service.running(key, world);
        if wanted > service.rollout.wanted() {
            service.grew = Some((world.now, running));
        }
        service.rollout.scale(wanted);
        interfaces::attach(&mut service, world);
    } else {
        let next = Rollout::begin(updated, world);
        let before = std::mem::replace(&mut service.rollout, next);
        if before.state(world) == RolloutState::Completed {
            service.settled = Some(before);
        }
        interfaces::replace(&mut service, world);
    }
    // The local cloud has started as many tasks as are wanted.
    let invented = world.ecs.tasks.values_mut().filter(|task| task.is_in_place_of_another(key));
    invented.for_each(|task| task.stop(world.now));
    service.made = updated.clone();
    world.ecs.services.insert(key.clone(), service);
}

fn delete(key: &ServiceKey, world: &mut World) {
    let Some(mut service) = world.ecs.services.remove(key) else { return };
    if service.deleted.is_none() {
        service.held_tasks = service.rollout.wanted() > 0;
        service.deleted = Some(world.now);
        interfaces::detach(&mut service, world);
    }
    world.ecs.services.insert(key.clone(), service);
}

/// The service replaces a task that was stopped: an interface goes and another comes.
pub(super) fn replace_interface(key: &ServiceKey, world: &mut World) {
    let Some(mut service) = world.ecs.services.remove(key) else { return };
    interfaces::replace_one(&mut service, world);
    world.ecs.services.insert(key.clone(), service);
}

/// The interface of one task in this network.
pub(super) fn new_interface(network: &Value, nth: usize, world: &mut World) -> Option<String> {
    interfaces::one(network, nth, world)
}

/// An interface goes with its task, which is told to stop now.
pub(super) fn leave_interface(id: &str, world: &mut World) {
    interfaces::leave(id, 0.0, world);
}

#[cfg(test)]
mod tests;
