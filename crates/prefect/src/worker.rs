//! Workers, as the pool that they poll knows them.

use crate::{
    Error,
    call::{Api, Path},
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// Whether Prefect has heard of it lately.
    pub status: WorkerStatus,
    /// When Prefect has first heard of it.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// When Prefect has last heard of it.
    #[serde(default)]
    pub last_heartbeat_time: Option<Timestamp>,
    /// Its version of Prefect, where Prefect tells it: Prefect Cloud does, a server of one's own does not.
    #[serde(default)]
    pub client_version: Option<String>,
}

/// Whether Prefect has heard of a worker lately: it is offline after three heartbeats that did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkerStatus {
    /// It has.
    Online,
    /// It has not.
    Offline,
    /// A word that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Api {
    /// The workers that poll a pool, or have polled it.
    ///
    /// # Errors
    /// Whatever the call came to; [`Error::NotFound`] where there is no such pool.
    pub async fn workers(&self, pool: &str) -> Result<Vec<Worker>, Error> {
        self.ask(Path::OfPool(pool, "/workers/filter"), &json!({})).await
    }
}
