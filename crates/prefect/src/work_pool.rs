//! Work pools.

use crate::{
    Error,
    call::{Api, Path},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A work pool as Prefect shows it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct WorkPool {
    /// Prefect's id.
    pub id: String,
    /// Its name, unique in the workspace.
    pub name: String,
    /// Its type, by which workers know that it is for them.
    #[serde(rename = "type")]
    pub kind: String,
    /// What people read of it.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether no flow run is taken from it.
    #[serde(default)]
    pub is_paused: bool,
    /// How it is.
    #[serde(default)]
    pub status: Option<WorkPoolStatus>,
    /// How its flow runs become jobs.
    #[serde(default)]
    pub base_job_template: Value,
}

/// How a work pool is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkPoolStatus {
    /// A worker polls it.
    Ready,
    /// No worker polls it.
    NotReady,
    /// It is paused.
    Paused,
    /// A word that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A work pool to be made.
#[derive(Clone, Debug, Serialize)]
pub struct NewWorkPool {
    /// Its name.
    pub name: String,
    /// Its type: [`POOL_TYPE`](crate::POOL_TYPE).
    #[serde(rename = "type")]
    pub kind: String,
    /// What people read of it.
    pub description: String,
    /// How its flow runs become jobs. Prefect judges the defaults in it when the pool is made, and never again.
    pub base_job_template: Value,
}

/// What is to be changed of a work pool; what is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WorkPoolChange {
    /// Whether no flow run is taken from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_paused: Option<bool>,
    /// How its flow runs become jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_job_template: Option<Value>,
}

/// Flow runs that have, or are about to have, a task.
const LIVING: [&str; 3] = ["PENDING", "RUNNING", "CANCELLING"];

/// The calls.
impl Api {
    /// The pool of this name; `None` where there is none. One call tells a pool that is not there from a workspace
    /// that is not there, and whether the credential is accepted: so it is the check of a new environment, too.
    ///
    /// # Errors
    /// Whatever the call came to.
    pub async fn work_pool(&self, name: &str) -> Result<Option<WorkPool>, Error> {
        let question = json!({"work_pools": {"name": {"any_": [name]}}, "limit": 1});
        let pools: Vec<WorkPool> = self.ask(Path::Fixed("/work_pools/filter"), &question).await?;
        // A server that does not know the filter answers any: only a pool of this name counts.
        Ok(pools.into_iter().find(|pool| pool.name == name))
    }

    /// Makes a pool.
    ///
    /// # Errors
    /// Whatever the call came to; [`Error::AlreadyExists`] where there is one of that name.
    pub async fn create_work_pool(&self, pool: &NewWorkPool) -> Result<WorkPool, Error> {
        self.ask(Path::Fixed("/work_pools/"), pool).await
    }

    /// Changes a pool.
    ///
    /// # Errors
    /// Whatever the call came to; [`Error::NotFound`] where there is none of that name.
    pub async fn update_work_pool(&self, name: &str, change: &WorkPoolChange) -> Result<(), Error> {
        self.tell("PATCH", Path::OfPool(name, ""), change).await
    }

    /// Deletes a pool. Prefect asks nobody: deployments that point at it live on and never run again. Look at
    /// [`Api::deployments_of`] first.
    ///
    /// # Errors
    /// Whatever the call came to; [`Error::NotFound`] where there is none of that name.
    pub async fn delete_work_pool(&self, name: &str) -> Result<(), Error> {
        self.tell("DELETE", Path::OfPool(name, ""), &json!({})).await
    }

    /// How many deployments point at a pool.
    ///
    /// # Errors
    /// Whatever the call came to.
    pub async fn deployments_of(&self, pool: &str) -> Result<u64, Error> {
        let question = json!({"work_pools": {"name": {"any_": [pool]}}});
        self.ask(Path::Fixed("/deployments/count"), &question).await
    }

    /// How many flow runs of a pool are under way.
    ///
    /// # Errors
    /// Whatever the call came to.
    pub async fn living_flow_runs_of(&self, pool: &str) -> Result<u64, Error> {
        let question = json!({
            "work_pools": {"name": {"any_": [pool]}},
            "flow_runs": {"state": {"type": {"any_": LIVING}}},
        });
        self.ask(Path::Fixed("/flow_runs/count"), &question).await
    }
}
