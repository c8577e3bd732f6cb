//! Application Auto Scaling, as far as the functions use it: the targets of ECS services and their policies.
//!
//! The local cloud has none: this answers by itself. Nobody measures a load here, so that no number of tasks is ever
//! changed; what is kept is what AWS would go by.
//!
//! - <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>
//! - <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html>
//! - <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html>

use crate::{Answer, Call, world::World};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The service, as a signature names it.
pub(crate) const SERVICE: &str = "application-autoscaling";

/// The targets by resource: `service/<cluster>/<service>`.
pub(crate) type State = BTreeMap<String, Target>;

/// A scalable target.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    arn: String,
    min: i64,
    max: i64,
    tags: Map<String, Value>,
    registered: Timestamp,
    /// Its policies by name.
    policies: BTreeMap<String, Value>,
}

/// What is scaled of a service.
const DIMENSION: &str = "ecs:service:DesiredCount";

/// Answers a call.
pub(crate) fn answer(call: &Call, world: &mut World) -> Answer {
    let answer = match call.action.as_str() {
        "RegisterScalableTarget" => register(call, world),
        "DescribeScalableTargets" => Ok(targets(call, world)),
        "DeregisterScalableTarget" => deregister(call, world),
        "PutScalingPolicy" => put_policy(call, world),
        "DescribeScalingPolicies" => Ok(policies(call, world)),
        "DeleteScalingPolicy" => delete_policy(call, world),
        "ListTagsForResource" => tagged(call, world, |target| json!({"Tags": target.tags})),
        "TagResource" => tagged(call, world, |target| {
            target.tags.extend(call.parameters["Tags"].as_object().cloned().unwrap_or_default());
            json!({})
        }),
        "UntagResource" => tagged(call, world, |target| {
            let keys = listed(call, "TagKeys");
            target.tags.retain(|key, _| !keys.contains(&key.as_str()));
            json!({})
        }),
        _ => Err(Refusal("UnknownOperationException", String::new())),
    };
    match answer {
        Ok(value) => Answer::json(value),
        Err(Refusal(code, message)) => Answer::error(call, code, &message),
    }
}

