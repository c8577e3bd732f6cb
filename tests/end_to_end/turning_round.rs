//! DELETE while the create is still at work, at several points of it.
//!
//! A point is held by taking the lease of a step as another invocation of its function would: the create gets
//! everything done that does not need this step, and no further, until the test lets go.

use end_to_end::{
    Environment, Stage,
    api::text,
    requests::{request, unique},
};
use futures::future::join_all;

#[tokio::test]
async fn deleted_in_the_moment_after_it_was_asked_for() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("at-once"))).await;
    stage.api.delete(&id).await.expect(202);
    ends_without_a_trace(&stage, &id).await;
}

#[tokio::test]
async fn deleted_before_the_network_is_begun() {
    deleted_while_waiting_for("network", &[]).await;
}

#[tokio::test]
async fn deleted_when_the_network_is_done_and_its_way_out_is_not() {
    deleted_while_waiting_for("egress", &["network", "identity", "cluster", "worker-setup"]).await;
}

#[tokio::test]
async fn deleted_before_the_roles_are_granted() {
    deleted_while_waiting_for("identity", &["network", "egress", "cluster"]).await;
}

#[tokio::test]
async fn deleted_before_the_cluster_is_raised() {
    deleted_while_waiting_for("cluster", &["network", "egress", "identity"]).await;
}

#[tokio::test]
async fn deleted_when_all_is_built_and_the_worker_is_to_start() {
    deleted_while_waiting_for("worker", &["network", "egress", "identity", "cluster", "worker-setup"]).await;
}

/// No point is held: whoever comes first, the create or the delete, nothing is left.
#[tokio::test]
async fn deleted_whenever_the_next_resource_has_come_up() {
    let stage = Stage::set().await;
    let stage = &stage;
    join_all([1, 8, 15, 22, 29].map(|count| async move {
        let id = stage.request(&request(&unique("any-time"))).await;
        let ready = |environment: &Environment| {
            environment.resources().iter().filter(|resource| resource["state"] == "READY").count()
        };
        stage.api.until(&id, &format!("{count} resources are ready"), |environment| ready(environment) >= count).await;
        let marks = stage.api.read(&id).await.marks();
        stage.delete(&id).await;
        stage.inventory_of(&marks).await.must_be_empty(&format!("after a delete when {count} resources were ready"));
    }))
    .await;
}

#[tokio::test]
async fn twenty_deletes_at_once_are_one() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("impatient"))).await;
    stage.table.hold(&id, "cluster").await;
    let answers = join_all((0..20).map(|_| stage.api.delete(&id))).await;
    for answer in answers {
        assert_eq!(Environment(answer.expect(202)).status(), "DELETING", "{}", answer.text);
    }
    stage.table.let_go(&id, "cluster").await;
    ends_without_a_trace(&stage, &id).await;
}

/// Deletes an environment when these steps of its create are done and that one cannot go on.
async fn deleted_while_waiting_for(held: &str, done: &[&str]) {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("turn"))).await;
    stage.table.hold(&id, held).await;
    let is_there =
        |now: &Environment| now.status() == "CREATING" && done.iter().all(|step| now.outcome(step, "ensure") == "done");
    stage.api.until(&id, &format!("its create has done {done:?} and waits for {held}"), is_there).await;

    let accepted = Environment(stage.api.delete(&id).await.expect(202));
    assert_eq!(accepted.status(), "DELETING", "the delete is accepted at once: {accepted}");
    stage.table.let_go(&id, held).await;

    ends_without_a_trace(&stage, &id).await;
}

/// The create itself turns round: it stays the only operation, and nothing is left.
async fn ends_without_a_trace(stage: &Stage, id: &str) {
    let environment = stage.api.at_rest(id).await.must_be("DELETED");
    assert_eq!(environment.operations().len(), 1, "one operation: {environment}");
    let operation = environment.operation();
    assert_eq!((text(&operation["kind"]), text(&operation["status"])), ("apply", "SUCCEEDED"), "{operation}");
    for resource in environment.resources() {
        assert_eq!(resource["state"], "GONE", "{resource}");
    }
    stage.inventory_of(&environment.marks()).await.must_be_empty("after the delete");
}
