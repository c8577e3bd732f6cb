//! The limit of every string, list and map that a request may have, in one table: the largest that is accepted,
//! and that one more is refused. A field that the table does not know fails the test.

use super::tests::{POINTERS, defaults, minimal};
use super::{Defaults, ViolationCode, parse};
use ViolationCode::{Invalid, NotAllowed, OutOfRange};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

struct Limit {
    /// Where it is told that there is too much.
    pointer: &'static str,
    /// The most, in what the value counts: characters, items, members, bytes.
    most: usize,
    code: ViolationCode,
    /// Puts so much into the body.
    fill: fn(&mut Value, usize),
}

macro_rules! limits {
    ($($pointer:literal, $most:expr, $code:ident, |$body:ident, $n:ident| $fill:expr;)*) => {
        &[$(Limit { pointer: $pointer, most: $most, code: $code, fill: |$body, $n| $fill }),*]
    };
}

const LIMITS: &[Limit] = limits! {
    "/name", 24, OutOfRange, |body, n| body["name"] = x(n);
    "/team", 64, OutOfRange, |body, n| body["team"] = x(n);
    "/prefect/account_id", 36, Invalid, |body, n| body["prefect"]["account_id"] = uuid(n);
    "/prefect/workspace_id", 36, Invalid, |body, n| body["prefect"]["workspace_id"] = uuid(n);
    "/prefect/api_key", 512, OutOfRange, |body, n| body["prefect"]["api_key"] = x(n);
    "/prefect/worker_api_key", 512, OutOfRange, |body, n| body["prefect"]["worker_api_key"] = x(n);
    "/prefect/api_key_secret_arn", 2048, OutOfRange, |body, n| {
        body["prefect"]["api_key"] = Value::Null;
        body["prefect"]["api_key_secret_arn"] = secret(n)
    };
    "/prefect/api_url", 1024, OutOfRange, |body, n| {
        let start = "https://prefect.example.com/";
        body["prefect"] = json!({"api_url": format!("{start}{}", "x".repeat(n - start.len()))})
    };
    "/prefect/auth_string", 1024, OutOfRange, |body, n| {
        let auth = format!("x:{}", "x".repeat(n - 2));
        body["prefect"] = json!({"api_url": "https://prefect.example.com/api", "auth_string": auth})
    };
    "/prefect/work_pool", 200, OutOfRange, |body, n| body["prefect"]["work_pool"] = x(n);
    "/network/mode", 6, Invalid, |body, n| body["network"] = json!({"mode": cut("createx", n)});
    "/network/vpc_cidr", 18, OutOfRange, |body, n| body["network"] = json!({"vpc_cidr": cut("100.100.128.000/17x", n)});
    "/network/public_subnets", 3, OutOfRange, |body, n| {
        body["network"] = json!({"public_subnets": ranges(1, n), "private_subnets": ranges(11, n.min(3))})
    };
    "/network/private_subnets", 3, OutOfRange, |body, n| {
        body["network"] = json!({"public_subnets": ranges(1, n.min(3)), "private_subnets": ranges(11, n)})
    };
    "/network/public_subnets/0", 18, OutOfRange, |body, n| {
        let range = cut("100.100.128.128/28x", n);
        body["network"] = json!({
            "vpc_cidr": "100.100.0.0/16",
            "public_subnets": [range, "100.100.1.0/24"],
            "private_subnets": ["100.100.2.0/24", "100.100.3.0/24"]
        })
    };
    "/network/nat", 6, Invalid, |body, n| body["network"] = json!({"nat": cut("singlex", n)});
    "/worker/name", 255, OutOfRange, |body, n| body["worker"] = json!({"name": x(n)});
    "/worker/image", 255, OutOfRange, |body, n| body["worker"] = json!({"image": x(n)});
    "/worker/cpu", 16384, NotAllowed, |body, n| body["worker"] = json!({"cpu": n, "memory": 122_880});
    "/worker/memory", 122_880, NotAllowed, |body, n| body["worker"] = json!({"cpu": 16384, "memory": n});
    "/worker/desired_count", 100, OutOfRange, |body, n| body["worker"] = json!({"desired_count": n});
    "/worker/autoscaling/min", 100, OutOfRange, |body, n| {
        body["worker"] = json!({"autoscaling": {"min": n, "max": 100}})
    };
    "/worker/autoscaling/max", 100, OutOfRange, |body, n| body["worker"] = json!({"autoscaling": {"max": n}});
    "/worker/autoscaling/cpu_target", 90, OutOfRange, |body, n| {
        body["worker"] = json!({"autoscaling": {"max": 2, "cpu_target": n}})
    };
    "/worker/command", 64, OutOfRange, |body, n| body["worker"] = json!({"command": vec!["x"; n]});
    "/worker/command/0", 2048, OutOfRange, |body, n| body["worker"] = json!({"command": [x(n)]});
    "/worker/command", 8192, OutOfRange, |body, n| {
        body["worker"] = json!({"command": [x(2000), x(2000), x(2000), x(2000), x(n - 8000)]})
    };
    "/worker/environment", 64, OutOfRange, |body, n| body["worker"] = json!({"environment": members(n, |_| x(1))});
    "/worker/environment/A", 4096, OutOfRange, |body, n| body["worker"] = json!({"environment": {"A": x(n)}});
    "/worker/environment", 24 * 1024, OutOfRange, |body, n| {
        let mut members = members(7, |_| x(4000));
        members["k6"] = x(n - 7 * 2 - 6 * 4000);
        body["worker"] = json!({"environment": members})
    };
    "/worker/secrets", 20, OutOfRange, |body, n| body["worker"] = json!({"secrets": members(n, |_| secret(80))});
    "/worker/secrets/A", 2048, OutOfRange, |body, n| body["worker"] = json!({"secrets": {"A": secret(n)}});
    "/worker/secrets", 6 * 1024, OutOfRange, |body, n| {
        body["worker"] = json!({"secrets": {"A": secret(2048), "B": secret(2048), "C": secret(n - 3 - 2 * 2048)}})
    };
    "/worker/capacity", 7, Invalid, |body, n| body["worker"] = json!({"capacity": cut("FARGATEX", n)});
    "/flows/policy_arns", 10, OutOfRange, |body, n| {
        body["flows"] = json!({"policy_arns": (0..n).map(policy).collect::<Vec<_>>()})
    };
    "/flows/policy_arns/0", 2048, OutOfRange, |body, n| body["flows"] = json!({"policy_arns": [long_policy(n)]});
    "/log_retention_days", 3653, NotAllowed, |body, n| body["log_retention_days"] = json!(n);
    "/deletion_protection/reason", 256, OutOfRange, |body, n| body["deletion_protection"] = json!({"reason": x(n)});
    "/expires_at", 20, Invalid, |body, n| body["expires_at"] = json!(cut("2027-01-01T00:00:00ZX", n));
    "/ttl", 5, Invalid, |body, n| body["ttl"] = json!(cut("PT36HX", n));
    "/tags", 40, OutOfRange, |body, n| body["tags"] = json!(members(n, |_| x(1)));
    "/tags/A", 256, OutOfRange, |body, n| body["tags"] = json!({"A": x(n)});
};

