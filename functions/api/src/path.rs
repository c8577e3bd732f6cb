//! The path of a request, as it was meant.
//!
//! An HTTP API decodes the path before it hands it over (`rawPath`), and lambda_http reads what came of that as a
//! URL: there a `#` ends the path, a `\` is a `/`, and `..` goes up. `DELETE /environments/<id>%23/anything` would
//! delete the environment. What a path cannot have is escaped again here, so that such a path leads nowhere. Two
//! things were lost before and stay so: `%2F` is a `/`, and API Gateway itself cuts at `%3F`.

use axum::extract::Request;
use http::Uri;
use lambda_http::RequestExt;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What may not stand in a path (RFC 3986, 3.3), but for `%`: what the gateway left escaped stays as it is.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Gives the request the path that the gateway handed over.
pub(crate) async fn as_handed_over(mut request: Request) -> Request {
    let handed_over = request.raw_http_path();
    // In tests a request comes without a gateway.
    if !handed_over.is_empty() {
        let mut whole = utf8_percent_encode(handed_over, NOT_IN_A_PATH).to_string();
        if let Some(query) = request.uri().query() {
            whole.push('?');
            whole.push_str(query);
        }
        // What is longer than any URI leads to `/`, where nothing is.
        *request.uri_mut() = Uri::try_from(whole).unwrap_or_default();
    }
    request
}
