//! A task starts and stops in its time, and a service's task that is stopped is replaced.

mod listing;

use super::{
    ServiceKey, cluster_of,
    lifecycle::{self, STOPS_IN},
    name_of,
    rollout::{Fate, RolloutState},
    service::{self, leave_interface, new_interface},
};
use crate::{Answer, Call, rule::Rule, world::World};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct State {
    cluster: String,
    service: Option<ServiceKey>,
    asked: Timestamp,
    told_to_stop: Option<Timestamp>,
    /// Whether it has stopped by itself.
    crashed: bool,
    /// How it looks, where the local cloud does not know it: one that is there in place of another.
    invented: Option<Value>,
    interface: Option<String>,
}

impl State {
    pub(super) fn is_in(&self, cluster: &str) -> bool {
        self.cluster == cluster
    }

    pub(super) fn has_stopped(&self, world: &World) -> bool {
        self.told_to_stop(world).is_some_and(|at| world.is_through(at, STOPS_IN))
    }

    pub(super) fn is_in_place_of_another(&self, service: &ServiceKey) -> bool {
        self.invented.is_some() && self.service.as_ref() == Some(service)
    }

    pub(super) fn is_starting_in_place_of_another(&self, service: &ServiceKey, world: &World) -> bool {
        let is_starting = self.told_to_stop(world).is_none() && self.last_status(world) != "RUNNING";
        is_starting && self.is_in_place_of_another(service)
    }

    pub(super) fn stop(&mut self, now: Timestamp) {
        self.told_to_stop.get_or_insert(now);
    }

    /// A service's tasks stop with it.
    fn told_to_stop(&self, world: &World) -> Option<Timestamp> {
        let with_its_service = || world.ecs.services.get(self.service.as_ref()?)?.deleted();
        self.told_to_stop.or_else(with_its_service)
    }

    fn last_status(&self, world: &World) -> &'static str {
        lifecycle::last_status(self.asked, self.told_to_stop(world), world)
    }
}

/// Who stops a task for this reason wants it to have ended by itself.
const CRASH: &str = "crash";

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>
pub(crate) struct Task;

impl Rule for Task {
    /// A task that the local cloud does not know is stopped here.
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if (call.service.as_str(), call.action.as_str()) != ("ecs", "StopTask") {
            return None;
        }
        let asked = name_of(call.text("task"));
        let (arn, task) = world.ecs.tasks.iter().find(|(arn, _)| name_of(arn) == asked)?;
        let (arn, mut looks) = (arn.clone(), task.invented.clone()?);
        if world.ecs.tasks.get(&arn).is_some_and(|task| task.told_to_stop(world).is_none()) {
            stop(&arn, &looks, call, world);
        }
        complete(&mut looks, world);
        Some(Answer::json(json!({"task": looks})))
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "ecs" {
            return;
        }
        let Some(value) = answer.value() else { return };
        match call.action.as_str() {
            "RunTask" => run(value, call, world),
            "StopTask" => {
                let looks = &mut value["task"];
                let arn = looks["taskArn"].as_str().unwrap_or_default().to_owned();
                let was_told = world.ecs.tasks.get(&arn).is_some_and(|task| task.told_to_stop(world).is_some());
                know(looks, cluster_of(call), world);
                if !was_told {
                    stop(&arn, looks, call, world);
                }
                complete(looks, world);
            }
            "DescribeTasks" => listing::describe(value, call, world),
            "ListTasks" => listing::list(value, call, world),
            _ => {}
        }
    }
}

fn run(value: &mut Value, call: &Call, world: &mut World) {
    for looks in value["tasks"].as_array_mut().into_iter().flatten() {
        if looks["group"].as_str().unwrap_or_default().is_empty() {
            let family = name_of(looks["taskDefinitionArn"].as_str().unwrap_or_default()).split(':').next();
            looks["group"] = json!(format!("family:{}", family.unwrap_or_default()));
        }
        let interface = new_interface(&call.parameters["networkConfiguration"], 0, world);
        know(looks, cluster_of(call), world);
        let arn = looks["taskArn"].as_str().unwrap_or_default();
        if let Some(task) = world.ecs.tasks.get_mut(arn) {
            task.interface = interface;
        }
        complete(looks, world);
    }
}

