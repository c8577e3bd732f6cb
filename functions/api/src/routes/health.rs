//! `GET /health`.

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;

/// Whether the API answers at all. Needs no signature and asks nobody: a health check must not fail because
/// somebody else does.
pub(crate) async fn read() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// That the API answers.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// The service's version.
    version: &'static str,
}
