//! Requests for environments.

use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};

/// The account of every request, in Prefect Cloud.
pub const ACCOUNT: &str = "11111111-2222-4333-8444-555555555555";
/// The workspace of every request.
pub const WORKSPACE: &str = "66666666-7777-4888-9999-000000000000";
/// The team of every request.
pub const TEAM: &str = "data";

/// The least that a request must say. The work pool is the default one, which only one environment can hold.
pub fn minimal(name: &str) -> Value {
    json!({
        "name": name,
        "team": TEAM,
        "prefect": {"account_id": ACCOUNT, "workspace_id": WORKSPACE, "api_key": format!("pnu_of_{name}")},
    })
}

/// A request that can stand beside others: name and work pool are its own.
pub fn request(name: &str) -> Value {
    let mut request = minimal(name);
    request["prefect"]["work_pool"] = json!(format!("{name}-pool"));
    request
}

/// A name that nobody else has, on this cloud or in an earlier run on it.
pub fn unique(word: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    // Microseconds of the last weeks, and a count for the tests that ask within one.
    let moment = u64::try_from(since.as_micros()).expect("fits for many years") % 3_000_000_000_000;
    let number = moment * 1000 + COUNT.fetch_add(1, Ordering::Relaxed) % 1000;
    let name = format!("{word}-{}", in_base_36(number));
    assert!(name.len() <= 24, "{name} is too long for an environment's name: take a shorter word than {word}");
    name
}

fn in_base_36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.is_empty() {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(number % 36) as usize]);
        number /= 36;
    }
    digits.reverse();
    String::from_utf8(digits).expect("digits are text")
}
