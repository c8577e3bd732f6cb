//! An EventBridge rule with its targets.
//!
//! It goes by its name. PutRule changes the rule that is there, whoever's it is, and then leaves its tags as they were:
//! so it is looked for before, and its tags are looked at after the create as well. Targets come by `correct`, so that
//! a create that broke off half-way goes on where it stopped. A rule with targets cannot be deleted; its target is
//! known from the catalogue, and EventBridge is asked for more only where that was not all.

use crate::wanted::{self, bug};
use async_trait::async_trait;
use aws_sdk_eventbridge::{
    Client,
    error::ProvideErrorMetadata,
    types::{self, RuleState, Tag},
};
use engine::{Action, Departure, Found, Owner, Resource, Sighting, Site, State, TagChange, Whose, aws};
use environment::{Change, Code, Fault, Kind, catalogue};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) struct Rule {
    pub(crate) client: Client,
}

/// A rule as the catalogue writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wanted {
    name: String,
    description: String,
    state: String,
    event_pattern: Value,
    #[serde(rename = "Targets")]
    _targets: Value,
    #[serde(rename = "Tags")]
    _tags: Value,
}

#[async_trait]
impl Resource for Rule {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let name = at.text("Name")?;
        let answer = self.client.describe_rule().name(name).send().await;
        let rule = answer.map_err(|error| aws::fault("events:DescribeRule", error))?;
        let Some(arn) = rule.arn() else { return Ok(None) };
        let found = self.owned(at, arn).await?;
        if found.owner == Owner::Foreign || at.action != Action::Ensure {
            return Ok(Some(found));
        }
        let pattern = rule.event_pattern().map(|pattern| serde_json::from_str::<Value>(pattern).unwrap_or_default());
        let targets = self.targets(name).await?.into_iter().map(|target| json!({"Id": target.id, "Arn": target.arn}));
        Ok(Some(
            found
                .seen("Description", rule.description())
                .seen("State", rule.state().map(RuleState::as_str))
                .seen("EventPattern", pattern)
                .seen("Targets", wanted::in_wanted_order(&at.wanted["Targets"], targets.collect())),
        ))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let arn = self.put(at).await?;
        match self.owned(at, &arn).await {
            Ok(found) => Ok(found.seen("Targets", json!([]))),
            // It cannot be seen yet.
            Err(fault) if fault.code == Code::NotFound => {
                Ok(Found::ready(at.text("Name")?).arn(arn).state(State::Settling))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn correct(&self, at: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
        if changes.iter().any(|change| change.property != "Targets") {
            self.put(at).await?;
        }
        for change in changes.iter().filter(|change| change.property == "Targets") {
            let wanted = targets(&change.wanted)?;
            let kept: Vec<&str> = wanted.iter().map(types::Target::id).collect();
            let extra = targets(&change.seen)?.into_iter().map(|target| target.id);
            self.remove_targets(&found.id, extra.filter(|id| !kept.contains(&id.as_str())).collect()).await?;
            self.put_targets(&found.id, wanted).await?;
        }
        Ok(found)
    }

    /// PutRule leaves the tags of a rule that is there as they are.
    async fn retag(&self, at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        let arn = at.place.arn("events", &format!("rule/{}", found.id));
        if !change.drop.is_empty() {
            let untag = self.client.untag_resource().resource_arn(&arn).set_tag_keys(Some(change.drop.clone()));
            untag.send().await.map_err(|error| aws::fault("events:UntagResource", error))?;
        }
        if !change.put.is_empty() {
            let tags = change.put.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let tags = tags.collect::<Result<_, _>>().map_err(bug)?;
            let tag = self.client.tag_resource().resource_arn(&arn).set_tags(Some(tags));
            tag.send().await.map_err(|error| aws::fault("events:TagResource", error))?;
        }
        Ok(())
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let ours = at.wanted["Targets"].as_array().into_iter().flatten();
        let ours = ours.filter_map(|target| target["Id"].as_str()).map(str::to_owned);
        self.remove_targets(id, ours.collect()).await?;
        if self.delete(id).await? {
            return Ok(Departure::Gone);
        }
        // Somebody gave our rule another target. It goes with the rule.
        let others = self.targets(id).await?.into_iter().map(|target| target.id);
        self.remove_targets(id, others.collect()).await?;
        match self.delete(id).await? {
            true => Ok(Departure::Gone),
            false => Err(Fault::new(Code::Conflict, "EventBridge still sees targets of the rule.")),
        }
    }
}

impl Rule {
    /// The rules that carry that tag.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let mut rules = Vec::new();
        let mut next = None;
        loop {
            let answer = self.client.list_rules().set_next_token(next).send().await;
            let answer = answer.map_err(|error| aws::fault("events:ListRules", error))?;
            rules.extend(answer.rules.unwrap_or_default());
            next = answer.next_token;
            if next.is_none() {
                break;
            }
        }
        // Of others this function may look at none.
        rules.retain(|rule| rule.name().is_some_and(|name| name.ends_with(catalogue::RULE_SUFFIX)));
        let mut sightings = Vec::new();
        for rule in whose.portion(rules) {
            let (Some(name), Some(arn)) = (rule.name(), rule.arn()) else { continue };
            match self.tags(arn).await {
                Ok(tags) => sightings.extend(whose.sighting(Kind::Rule, name, pairs(&tags))),
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }

    /// The rule of this ARN, and whose it is.
    async fn owned(&self, at: &Site<'_>, arn: &str) -> Result<Found, Fault> {
        let tags = self.tags(arn).await?;
        Ok(Found::ready(at.text("Name")?).arn(arn).owner(at.owner(pairs(&tags))).tagged(at, pairs(&tags)))
    }
}

/// The calls.
impl Rule {
    async fn put(&self, at: &Site<'_>) -> Result<String, Fault> {
        let wanted: Wanted = wanted::read(at)?;
        let tags = at.tags().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let put = self
            .client
            .put_rule()
            .name(wanted.name)
            .description(wanted.description)
            .state(RuleState::from(wanted.state.as_str()))
            .event_pattern(wanted.event_pattern.to_string())
            .set_tags(Some(tags.collect::<Result<_, _>>().map_err(bug)?));
        let answer = put.send().await.map_err(|error| aws::fault("events:PutRule", error))?;
        answer.rule_arn.ok_or_else(|| Fault::bug("PutRule answered no ARN"))
    }

    async fn tags(&self, arn: &str) -> Result<Vec<Tag>, Fault> {
        let answer = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        Ok(answer.map_err(|error| aws::fault("events:ListTagsForResource", error))?.tags.unwrap_or_default())
    }

    /// A rule's targets. It has five at most: one page.
    async fn targets(&self, rule: &str) -> Result<Vec<types::Target>, Fault> {
        let answer = self.client.list_targets_by_rule().rule(rule).send().await;
        Ok(answer.map_err(|error| aws::fault("events:ListTargetsByRule", error))?.targets.unwrap_or_default())
    }

    async fn put_targets(&self, rule: &str, targets: Vec<types::Target>) -> Result<(), Fault> {
        let put = self.client.put_targets().rule(rule).set_targets(Some(targets));
        let answer = put.send().await.map_err(|error| aws::fault("events:PutTargets", error))?;
        let failed = answer.failed_entries().first();
        failed.map_or(Ok(()), |entry| Err(not_all(entry.error_code(), entry.error_message())))
    }

    async fn remove_targets(&self, rule: &str, ids: Vec<String>) -> Result<(), Fault> {
        if ids.is_empty() {
            return Ok(());
        }
        let remove = self.client.remove_targets().rule(rule).set_ids(Some(ids));
        let answer = remove.send().await.map_err(|error| aws::fault("events:RemoveTargets", error))?;
        let is_left =
            |entry: &&types::RemoveTargetsResultEntry| entry.error_code() != Some("ResourceNotFoundException");
        let failed = answer.failed_entries().iter().find(is_left);
        failed.map_or(Ok(()), |entry| Err(not_all(entry.error_code(), entry.error_message())))
    }

    /// Deletes a rule; false where it still has targets.
    async fn delete(&self, rule: &str) -> Result<bool, Fault> {
        match self.client.delete_rule().name(rule).send().await {
            Ok(_) => Ok(true),
            // ValidationException, "Rule can't be deleted since it has targets."
            Err(error) if error.message().is_some_and(|message| message.contains("has targets")) => Ok(false),
            Err(error) => Err(aws::fault("events:DeleteRule", error)),
        }
    }
}

/// EventBridge answers success and lists what it has not done: mostly because somebody changed the rule just then.
fn not_all(code: Option<&str>, message: Option<&str>) -> Fault {
    let mut fault = Fault::new(Code::Conflict, "EventBridge could not change the rule's targets yet.");
    fault.aws_code = code.map(str::to_owned);
    fault.internal.0 = message.unwrap_or_default().to_owned();
    fault
}

/// Targets in EventBridge's type.
fn targets(list: &Value) -> Result<Vec<types::Target>, Fault> {
    let text = |target: &Value, name: &str| target[name].as_str().map(str::to_owned);
    let targets = list.as_array().into_iter().flatten();
    targets
        .map(|one| types::Target::builder().set_id(text(one, "Id")).set_arn(text(one, "Arn")).build().map_err(bug))
        .collect()
}

fn pairs(tags: &[Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_an_arn_is_not_sent() {
        assert!(targets(&json!([{"Id": "events-queue", "Arn": null}])).is_err());
        let sent = targets(&json!([{"Id": "events-queue", "Arn": "arn:queue"}])).expect("a target");
        assert_eq!((sent[0].id(), sent[0].arn()), ("events-queue", "arn:queue"));
    }

    #[test]
    fn what_eventbridge_has_not_done_is_tried_again() {
        let fault = not_all(Some("ConcurrentModificationException"), Some("words"));
        assert!(fault.code.is_retryable() && !fault.message.contains("words"));
        assert_eq!(fault.aws_code.as_deref(), Some("ConcurrentModificationException"));
    }
}
