//! Prefect's API, as far as the functions use it: work pools, their workers, and what points at a pool.
//!
//! It answers by itself, under any URL whose path goes on as Prefect's does; what comes before that tells the
//! workspaces apart. A worker is online in a pool while a service runs tasks whose definition starts it there.
//! A key that says `revoked` or `forbidden` is treated so, and there is no workspace whose URL ends with `dead`.
//! What it answers was looked up at a Prefect server 3.8.8.

mod call;
mod workers;

pub(crate) use call::read;
pub(crate) use workers::Workers;

use crate::{Answer, Call, world::World};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What the rules remember of Prefect.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The pools by workspace and name.
    pools: BTreeMap<(String, String), Map<String, Value>>,
    /// Which workspace and pool each deployment points at.
    deployments: Vec<(String, String)>,
    /// Which workspace and pool the workers of a task definition poll.
    polled: BTreeMap<String, (String, String)>,
}

impl State {
    /// Every pool as it was made and changed.
    pub(crate) fn pools(&self) -> Vec<Value> {
        self.pools.values().cloned().map(Value::Object).collect()
    }
}

/// Answers a call.
pub(crate) fn answer(call: &Call, world: &mut World) -> Answer {
    let (api, name) = (call.text("api").to_owned(), call.text("name").to_owned());
    match call.text("credential") {
        "revoked" => return refusal(401, "Unauthorized"),
        "forbidden" => return refusal(403, "Forbidden"),
        _ if api.ends_with("dead") => return refusal(404, "Not Found"),
        _ => {}
    }
    let (body, key) = (&call.parameters["body"], (api, name));
    match call.action.as_str() {
        "ListWorkPools" => {
            let found = world.prefect.pools.get(&key).cloned();
            success(200, found.map(|pool| shown(pool, &key, world)).into_iter().collect())
        }
        "CreateWorkPool" => create(key, body, world),
        "UpdateWorkPool" => match (world.prefect.pools.get_mut(&key), body.as_object()) {
            (Some(pool), Some(changes)) => {
                pool.extend(changes.clone());
                success(204, Value::Null)
            }
            _ => no_such_pool(&key.1),
        },
        "DeleteWorkPool" => match world.prefect.pools.remove(&key) {
            // Whatever points at it lives on and points at nothing.
            Some(_) => success(204, Value::Null),
            None => no_such_pool(&key.1),
        },
        "ListWorkers" if world.prefect.pools.contains_key(&key) => success(200, workers::of(&key, world).into()),
        "ListWorkers" => no_such_pool(&key.1),
        "CreateDeployment" => {
            world.prefect.deployments.push(key);
            success(201, json!({"id": Uuid::new_v4()}))
        }
        "GetDeploymentCount" => {
            success(200, json!(world.prefect.deployments.iter().filter(|deployment| **deployment == key).count()))
        }
        "GetFlowRunCount" => success(200, json!(0)),
        _ => refusal(404, "Not Found"),
    }
}

fn create(key: (String, String), body: &Value, world: &mut World) -> Answer {
    if world.prefect.pools.contains_key(&key) {
        return refusal(409, "A work pool with this name already exists.");
    }
    if key.1.to_lowercase().starts_with("prefect") {
        return refusal(403, "Work pools starting with 'Prefect' are reserved for internal use.");
    }
    let mut pool = body.as_object().cloned().unwrap_or_default();
    pool.insert("id".to_owned(), json!(Uuid::new_v4()));
    pool.insert("is_paused".to_owned(), json!(false));
    world.prefect.pools.insert(key.clone(), pool.clone());
    success(201, shown(pool, &key, world))
}

/// A pool as Prefect shows it.
fn shown(mut pool: Map<String, Value>, key: &(String, String), world: &World) -> Value {
    let is_polled = workers::of(key, world).iter().any(|worker| worker["status"] == "ONLINE");
    let status = match (pool["is_paused"] == true, is_polled) {
        (true, _) => "PAUSED",
        (false, true) => "READY",
        (false, false) => "NOT_READY",
    };
    pool.insert("status".to_owned(), json!(status));
    Value::Object(pool)
}

fn success(status: u16, body: Value) -> Answer {
    Answer::json(body).status(status)
}

