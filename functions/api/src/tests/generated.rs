//! Ten thousand bodies, valid and near to it, through the whole API: each is accepted or refused with a reason,
//! none makes a mistake of ours, and what is refused has created nothing.

use super::{calls::AwsCalls, names::Always, post, send_to, service_with};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use request_bodies::near;
use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

const BODIES: u32 = 10_000;

#[test]
fn no_body_makes_a_mistake_of_ours_and_a_refused_one_creates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let calls = AwsCalls::default();
    let mut service = service_with(&calls, false);
    service.resolver = Arc::new(Always(vec![[93, 184, 216, 34].into()]));
    let answers: RefCell<BTreeMap<String, u32>> = RefCell::default();
    let mut runner = TestRunner::new(Config { cases: BODIES, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&near(), |body| {
        let answer = runtime.block_on(send_to(service.clone(), post(body)));
        let calls = calls.taken();
        let code = answer.body["code"].as_str().unwrap_or("ACCEPTED").to_owned();
        let is_fine = match (answer.status.as_u16(), code.as_str()) {
            (202, "ACCEPTED") => is_a_create(&calls),
            // Whose secret it is, was asked.
            (403 | 422, "SECRET_NOT_SHARED") => calls.iter().all(|call| call == "DescribeSecret"),
            (400..=499, _) => {
                calls.is_empty() && answer.headers[http::header::CONTENT_TYPE] == "application/problem+json"
            }
            _ => false,
        };
        *answers.borrow_mut().entry(code).or_default() += 1;
        if is_fine { Ok(()) } else { Err(TestCaseError::fail(format!("{} {} {calls:?}", answer.status, answer.body))) }
    });
    outcome.expect("every body is accepted or refused");
    // The bodies are near enough to the valid ones to reach everything.
    let answers = answers.into_inner();
    for code in ["ACCEPTED", "INVALID_REQUEST", "MALFORMED_JSON", "SECRET_NOT_SHARED"] {
        assert!(answers.get(code).is_some_and(|count| *count > BODIES / 200), "{answers:?}");
    }
}

/// One transaction, then the secrets and the execution.
fn is_a_create(calls: &[String]) -> bool {
    let count = |action: &str| calls.iter().filter(|call| *call == action).count();
    count("TransactWriteItems") == 1 && count("StartExecution") == 1 && count("CreateSecret") <= 2
}
