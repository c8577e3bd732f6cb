//! What is there in ECS, Cloud Map and CloudWatch Logs.

use super::{Inventory, Thing};
use crate::cloud::Cloud;
use aws_sdk_ecs::{
    Client,
    types::{ClusterField, ServiceField, Tag, TaskDefinitionStatus},
};

pub(super) async fn list(cloud: &Cloud, into: &mut Inventory) {
    clusters(&cloud.ecs, into).await;
    task_definitions(&cloud.ecs, into).await;
    namespaces(cloud, into).await;
    log_groups(cloud, into).await;
}

async fn clusters(ecs: &Client, into: &mut Inventory) {
    let arns = ecs.list_clusters().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    for arn in arns.expect("list clusters") {
        let look = ecs.describe_clusters().clusters(&arn).include(ClusterField::Tags).send().await;
        for cluster in look.expect("describe a cluster").clusters() {
            if cluster.status() == Some("INACTIVE") {
                continue;
            }
            let name = cluster.cluster_name().unwrap_or_default();
            let detail = format!("{:?} {:?}", cluster.status(), cluster.capacity_providers());
            into.add("cluster", name, Thing::new(name, detail).tagged(pairs(cluster.tags())));
            services(ecs, name, into).await;
        }
    }
}

/// The services and running tasks of a cluster, unless it went while we looked.
async fn services(ecs: &Client, cluster: &str, into: &mut Inventory) {
    let Ok(services) = ecs.list_services().cluster(cluster).send().await else { return };
    for arn in services.service_arns() {
        let look = ecs.describe_services().cluster(cluster).services(arn).include(ServiceField::Tags).send().await;
        for service in look.as_ref().map(|look| look.services()).unwrap_or_default() {
            if service.status() == Some("INACTIVE") {
                continue;
            }
            let name = service.service_name().unwrap_or_default();
            let detail =
                format!("{:?} {:?} × {}", service.status(), service.task_definition(), service.desired_count());
            // It goes by its cluster's name: services of many environments are called the same.
            let thing = Thing::new(format!("{cluster}/{name}"), detail).tagged(pairs(service.tags()));
            into.add("service", &format!("{cluster}/{name}"), thing);
        }
    }
    let Ok(tasks) = ecs.list_tasks().cluster(cluster).send().await else { return };
    for arn in tasks.task_arns() {
        into.add("task", arn, Thing::new(cluster, String::new()));
    }
}

/// Revisions that can be used or still be looked up. What is being deleted is gone.
async fn task_definitions(ecs: &Client, into: &mut Inventory) {
    for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
        let arns = ecs.list_task_definitions().status(status.clone()).into_paginator().items().send();
        for arn in arns.collect::<Result<Vec<_>, _>>().await.expect("list task definitions") {
            let family = arn.rsplit('/').next().unwrap_or_default();
            into.add("task-definition", &arn, Thing::new(family, status.to_string()));
        }
    }
}

async fn namespaces(cloud: &Cloud, into: &mut Inventory) {
    let pages = cloud.namespaces.list_namespaces().into_paginator().send().collect::<Result<Vec<_>, _>>().await;
    for namespace in pages.expect("list namespaces").iter().flat_map(|page| page.namespaces()) {
        let Ok(tags) =
            cloud.namespaces.list_tags_for_resource().resource_arn(namespace.arn().unwrap_or_default()).send().await
        else {
            continue;
        };
        let tags = tags.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
        let detail = format!("{:?}", namespace.r#type());
        let thing = Thing::new(namespace.name().unwrap_or_default(), detail).tagged(tags);
        into.add("namespace", namespace.id().unwrap_or_default(), thing);
    }
}

async fn log_groups(cloud: &Cloud, into: &mut Inventory) {
    let groups = cloud.logs.describe_log_groups().log_group_name_prefix("/ecs/").into_paginator().items().send();
    for group in groups.collect::<Result<Vec<_>, _>>().await.expect("describe log groups") {
        let arn = group.arn().unwrap_or_default().trim_end_matches(":*");
        let Ok(tags) = cloud.logs.list_tags_for_resource().resource_arn(arn).send().await else { continue };
        let name = group.log_group_name().unwrap_or_default();
        let detail = format!("kept for {:?} days", group.retention_in_days());
        into.add("log-group", name, Thing::new(name, detail).tagged(tags.tags.unwrap_or_default()));
    }
}

fn pairs(tags: &[Tag]) -> Vec<(String, String)> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}
