//! Which workers are online: those whose tasks a service runs.

use crate::{Answer, Call, rule::Rule, world::World};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// A task definition that starts a worker says in which workspace and pool.
pub(crate) struct Workers;

impl Rule for Workers {
    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if (call.service.as_str(), call.action.as_str()) != ("ecs", "RegisterTaskDefinition") {
            return;
        }
        let arn = answer.value().and_then(|value| value["taskDefinition"]["taskDefinitionArn"].as_str());
        if let (Some(arn), Some(polled)) = (arn, polled(&call.parameters["containerDefinitions"][0])) {
            world.prefect.polled.insert(arn.to_owned(), polled);
        }
    }
}

/// The workspace's path and the pool that a container's worker polls.
fn polled(container: &Value) -> Option<(String, String)> {
    let command: Vec<&str> = container["command"].as_array()?.iter().filter_map(Value::as_str).collect();
    let pool = command.iter().skip_while(|word| **word != "--pool").nth(1)?;
    let variables = container["environment"].as_array()?;
    let url = variables.iter().find(|variable| variable["name"] == "PREFECT_API_URL")?["value"].as_str()?;
    let (_, host_and_path) = url.split_once("://")?;
    let path = host_and_path.find('/').map_or("", |at| &host_and_path[at..]);
    Some((path.trim_end_matches('/').to_owned(), (*pool).to_owned()))
}

/// The workers of a pool, as Prefect shows them.
pub(super) fn of(pool: &(String, String), world: &World) -> Vec<Value> {
    if world.settings.misfortunes.workers_stay_offline {
        return Vec::new();
    }
    let running = world.ecs.running_services(world);
    let of_pool = running.filter(|rollout| {
        let definition = rollout.looks["taskDefinition"].as_str().unwrap_or_default();
        world.prefect.polled.get(definition) == Some(pool)
    });
    of_pool
        .map(|rollout| {
            json!({
                "name": format!("ECSWorker of {}", rollout.looks["id"].as_str().unwrap_or_default()),
                "status": "ONLINE",
                "created": (rollout.began + SignedDuration::from_millis(1)).to_string(),
                "last_heartbeat_time": world.now.to_string(),
                "client_version": "3.6.0",
            })
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::rehearsal::Rehearsal;

    const ARN: &str = "arn:aws:ecs:r:1:task-definition/blue:1";

    /// A service that runs a worker of the pool `p`.
    pub(in super::super) async fn run(aws: &Rehearsal) {
        let container = json!({
            "command": ["prefect", "worker", "start", "--pool", "p", "--type", "ecs"],
            "environment": [{"name": "PREFECT_API_URL", "value": "https://x/api/accounts/a/workspaces/w"}],
        });
        let definition = json!({"taskDefinition": {"taskDefinitionArn": ARN, "status": "ACTIVE"}});
        let wanted = json!({"containerDefinitions": [container]});
        aws.json("ecs", "RegisterTaskDefinition", &wanted, &definition).await;
        aws.json("ecs", "CreateCluster", &json!({"clusterName": "c"}), &json!({})).await;
        let service = json!({"service": {
            "serviceName": "s", "clusterArn": "arn:aws:ecs:r:1:cluster/c", "desiredCount": 1, "taskDefinition": ARN,
            "deployments": [{"id": "ecs-svc/1", "taskDefinition": ARN}],
        }});
        let wanted = json!({"serviceName": "s", "cluster": "c", "taskDefinition": ARN, "desiredCount": 1});
        aws.json("ecs", "CreateService", &wanted, &service).await;
    }
}
