//! Autoscaling: AWS sets how many workers run, within bounds that come, change and go with the spec.

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ScalingPolicy, ServiceNamespace};
use aws_sdk_ecs::types::Service;
use end_to_end::{
    Environment, Stage,
    api::text,
    requests::{request, unique},
    waiting::until,
};
use serde_json::{Value, json};

#[tokio::test]
async fn autoscaling_comes_is_changed_and_goes() {
    let stage = Stage::set().await;
    let name = unique("scaled");
    let mut body = request(&name);
    body["worker"] = json!({"autoscaling": {"max": 3, "cpu_target": 50}});
    let environment = stage.create(&body).await;

    let target = target(&stage, &name).await.expect("the service is a scalable target");
    assert_eq!((target.min_capacity(), target.max_capacity()), (1, 3));
    assert_eq!(environment.resource("worker/scalable-target")["arn"], target.scalable_target_arn().unwrap_or_default());
    let tags = stage.cloud.scaling.list_tags_for_resource().resource_arn(target.scalable_target_arn().expect("an ARN"));
    let tags = tags.send().await.expect("its tags").tags.unwrap_or_default();
    assert_eq!(tags["prefect-environments:id"], environment.id());
    let policy = policy(&stage, &name).await;
    assert_eq!((tracked(&policy), policy.alarms().len()), (50.0, 2));
    assert_eq!(environment.physical("worker/scaling-policy"), policy.policy_arn());
    assert_eq!(count(&stage, &name).await, 1, "it begins with the fewest");

    // What AWS does when there is much to do.
    scale(&stage, &name, 2).await;
    let path = format!("/environments/{}/drift", environment.id());
    let drift = stage.api.get(&path).await.expect(200);
    assert_eq!(drift["in_sync"], true, "within the bounds it is as wanted: {drift:#}");
    let wider = json!({"worker": {"autoscaling": {"max": 5}, "image": "busybox:2"}});
    let updated = update(&stage, &environment, &wider).await.must_be("ACTIVE");
    assert_eq!(updated.changed_since(&environment), ["worker/task-definition"], "both stay what they are");
    let wider = self::target(&stage, &name).await.expect("it is there still");
    assert_eq!((wider.min_capacity(), wider.max_capacity()), (1, 5));
    assert_eq!(tracked(&self::policy(&stage, &name).await), 50.0, "what the patch does not name stays");
    stage.api.repair(environment.id()).await.expect(202);
    stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    assert_eq!(count(&stage, &name).await, 2, "nobody but AWS has set it");

    scale(&stage, &name, 7).await;
    let drift = stage.api.get(&path).await.expect(200);
    assert_eq!(drift["in_sync"], false, "outside the bounds it is not: {drift:#}");
    stage.api.repair(environment.id()).await.expect(202);
    stage.api.at_rest(environment.id()).await.must_be("ACTIVE");
    assert_eq!(count(&stage, &name).await, 5, "the nearer bound");

    let fixed = update(&stage, &environment, &json!({"worker": {"autoscaling": null}})).await.must_be("ACTIVE");
    assert!(self::target(&stage, &name).await.is_none(), "nothing sets the number any more: {fixed}");
    assert_eq!(count(&stage, &name).await, 1, "as many as there were at the least");
    for key in ["worker/scalable-target", "worker/scaling-policy"] {
        assert_eq!(fixed.resource(key)["state"], "GONE", "{fixed}");
    }
    assert_eq!(fixed.0["spec"]["worker"]["desired_count"], 1, "{fixed}");
    let again = update(&stage, &environment, &json!({"worker": {"autoscaling": {"max": 2}}})).await.must_be("ACTIVE");
    let target = self::target(&stage, &name).await.expect("what has gone comes again");
    assert_eq!((target.min_capacity(), target.max_capacity()), (1, 2), "{again}");
    stage.ends_without_a_trace(&again).await;
}

#[tokio::test]
async fn it_goes_with_its_environment() {
    let stage = Stage::set().await;
    let name = unique("scaled-end");
    let environment = stage.create(&request(&name)).await;
    let scaled = update(&stage, &environment, &json!({"worker": {"autoscaling": {"min": 2, "max": 4}}})).await;
    let scaled = scaled.must_be("ACTIVE");
    assert_eq!(count(&stage, &name).await, 2, "the fewest that are wanted now");
    assert!(!text(&scaled.resource("worker/scaling-policy")["id"]).is_empty(), "{scaled}");
    stage.ends_without_a_trace(&scaled).await;
    assert!(target(&stage, &name).await.is_none());
}

