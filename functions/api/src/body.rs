//! A request's body as JSON. It may hold a secret: it is never logged, and no refusal quotes it.

use crate::{json, problem, problem::Problem};
use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

/// The largest body that is read, in bytes.
pub(crate) const LIMIT: usize = 64 * 1024;

/// The body. No `Debug`, so that it cannot be logged by accident.
pub(crate) struct Body(pub(crate) Value);

/// A patch as JSON (RFC 7396). No `Debug` either.
pub(crate) struct MergePatch(pub(crate) Value);

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(request, state, &[JSON]).await.map(Body)
    }
}

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(request, state, &[MERGE_PATCH, JSON]).await.map(MergePatch)
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S, types: &[&str]) -> Result<Value, Problem> {
    if !is_one_of(types, request.headers()) {
        return Err(problem::unsupported_media_type(types));
    }
    let bytes =
        Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => problem::body_too_large(LIMIT),
            _ => problem::unreadable_body(),
        })?;
    json::read(&bytes).map_err(problem::malformed_json)
}

fn is_one_of(types: &[&str], headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    types.iter().any(|one| essence.eq_ignore_ascii_case(one))
}