/// Remembers a task that is seen for the first time: it began with its service's deployment, or now.
fn know(looks: &Value, cluster: &str, world: &mut World) {
    let Some(arn) = looks["taskArn"].as_str() else { return };
    let group = looks["group"].as_str().unwrap_or_default();
    let service = group.strip_prefix("service:").map(|name| (cluster.to_owned(), name.to_owned()));
    let began = service.as_ref().and_then(|key| world.ecs.services.get(key)).map(|service| service.rollout().began);
    let task = State {
        cluster: cluster.to_owned(),
        service,
        asked: began.unwrap_or(world.now),
        told_to_stop: None,
        crashed: false,
        invented: None,
        interface: None,
    };
    let task = world.ecs.tasks.entry(arn.to_owned()).or_insert(task);
    if looks["lastStatus"] == "STOPPED" && task.told_to_stop.is_none() {
        // The local cloud has stopped it: with its service, or for another deployment's.
        let deleted = task.service.as_ref().and_then(|key| world.ecs.services.get(key)?.deleted());
        task.told_to_stop = Some(deleted.or(began).unwrap_or(world.now));
    }
}

/// A task is told to stop; where it is a service's, another comes in its place.
fn stop(arn: &str, looks: &Value, call: &Call, world: &mut World) {
    let now = world.now;
    let Some(task) = world.ecs.tasks.get_mut(arn) else { return };
    task.told_to_stop = Some(now);
    task.crashed = call.text("reason") == CRASH;
    let interface = task.interface.take();
    let service = task.service.clone();
    interface.iter().for_each(|id| leave_interface(id, world));
    let Some(key) = service else { return };
    if world.ecs.services.get(&key).is_none_or(|service| service.deleted().is_some()) {
        return;
    }
    let (place, _) = arn.rsplit_once('/').unwrap_or((arn, ""));
    let another = format!("{place}/{}", Uuid::new_v4().simple());
    let mut looks = looks.clone();
    looks["taskArn"] = json!(another);
    looks["desiredStatus"] = json!("RUNNING");
    if let Some(members) = looks.as_object_mut() {
        ["stoppedAt", "stoppingAt", "startedAt", "stoppedReason", "stopCode"]
            .iter()
            .for_each(|name| drop(members.remove(*name)));
    }
    let state = State {
        cluster: key.0.clone(),
        service: Some(key.clone()),
        asked: now,
        told_to_stop: None,
        crashed: false,
        invented: Some(looks),
        interface: None,
    };
    world.ecs.tasks.insert(another, state);
    service::replace_interface(&key, world);
}

/// Tells of a task what its time tells.
fn complete(looks: &mut Value, world: &World) {
    let arn = looks["taskArn"].as_str().unwrap_or_default();
    let Some(task) = world.ecs.tasks.get(arn) else { return };
    let mut status = task.last_status(world);
    let service = task.service.as_ref().and_then(|key| world.ecs.services.get(key));
    let is_told_to_stop = task.told_to_stop(world).is_some();
    if let Some(service) = service.filter(|service| service.rollout().fate() == Fate::Crash && !is_told_to_stop) {
        match service.rollout().state(world) {
            // One after the other starts, and stops at once.
            RolloutState::InProgress { .. } => status = "PENDING",
            RolloutState::Failed { .. } => {
                status = "STOPPED";
                looks["desiredStatus"] = json!("STOPPED");
                looks["stopCode"] = json!("EssentialContainerExited");
                looks["stoppedReason"] = json!("Essential container in task exited");
            }
            RolloutState::Completed => {}
        }
    }
    looks["lastStatus"] = json!(status);
    if is_told_to_stop {
        looks["desiredStatus"] = json!("STOPPED");
    }
    if task.crashed {
        looks["stopCode"] = json!("EssentialContainerExited");
        looks["stoppedReason"] = json!("Essential container in task exited");
    }
    for container in looks["containers"].as_array_mut().into_iter().flatten() {
        container["lastStatus"] = json!(match status {
            "RUNNING" | "STOPPED" => status,
            _ if is_told_to_stop => "RUNNING",
            _ => "PENDING",
        });
    }
    if let Some(tags) = service.and_then(|service| service.tags_of_tasks())
        && looks.get("tags").is_some_and(|tags| tags.as_array().is_some_and(Vec::is_empty))
    {
        looks["tags"] = tags.clone();
    }
}
