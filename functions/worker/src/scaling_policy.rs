//! What AWS sets the service's number of tasks by: it keeps their average CPU use near a target.
//!
//! A policy has no tags: it is its target's, and it goes with that, and so do the two alarms that AWS makes for it.
//! PutScalingPolicy makes it and changes it, so that one sent twice does no harm.

use crate::{
    scalable_target::{fault, resource_in},
    wanted::{self, bug},
};
use async_trait::async_trait;
use aws_sdk_applicationautoscaling::{
    Client,
    types::{
        self, MetricType, PolicyType, PredefinedMetricSpecification, ScalableDimension, ServiceNamespace,
        TargetTrackingScalingPolicyConfiguration as Seen,
    },
};
use engine::{Departure, Found, Resource, Site};
use environment::{Change, Fault};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(crate) struct ScalingPolicy {
    pub(crate) client: Client,
}

/// A policy as the catalogue writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wanted {
    policy_name: String,
    policy_type: String,
    scaling_target_id: String,
    target_tracking_scaling_policy_configuration: Configuration,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Configuration {
    predefined_metric_specification: Metric,
    target_value: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Metric {
    predefined_metric_type: String,
}

/// Nobody has asked for another pause after AWS has started or stopped tasks of ECS, in seconds.
const USUAL_COOLDOWN: i32 = 300;

#[async_trait]
impl Resource for ScalingPolicy {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let Ok(target) = at.text("ScalingTargetId") else { return Ok(None) };
        let name = at.text("PolicyName")?;
        let look = self.client.describe_scaling_policies().service_namespace(ServiceNamespace::Ecs).policy_names(name);
        let look = look.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(resource_in(target));
        let answer = look.send().await.map_err(|error| fault("DescribeScalingPolicies", error))?;
        let is_it = |one: &&types::ScalingPolicy| one.policy_name() == name && one.resource_id() == resource_in(target);
        let policy = answer.scaling_policies().iter().find(is_it);
        Ok(policy.map(|policy| {
            let seen = policy.target_tracking_scaling_policy_configuration().map(configuration);
            found(policy.policy_arn()).seen(CONFIGURATION, seen)
        }))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        Ok(found(&self.put(at).await?))
    }

    async fn correct(&self, at: &Site<'_>, _found: Found, _changes: &[Change]) -> Result<Found, Fault> {
        Ok(found(&self.put(at).await?))
    }

    /// It is part of its target: nothing asks for it to go by itself, and no right to delete it is needed.
    async fn remove(&self, at: &Site<'_>, _id: &str) -> Result<Departure, Fault> {
        Err(Fault::bug(format!("{} goes with its target", at.entry.key)))
    }
}

const CONFIGURATION: &str = "TargetTrackingScalingPolicyConfiguration";

impl ScalingPolicy {
    /// Makes it, or makes it as it should be; answers its ARN.
    async fn put(&self, at: &Site<'_>) -> Result<String, Fault> {
        let wanted: Wanted = wanted::read(at)?;
        let Configuration { predefined_metric_specification: metric, target_value } =
            wanted.target_tracking_scaling_policy_configuration;
        let metric = MetricType::from(metric.predefined_metric_type.as_str());
        let metric = PredefinedMetricSpecification::builder().predefined_metric_type(metric).build().map_err(bug)?;
        let tracking = Seen::builder().predefined_metric_specification(metric).target_value(target_value).build();
        let put = self
            .client
            .put_scaling_policy()
            .policy_name(wanted.policy_name)
            .policy_type(PolicyType::from(wanted.policy_type.as_str()))
            .service_namespace(ServiceNamespace::Ecs)
            .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
            .resource_id(resource_in(&wanted.scaling_target_id))
            .target_tracking_scaling_policy_configuration(tracking.map_err(bug)?);
        let answer = put.send().await.map_err(|error| fault("PutScalingPolicy", error))?;
        Ok(answer.policy_arn)
    }
}

/// A policy. It is ours: its target is.
fn found(arn: &str) -> Found {
    Found::ready(arn).arn(arn)
}

/// How a policy works, in the catalogue's shape, and whatever else somebody has put into it.
fn configuration(seen: &Seen) -> Value {
    let metric = seen.predefined_metric_specification().map(PredefinedMetricSpecification::predefined_metric_type);
    let cooldown = |seconds: Option<i32>| seconds.filter(|seconds| *seconds != USUAL_COOLDOWN).map(Value::from);
    let members = [
        ("PredefinedMetricSpecification", metric.map(|metric| json!({"PredefinedMetricType": metric.as_str()}))),
        ("TargetValue", Some(number(seen.target_value()))),
        ("CustomizedMetricSpecification", seen.customized_metric_specification().map(|_| json!("CUSTOMIZED"))),
        ("DisableScaleIn", seen.disable_scale_in().filter(|is_disabled| *is_disabled).map(Value::from)),
        ("ScaleInCooldown", cooldown(seen.scale_in_cooldown())),
        ("ScaleOutCooldown", cooldown(seen.scale_out_cooldown())),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect::<Map<_, _>>().into()
}

/// A number as the catalogue writes it: whole where it is.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole, and a percentage")]
    if value.fract() == 0.0 { Value::from(value as i64) } else { Value::from(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> types::builders::TargetTrackingScalingPolicyConfigurationBuilder {
        let metric = PredefinedMetricSpecification::builder();
        let metric = metric.predefined_metric_type(MetricType::EcsServiceAverageCpuUtilization).build();
        Seen::builder().predefined_metric_specification(metric.expect("a metric")).target_value(70.0)
    }

    #[test]
    fn what_aws_shows_is_what_the_catalogue_writes() {
        let shown = seen().disable_scale_in(false).scale_in_cooldown(300).build().expect("a configuration");
        let wanted = json!({
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "TargetValue": 70,
        });
        assert_eq!(configuration(&shown), wanted);
    }

    #[test]
    fn what_somebody_has_put_into_it_is_told() {
        let bent = seen().disable_scale_in(true).scale_out_cooldown(10).target_value(12.5).build();
        let told = configuration(&bent.expect("a configuration"));
        assert_eq!(
            (&told["DisableScaleIn"], &told["ScaleOutCooldown"], &told["TargetValue"]),
            (&json!(true), &json!(10), &json!(12.5))
        );
    }
}
