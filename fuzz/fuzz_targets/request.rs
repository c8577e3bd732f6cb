//! Any bytes as the body of `POST /environments`: the API's own reader of JSON, then every validator. Nothing may
//! panic; whatever is accepted has its whole catalogue, within the limits that AWS sets.

#![no_main]

// The reader is the api function's own, taken as a file: the function itself would bring the AWS SDKs along.
#[path = "../../functions/api/src/json.rs"]
mod json;

use environment::{
    EnvironmentId, Place, Subject, catalogue,
    request::{Defaults, parse},
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static PLACE: LazyLock<Place> = LazyLock::new(|| Place {
    partition: "aws".into(),
    account: "123456789012".into(),
    region: "eu-west-1".into(),
    stack: "stack".into(),
    role_path: "/prefect-environments/stack/".into(),
    permissions_boundary: None,
    worker_image: "prefecthq/prefect-aws:0.7-python3.12".into(),
});
static POLICIES: LazyLock<Vec<String>> =
    LazyLock::new(|| vec!["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".to_owned()]);
static IMAGES: LazyLock<Vec<String>> =
    LazyLock::new(|| vec!["prefecthq/*".to_owned(), "*.example.com/*/a*".to_owned()]);

fuzz_target!(|body: &[u8]| {
    let Ok(body) = json::read(body) else { return };
    let defaults = Defaults {
        partition: &PLACE.partition,
        account: &PLACE.account,
        region: &PLACE.region,
        worker_image: &PLACE.worker_image,
        worker_images: &IMAGES,
        flow_policy_arns: &POLICIES,
        caller_team: None,
        allow_local_api_url: false,
    };
    match parse(&body, &defaults) {
        Ok(request) => {
            let spec = &request.spec;
            let entries = catalogue(&Subject { id: EnvironmentId::new(1, 1), spec, zones: &[], place: &PLACE });
            assert!((20..=94).contains(&entries.len()), "an accepted request fits into one transaction");
        }
        Err(violations) => assert!((1..=200).contains(&violations.len()), "a refusal has reasons, and an end"),
    }
});
