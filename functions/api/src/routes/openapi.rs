//! `GET /openapi.json`.

use http::{HeaderName, header};

/// What this API is, in a form that tools read (OpenAPI 3.1). Needs no signature: it tells of the API and of nobody.
pub(crate) async fn read() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::DOCUMENT)
}