#[tokio::test]
async fn what_somebody_else_has_registered_is_not_touched() {
    let stage = Stage::set().await;
    let name = unique("scaled-by");
    let environment = stage.create(&request(&name)).await;
    register(&stage, &name).await;

    let patch = json!({"worker": {"autoscaling": {"max": 4}}});
    let failed = update(&stage, &environment, &patch).await.must_be("UPDATE_FAILED");

    assert_eq!(failed.verdict()["error"]["code"], "ALREADY_EXISTS", "{failed}");
    assert_eq!(failed.verdict()["error"]["resource"], "worker/scalable-target", "{failed}");
    assert_eq!(failed.verdict()["usable"], true, "{failed}");
    let theirs = target(&stage, &name).await.expect("it is there still");
    assert_eq!((theirs.min_capacity(), theirs.max_capacity()), (1, 9), "as they have made it");
    deregister(&stage, &name).await;
    let scaled = update(&stage, &environment, &patch).await.must_be("ACTIVE");
    stage.ends_without_a_trace(&scaled).await;
}

#[tokio::test]
async fn a_number_and_bounds_are_not_asked_for_together() {
    let stage = Stage::set().await;
    let mut body = request(&unique("both"));
    body["worker"] = json!({"desired_count": 2, "autoscaling": {"max": 3}});
    assert_eq!(stage.api.create(&body).await.violations(), ["/worker/desired_count CONFLICT"]);
    body["worker"] = json!({"autoscaling": {"min": 0, "max": 101}});
    let told = stage.api.create(&body).await.violations();
    assert_eq!(told, ["/worker/autoscaling/max OUT_OF_RANGE", "/worker/autoscaling/min OUT_OF_RANGE"]);
}

async fn update(stage: &Stage, environment: &Environment, patch: &Value) -> Environment {
    stage.api.update(environment.id(), patch).await.expect(202);
    stage.api.at_rest(environment.id()).await
}

fn resource(name: &str) -> String {
    format!("service/{name}-cluster/dev-worker")
}

async fn target(stage: &Stage, name: &str) -> Option<ScalableTarget> {
    let look = stage.cloud.scaling.describe_scalable_targets().service_namespace(ServiceNamespace::Ecs);
    let found = look.resource_ids(resource(name)).send().await.expect("a list of scalable targets");
    found.scalable_targets.unwrap_or_default().into_iter().next()
}

async fn policy(stage: &Stage, name: &str) -> ScalingPolicy {
    let look = stage.cloud.scaling.describe_scaling_policies().service_namespace(ServiceNamespace::Ecs);
    let found = look.resource_id(resource(name)).send().await.expect("a list of policies");
    let [policy] = found.scaling_policies() else { panic!("one policy: {found:?}") };
    policy.clone()
}

fn tracked(policy: &ScalingPolicy) -> f64 {
    policy.target_tracking_scaling_policy_configuration().expect("it tracks a target").target_value()
}

/// How many tasks the service is to have.
async fn count(stage: &Stage, name: &str) -> i32 {
    service(stage, name).await.desired_count()
}

async fn service(stage: &Stage, name: &str) -> Service {
    let look = stage.cloud.ecs.describe_services().cluster(format!("{name}-cluster")).services("dev-worker");
    look.send().await.expect("the service is there").services()[0].clone()
}

/// Somebody sets the number, and so many tasks run.
async fn scale(stage: &Stage, name: &str, count: i32) {
    let update = stage.cloud.ecs.update_service().cluster(format!("{name}-cluster")).service("dev-worker");
    update.desired_count(count).send().await.expect("the service is scaled");
    until("so many tasks run", || async {
        let running = service(stage, name).await.running_count();
        if running == count { Ok(()) } else { Err(format!("{running} of {count} run")) }
    })
    .await;
}

async fn register(stage: &Stage, name: &str) {
    let register = stage.cloud.scaling.register_scalable_target().service_namespace(ServiceNamespace::Ecs);
    let register = register.scalable_dimension(ScalableDimension::EcsServiceDesiredCount).resource_id(resource(name));
    register.min_capacity(1).max_capacity(9).send().await.expect("somebody registers the service");
}

async fn deregister(stage: &Stage, name: &str) {
    let deregister = stage.cloud.scaling.deregister_scalable_target().service_namespace(ServiceNamespace::Ecs);
    let deregister = deregister.scalable_dimension(ScalableDimension::EcsServiceDesiredCount);
    deregister.resource_id(resource(name)).send().await.expect("somebody takes it back");
}
