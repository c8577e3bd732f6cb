//! The policies of template.yaml against the calls of real lives: each call allowed, nothing foreign allowed,
//! nothing allowed in vain.
//!
//! The local cloud enforces the list of actions of each role and little else, so the policies for AWS are judged
//! here: by a small evaluator, over what the proxy has seen, with the resources and tags that AWS would
//! look at (reference.rs). Where the local cloud can judge as well, the two are compared.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a surprise ends the test")]

mod condition;
mod documented;
mod exceptions;
mod foreign;
mod journal;
mod judgement;
mod lives;
mod local_cloud;
mod loosened;
mod pattern;
mod policy;
mod reference;
mod rehearsed;
mod statements;
mod template;
mod world;

use judgement::judge;
use std::io::Write;
use template::Template;

#[tokio::test]
async fn every_call_is_allowed_and_the_same_on_what_is_not_ours_is_not() {
    let functions = Template::processed("aws").functions();
    let judgement = judge(&lives::place(), &functions, lives::recorded().await);
    // Past the test harness, which shows what a test prints only when it fails.
    writeln!(std::io::stdout(), "{judgement}").expect("standard output");
    judgement.must_be_clean();
}

/// A longer allow-list of flow policies opens nothing but itself.
#[tokio::test]
async fn flow_policies_open_nothing_but_themselves() {
    let functions = Template::processed("flow-policies").functions();
    judge(&lives::place(), &functions, lives::recorded().await).must_be_clean();
    let place = lives::place();
    let mut requests = lives::recorded().await.iter().flat_map(|asked| &asked.requests);
    let attach = requests.find(|request| request.action == "iam:AttachRolePolicy").expect("a policy was attached");
    let attach = |policy: &str| functions["identity"].allows(&attach.clone().with("iam:PolicyARN", policy)).is_some();
    assert!(attach(&format!("arn:aws:iam::{}:policy/flows-write", place.account)), "a policy of the list");
    assert!(!attach(&format!("arn:aws:iam::{}:policy/flows-write-more", place.account)), "a longer name");
}