fn no_such_pool(name: &str) -> Answer {
    refusal(404, &format!("Work pool \"{name}\" not found."))
}

fn refusal(status: u16, detail: &str) -> Answer {
    success(status, json!({"detail": detail}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal, settings::Misfortunes};

    const API: &str = "/api/accounts/a/workspaces/w";

    async fn ask(aws: &Rehearsal, method: &str, path: &str, body: &Value) -> (u16, Value) {
        aws.prefect(method, &format!("{API}{path}"), "Bearer key", body).await
    }

    fn pool() -> Value {
        json!({"name": "p", "type": "ecs", "description": "d", "base_job_template": {"variables": {}}})
    }

    fn named() -> Value {
        json!({"work_pools": {"name": {"any_": ["p"]}}, "limit": 1})
    }

    #[tokio::test]
    async fn a_pool_is_made_once_found_changed_and_gone() {
        let aws = Rehearsal::new(Settings::default());
        assert_eq!(ask(&aws, "POST", "/work_pools/filter", &named()).await, (200, json!([])));
        assert_eq!(ask(&aws, "POST", "/work_pools/", &pool()).await.0, 201);
        assert_eq!(ask(&aws, "POST", "/work_pools/", &pool()).await.0, 409);
        assert_eq!(ask(&aws, "PATCH", "/work_pools/p", &json!({"is_paused": true})).await.0, 204);
        let (_, found) = ask(&aws, "POST", "/work_pools/filter", &named()).await;
        assert_eq!((&found[0]["status"], &found[0]["description"]), (&json!("PAUSED"), &json!("d")));
        assert_eq!(ask(&aws, "DELETE", "/work_pools/p", &json!({})).await.0, 204);
        assert_eq!(ask(&aws, "DELETE", "/work_pools/p", &json!({})).await.0, 404);
    }

    #[tokio::test]
    async fn workspaces_are_apart_and_keys_are_looked_at() {
        let aws = Rehearsal::new(Settings::default());
        ask(&aws, "POST", "/work_pools/", &pool()).await;
        let told =
            async |api: &str, key: &str| aws.prefect("POST", &format!("{api}/work_pools/filter"), key, &named()).await;
        assert_eq!(told("/api/accounts/a/workspaces/other", "Bearer key").await, (200, json!([])));
        assert_eq!(told("/api/accounts/a/workspaces/dead", "Bearer key").await.0, 404);
        assert_eq!(told(API, "Bearer revoked").await.0, 401);
        assert_eq!(told(API, "Bearer forbidden").await.0, 403);
    }

    #[tokio::test]
    async fn what_points_at_a_pool_is_counted() {
        let aws = Rehearsal::new(Settings::default());
        let count = async || ask(&aws, "POST", "/deployments/count", &named()).await.1;
        assert_eq!(count().await, 0);
        ask(&aws, "POST", "/deployments/", &json!({"name": "d", "work_pool_name": "p"})).await;
        assert_eq!(count().await, 1);
    }

    #[tokio::test]
    async fn a_worker_is_online_while_a_service_runs_it() {
        let mut aws = Rehearsal::new(Settings::default());
        ask(&aws, "POST", "/work_pools/", &pool()).await;
        workers::tests::run(&aws).await;
        let workers = async |aws: &Rehearsal| ask(aws, "POST", "/work_pools/p/workers/filter", &json!({})).await.1;
        assert_eq!(workers(&aws).await, json!([]), "its task is on its way");
        aws.later(60);
        assert_eq!(workers(&aws).await[0]["status"], "ONLINE");
        assert_eq!(ask(&aws, "POST", "/work_pools/filter", &named()).await.1[0]["status"], "READY");
    }

    #[tokio::test]
    async fn a_worker_may_stay_offline() {
        let misfortunes = Misfortunes { workers_stay_offline: true, ..Misfortunes::default() };
        let mut aws = Rehearsal::new(Settings { misfortunes, ..Settings::default() });
        ask(&aws, "POST", "/work_pools/", &pool()).await;
        workers::tests::run(&aws).await;
        aws.later(60);
        assert_eq!(ask(&aws, "POST", "/work_pools/p/workers/filter", &json!({})).await.1, json!([]));
    }
}
