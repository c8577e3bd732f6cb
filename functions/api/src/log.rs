//! One line for every request: its id, route, status, caller and environment. Never a body, never a header.
//!
//! The outermost layer: it knows the request's id, so it writes the problems' bodies, too.

use crate::{problem, problem::Problem};
use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, Method, header};
use lambda_http::{Context, request::RequestContext};
use std::time::Instant;
use tracing::{Instrument, field::Empty};

/// Every answer has its request's id: the log lines of the request stand under it.
const REQUEST_ID: &str = "request-id";

/// Answers a request and logs that.
pub(crate) async fn answer(request: Request, next: Next) -> Response {
    let request_id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request_id, %method, route, caller = Empty, environment = Empty);
    let begun = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let mut response = whole(response, &method, &request_id);
    if let Ok(id) = HeaderValue::try_from(&request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let status = response.status().as_u16();
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let code = response.extensions().get::<Problem>().map(|problem| problem.code);
    span.in_scope(|| tracing::info!(status, code, milliseconds, "request answered"));
    response
}

/// The id under which Lambda's own log lines stand; the gateway's where there is none.
fn request_id(request: &Request) -> String {
    let extensions = request.extensions();
    let of_lambda = extensions.get::<Context>().map(|context| context.request_id.clone());
    let of_gateway = || match extensions.get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    of_lambda.filter(|id| !id.is_empty()).or_else(of_gateway).unwrap_or_else(|| "unknown".to_owned())
}

/// Gives problems their bodies, and makes problems of axum's own refusals.
fn whole(response: Response, method: &Method, request_id: &str) -> Response {
    let status = response.status();
    let given = response.extensions().get::<Problem>().cloned();
    let is_refusal = status.is_client_error() || status.is_server_error();
    let Some(problem) = given.or_else(|| is_refusal.then(|| problem::of_status(status))) else { return response };
    let mut answer = problem.answer(request_id);
    // Which methods a path has is axum's to know.
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    if method == Method::HEAD {
        *answer.body_mut() = axum::body::Body::empty();
    }
    answer.extensions_mut().insert(problem);
    answer
}
