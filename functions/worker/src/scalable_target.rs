//! That the service's number of tasks is set by AWS, and the bounds for it.
//!
//! A service has one scalable target at most, and it goes by the service's name. RegisterScalableTarget changes the one
//! that is there, whoever's it is, and leaves its tags as they were: so it is looked for before, and its tags are looked
//! at after the create as well. It goes before its service, so that nothing starts tasks of a service that drains, and
//! AWS removes its policies with it.

use crate::wanted::bug;
use async_trait::async_trait;
use aws_sdk_applicationautoscaling::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::register_scalable_target::builders::RegisterScalableTargetFluentBuilder,
    types::{ScalableDimension, ScalableTarget as Target, ServiceNamespace},
};
use engine::{Departure, Found, Owner, Resource, Sighting, Site, State, TagChange, Whose, aws};
use environment::{
    Change, Code, Fault, Kind,
    catalogue::{self, scaling::DIMENSION, scaling::NAMESPACE},
};
use serde_json::Value;
use std::collections::HashMap;

pub(crate) struct ScalableTarget {
    pub(crate) client: Client,
}

#[async_trait]
impl Resource for ScalableTarget {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let Some(resource) = resource_of(at) else { return Ok(None) };
        let look = self.client.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
        let look = look.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_ids(resource);
        let answer = look.send().await.map_err(|error| fault("DescribeScalableTargets", error))?;
        let Some(target) = answer.scalable_targets().iter().find(|target| target.resource_id() == resource) else {
            return Ok(None);
        };
        let found = match target.scalable_target_arn() {
            Some(arn) => self.owned(at, resource, arn).await?,
            // One of the time before they had tags.
            None => Found::ready(id(resource)).owner(Owner::Foreign),
        };
        Ok(Some(found.seen("MinCapacity", target.min_capacity()).seen("MaxCapacity", target.max_capacity())))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let tags = at.tags().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let register = self.register(at)?.set_tags(Some(tags));
        let answer = register.send().await.map_err(|error| fault("RegisterScalableTarget", error))?;
        let arn = answer.scalable_target_arn().ok_or_else(|| Fault::bug("RegisterScalableTarget answered no ARN"))?;
        let resource = at.text("ResourceId")?;
        match self.owned(at, resource, arn).await {
            // It cannot be seen yet.
            Err(fault) if fault.code == Code::NotFound => {
                Ok(Found::ready(id(resource)).arn(arn).state(State::Settling))
            }
            other => other,
        }
    }

    async fn correct(&self, at: &Site<'_>, found: Found, _changes: &[Change]) -> Result<Found, Fault> {
        self.register(at)?.send().await.map_err(|error| fault("RegisterScalableTarget", error))?;
        Ok(found)
    }

    /// RegisterScalableTarget takes tags for a new one only.
    async fn retag(&self, at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        let arn = found.arn.as_deref().ok_or_else(|| Fault::bug(format!("{} has no ARN", at.entry.key)))?;
        if !change.drop.is_empty() {
            let untag = self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(change.drop.clone()));
            untag.send().await.map_err(|error| fault("UntagResource", error))?;
        }
        if !change.put.is_empty() {
            let tags = change.put.iter().cloned().collect();
            let tag = self.client.tag_resource().resource_arn(arn).set_tags(Some(tags));
            tag.send().await.map_err(|error| fault("TagResource", error))?;
        }
        Ok(())
    }

    async fn remove(&self, _at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let deregister = self.client.deregister_scalable_target().service_namespace(ServiceNamespace::Ecs);
        let deregister = deregister.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
        let answer = deregister.resource_id(resource_in(id)).send().await;
        answer.map_err(|error| fault("DeregisterScalableTarget", error))?;
        Ok(Departure::Gone)
    }
}

