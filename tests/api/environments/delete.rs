//! `DELETE /environments/{id}`: only of what the caller has seen, for whom and why.

use end_to_end::{
    Environment, Stage,
    api::text,
    requests::{request, unique},
};
use http::Method;
use serde_json::json;

#[tokio::test]
async fn a_delete_of_what_has_changed_since_changes_nothing() {
    let stage = Stage::set().await;
    let id = stage.create(&request(&unique("lost"))).await.id().to_owned();
    let path = format!("/environments/{id}");
    let etag = stage.api.get(&path).await.header("etag").to_owned();
    stage.api.repair(&id).await.expect(202);
    stage.api.at_rest(&id).await.must_be("ACTIVE");

    let refused = stage.api.send(Method::DELETE, &path, &[("if-match", &etag)], "").await;
    refused.problem(412, "PRECONDITION_FAILED");
    let repair = format!("{path}/repair");
    stage.api.send(Method::POST, &repair, &[("if-match", &etag)], "").await.problem(412, "PRECONDITION_FAILED");
    assert_eq!(stage.api.read(&id).await.status(), "ACTIVE", "nothing was done");

    let etag = stage.api.get(&path).await.header("etag").to_owned();
    let weak = format!("W/{etag}");
    stage.api.send(Method::DELETE, &path, &[("if-match", &weak)], "").await.problem(412, "PRECONDITION_FAILED");
    let accepted = stage.api.send(Method::DELETE, &path, &[("if-match", &etag)], "").await;
    accepted.expect(202);
    assert_ne!(accepted.header("etag"), etag, "the delete has moved it");
    stage.api.at_rest(&id).await.must_be("DELETED");
}

/// The first one, whose answer was lost, is what has moved the environment.
#[tokio::test]
async fn a_delete_that_is_sent_again_under_its_key_is_not_refused_for_what_it_did_itself() {
    let stage = Stage::set().await;
    let id = stage.create(&request(&unique("again"))).await.id().to_owned();
    let path = format!("/environments/{id}");
    let etag = stage.api.get(&path).await.header("etag").to_owned();
    let headers = [("if-match", etag.as_str()), ("idempotency-key", "a-delete")];
    stage.api.send(Method::DELETE, &path, &headers, "").await.expect(202);
    let again = stage.api.send(Method::DELETE, &path, &headers, "").await;
    assert!([200, 202].contains(&again.status), "{again:?}");
    assert_eq!(again.header("idempotency-replayed"), "true", "{:?}", again.headers);
    stage.api.at_rest(&id).await.must_be("DELETED");
    let late = stage.api.delete_with_key(&id, "a-delete").await;
    assert_eq!(
        (late.status, late.header("idempotency-replayed")),
        (200, "true"),
        "also when it is long done: {late:?}"
    );
}

/// The gateway decodes `%23` to `#`, where a URL's path ends.
#[tokio::test]
async fn a_path_that_only_begins_like_an_environments_deletes_nothing() {
    let stage = Stage::set().await;
    let id = stage.create(&request(&unique("begins"))).await.id().to_owned();
    for rest in ["%23", "%23/x", "%20", "%5C", "x"] {
        stage.api.delete(&format!("{id}{rest}")).await.problem(404, "NOT_FOUND");
    }
    assert_eq!(stage.api.read(&id).await.status(), "ACTIVE", "nothing was done");
    stage.delete(&id).await;
}

#[tokio::test]
async fn for_whom_and_why_stays_with_the_operation() {
    let stage = Stage::set().await;
    let id = stage.create(&request(&unique("why"))).await.id().to_owned();
    let path = format!("/environments/{id}");
    let headers = [("on-behalf-of", "ada@example.com"), ("request-reason", "OPS-17: %C3%BCberholt")];
    let answer = stage.api.send(Method::DELETE, &path, &headers, "").await;
    let accepted = Environment(answer.expect(202));
    let asked_by = &accepted.operation()["asked_by"];
    assert_eq!(
        (text(&asked_by["on_behalf_of"]), text(&asked_by["reason"])),
        ("ada@example.com", "OPS-17: überholt"),
        "{accepted}"
    );
    assert!(!answer.header("request-id").is_empty(), "every answer has its request's id: {:?}", answer.headers);
    let deleted = stage.api.at_rest(&id).await.must_be("DELETED");
    assert_eq!(deleted.0["deleted_by"], *asked_by, "{deleted}");
    let wrong = stage.api.send(Method::DELETE, &path, &[("request-reason", "100% sure")], "").await;
    wrong.problem(400, "INVALID_HEADER");
}

#[tokio::test]
async fn a_delete_can_be_repeated_with_and_without_a_key() {
    let stage = Stage::set().await;
    let name = unique("repeated");
    let id = stage.create(&request(&name)).await.id().to_owned();
    let first = stage.api.delete_with_key(&id, &name).await;
    assert_eq!(Environment(first.expect(202)).status(), "DELETING", "{}", first.text);
    let with_key = stage.api.delete_with_key(&id, &name).await;
    let without = stage.api.delete(&id).await;
    assert!([200, 202].contains(&with_key.status) && [200, 202].contains(&without.status), "{with_key:?} {without:?}");

    let deleted = stage.api.at_rest(&id).await.must_be("DELETED");
    assert_eq!(deleted.operations().len(), 2, "one create, one delete: {deleted}");
    for answer in [stage.api.delete_with_key(&id, &name).await, stage.api.delete(&id).await] {
        assert_eq!(Environment(answer.expect(200)).status(), "DELETED", "{}", answer.text);
    }
}

#[tokio::test]
async fn a_delete_that_is_only_validated_changes_nothing_and_tells_what_it_would() {
    let stage = Stage::set().await;
    let name = unique("spared");
    let environment = stage.create(&request(&name)).await;
    let (before, inventory) = (stage.table.records_of(&name).await, stage.inventory_of(&environment.marks()).await);
    let path = format!("/environments/{}?validate_only=true", environment.id());
    let validate = || stage.api.send(Method::DELETE, &path, &[], "");

    let forecast = validate().await.expect(200);

    assert_eq!(forecast["plan"]["delete"], json!(environment.resources().len()), "{forecast}");
    assert_eq!(text(&forecast["eta"]["waits_for"]), "worker/online", "{forecast}");
    assert!(forecast["cost"]["difference"]["monthly"].as_f64() < Some(-50.0), "{forecast}");
    assert_eq!(stage.api.read(environment.id()).await, environment, "it is as it was");
    assert_eq!(stage.table.records_of(&name).await, before, "and so are its records");
    stage.inventory_of(&environment.marks()).await.must_be_as(&inventory, "after a delete that was only validated");

    stage.delete(environment.id()).await;
    assert_eq!(validate().await.expect(200)["plan"]["delete"], 0, "nothing is left to remove");
    let nobody = "/environments/env-00000000000000000000000000?validate_only=true";
    stage.api.send(Method::DELETE, nobody, &[], "").await.problem(404, "NOT_FOUND");
}
