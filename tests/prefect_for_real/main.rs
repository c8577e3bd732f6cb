//! A real Prefect server, a real worker and flow runs, on a local cloud whose tasks are processes: the last part of
//! `make test`, alone `make flows`.
//!
//! Nothing is mocked between a request for an environment and a flow run that has ended, but for AWS itself. The
//! worker has the rights of its task role and no others, as far as the local cloud can tell (tests/fargate/src/roles.rs).
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the test")]

mod calls;
mod completes;
mod crashes;
mod crowd;
mod fails;
mod refused;
mod rights;
mod rotates;
mod server;

use end_to_end::requests::{TEAM, unique};
use serde_json::{Value, json};
use server::Server;

/// A request for an environment of its own on the real server, whose worker looks for work often.
fn request(server: &Server, word: &str) -> Value {
    let name = unique(word);
    json!({
        "name": name,
        "team": TEAM,
        "prefect": {
            "api_url": server.api_url, "auth_string": server.auth_string, "work_pool": format!("{name}-pool"),
        },
        "worker": {"environment": {"PREFECT_WORKER_QUERY_SECONDS": "1"}},
    })
}
