//! What is there in Application Auto Scaling.

use super::{Inventory, Thing};
use crate::cloud::Cloud;
use aws_sdk_applicationautoscaling::{
    error::SdkError,
    types::{ScalableTarget, ServiceNamespace},
};

/// The scalable targets, each with its policies.
pub(super) async fn list(cloud: &Cloud, into: &mut Inventory) {
    let targets = cloud.scaling.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
    let targets = targets.into_paginator().items().send().collect::<Result<Vec<ScalableTarget>, _>>().await;
    let targets = match targets {
        // The local cloud alone, without AWS's rules before it, has no such service, and so no targets.
        Err(error) if is_unknown(&error) => return,
        targets => targets.expect("describe scalable targets"),
    };
    for target in targets {
        let (resource, arn) = (target.resource_id(), target.scalable_target_arn().unwrap_or_default());
        let policies = cloud.scaling.describe_scaling_policies().service_namespace(ServiceNamespace::Ecs);
        let policies = policies.resource_id(resource).send().await;
        let tags = cloud.scaling.list_tags_for_resource().resource_arn(arn).send().await;
        // It may go while we look.
        let (Ok(policies), Ok(tags)) = (policies, tags) else { continue };
        let policies: Vec<_> = policies
            .scaling_policies()
            .iter()
            .map(|policy| {
                let tracking = policy.target_tracking_scaling_policy_configuration();
                (policy.policy_name(), tracking.map(|tracking| tracking.target_value()), policy.alarms().len())
            })
            .collect();
        let detail = format!("{} to {} by {policies:?}", target.min_capacity(), target.max_capacity());
        let name = resource.strip_prefix("service/").unwrap_or(resource);
        let thing = Thing::new(name, detail).tagged(tags.tags.unwrap_or_default());
        into.add("scalable-target", &format!("{resource}|{}|ecs", target.scalable_dimension().as_str()), thing);
    }
}

/// Whether the answer is that of a cloud without the service.
fn is_unknown<E>(error: &SdkError<E>) -> bool {
    let body = error.raw_response().and_then(|answer| answer.body().bytes()).unwrap_or_default();
    String::from_utf8_lossy(body).contains("Unsupported service")
}
