//! One hand at a time: an invocation that is not the current one touches nothing.

use end_to_end::{
    Environment, Inventory, Stage,
    api::text,
    requests::{request, unique},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every step and the function that works on it.
const STEPS: [(&str, &str); 6] = [
    ("network", "network"),
    ("egress", "network"),
    ("identity", "identity"),
    ("cluster", "cluster"),
    ("worker-setup", "worker"),
    ("worker", "worker"),
];

#[tokio::test]
async fn an_invocation_of_an_older_operation_touches_nothing() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("fence"))).await;
    // A delete takes the environment: whatever the create may still have under way is of the past.
    stage.api.delete(environment.id()).await.expect(202);
    let create = text(&environment.operation()["id"]).to_owned();
    let deleted = stage.api.at_rest(environment.id()).await.must_be("DELETED");
    let before = everything_of(&stage, &deleted).await;

    for (step, function) in STEPS {
        for action in ["ensure", "remove", "prove"] {
            let answer = stage.functions.invoke(function, &call(&deleted, &create, 1, step, action)).await;
            assert_eq!(answer, json!({"outcome": "superseded"}), "{action} {step} with the create's fence");
        }
    }
    for action in ["begin", "activate", "turn", "close"] {
        let mut call = json!({"environment_id": deleted.id(), "operation_id": create, "fence": 1, "action": action});
        if action == "turn" {
            call["generation"] = json!(1);
        }
        let answer = stage.functions.invoke("operation", &call).await;
        assert_eq!(answer["outcome"], "superseded", "{action} by the create: {answer}");
    }
    unchanged(&stage, &deleted, before).await;
}

#[tokio::test]
async fn an_invocation_with_a_fence_that_nobody_has_taken_touches_nothing() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("fence"))).await;
    let operation = text(&environment.operation()["id"]);
    let before = everything_of(&stage, &environment).await;
    for fence in [0, 1, 2] {
        for (step, function) in STEPS {
            for action in ["ensure", "remove", "prove"] {
                let answer =
                    stage.functions.invoke(function, &call(&environment, operation, fence, step, action)).await;
                assert_eq!(answer["outcome"], "superseded", "{action} {step} with fence {fence}: {answer}");
            }
        }
    }
    unchanged(&stage, &environment, before).await;
    stage.delete(environment.id()).await;
}

#[tokio::test]
async fn an_invocation_for_an_environment_without_a_record_touches_nothing() {
    let stage = Stage::set().await;
    let environment = stage.create(&request(&unique("fence"))).await;
    let operation = text(&environment.operation()["id"]);
    let unknown = "env-00000000000000000000000000";
    let before = everything_of(&stage, &environment).await;
    for (step, function) in STEPS {
        let mut call = call(&environment, operation, 1, step, "remove");
        call["environment_id"] = json!(unknown);
        let answer = stage.functions.invoke(function, &call).await;
        assert_eq!(answer["outcome"], "superseded", "remove {step}: {answer}");
    }
    unchanged(&stage, &environment, before).await;
    stage.delete(environment.id()).await;
}

/// The second waits for the first, since the first may be dead: it is let in when the first has let go, or
/// when Lambda has ended it.
#[tokio::test]
async fn a_second_invocation_of_a_step_waits_while_the_first_is_at_work_and_touches_nothing() {
    let stage = Stage::set().await;
    let id = stage.request(&request(&unique("second"))).await;
    // The work pool needs the cluster.
    for step in ["cluster", "worker-setup", "worker"] {
        stage.table.hold(&id, step).await;
    }
    let others = ["network", "egress", "identity"];
    let others_are_done = |now: &Environment| others.iter().all(|step| now.outcome(step, "ensure") == "done");
    let environment = stage.api.until(&id, "everything else is done", others_are_done).await;
    let operation = text(&environment.operation()["id"]).to_owned();
    let before = everything_of(&stage, &environment).await;

    for (step, function) in [("cluster", "cluster"), ("worker", "worker")] {
        let answer = stage.functions.invoke(function, &call(&environment, &operation, 1, step, "ensure")).await;
        assert_eq!(answer["outcome"], "waiting", "ensure {step} while another invocation is at it: {answer}");
        let seconds = answer["seconds"].as_u64().expect("how long to wait");
        assert!((1..=30).contains(&seconds), "the wait is the state machine's, 30 s at most: {answer}");
    }
    unchanged(&stage, &environment, before).await;

    for step in ["cluster", "worker-setup", "worker"] {
        stage.table.let_go(&id, step).await;
    }
    stage.api.at_rest(&id).await.must_be("ACTIVE");
    stage.delete(&id).await;
}

fn call(environment: &Environment, operation: &str, fence: u64, step: &str, action: &str) -> Value {
    json!({"environment_id": environment.id(), "operation_id": operation, "fence": fence, "step": step, "action": action})
}

/// What is there of an environment, what is recorded of it, and what the API shows.
async fn everything_of(stage: &Stage, environment: &Environment) -> (Inventory, BTreeMap<String, String>, Environment) {
    let mut items = stage.table.partition(environment.id()).await;
    // Who had a step's lease is written by whoever asks for it; that is no harm.
    items.retain(|key, _| !key.starts_with("STEP#"));
    let mut shown = stage.api.read(environment.id()).await;
    // A forecast moves with the time.
    shown.0.as_object_mut().expect("an environment").remove("eta");
    (stage.inventory_of(&environment.marks()).await, items, shown)
}

async fn unchanged(
    stage: &Stage,
    environment: &Environment,
    before: (Inventory, BTreeMap<String, String>, Environment),
) {
    let (inventory, items, shown) = everything_of(stage, environment).await;
    inventory.must_be_as(&before.0, "after the invocations");
    for (key, item) in &before.1 {
        assert_eq!(items.get(key), Some(item), "{key} after the invocations");
    }
    assert_eq!(items.len(), before.1.len(), "no further item: {items:?}");
    assert_eq!(shown, before.2, "the environment as the API shows it after the invocations");
}
