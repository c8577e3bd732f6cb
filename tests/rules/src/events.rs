//! EventBridge: what a rule keeps.

use crate::{Answer, Call, rule::Rule, world::World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The rules by name.
pub(crate) type State = BTreeMap<String, EventRule>;

/// What is known of a rule.
#[derive(Clone, Debug)]
pub(crate) struct EventRule {
    /// The answer to the call that made it.
    made: Value,
    /// What it is: description, pattern and state.
    definition: [String; 3],
    targets: BTreeSet<String>,
}

/// - A rule that is put once more keeps the tags that it has.
/// - One that has targets cannot be deleted.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html>,
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteRule.html>
pub(crate) struct Rules;

impl Rule for Rules {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if call.service != "events" {
            return None;
        }
        let rule = world.events.get(call.text("Name"))?;
        match call.action.as_str() {
            // The local cloud would give it the tags of the call.
            "PutRule" if rule.definition == definition(call) => Some(Answer::json(rule.made.clone())),
            "DeleteRule" if !rule.targets.is_empty() => {
                let message = "Rule can't be deleted since it has targets.";
                Some(Answer::error(call, "ValidationException", message))
            }
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "events" {
            return;
        }
        let Some(said) = answer.value() else { return };
        match call.action.as_str() {
            "PutRule" => {
                let (made, definition) = (said.clone(), definition(call));
                let rule = world.events.entry(call.text("Name").to_owned());
                let new = EventRule { made, definition: definition.clone(), targets: BTreeSet::new() };
                rule.or_insert(new).definition = definition;
            }
            "DeleteRule" => {
                world.events.remove(call.text("Name"));
            }
            "PutTargets" | "RemoveTargets" => {
                let Some(rule) = world.events.get_mut(call.text("Rule")) else { return };
                let listed = |list: &str| call.parameters[list].as_array().cloned().unwrap_or_default();
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                rule.targets.extend(listed("Targets").iter().map(|target| text(&target["Id"])));
                let gone: Vec<String> = listed("Ids").iter().map(text).collect();
                rule.targets.retain(|id| !gone.contains(id));
            }
            _ => {}
        }
    }
}

fn definition(call: &Call) -> [String; 3] {
    ["Description", "EventPattern", "State"].map(|part| call.text(part).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};
    use serde_json::json;

    async fn call(aws: &Rehearsal, action: &str, parameters: Value) -> Answer {
        aws.json("events", action, &parameters, &json!({"RuleArn": "arn:said"})).await
    }

    #[tokio::test]
    async fn a_rule_with_targets_cannot_be_deleted() {
        let aws = Rehearsal::new(Settings::default());
        call(&aws, "PutRule", json!({"Name": "blue"})).await;
        call(&aws, "PutTargets", json!({"Rule": "blue", "Targets": [{"Id": "1", "Arn": "arn:queue"}]})).await;
        assert_eq!(call(&aws, "DeleteRule", json!({"Name": "blue"})).await.code(), "ValidationException");
        call(&aws, "RemoveTargets", json!({"Rule": "blue", "Ids": ["1"]})).await;
        assert!(call(&aws, "DeleteRule", json!({"Name": "blue"})).await.succeeded());
    }

    #[tokio::test]
    async fn a_rule_that_is_put_again_as_it_is_is_not_touched() {
        let aws = Rehearsal::new(Settings::default());
        let rule =
            |pattern: &str| json!({"Name": "blue", "EventPattern": pattern, "Tags": [{"Key": "a", "Value": "b"}]});
        aws.json("events", "PutRule", &rule("{}"), &json!({"RuleArn": "arn:first"})).await;
        let mut again = call(&aws, "PutRule", rule("{}")).await;
        assert_eq!(
            again.value().map(|said| said["RuleArn"].clone()),
            Some(json!("arn:first")),
            "nobody else was asked"
        );
        let mut other = call(&aws, "PutRule", rule("{\"source\": []}")).await;
        assert_eq!(other.value().map(|said| said["RuleArn"].clone()), Some(json!("arn:said")), "it was carried out");
    }
}
