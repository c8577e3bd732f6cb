//! A service as AWS shows it.

use super::{State, Status};
use crate::{
    ecs::{ServiceKey, rollout::RolloutState},
    world::World,
};
use serde_json::{Value, json};

/// Tells of a service what its time tells.
pub(super) fn complete(looks: &mut Value, key: &ServiceKey, world: &World) {
    let Some(service) = world.ecs.services.get(key) else { return };
    match service.status(world) {
        Status::Active => active(looks, service, key, world),
        Status::Draining => {
            looks["status"] = json!("DRAINING");
            looks["desiredCount"] = json!(0);
            looks["runningCount"] = json!(service.rollout.wanted());
        }
        Status::Inactive => {}
    }
}

fn active(looks: &mut Value, service: &State, key: &ServiceKey, world: &World) {
    let rollout = &service.rollout;
    let running = service.running(key, world);
    looks["runningCount"] = json!(running);
    looks["pendingCount"] = json!((rollout.wanted() - running).max(0));
    let mut deployments = vec![rollout.shown("PRIMARY", world)];
    let name = looks["serviceName"].as_str().unwrap_or_default().to_owned();
    match (rollout.state(world), &service.settled) {
        (RolloutState::InProgress { failed, .. }, settled) => {
            deployments.extend(settled.iter().map(|settled| settled.shown("ACTIVE", world)));
            if failed > 0 {
                tell(looks, rollout.why(&name));
            }
        }
        (RolloutState::Failed { .. }, Some(settled)) if rollout.rolls_back() => {
            // The service is again what it was. For a moment the deployment that failed is shown beside.
            looks["taskDefinition"] = settled.looks["taskDefinition"].clone();
            deployments = vec![settled.shown("PRIMARY", world)];
            if rollout.is_shown(world) {
                deployments.push(rollout.shown("ACTIVE", world));
            }
            let back = settled.id().as_str().unwrap_or_default();
            tell(looks, failed(&name, rollout.id()));
            tell(looks, format!("(service {name}) rolling back to deployment {back}."));
        }
        (RolloutState::Failed { .. }, _) => {
            looks["pendingCount"] = json!(0);
            tell(looks, rollout.why(&name));
            tell(looks, failed(&name, rollout.id()));
        }
        (RolloutState::Completed, _) => {
            if let Some(primary) = deployments.first_mut() {
                primary["runningCount"] = json!(running);
            }
        }
    }
    looks["deployments"] = json!(deployments);
}

fn failed(name: &str, deployment: &Value) -> String {
    let deployment = deployment.as_str().unwrap_or_default();
    format!("(service {name}) (deployment {deployment}) deployment failed: tasks failed to start.")
}

/// Puts an event before the others: the latest comes first.
fn tell(looks: &mut Value, message: String) {
    let event = json!({"id": message, "message": message, "createdAt": looks["createdAt"]});
    match looks["events"].as_array_mut() {
        Some(events) => events.insert(0, event),
        None => looks["events"] = json!([event]),
    }
}
