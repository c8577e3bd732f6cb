//! `GET /health`.

use axum::Json;
use serde_json::{Value, json};

/// Whether the API answers at all. Needs no signature and asks nobody: a health check must not fail because
/// somebody else does.
pub(super) async fn read() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}
