//! Autoscaling: the bounds within which AWS sets the number of the service's tasks, and what it sets it by.
//!
//! There is one scalable target for a service, and it goes by the service's name. The policy is part of it: AWS removes
//! it with its target, and with the policy the two alarms that it makes for it.

use super::{Entry, Subject, keys};
use crate::{
    kind::Kind,
    properties::{joined, reference},
    spec::{Autoscaling, Count},
    step::Step,
};
use serde_json::json;

/// The service whose resource is scaled.
pub const NAMESPACE: &str = "ecs";
/// What is scaled of it.
pub const DIMENSION: &str = "ecs:service:DesiredCount";
/// How the policy of every environment works: it keeps a metric near a target.
pub const POLICY_TYPE: &str = "TargetTrackingScaling";

pub(super) fn entries(subject: &Subject<'_>) -> Vec<Entry> {
    match subject.spec.worker.count {
        Count::Fixed { .. } => Vec::new(),
        Count::Scaled { autoscaling } => {
            vec![scalable_target(subject, autoscaling), scaling_policy(subject, autoscaling)]
        }
    }
}

fn scalable_target(subject: &Subject<'_>, Autoscaling { min, max, .. }: Autoscaling) -> Entry {
    let spec = subject.spec;
    let wanted = json!({
        "ServiceNamespace": NAMESPACE,
        "ScalableDimension": DIMENSION,
        "ResourceId": joined([json!("service/"), reference(&keys::cluster()), json!(format!("/{}", spec.worker.name))]),
        "MinCapacity": min,
        "MaxCapacity": max,
    });
    Entry::new(Step::Worker, Kind::ScalableTarget, keys::scalable_target(), wanted)
        // Only a service that is there can be registered. And before it goes nobody must set its number any more.
        .after([keys::service()])
        .tagged(subject, &format!("{}-ecs", spec.name))
}

fn scaling_policy(subject: &Subject<'_>, Autoscaling { cpu_target, .. }: Autoscaling) -> Entry {
    let wanted = json!({
        "PolicyName": format!("{}-worker-cpu", subject.spec.name),
        "PolicyType": POLICY_TYPE,
        "ScalingTargetId": reference(&keys::scalable_target()),
        "TargetTrackingScalingPolicyConfiguration": {
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "TargetValue": cpu_target,
        },
    });
    Entry::new(Step::Worker, Kind::ScalingPolicy, keys::scaling_policy(), wanted).part_of(keys::scalable_target())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entries, scaled, spec};
    use super::*;
    use crate::spec::Nat;

    #[test]
    fn aws_sets_the_number_within_the_bounds_and_the_service_is_not_told_one() {
        let entries = entries(&scaled(Nat::Single));
        let of = |kind| entries.iter().find(|entry| entry.kind == kind).expect("it is in the catalogue");
        let target = of(Kind::ScalableTarget);
        assert_eq!((&target.wanted["MinCapacity"], &target.wanted["MaxCapacity"]), (&json!(2), &json!(5)));
        let resource = json!({"Fn::Join": ["", ["service/", {"Ref": "cluster/cluster"}, "/dev-worker"]]});
        assert_eq!(target.wanted["ResourceId"], resource);
        assert!(target.after.contains(&keys::service()) && target.kind.holds(Kind::Service), "it goes before");
        assert_eq!(of(Kind::Service).wanted["DesiredCount"], json!({"AtLeast": 2, "AtMost": 5}));
        let policy = of(Kind::ScalingPolicy);
        assert_eq!(policy.wanted["TargetTrackingScalingPolicyConfiguration"]["TargetValue"], 70);
        assert_eq!(policy.part_of, Some(keys::scalable_target()));
    }

    #[test]
    fn without_autoscaling_there_is_nothing_of_it() {
        let entries = entries(&spec(Nat::Single));
        assert!(entries.iter().all(|entry| !matches!(entry.kind, Kind::ScalableTarget | Kind::ScalingPolicy)));
    }
}
