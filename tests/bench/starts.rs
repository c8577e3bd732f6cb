//! Cold starts: from the start of a function's process to its first answer, beside those of a hello-world function.
//!
//! The binaries are those that go to AWS. The event is one that needs nobody else: what is measured is the function, and not
//! AWS: a health check for the API; for the others one that they refuse.

use crate::{
    numbers::Durations,
    runtime::{Start, start},
    say,
};
use end_to_end::Functions;
use serde_json::{Value, json};
use std::{collections::HashMap, env, fs, path::PathBuf};

const FUNCTIONS: [&str; 6] = ["api", "operation", "network", "identity", "cluster", "worker"];
const STARTS: usize = 15;

#[tokio::test]
async fn functions_start_as_fast_as_functions_can() {
    let directory = PathBuf::from(env::var("BENCH_BINARIES").expect("BENCH_BINARIES is set: run `make bench`"));
    say(format!("\nCold starts, {STARTS} of each:"));
    let hello = measured(&directory.join("examples/hello_world"), &HashMap::new(), &json!({"hello": "world"})).await;
    say(line("hello world", &hello));
    let functions = Functions::default();
    for function in FUNCTIONS {
        let configuration = functions.configuration(function).await;
        let variables = serde_json::from_value(configuration["Environment"]["Variables"].clone()).expect("variables");
        let event = if function == "api" { health() } else { json!({}) };
        let starts = measured(&directory.join(function), &variables, &event).await;
        say(line(function, &starts));
    }
}

struct Measured {
    took: Durations,
    /// The most memory that a process had, in KiB.
    memory: u64,
    /// The size of the binary in bytes.
    size: u64,
}

async fn measured(binary: &PathBuf, variables: &HashMap<String, String>, event: &Value) -> Measured {
    let (mut took, mut memory) = (Vec::new(), 0);
    for _ in 0..STARTS {
        let Start { first_answer, peak } = start(binary, variables, event).await;
        took.push(first_answer);
        memory = memory.max(peak);
    }
    let size = fs::metadata(binary).expect("a binary").len();
    Measured { took: Durations::of(took), memory, size }
}

fn line(name: &str, Measured { took, memory, size }: &Measured) -> String {
    let [size, memory] = [*size as f64 / 1e6, *memory as f64 / 1024.0];
    format!("  {name:<12} {size:>5.1} MB   {memory:>5.1} MiB of memory   {took}")
}

/// `GET /health` as API Gateway sends it.
fn health() -> Value {
    json!({
        "version": "2.0", "routeKey": "GET /health", "rawPath": "/health", "rawQueryString": "", "headers": {},
        "requestContext": {
            "accountId": "000000000000", "apiId": "api", "domainName": "localhost", "domainPrefix": "api",
            "http": {"method": "GET", "path": "/health", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench"},
            "requestId": "bench", "routeKey": "GET /health", "stage": "$default",
            "time": "24/Nov/2026:12:00:00 +0000", "timeEpoch": 1_795_521_600_000_i64,
        },
        "isBase64Encoded": false,
    })
}