impl ScalableTarget {
    /// The targets that carry that tag, of services in clusters that are called like an environment's.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let look = self.client.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
        let look = look.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).into_paginator().items().send();
        let targets = look.collect::<Result<Vec<Target>, _>>().await;
        let mut targets = targets.map_err(|error| fault("DescribeScalableTargets", error))?;
        targets.retain(|target| cluster_of(target.resource_id()).ends_with(catalogue::CLUSTER_SUFFIX));
        let mut sightings = Vec::new();
        for target in whose.portion(targets) {
            let Some(arn) = target.scalable_target_arn() else { continue };
            match self.tags(arn).await {
                Ok(tags) => {
                    sightings.extend(whose.sighting(Kind::ScalableTarget, id(target.resource_id()), pairs(&tags)));
                }
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }

    /// The target of this service and ARN, and whose it is.
    async fn owned(&self, at: &Site<'_>, resource: &str, arn: &str) -> Result<Found, Fault> {
        let tags = self.tags(arn).await?;
        Ok(Found::ready(id(resource)).arn(arn).owner(at.owner(pairs(&tags))).tagged(at, pairs(&tags)))
    }

    async fn tags(&self, arn: &str) -> Result<HashMap<String, String>, Fault> {
        let answer = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        Ok(answer.map_err(|error| fault("ListTagsForResource", error))?.tags.unwrap_or_default())
    }

    fn register(&self, at: &Site<'_>) -> Result<RegisterScalableTargetFluentBuilder, Fault> {
        let register = self.client.register_scalable_target().service_namespace(ServiceNamespace::Ecs);
        Ok(register
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_id(at.text("ResourceId")?)
            .min_capacity(capacity(at, "MinCapacity")?)
            .max_capacity(capacity(at, "MaxCapacity")?))
    }
}

fn capacity(at: &Site<'_>, property: &str) -> Result<i32, Fault> {
    let capacity = at.wanted.get(property).and_then(Value::as_i64);
    capacity.and_then(|capacity| i32::try_from(capacity).ok()).ok_or_else(|| bug(format!("no number: {property}")))
}

/// The service that is scaled. The recorded id tells it also where its cluster is gone.
fn resource_of<'s>(at: &'s Site<'_>) -> Option<&'s str> {
    at.id.map(resource_in).or(at.text("ResourceId").ok())
}

/// What CloudFormation's `Ref` answers for a target.
fn id(resource: &str) -> String {
    format!("{resource}|{DIMENSION}|{NAMESPACE}")
}

/// The service in such an id.
pub(crate) fn resource_in(id: &str) -> &str {
    id.split('|').next().unwrap_or(id)
}

/// The cluster in `service/<cluster>/<service>`.
fn cluster_of(resource: &str) -> &str {
    resource.split('/').nth(1).unwrap_or_default()
}

fn pairs(tags: &HashMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// What a call's error means. What Application Auto Scaling says of ECS it says in words only.
pub(crate) fn fault<E>(action: &str, error: SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = code(error.code().unwrap_or_default(), error.message().unwrap_or_default());
    let fault = aws::fault(&format!("application-autoscaling:{action}"), error);
    Fault { code: code.unwrap_or(fault.code), ..fault }
}

fn code(aws_code: &str, message: &str) -> Option<Code> {
    match aws_code {
        // It asks ECS for the service, and passes on that a read does not show it yet.
        "ValidationException" if message.contains("service doesn't exist") => Some(Code::NotFound),
        // Its own role, which AWS makes at the account's first registration, cannot be used yet.
        "FailedResourceAccessException" => Some(Code::Conflict),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_targets_id_is_cloudformations_and_tells_its_service() {
        let id = id("service/blue-cluster/dev-worker");
        assert_eq!(id, "service/blue-cluster/dev-worker|ecs:service:DesiredCount|ecs");
        assert_eq!(resource_in(&id), "service/blue-cluster/dev-worker");
        assert_eq!(cluster_of(resource_in(&id)), "blue-cluster");
    }

    #[test]
    fn a_service_that_cannot_be_seen_yet_is_waited_for() {
        let lags = code("ValidationException", "ECS service doesn't exist: service/blue-cluster/dev-worker");
        assert_eq!(lags, Some(Code::NotFound));
        assert_eq!(code("ValidationException", "Maximum capacity cannot be less than minimum capacity"), None);
        assert!(code("FailedResourceAccessException", "").is_some_and(Code::is_retryable));
    }
}
