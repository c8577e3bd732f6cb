//! A cluster goes last, and is still described when it has gone.

use super::{cluster_of, name_of};
use crate::{Answer, Call, rule::Rule, world::World};
use jiff::Timestamp;
use serde_json::{Value, json};

/// For so long an INACTIVE cluster is described. AWS says "for a period of time".
const SHOWN_FOR: f64 = 3600.0;

/// A cluster.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// When it was deleted, and how it looked.
    deleted: Option<(Timestamp, Value)>,
}

/// - A cluster that holds services or tasks is not deleted.
/// - A deleted one is described as INACTIVE for a while, and takes nothing any more; nor does one that never was.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html>
pub(crate) struct Cluster;

impl Rule for Cluster {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if call.service != "ecs" {
            return None;
        }
        let cluster = cluster_of(call);
        match call.action.as_str() {
            "CreateService" | "RunTask" | "UpdateService" => match world.ecs.clusters.get(cluster) {
                Some(State { deleted: None }) => None,
                Some(_) => Some(not_found(call, "The referenced cluster was inactive.")),
                None => Some(not_found(call, "Cluster not found.")),
            },
            "DeleteCluster" => {
                let mut services = world.ecs.services.iter().filter(|((of, _), _)| of == cluster);
                let mut tasks = world.ecs.tasks.values().filter(|task| task.is_in(cluster));
                if services.any(|(_, service)| !service.is_inactive(world)) {
                    let message = "The Cluster cannot be deleted while Services are active.";
                    Some(Answer::error(call, "ClusterContainsServicesException", message))
                } else if tasks.any(|task| !task.has_stopped(world)) || of_services(world, cluster) {
                    let message = "The Cluster cannot be deleted while Tasks are active.";
                    Some(Answer::error(call, "ClusterContainsTasksException", message))
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "ecs" {
            return;
        }
        let Some(value) = answer.value() else { return };
        match call.action.as_str() {
            "CreateCluster" => {
                let name = Some(call.text("clusterName")).filter(|name| !name.is_empty()).unwrap_or("default");
                world.ecs.clusters.insert(name.to_owned(), State::default());
            }
            "DeleteCluster" => {
                let deleted = Some((world.now, value["cluster"].clone()));
                world.ecs.clusters.insert(cluster_of(call).to_owned(), State { deleted });
            }
            "DescribeClusters" => describe(value, world),
            _ => {}
        }
    }
}

/// Whether tasks of a cluster's services, which are INACTIVE by now, are still stopping.
fn of_services(world: &World, cluster: &str) -> bool {
    let mut services = world.ecs.services.iter().filter(|((of, _), _)| of == cluster);
    services.any(|(_, service)| service.holds_tasks(world))
}

fn describe(value: &mut Value, world: &mut World) {
    for cluster in value["clusters"].as_array().into_iter().flatten() {
        let name = cluster["clusterName"].as_str().unwrap_or_default();
        world.ecs.clusters.entry(name.to_owned()).or_default();
    }
    let mut shown = Vec::new();
    if let Some(failures) = value["failures"].as_array_mut() {
        failures.retain(|failure| {
            let name = name_of(failure["arn"].as_str().unwrap_or_default());
            let deleted = world.ecs.clusters.get(name).and_then(|cluster| cluster.deleted.as_ref());
            let is_shown = deleted.filter(|(at, _)| !world.is_through(*at, SHOWN_FOR));
            shown.extend(is_shown.map(|(_, looks)| inactive(looks)));
            is_shown.is_none()
        });
    }
    if let Some(clusters) = value["clusters"].as_array_mut() {
        clusters.extend(shown);
    }
}

fn inactive(looks: &Value) -> Value {
    let mut cluster = looks.clone();
    cluster["status"] = json!("INACTIVE");
    cluster
}

fn not_found(call: &Call, message: &str) -> Answer {
    Answer::error(call, "ClusterNotFoundException", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    async fn stage() -> Rehearsal {
        let aws = Rehearsal::new(Settings::default());
        aws.json("ecs", "CreateCluster", &json!({"clusterName": "blue"}), &json!({})).await;
        aws
    }

    #[tokio::test]
    async fn with_a_task_it_is_not_deleted() {
        let mut aws = stage().await;
        let arn = "arn:aws:ecs:r:1:task/blue/1";
        let ran = json!({"tasks": [{"taskArn": arn, "lastStatus": "RUNNING"}]});
        aws.json("ecs", "RunTask", &json!({"cluster": "blue"}), &ran).await;
        let delete = async |aws: &Rehearsal| {
            let said = json!({"cluster": {"clusterName": "blue", "status": "INACTIVE"}});
            aws.json("ecs", "DeleteCluster", &json!({"cluster": "blue"}), &said).await.code()
        };
        assert_eq!(delete(&aws).await, "ClusterContainsTasksException");
        let stopped = json!({"task": {"taskArn": arn, "lastStatus": "STOPPED"}});
        aws.json("ecs", "StopTask", &json!({"cluster": "blue", "task": arn}), &stopped).await;
        assert_eq!(delete(&aws).await, "ClusterContainsTasksException", "it is still stopping");
        aws.later(60);
        assert_eq!(delete(&aws).await, "");
    }

    #[tokio::test]
    async fn a_deleted_one_is_inactive_and_takes_nothing() {
        let mut aws = stage().await;
        let said = json!({"cluster": {"clusterName": "blue", "status": "INACTIVE"}});
        aws.json("ecs", "DeleteCluster", &json!({"cluster": "blue"}), &said).await;
        let missing = json!({"clusters": [], "failures": [{"arn": "arn:cluster/blue", "reason": "MISSING"}]});
        for (shown, failures) in [(1, 0), (0, 1)] {
            let mut told = aws.json("ecs", "DescribeClusters", &json!({"clusters": ["blue"]}), &missing).await;
            let told = told.value().expect("a list");
            let count = |list: &str| told[list].as_array().expect("a list").len();
            assert_eq!((count("clusters"), count("failures")), (shown, failures));
            aws.later(3600);
        }
        for cluster in ["blue", "never"] {
            let told = aws.json("ecs", "CreateService", &json!({"cluster": cluster}), &json!({})).await;
            assert_eq!(told.code(), "ClusterNotFoundException", "{cluster}");
        }
    }
}
