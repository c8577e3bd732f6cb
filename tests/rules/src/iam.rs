//! IAM.

use crate::{Answer, Call, answer::text, rule::Rule, world::World};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// Terraform waits two minutes at most for IAM; mostly it takes a few seconds.
const IS_KNOWN_IN: f64 = 8.0;

/// The longest name of a role.
const LONGEST: usize = 64;

/// The roles by name: ARN, and when each was made.
pub(crate) type State = BTreeMap<String, (String, Timestamp)>;

/// Names of roles are unique whatever their case, and have 64 characters at most.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
pub(crate) struct RoleName;

impl Rule for RoleName {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if (call.service.as_str(), call.action.as_str()) != ("iam", "CreateRole") {
            return None;
        }
        let name = call.text("RoleName");
        if name.chars().count() > LONGEST {
            let message = format!(
                "1 validation error detected: Value '{name}' at 'roleName' failed to satisfy constraint: \
                 Member must have length less than or equal to {LONGEST}"
            );
            return Some(Answer::error(call, "ValidationError", &message));
        }
        let same = world.iam.keys().any(|known| known.eq_ignore_ascii_case(name));
        let message = format!("Role with name {name} already exists.");
        same.then(|| Answer::error_with(call, 409, "EntityAlreadyExists", &message, json!({})))
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "iam" || !answer.succeeded() {
            return;
        }
        let name = call.text("RoleName");
        match call.action.as_str() {
            "CreateRole" => {
                let role = answer.document().and_then(|root| root.get_child("CreateRoleResult")?.get_child("Role"));
                let arn = role.map(|role| text(role, "Arn")).unwrap_or_default();
                world.iam.insert(name.to_owned(), (arn, world.now));
            }
            "DeleteRole" => {
                world.iam.remove(name);
            }
            _ => {}
        }
    }
}

/// ECS does not know a role that was made a moment ago, nor one by an ARN with another path.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
pub(crate) struct RoleIsNew;

impl Rule for RoleIsNew {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if (call.service.as_str(), call.action.as_str()) != ("ecs", "RegisterTaskDefinition") {
            return None;
        }
        let is_unknown = |arn: &str| {
            let name = arn.rsplit('/').next().unwrap_or_default();
            let known = world.iam.get(name);
            known.is_some_and(|(known, made)| {
                !world.is_through(*made, IS_KNOWN_IN) || (known != arn && !known.is_empty())
            })
        };
        let roles = ["executionRoleArn", "taskRoleArn"].map(|role| call.text(role));
        roles.into_iter().any(is_unknown).then(|| Answer::error(call, "ClientException", "Role is not valid"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    const MADE: &str =
        "<R><CreateRoleResult><Role><Arn>arn:aws:iam::1:role/team/blue</Arn></Role></CreateRoleResult></R>";

    #[tokio::test]
    async fn a_name_is_taken_whatever_its_case() {
        let aws = Rehearsal::new(Settings::default());
        aws.form("iam", "CreateRole", &[("RoleName", "blue")], MADE).await;
        let told = aws.form("iam", "CreateRole", &[("RoleName", "Blue")], MADE).await;
        assert_eq!((told.status, told.code().as_str()), (409, "EntityAlreadyExists"));
        aws.form("iam", "DeleteRole", &[("RoleName", "blue")], "<R/>").await;
        assert!(aws.form("iam", "CreateRole", &[("RoleName", "Blue")], MADE).await.succeeded());
    }

    #[tokio::test]
    async fn a_name_has_64_characters_at_most() {
        let aws = Rehearsal::new(Settings::default());
        for (length, code) in [(64, ""), (65, "ValidationError")] {
            let name = "a".repeat(length);
            assert_eq!(aws.form("iam", "CreateRole", &[("RoleName", &name)], MADE).await.code(), code);
        }
    }

    #[tokio::test]
    async fn ecs_takes_some_seconds_to_know_a_role_and_its_path_counts() {
        let mut aws = Rehearsal::new(Settings::default());
        aws.form("iam", "CreateRole", &[("RoleName", "blue")], MADE).await;
        let wanted = |path: &str| json!({"family": "f", "taskRoleArn": format!("arn:aws:iam::1:role/{path}blue")});
        let told = aws.json("ecs", "RegisterTaskDefinition", &wanted("team/"), &json!({})).await;
        assert_eq!(told.code(), "ClientException");
        aws.later(8);
        assert!(aws.json("ecs", "RegisterTaskDefinition", &wanted("team/"), &json!({})).await.succeeded());
        assert_eq!(aws.json("ecs", "RegisterTaskDefinition", &wanted(""), &json!({})).await.code(), "ClientException");
    }
}
