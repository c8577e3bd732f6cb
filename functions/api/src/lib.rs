//! The HTTP API: validates, records, starts, answers. No other part of the service hears a caller's words.
//!
//! A handler reads from top to bottom: guards, one transaction, effects, the answer. Every refusal is a
//! [`problem`], axum's own included. Nothing here waits for an environment: the state machine does.

mod actions;
mod asking;
mod body;
mod caller;
mod conditional;
mod console;
mod eta;
mod forecast;
mod idempotency;
mod intake;
mod json;
mod limits;
mod log;
mod openapi;
mod pages;
mod path;
mod prefer;
mod preflight;
mod problem;
mod proof;
mod purpose;
mod query;
mod resolution;
mod routes;
mod service;
mod settings;
mod shared_secrets;
mod view;

pub use limits::Limits;
pub use routes::router;
pub use service::Service;
pub use settings::Settings;

#[cfg(test)]
mod tests;
