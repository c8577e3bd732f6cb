//! What is reserved for an environment beside its partition: a name, a work pool, an idempotency key.

use environment::{EnvironmentId, OperationId};
use serde::{Deserialize, Serialize};

/// A reserved name or work pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reservation {
    /// The item's version of shape.
    pub schema: u32,
    /// Who holds it.
    pub environment_id: EnvironmentId,
    /// That environment's team.
    pub team: String,
}

/// What an idempotency key was used for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdempotencyItem {
    /// The item's version of shape.
    pub schema: u32,
    /// The environment that the first request made or changed.
    pub environment_id: EnvironmentId,
    /// The operation that it led to, if it needed one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation_id: Option<OperationId>,
    /// What that request was, without its secrets.
    pub fingerprint: String,
    /// When the key may be used anew, in seconds since 1970.
    pub purge_at: i64,
}
