//! ECS cluster, namespace and log groups, as their services show them.

use super::are_tags_of;
use aws_sdk_ecs::types::ClusterField;
use aws_sdk_servicediscovery::types::NamespaceType;
use end_to_end::{Environment, Stage};

pub async fn is_as_designed(stage: &Stage, environment: &Environment) {
    cluster(stage, environment).await;
    namespace(stage, environment).await;
    log_groups(stage, environment).await;
}

async fn cluster(stage: &Stage, environment: &Environment) {
    assert_eq!(environment.physical("cluster/cluster"), "prefect-cluster", "the cluster that the environment shows");
    let found =
        stage.cloud.ecs.describe_clusters().clusters("prefect-cluster").include(ClusterField::Tags).send().await;
    let found = found.expect("describe the cluster");
    let cluster = found.clusters().first().expect("the cluster is there");
    assert_eq!(cluster.status(), Some("ACTIVE"), "the cluster's status");
    let mut providers = cluster.capacity_providers().to_vec();
    providers.sort();
    assert_eq!(providers, ["FARGATE", "FARGATE_SPOT"], "the cluster's capacity providers");
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let tags = cluster.tags().iter().map(|tag| (text(tag.key()), text(tag.value())));
    are_tags_of(tags, environment, "cluster/cluster", "prefect-ecs");
}

async fn namespace(stage: &Stage, environment: &Environment) {
    let id = environment.physical("cluster/namespace");
    let found = stage.cloud.namespaces.get_namespace().id(id).send().await.expect("the namespace is there");
    let namespace = found.namespace().expect("the namespace is there");
    assert_eq!(namespace.name(), Some("default.prefect.local"), "the namespace's name");
    assert_eq!(namespace.r#type(), Some(&NamespaceType::DnsPrivate), "a private DNS namespace");
    let arn = namespace.arn().expect("a namespace has an ARN");
    let tags =
        stage.cloud.namespaces.list_tags_for_resource().resource_arn(arn).send().await.expect("a namespace's tags");
    let tags = tags.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
    are_tags_of(tags, environment, "cluster/namespace", "prefect-ecs");

    let zone = namespace.properties().and_then(|properties| properties.dns_properties()?.hosted_zone_id());
    let zone = stage.hosted_zone(zone.expect("a private namespace has a hosted zone")).await;
    let vpc = environment.physical("network/vpc");
    assert!(zone.contains(vpc), "the namespace's hosted zone is for the VPC {vpc}: {zone}");
}

async fn log_groups(stage: &Stage, environment: &Environment) {
    for (name, key) in
        [("/ecs/prefect-worker", "cluster/worker-log-group"), ("/ecs/prefect-flows", "cluster/flows-log-group")]
    {
        assert_eq!(environment.physical(key), name, "the name of {key}");
        let found = stage.cloud.logs.describe_log_groups().log_group_name_prefix(name).send().await;
        let found = found.expect("describe a log group");
        let group = found.log_groups().iter().find(|group| group.log_group_name() == Some(name));
        let group = group.unwrap_or_else(|| panic!("{name} is not there"));
        assert_eq!(group.retention_in_days(), Some(30), "how long {name} keeps a line");
        let arn = group.arn().expect("a log group has an ARN").trim_end_matches(":*");
        let tags =
            stage.cloud.logs.list_tags_for_resource().resource_arn(arn).send().await.expect("a log group's tags");
        are_tags_of(tags.tags.unwrap_or_default(), environment, key, "prefect-ecs");
    }
}
