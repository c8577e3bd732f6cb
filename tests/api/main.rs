//! The API, route by route: `tests/api/<resource>/<verb>.rs` has what holds for one verb of one resource. Run by
//! `make test`.
//!
//! What an environment goes through is told by `tests/end_to_end`; here is how that is asked for and shown.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the test")]

mod environments;
mod everywhere;
mod health;
mod operations;
