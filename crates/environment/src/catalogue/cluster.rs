//! Where tasks run and what they leave in the logs.

use super::{Entry, Subject, keys};
use crate::{key::Key, kind::Kind, properties::reference, step::Step};
use serde_json::json;

pub(super) fn entries(subject: &Subject<'_>) -> Vec<Entry> {
    let name = &subject.spec.name;
    let cluster = json!({
        "ClusterName": cluster_name(name),
        "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
    });
    let namespace = json!({
        "Name": format!("default.{name}.local"),
        "Vpc": reference(&keys::vpc()),
    });
    let tag = format!("{name}-ecs");
    vec![
        Entry::new(Step::Cluster, Kind::Cluster, keys::cluster(), cluster).tagged(subject, &tag),
        Entry::new(Step::Cluster, Kind::PrivateDnsNamespace, keys::namespace(), namespace).tagged(subject, &tag),
        log_group(subject, keys::worker_log_group(), worker_log_group(name)).tagged(subject, &tag),
        log_group(subject, keys::flows_log_group(), flows_log_group(name)).tagged(subject, &tag),
    ]
}

fn log_group(subject: &Subject<'_>, key: Key, name: String) -> Entry {
    let wanted = json!({"LogGroupName": name, "RetentionInDays": subject.spec.log_retention_days});
    Entry::new(Step::Cluster, Kind::LogGroup, key, wanted)
}

/// What the names of clusters end with. The policies of template.yaml say so, too.
pub const CLUSTER_SUFFIX: &str = "-cluster";
/// What the names of log groups begin with.
pub const LOG_GROUP_PREFIX: &str = "/ecs/";

fn cluster_name(name: &str) -> String {
    format!("{name}{CLUSTER_SUFFIX}")
}

/// The cluster's ARN, which policies name before the cluster exists.
pub(super) fn cluster_arn(subject: &Subject<'_>) -> String {
    subject.place.arn("ecs", &format!("cluster/{}", cluster_name(&subject.spec.name)))
}

pub(super) fn worker_log_group(name: &str) -> String {
    format!("{LOG_GROUP_PREFIX}{name}-worker")
}

pub(super) fn flows_log_group(name: &str) -> String {
    format!("{LOG_GROUP_PREFIX}{name}-flows")
}
