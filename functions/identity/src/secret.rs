//! The environment's own secrets: the credential for Prefect, and the worker's own key.
//!
//! The API writes one while it takes the request (the only hand that ever holds the credential), so this
//! function just finds and removes it; its value is never read. Until `intake_until` the API may still be
//! writing: absence proves nothing before, neither for a create nor for a removal, which could miss a
//! CreateSecret on its way. Afterwards absence means that the request broke off before it wrote the secret.
//!
//! A new key comes with a change: the API writes it as another version, whose id is the operation's and which carries a
//! label of ours ([`NEXT_KEY`]) instead of AWSCURRENT, so that nothing reads it yet. Here it becomes the current one; the
//! version before keeps AWSPREVIOUS, to go back to. Which version that is need not be known: a current version that
//! still carries our label belongs to a change that was not made in the end. When the change is made, every label but
//! AWSCURRENT goes, and Secrets Manager forgets the versions without one.

use async_trait::async_trait;
use aws_sdk_secretsmanager::{
    Client,
    error::ProvideErrorMetadata,
    operation::describe_secret::DescribeSecretOutput,
    types::{Filter, FilterNameStringType, Tag},
};
use engine::{Departure, Found, Resource, Sighting, Site, TagChange, Whose, aws};
use environment::{Change, Code, Fault, Kind, catalogue::identity::NEXT_KEY};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) struct Secret {
    pub(crate) client: Client,
}

#[async_trait]
impl Resource for Secret {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let name = at.text("Name")?;
        let secret = match self.describe(at.id.unwrap_or(name)).await {
            Ok(secret) => Some(secret),
            Err(fault) if fault.code == Code::NotFound => None,
            Err(fault) => return Err(fault),
        };
        // One that is scheduled for deletion is as good as gone, although it still holds its name.
        let secret = secret.filter(|secret| secret.deleted_date().is_none() && secret.name() == Some(name));
        if at.now < at.intake_until
            && let (Some(secret), Some(wanted)) = (&secret, wanted_version(at))
            && !Versions::of(secret).exists(wanted)
        {
            return Err(Fault::new(Code::Conflict, "The request may still be writing the new key."));
        }
        if secret.is_none() && at.id.is_none() && at.now < at.intake_until {
            return Err(Fault::new(Code::Conflict, "The request may still be writing the secret."));
        }
        let found = secret.and_then(|secret| {
            let arn = secret.arn()?;
            let found =
                Found::ready(arn).arn(arn).owner(at.owner(pairs(secret.tags()))).tagged(at, pairs(secret.tags()));
            Some(found.seen("VersionId", current_as_wanted(at, &Versions::of(&secret))))
        });
        Ok(found)
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let is_of_this_change = wanted_version(at) == Some(at.operation.uuid().to_string().as_str());
        let was_to_come = at.generation == 1 || is_of_this_change;
        let is_scheduled_for_deletion = async {
            let secret = self.describe(at.text("Name")?).await?;
            Ok::<_, Fault>(secret.deleted_date().is_some())
        };
        if was_to_come && !is_scheduled_for_deletion.await.unwrap_or_default() {
            return Err(Fault::new(Code::SecretNotReceived, "The request broke off before it had written the secret."));
        }
        let message = "The secret was deleted, and only the team has the key. PATCH the environment with the key, or \
                       restore the secret where it is only scheduled for deletion, and repair the environment.";
        Err(Fault::new(Code::SecretMissing, message))
    }

    /// Makes another version the current one: the new key, or, where a change is taken back, the one before.
    async fn correct(&self, at: &Site<'_>, found: Found, _changes: &[Change]) -> Result<Found, Fault> {
        let versions = Versions::of(&self.describe(&found.id).await?);
        let version = match wanted_version(at) {
            Some(wanted) if versions.exists(wanted) => wanted,
            Some(_) => {
                let message = "The request broke off before it had written the new key.";
                return Err(Fault::new(Code::SecretNotReceived, message));
            }
            None => versions.with(PREVIOUS).ok_or_else(|| {
                Fault::new(Code::SecretMissing, "The key of before is not kept any more, and only the team has it.")
            })?,
        };
        let moved = self.client.update_secret_version_stage().secret_id(&found.id).version_stage(CURRENT);
        let moved =
            moved.move_to_version_id(version).set_remove_from_version_id(versions.with(CURRENT).map(str::to_owned));
        moved.send().await.map_err(|error| aws::fault("secretsmanager:UpdateSecretVersionStage", error))?;
        Ok(found)
    }

    /// The keys of before lose their labels, and the current one ours.
    async fn tidy(&self, at: &Site<'_>) -> Result<(), Fault> {
        let Some(id) = at.id else { return Ok(()) };
        let versions = Versions::of(&self.describe(id).await?);
        for (version, label) in versions.left_over() {
            let remove = self.client.update_secret_version_stage().secret_id(id).version_stage(label);
            let removed = remove.remove_from_version_id(version).send().await;
            removed.map_err(|error| aws::fault("secretsmanager:UpdateSecretVersionStage", error))?;
        }
        Ok(())
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        if !change.drop.is_empty() {
            let untag = self.client.untag_resource().secret_id(&found.id).set_tag_keys(Some(change.drop.clone()));
            untag.send().await.map_err(|error| aws::fault("secretsmanager:UntagResource", error))?;
        }
        if !change.put.is_empty() {
            let tags = change.put.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let tag = self.client.tag_resource().secret_id(&found.id).set_tags(Some(tags.collect()));
            tag.send().await.map_err(|error| aws::fault("secretsmanager:TagResource", error))?;
        }
        Ok(())
    }

    /// Without a recovery window: the environment's name must be free at once, and the credential is the
    /// caller's own, who can send it again.
    async fn remove(&self, _at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let delete = self.client.delete_secret().secret_id(id).force_delete_without_recovery(true);
        match delete.send().await {
            Ok(_) => Ok(Departure::Gone),
            // Secrets Manager answers InvalidRequestException for a secret that is being deleted already.
            Err(error) if error.message().is_some_and(is_being_deleted) => Ok(Departure::Gone),
            Err(error) => Err(aws::fault("secretsmanager:DeleteSecret", error)),
        }
    }
}