/// Names of members: their pointers hold them, so that the table cannot.
const LONGEST_NAMES: &[(&str, &str, usize)] =
    &[("worker", "environment", 255), ("worker", "secrets", 255), ("", "tags", 128)];

fn x(n: usize) -> Value {
    Value::from("x".repeat(n))
}

fn cut(text: &str, n: usize) -> &str {
    &text[..n]
}

fn uuid(n: usize) -> Value {
    Value::from(cut("00000000-0000-0000-0000-0000000000011", n))
}

fn secret(n: usize) -> Value {
    let start = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";
    Value::from(format!("{start}{}-AbC123", "x".repeat(n - start.len() - 7)))
}

fn policy(n: usize) -> String {
    format!("arn:aws:iam::aws:policy/{n}")
}

fn long_policy(n: usize) -> String {
    let start = policy(0);
    format!("{start}{}", "0".repeat(n - start.len()))
}

fn ranges(from: usize, n: usize) -> Vec<String> {
    (from..from + n).map(|third| format!("10.0.{third}.0/24")).collect()
}

fn members(n: usize, value: fn(usize) -> Value) -> Map<String, Value> {
    (0..n).map(|n| (format!("k{n}"), value(n))).collect()
}

/// What the request is told, with every policy of these tests allowed.
fn told(body: &Value) -> Vec<(String, ViolationCode)> {
    let policies: Vec<String> = (0..=10).map(policy).chain([long_policy(2048)]).collect();
    let violations = parse(body, &Defaults { flow_policy_arns: &policies, ..defaults() }).err().unwrap_or_default();
    violations.into_iter().map(|violation| (violation.pointer, violation.code)).collect()
}

