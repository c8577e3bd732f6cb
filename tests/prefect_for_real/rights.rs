//! What a worker may do against what it did.

use crate::calls::{Call, actions};
use end_to_end::{Stage, inventory::decoded};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the worker's role allows and no call of these tests shows, with the reason.
const NOT_SEEN: [(&str, &str); 5] = [
    ("iam:PassRole", "AWS checks it within RegisterTaskDefinition and RunTask: it is no call of its own"),
    ("ecs:TagResource", "AWS checks it within RunTask, which tags the task"),
    ("ecs:DeregisterTaskDefinition", "only where a deployment sets auto_deregister_task_definition"),
    ("ecs:StopTask", "only where a run is cancelled before it runs"),
    ("sqs:ChangeMessageVisibility", "only after an event was worked on for four minutes"),
];

/// Fails if a worker or a flow run was ever refused for want of a right.
pub fn were_enough() {
    let calls = Call::all();
    assert!(!calls.is_empty(), "the tasks' calls do not reach the journal");
    let refused: Vec<&Call> =
        calls.iter().filter(|call| call.error().is_some_and(|code| code.contains("AccessDenied"))).collect();
    assert!(refused.is_empty(), "the worker or a flow run was refused: {refused:#?}");
}

/// Fails unless workers have used all that an environment's worker may do.
pub async fn were_used(stage: &Stage, environment: &str, calls: &[Call]) {
    let allowed = allowed(stage, &format!("{environment}-worker-task-role")).await;
    let seen = actions(calls);
    let excused: BTreeSet<String> = NOT_SEEN.iter().map(|(action, _)| (*action).to_owned()).collect();
    let unused: Vec<&String> = allowed.iter().filter(|action| !seen.contains(*action)).collect();
    let unused: Vec<&String> = unused.into_iter().filter(|action| !excused.contains(*action)).collect();
    assert!(unused.is_empty(), "the worker may do what it never does: {unused:?}; it did {seen:?}");
    let stale: Vec<&String> =
        excused.iter().filter(|action| seen.contains(*action) || !allowed.contains(*action)).collect();
    assert!(stale.is_empty(), "these are no exceptions any more: {stale:?}");
}

/// Every action that the role's own policies allow.
async fn allowed(stage: &Stage, role: &str) -> BTreeSet<String> {
    let iam = &stage.cloud.iam;
    let listed = iam.list_role_policies().role_name(role).send().await.expect("list the role's policies");
    let mut allowed = BTreeSet::new();
    for policy in listed.policy_names() {
        let found = iam.get_role_policy().role_name(role).policy_name(policy).send().await.expect("read the policy");
        let document: Value = decoded(found.policy_document());
        for statement in document["Statement"].as_array().expect("statements") {
            assert_eq!(statement["Effect"], "Allow", "{role} has a statement of another kind");
            allowed.extend(
                statement["Action"].as_array().expect("actions").iter().filter_map(Value::as_str).map(str::to_owned),
            );
        }
    }
    allowed
}
