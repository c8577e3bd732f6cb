//! The routes: one file for each verb of each resource.

pub(crate) mod environments;
pub(crate) mod health;
pub(crate) mod openapi;
pub(crate) mod operations;

use crate::{body, log, path, problem, service::Service};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};

/// The whole API.
pub fn router(service: Service) -> Router {
    // A layer runs when its router has chosen the route already: what mends the path is another's.
    Router::new().fallback_service(routes(service)).layer(middleware::map_request(path::as_handed_over))
}

fn routes(service: Service) -> Router {
    Router::new()
        .route("/health", get(health::read))
        .route("/openapi.json", get(openapi::read))
        .route(environments::MANY, post(environments::create).get(environments::list))
        .route(environments::ONE, get(environments::read).patch(environments::update).delete(environments::delete))
        .route(environments::DRIFT, get(environments::drift))
        .route(environments::WORKER, get(environments::worker))
        .route(environments::LOGS, get(environments::logs))
        .route(environments::TEMPLATE, get(environments::template))
        .route(environments::REPAIR, post(environments::repair))
        .route(operations::MANY, get(operations::list))
        .route(operations::ONE, get(operations::read))
        .fallback(async || problem::no_such_route())
        .method_not_allowed_fallback(async || problem::method_not_allowed())
        .layer(DefaultBodyLimit::max(body::LIMIT))
        .layer(middleware::from_fn(log::answer))
        .with_state(service)
}
