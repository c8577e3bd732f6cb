//! The tasks that lists and descriptions show.

use super::{State, complete, know};
use crate::{
    Call,
    ecs::{cluster_of, name_of, rollout::Fate},
    world::World,
};
use serde_json::{Value, json};

/// `DescribeTasks`: what the local cloud shows, and what it does not know.
pub(super) fn describe(value: &mut Value, call: &Call, world: &mut World) {
    let cluster = cluster_of(call);
    let mut shown: Vec<Value> = value["tasks"].as_array().cloned().unwrap_or_default();
    shown.iter().for_each(|looks| know(looks, cluster, world));
    let mut failures: Vec<Value> = value["failures"].as_array().cloned().unwrap_or_default();
    // A task that finds no place is none.
    shown.retain(|looks| {
        let is_placed = is_placed(looks["taskArn"].as_str().unwrap_or_default(), world);
        if !is_placed {
            failures.push(json!({"arn": looks["taskArn"], "reason": "MISSING"}));
        }
        is_placed
    });
    failures.retain(|failure| {
        let asked = name_of(failure["arn"].as_str().unwrap_or_default());
        let invented = world.ecs.tasks.iter().find(|(arn, task)| name_of(arn) == asked && task.invented.is_some());
        shown.extend(invented.and_then(|(_, task)| task.invented.clone()));
        invented.is_none()
    });
    shown.iter_mut().for_each(|looks| complete(looks, world));
    value["tasks"] = json!(shown);
    value["failures"] = json!(failures);
}

/// `ListTasks`: what the local cloud does not know is listed as well.
pub(super) fn list(value: &mut Value, call: &Call, world: &mut World) {
    let is_listed = |task: &State, looks: &Value| {
        let wanted = if call.text("desiredStatus").is_empty() { "RUNNING" } else { call.text("desiredStatus") };
        let status = if task.told_to_stop(world).is_some() { "STOPPED" } else { "RUNNING" };
        let service = name_of(call.text("serviceName"));
        let family = call.text("family");
        let is_of = |key: &super::ServiceKey| service.is_empty() || key.1 == service;
        let definition = name_of(looks["taskDefinitionArn"].as_str().unwrap_or_default());
        task.cluster == cluster_of(call)
            && wanted == status
            && task.service.as_ref().is_none_or(is_of)
            && (family.is_empty() || definition.split(':').next() == Some(family))
    };
    let invented = world.ecs.tasks.iter().filter_map(|(arn, task)| Some((arn, task, task.invented.as_ref()?)));
    let more: Vec<Value> =
        invented.filter(|(_, task, looks)| is_listed(task, looks)).map(|(arn, _, _)| json!(arn)).collect();
    if let Some(arns) = value["taskArns"].as_array_mut() {
        arns.extend(more);
        arns.retain(|arn| is_placed(arn.as_str().unwrap_or_default(), world));
    }
}

fn is_placed(arn: &str, world: &World) -> bool {
    let service = world.ecs.tasks.get(arn).and_then(|task| world.ecs.services.get(task.service.as_ref()?));
    service.is_none_or(|service| service.rollout().fate() != Fate::FindNoPlace)
}
