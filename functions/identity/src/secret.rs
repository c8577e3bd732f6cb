//! The environment's own secret.
//!
//! The API writes it while it takes the request (the only hand that ever holds the credential), so this
//! function just finds and removes it; its value is never read. Until `intake_until` the API may still be
//! writing: absence proves nothing before, neither for a create nor for a removal, which could miss a
//! CreateSecret on its way. Afterwards absence means that the request broke off before it wrote the secret.

use async_trait::async_trait;
use aws_sdk_secretsmanager::{
    Client,
    error::ProvideErrorMetadata,
    operation::describe_secret::DescribeSecretOutput,
    types::{Filter, FilterNameStringType, Tag},
};
use engine::{Departure, Found, Resource, Sighting, Site, Whose, aws};
use environment::{Code, Fault, Kind};

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
        if secret.is_none() && at.id.is_none() && at.now < at.intake_until {
            return Err(Fault::new(Code::Conflict, "The request may still be writing the secret."));
        }
        let found = secret.and_then(|secret| {
            let arn = secret.arn()?;
            Some(Found::ready(arn).arn(arn).owner(at.owner(pairs(secret.tags()))))
        });
        Ok(found)
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        if at.generation > 1 {
            let message = "The secret was deleted, and only the team has the key. Delete the environment and ask for it \
                           again with the key, or restore the secret where it is only scheduled for deletion.";
            return Err(Fault::new(Code::SecretMissing, message));
        }
        Err(Fault::new(Code::SecretNotReceived, "The request broke off before it had written the secret."))
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

fn is_being_deleted(message: &str) -> bool {
    ["scheduled for deletion", "marked for deletion", "was deleted"].iter().any(|words| message.contains(words))
}

fn pairs(tags: &[Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_being_deleted_already_is_known_by_its_words() {
        assert!(is_being_deleted("You can't perform this operation on the secret because it was marked for deletion."));
        assert!(!is_being_deleted("You can't delete a secret that still has replica regions."));
    }
}
