//! The proof that nothing is left, as a team reads it: when it was looked, and what every look came to.

use end_to_end::{
    Environment, Stage,
    api::{list, text},
    requests::{request, unique},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[tokio::test]
async fn a_deleted_environment_shows_that_nothing_of_it_is_left() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("proven"))).await;
    assert_eq!(environment.0.get("proof"), None, "nothing is proven of what is there: {environment}");
    for resource in environment.resources() {
        assert_eq!(resource.get("evidence"), None, "it is there: {resource}");
    }

    let deleted = stage.delete(environment.id()).await;
    let made: Vec<&str> = environment.resources().iter().map(|resource| text(&resource["key"])).collect();
    let proven: Vec<&str> = deleted.resources().iter().map(|resource| text(&resource["key"])).collect();
    assert_eq!(proven, made, "every resource is accounted for");
    must_be_proven(&deleted, deleted.operation());
    for resource in deleted.resources() {
        // What was part of something went with it, and everything else was looked up.
        let code = text(&resource["evidence"]["code"]);
        let is_part = ["Route", "Association"].iter().any(|part| text(&resource["type"]).ends_with(part));
        assert_eq!(code, if is_part { "HOLDER_GONE" } else { "NOT_FOUND" }, "{resource}");
    }
    assert_eq!(stage.api.read(deleted.id()).await, deleted, "the proof stays as it is");
}

/// A create that fails is undone, and that is proven in the same way.
#[tokio::test]
async fn a_failed_create_shows_that_nothing_of_it_is_left() {
    let stage = Stage::set().await;
    let name = unique("unmade");
    let theirs = stage.cloud.ecs.create_cluster().cluster_name(format!("{name}-cluster")).send().await;
    theirs.expect("somebody makes a cluster");
    let failed = stage.create_in_vain(&request(&name)).await;
    must_be_proven(&failed, failed.operation());
    let code = |key: &str| text(&failed.resource(key)["evidence"]["code"]).to_owned();
    assert_eq!(code("network/vpc"), "NOT_FOUND");
    assert_eq!(code("worker/service"), "NEVER_MADE");

    // The delete only closes the file: the proof is the create's.
    let closed = Environment(stage.api.delete(failed.id()).await.expect(200));
    assert_eq!(closed.0["proof"], failed.0["proof"], "{closed}");
}

/// The proof belongs to this operation and covers every resource, each with evidence.
#[track_caller]
fn must_be_proven(ended: &Environment, operation: &Value) {
    let proof = &ended.0["proof"];
    assert_eq!(proof["operation_id"], operation["id"], "{proof:#}");
    let time = |value: &Value| text(value).parse::<Timestamp>().expect("a time");
    let (began_at, proven_at) = (time(&proof["began_at"]), time(&proof["proven_at"]));
    assert!(time(&operation["started_at"]) <= began_at && began_at <= proven_at, "{proof:#}");
    assert!(proven_at <= time(&operation["ended_at"]), "the proof comes before the end: {proof:#}");
    let proofs = list(&operation["steps"]).iter().filter(|step| step["action"] == "prove").count();
    assert!(proofs > 0, "{operation:#}");
    let mut evidence: BTreeMap<&str, u64> = BTreeMap::new();
    for resource in ended.resources() {
        assert_eq!(resource["state"], "GONE", "{resource}");
        let looked_at = time(&resource["evidence"]["looked_at"]);
        assert!(looked_at >= time(&operation["started_at"]) && looked_at <= proven_at, "{resource}: {proof:#}");
        *evidence.entry(text(&resource["evidence"]["code"])).or_default() += 1;
    }
    assert_eq!(proof["evidence"], json!(evidence), "the sum of what each resource shows");
    assert_eq!(proof["resources"], json!(ended.resources().len()));
}