#[test]
fn the_most_is_accepted_and_one_more_is_refused() {
    for Limit { pointer, most, code, fill } in LIMITS {
        let with = |n: usize| {
            let mut body = minimal();
            fill(&mut body, n);
            told(&body)
        };
        // Some values have a form that leaves no room for the longest: then it is their form that is refused.
        let at_most = with(*most);
        assert!(!at_most.contains(&((*pointer).to_owned(), OutOfRange)), "{pointer}, {most}: {at_most:?}");
        assert!(at_most.is_empty() || *pointer == "/network/vpc_cidr", "{pointer}, {most}: {at_most:?}");
        assert_eq!(with(*most + 1), [((*pointer).to_owned(), *code)], "{pointer}, one more than {most}");
    }
}

#[test]
fn the_longest_names_are_accepted_and_one_more_letter_is_refused() {
    for (section, map, most) in LONGEST_NAMES {
        for (length, is_fine) in [(*most, true), (most + 1, false)] {
            let name = "x".repeat(length);
            let value = if *map == "secrets" { secret(80) } else { x(1) };
            let given = json!({name: value});
            let mut body = minimal();
            if section.is_empty() {
                body[map] = given
            } else {
                body[section] = json!({*map: given})
            }
            let codes: Vec<ViolationCode> = told(&body).into_iter().map(|(_, code)| code).collect();
            assert_eq!(codes, if is_fine { vec![] } else { vec![Invalid] }, "{map}, {length}");
        }
    }
}

#[test]
fn every_field_has_its_limit() {
    // Sections have members, and a yes or no has no size.
    let unlimited = [
        "/prefect",
        "/network",
        "/worker",
        "/worker/autoscaling",
        "/flows",
        "/deletion_protection",
        "/prefect/adopt_pool",
        "/prefect/verify",
    ];
    let in_the_table: BTreeSet<&str> = LIMITS.iter().map(|limit| limit.pointer).collect();
    for pointer in POINTERS.iter().filter(|pointer| !unlimited.contains(pointer)) {
        assert!(in_the_table.contains(pointer), "{pointer} has no limit in the table");
    }
}

/// What an unknown field is told names the known ones: none of them is missing where the tests take pointers from.
#[test]
fn the_tests_know_every_field() {
    let mut body = minimal();
    body["?"] = json!(1);
    for section in ["prefect", "network", "worker", "flows", "deletion_protection"] {
        body[section]["?"] = json!(1);
    }
    body["worker"]["autoscaling"]["?"] = json!(1);
    let mut violations = parse(&body, &defaults()).expect_err("seven unknown fields");
    // What must be given is told as well.
    violations.retain(|violation| violation.code == ViolationCode::UnknownField);
    let mut known = BTreeSet::new();
    for violation in violations {
        let section = violation.pointer.strip_suffix("/?").expect("an unknown field");
        let (_, fields) = violation.detail.split_once("The fields here are: ").expect("the fields");
        known.extend(fields.trim_end_matches('.').split(", ").map(|field| format!("{section}/{field}")));
    }
    assert_eq!(known, POINTERS.iter().map(|pointer| (*pointer).to_owned()).collect());
}
