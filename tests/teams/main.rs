//! Several teams and their administrators on one service: who calls with real roles, gets what is its team's and
//! nothing of anybody else's.
//!
//! The tests run beside each other, each with teams of its own.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the test")]

mod apart;
mod callers;
mod hostile;
mod limits;
mod who_asked;

use serde_json::{Value, json};

/// A request that leaves the team to whoever sends it.
fn own_request(name: &str) -> Value {
    let mut request = end_to_end::requests::request(name);
    request.as_object_mut().expect("an object").remove("team");
    request
}

/// A request of an administrator for a team.
fn request_for(team: &str, name: &str) -> Value {
    let mut request = end_to_end::requests::request(name);
    request["team"] = json!(team);
    request
}

/// The ids in a page of a list.
fn ids(page: &Value) -> Vec<&str> {
    end_to_end::api::list(&page["items"]).iter().map(|item| end_to_end::api::text(&item["id"])).collect()
}