impl Secret {
    async fn describe(&self, id: &str) -> Result<DescribeSecretOutput, Fault> {
        let answer = self.client.describe_secret().secret_id(id).send().await;
        answer.map_err(|error| aws::fault("secretsmanager:DescribeSecret", error))
    }

    /// The secrets that carry that tag. The list lags behind deletions and its filter takes prefixes, so each hit is
    /// looked at.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let (tag, value) = whose.tag();
        let filter = |name, value: &str| Filter::builder().key(name).values(value).build();
        let list = self
            .client
            .list_secrets()
            .filters(filter(FilterNameStringType::TagKey, tag))
            .filters(filter(FilterNameStringType::TagValue, &value));
        let pages = list.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(|error| aws::fault("secretsmanager:ListSecrets", error))?;
        let mut sightings = Vec::new();
        let listed = pages.into_iter().flat_map(|page| page.secret_list.unwrap_or_default());
        // The filters are no pair: another tag may have that value. Of others this function may look at none.
        let listed = listed.filter(|secret| whose.sighting(Kind::Secret, "", pairs(secret.tags())).is_some());
        for arn in whose.portion(listed.filter_map(|secret| secret.arn).collect()) {
            match self.describe(&arn).await {
                Ok(secret) if secret.deleted_date().is_some() => {}
                Ok(secret) => sightings.extend(whose.sighting(Kind::Secret, arn, pairs(secret.tags()))),
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }
}

/// AWS's labels of the version that is read where none is named, and of the one that was before it.
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The versions of a secret that carry labels, with these.
#[derive(Debug, Default)]
struct Versions(BTreeMap<String, Vec<String>>);

impl Versions {
    fn of(secret: &DescribeSecretOutput) -> Self {
        let versions = secret.version_ids_to_stages().into_iter().flatten();
        Versions(versions.map(|(version, labels)| (version.clone(), labels.clone())).collect())
    }

    fn exists(&self, version: &str) -> bool {
        self.0.contains_key(version)
    }

    /// The version that carries a label.
    fn with(&self, label: &str) -> Option<&str> {
        self.0.iter().find(|(_, labels)| labels.iter().any(|one| one == label)).map(|(version, _)| version.as_str())
    }

    /// Labels that nobody needs once a change is made. Those of others are theirs.
    fn left_over(&self) -> Vec<(&str, &str)> {
        let all = self
            .0
            .iter()
            .flat_map(|(version, labels)| labels.iter().map(move |label| (version.as_str(), label.as_str())));
        all.filter(|(_, label)| [NEXT_KEY, PREVIOUS].contains(label)).collect()
    }
}

fn wanted_version<'a>(at: &'a Site<'_>) -> Option<&'a str> {
    at.wanted.get("VersionId").and_then(Value::as_str)
}

/// The current version, by which the wanted one is judged. Where none is named, any will do but the key of a change
/// that was not made.
fn current_as_wanted(at: &Site<'_>, versions: &Versions) -> Value {
    let current = versions.with(CURRENT);
    let is_next = || current.is_some_and(|current| versions.0[current].iter().any(|label| label == NEXT_KEY));
    if wanted_version(at).is_some() || is_next() { json!(current) } else { Value::Null }
}

fn is_being_deleted(message: &str) -> bool {
    ["scheduled for deletion", "marked for deletion", "was deleted"].iter().any(|words| message.contains(words))
}

fn pairs(tags: &[Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(labels: &[(&str, &[&str])]) -> Versions {
        let texts = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
        Versions(labels.iter().map(|(version, labels)| ((*version).to_owned(), texts(labels))).collect())
    }

    #[test]
    fn only_labels_of_changes_are_left_over() {
        let changed = versions(&[("old", &[PREVIOUS]), ("new", &[CURRENT, NEXT_KEY, "theirs"])]);
        assert_eq!(changed.left_over(), [("new", NEXT_KEY), ("old", PREVIOUS)]);
        assert_eq!(versions(&[("only", &[CURRENT])]).left_over(), []);
        assert_eq!((changed.with(CURRENT), changed.with(PREVIOUS)), (Some("new"), Some("old")));
    }

    #[test]
    fn a_secret_that_is_being_deleted_already_is_known_by_its_words() {
        assert!(is_being_deleted("You can't perform this operation on the secret because it was marked for deletion."));
        assert!(!is_being_deleted("You can't delete a secret that still has replica regions."));
    }
}