/// A code and its words.
struct Refusal(&'static str, String);

/// A target is made or changed. Whoever changes one changes what the call names, and no tags: those are for a new one.
fn register(call: &Call, world: &mut World) -> Result<Value, Refusal> {
    let resource = call.text("ResourceId");
    let invalid = |words: String| Err(Refusal("ValidationException", words));
    if call.text("ServiceNamespace") != "ecs" || call.text("ScalableDimension") != DIMENSION {
        return invalid(format!("Unsupported service namespace, resource type or scalable dimension: {resource}"));
    }
    let Some(service) = world.ecs.active_service(resource, world) else {
        return invalid(format!("ECS service doesn't exist: {resource}"));
    };
    let arn = arn_beside(&service, "application-autoscaling", &format!("scalable-target/{}", Uuid::new_v4().simple()));
    let before = world.scaling.get(resource);
    let capacity = |name: &str, before: Option<i64>| call.parameters[name].as_i64().or(before);
    let min = capacity("MinCapacity", before.map(|target| target.min));
    let max = capacity("MaxCapacity", before.map(|target| target.max));
    let (Some(min), Some(max)) = (min, max) else {
        return invalid("You must specify both MinCapacity and MaxCapacity for a new scalable target".to_owned());
    };
    if min < 0 || max < min {
        return invalid("Maximum capacity cannot be less than minimum capacity".to_owned());
    }
    let tags = call.parameters["Tags"].as_object().cloned().unwrap_or_default();
    let new = Target { arn, min, max, tags, registered: world.now, policies: BTreeMap::new() };
    let target = world.scaling.entry(resource.to_owned()).or_insert(new);
    (target.min, target.max) = (min, max);
    Ok(json!({"ScalableTargetARN": target.arn}))
}

fn targets(call: &Call, world: &World) -> Value {
    let asked = listed(call, "ResourceIds");
    let is_asked = |resource: &str| asked.is_empty() || asked.contains(&resource);
    let targets = world.scaling.iter().filter(|(resource, _)| is_asked(resource));
    json!({"ScalableTargets": targets.map(|(resource, target)| shown(resource, target)).collect::<Vec<_>>()})
}

fn shown(resource: &str, target: &Target) -> Value {
    json!({
        "ServiceNamespace": "ecs",
        "ScalableDimension": DIMENSION,
        "ResourceId": resource,
        "MinCapacity": target.min,
        "MaxCapacity": target.max,
        "RoleARN": arn_beside(&target.arn, "iam", "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
                              AWSServiceRoleForApplicationAutoScaling_ECSService"),
        "CreationTime": target.registered.as_second(),
        "SuspendedState": {
            "DynamicScalingInSuspended": false,
            "DynamicScalingOutSuspended": false,
            "ScheduledScalingSuspended": false
        },
        "ScalableTargetARN": target.arn,
    })
}

/// Its policies go with it.
fn deregister(call: &Call, world: &mut World) -> Result<Value, Refusal> {
    world.scaling.remove(call.text("ResourceId")).map(|_| json!({})).ok_or_else(|| no_target(call))
}

/// A policy is made or changed. One that tracks a target has an alarm for too much and one for too little.
fn put_policy(call: &Call, world: &mut World) -> Result<Value, Refusal> {
    let (resource, name) = (call.text("ResourceId"), call.text("PolicyName"));
    let configuration = &call.parameters["TargetTrackingScalingPolicyConfiguration"];
    if call.text("PolicyType") != "TargetTrackingScaling" || configuration["TargetValue"].as_f64().is_none() {
        let message = "TargetTrackingScalingPolicyConfiguration is required for this policy type";
        return Err(Refusal("ValidationException", message.to_owned()));
    }
    let now = world.now;
    let target = world.scaling.get_mut(resource).ok_or_else(|| no_target(call))?;
    let new = || {
        let id = Uuid::new_v4();
        let alarm = |which: &str| {
            let name = format!("TargetTracking-{resource}-Alarm{which}-{id}");
            json!({"AlarmName": name, "AlarmARN": arn_beside(&target.arn, "cloudwatch", &format!("alarm:{name}"))})
        };
        json!({
            "PolicyARN": arn_beside(&target.arn, "autoscaling",
                                    &format!("scalingPolicy:{id}:resource/ecs/{resource}:policyName/{name}")),
            "PolicyName": name,
            "ServiceNamespace": "ecs",
            "ScalableDimension": DIMENSION,
            "ResourceId": resource,
            "PolicyType": "TargetTrackingScaling",
            "Alarms": [alarm("High"), alarm("Low")],
            "CreationTime": now.as_second(),
        })
    };
    let mut policy = target.policies.get(name).cloned().unwrap_or_else(new);
    policy["TargetTrackingScalingPolicyConfiguration"] = configuration.clone();
    target.policies.insert(name.to_owned(), policy.clone());
    Ok(json!({"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}))
}

fn policies(call: &Call, world: &World) -> Value {
    let (resource, names) = (call.text("ResourceId"), listed(call, "PolicyNames"));
    let targets = world.scaling.iter().filter(|(one, _)| resource.is_empty() || *one == resource);
    let policies = targets.flat_map(|(_, target)| &target.policies);
    let asked = policies.filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()));
    json!({"ScalingPolicies": asked.map(|(_, policy)| policy.clone()).collect::<Vec<_>>()})
}

fn delete_policy(call: &Call, world: &mut World) -> Result<Value, Refusal> {
    let target = world.scaling.get_mut(call.text("ResourceId"));
    let policy = target.and_then(|target| target.policies.remove(call.text("PolicyName")));
    let message = || format!("No scaling policy found for name: {}", call.text("PolicyName"));
    policy.map(|_| json!({})).ok_or_else(|| Refusal("ObjectNotFoundException", message()))
}

/// What is done with the tags of the target of an ARN.
fn tagged(call: &Call, world: &mut World, act: impl FnOnce(&mut Target) -> Value) -> Result<Value, Refusal> {
    let arn = call.text("ResourceARN");
    let target = world.scaling.values_mut().find(|target| target.arn == arn);
    target
        .map(act)
        .ok_or_else(|| Refusal("ResourceNotFoundException", format!("The specified resource doesn't exist: {arn}")))
}

fn no_target(call: &Call) -> Refusal {
    let message = format!(
        "No scalable target found for service namespace: ecs, resource ID: {}, scalable dimension: {DIMENSION}",
        call.text("ResourceId")
    );
    Refusal("ObjectNotFoundException", message)
}

fn listed<'c>(call: &'c Call, list: &str) -> Vec<&'c str> {
    call.parameters[list].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// An ARN in the account and region of another one.
fn arn_beside(arn: &str, service: &str, resource: &str) -> String {
    let part = |nth| arn.split(':').nth(nth).unwrap_or_default();
    let region = if service == "iam" { "" } else { part(3) };
    format!("arn:{}:{service}:{region}:{}:{resource}", part(1), part(4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    const RESOURCE: &str = "service/blue-cluster/dev-worker";

    /// An account with one service.
    async fn account(settings: Settings) -> Rehearsal {
        let mut aws = Rehearsal::new(settings);
        aws.json("ecs", "CreateCluster", &json!({"clusterName": "blue-cluster"}), &json!({})).await;
        let definition = json!({"taskDefinition": {"taskDefinitionArn": "d:1", "status": "ACTIVE"}});
        aws.json("ecs", "RegisterTaskDefinition", &json!({}), &definition).await;
        aws.later(60);
        let service = json!({
            "serviceName": "dev-worker",
            "serviceArn": "arn:aws:ecs:eu-west-1:1:service/blue-cluster/dev-worker",
            "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/blue-cluster",
            "desiredCount": 1,
            "deployments": [{"id": "ecs-svc/1"}],
        });
        let wanted = json!({"cluster": "blue-cluster", "serviceName": "dev-worker", "taskDefinition": "d:1"});
        let made = aws.json("ecs", "CreateService", &wanted, &json!({"service": service})).await;
        assert!(made.succeeded());
        aws
    }

    async fn call(aws: &Rehearsal, action: &str, more: Value) -> Answer {
        let mut parameters = json!({"ServiceNamespace": "ecs", "ScalableDimension": DIMENSION, "ResourceId": RESOURCE});
        if let (Some(all), Value::Object(more)) = (parameters.as_object_mut(), more) {
            all.extend(more);
        }
        aws.json(SERVICE, action, &parameters, &json!({"__type": "the local cloud was asked"})).await
    }

    async fn said(aws: &Rehearsal, action: &str, more: Value) -> Value {
        call(aws, action, more).await.value().expect("it is carried out").clone()
    }

    fn bounds() -> Value {
        json!({"MinCapacity": 1, "MaxCapacity": 4, "Tags": {"a": "b"}})
    }

    fn policy() -> Value {
        let metric = json!({"PredefinedMetricType": "ECSServiceAverageCPUUtilization"});
        let tracking = json!({"PredefinedMetricSpecification": metric, "TargetValue": 60.0});
        json!({
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": tracking,
        })
    }

    #[tokio::test]
    async fn only_a_service_that_is_there_is_registered() {
        let aws = account(Settings::default()).await;
        let absent = call(&aws, "RegisterScalableTarget", json!({"ResourceId": "service/blue-cluster/other"})).await;
        assert_eq!(absent.code(), "ValidationException");
        assert_eq!(call(&aws, "RegisterScalableTarget", json!({"MinCapacity": 1})).await.code(), "ValidationException");
        let crossed = json!({"MinCapacity": 3, "MaxCapacity": 2});
        assert_eq!(call(&aws, "RegisterScalableTarget", crossed).await.code(), "ValidationException");
        let made = said(&aws, "RegisterScalableTarget", bounds()).await;
        let arn = made["ScalableTargetARN"].as_str().expect("an ARN");
        assert!(arn.starts_with("arn:aws:application-autoscaling:eu-west-1:1:scalable-target/"), "{arn}");
    }

    #[tokio::test]
    async fn one_that_is_registered_again_is_changed_and_keeps_its_tags() {
        let aws = account(Settings::default()).await;
        let first = said(&aws, "RegisterScalableTarget", bounds()).await;
        let again = said(&aws, "RegisterScalableTarget", json!({"MaxCapacity": 9, "Tags": {"a": "other"}})).await;
        assert_eq!(first, again, "it is the same one");
        let seen = said(&aws, "DescribeScalableTargets", json!({"ResourceIds": [RESOURCE]})).await;
        let target = &seen["ScalableTargets"][0];
        assert_eq!((&target["MinCapacity"], &target["MaxCapacity"]), (&json!(1), &json!(9)));
        let arn = json!({"ResourceARN": first["ScalableTargetARN"]});
        assert_eq!(said(&aws, "ListTagsForResource", arn.clone()).await, json!({"Tags": {"a": "b"}}));
        said(&aws, "TagResource", json!({"ResourceARN": arn["ResourceARN"], "Tags": {"c": "d"}})).await;
        said(&aws, "UntagResource", json!({"ResourceARN": arn["ResourceARN"], "TagKeys": ["a"]})).await;
        assert_eq!(said(&aws, "ListTagsForResource", arn).await, json!({"Tags": {"c": "d"}}));
        let absent = call(&aws, "ListTagsForResource", json!({"ResourceARN": "arn:none"})).await;
        assert_eq!(absent.code(), "ResourceNotFoundException");
    }

    #[tokio::test]
    async fn a_policy_needs_its_target_has_two_alarms_and_goes_with_it() {
        let aws = account(Settings::default()).await;
        assert_eq!(call(&aws, "PutScalingPolicy", policy()).await.code(), "ObjectNotFoundException");
        said(&aws, "RegisterScalableTarget", bounds()).await;
        let put = said(&aws, "PutScalingPolicy", policy()).await;
        assert_eq!(put["Alarms"].as_array().map(Vec::len), Some(2));
        assert_eq!(said(&aws, "PutScalingPolicy", policy()).await, put, "it is changed, and not another one");
        let named = json!({"PolicyNames": ["cpu"]});
        let seen = said(&aws, "DescribeScalingPolicies", named.clone()).await;
        assert_eq!(seen["ScalingPolicies"][0]["PolicyARN"], put["PolicyARN"]);
        said(&aws, "DeregisterScalableTarget", json!({})).await;
        assert_eq!(call(&aws, "DeregisterScalableTarget", json!({})).await.code(), "ObjectNotFoundException");
        said(&aws, "RegisterScalableTarget", bounds()).await;
        assert_eq!(said(&aws, "DescribeScalingPolicies", named).await, json!({"ScalingPolicies": []}));
        let gone = call(&aws, "DeleteScalingPolicy", json!({"PolicyName": "cpu"})).await;
        assert_eq!(gone.code(), "ObjectNotFoundException");
    }

    #[tokio::test]
    async fn a_new_target_cannot_be_seen_at_once() {
        let mut aws = account(Settings { read_lag: 5.0, ..Settings::lenient() }).await;
        aws.later(60);
        said(&aws, "RegisterScalableTarget", bounds()).await;
        let none = json!({"ScalableTargets": []});
        assert_eq!(said(&aws, "DescribeScalableTargets", json!({"ResourceIds": [RESOURCE]})).await, none);
        assert_eq!(call(&aws, "PutScalingPolicy", policy()).await.code(), "ObjectNotFoundException");
        aws.later(5);
        assert!(call(&aws, "PutScalingPolicy", policy()).await.succeeded());
    }
}
