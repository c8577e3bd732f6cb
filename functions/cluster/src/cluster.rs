//! An ECS cluster.
//!
//! CreateCluster answers success for an existing cluster of that name, whoever's it is. So it is looked for
//! before and after: between the two looks somebody else may have made one. A deleted cluster can be
//! described as INACTIVE for a while.

use async_trait::async_trait;
use aws_sdk_ecs::{
    Client,
    error::ProvideErrorMetadata,
    types::{self, ClusterField, Tag},
};
use engine::{Departure, Found, Resource, Sighting, Site, State, TagChange, Whose, aws};
use environment::{Change, Code, Fault, Kind, catalogue};
use serde_json::{Value, json};

pub(crate) struct Cluster {
    pub(crate) client: Client,
    /// Without retries: CreateCluster has no client token.
    pub(crate) once: Client,
}

/// DescribeClusters takes so many at once.
const DESCRIBED_AT_ONCE: usize = 100;

#[async_trait]
impl Resource for Cluster {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let name = at.text("ClusterName")?;
        let look = self.client.describe_clusters().clusters(name).include(ClusterField::Tags);
        let answer = look.send().await.map_err(|error| aws::fault("ecs:DescribeClusters", error))?;
        let cluster = answer.clusters().iter().find(|cluster| cluster.cluster_name() == Some(name));
        let Some((cluster, state)) = cluster.and_then(|cluster| Some((cluster, state(cluster.status()?)?))) else {
            return Ok(None);
        };
        let tags: Vec<_> = cluster.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?))).collect();
        let owner = at.owner(tags.iter().copied());
        let mut found = Found::ready(name).owner(owner).tagged(at, tags).state(state);
        found.arn = cluster.cluster_arn.clone();
        Ok(Some(found.seen("CapacityProviders", providers(&at.wanted["CapacityProviders"], cluster))))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let name = at.text("ClusterName")?;
        let create = self
            .once
            .create_cluster()
            .cluster_name(name)
            .set_capacity_providers(Some(texts(&at.wanted["CapacityProviders"])))
            .set_tags(Some(at.tags().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()));
        create.send().await.map_err(|error| {
            // An account's first cluster: ECS answers InvalidParameterException, "Unable to assume the service
            // linked role", until the role that it has just made can be used.
            let role_is_new = error.message().is_some_and(|message| message.contains("Unable to assume"));
            let fault = aws::fault("ecs:CreateCluster", error);
            if role_is_new { Fault { code: Code::Conflict, ..fault } } else { fault }
        })?;
        let lags = || Fault::new(Code::NotFound, "The cluster cannot be seen yet.");
        self.find(at).await?.ok_or_else(lags)
    }

    async fn correct(&self, _at: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
        for change in changes.iter().filter(|change| change.property == "CapacityProviders") {
            let put = self
                .client
                .put_cluster_capacity_providers()
                .cluster(&found.id)
                .set_capacity_providers(Some(texts(&change.wanted)))
                // ECS asks for it; the services say themselves what they run on.
                .set_default_capacity_provider_strategy(Some(Vec::new()));
            put.send().await.map_err(|error| aws::fault("ecs:PutClusterCapacityProviders", error))?;
        }
        Ok(found)
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        let arn = found.arn.as_deref().unwrap_or(&found.id);
        if !change.drop.is_empty() {
            let untag = self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(change.drop.clone()));
            untag.send().await.map_err(|error| aws::fault("ecs:UntagResource", error))?;
        }
        if !change.put.is_empty() {
            let tags = change.put.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let tag = self.client.tag_resource().resource_arn(arn).set_tags(Some(tags.collect()));
            tag.send().await.map_err(|error| aws::fault("ecs:TagResource", error))?;
        }
        Ok(())
    }

    async fn remove(&self, _at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.client.delete_cluster().cluster(id).send().await;
        let cluster = answer.map_err(|error| aws::fault("ecs:DeleteCluster", error))?.cluster;
        let leaving = cluster.is_some_and(|cluster| cluster.status().and_then(state).is_some());
        Ok(if leaving { Departure::Leaving } else { Departure::Gone })
    }
}

impl Cluster {
    /// The clusters that carry that tag.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let arns = self.client.list_clusters().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let arns = arns.map_err(|error| aws::fault("ecs:ListClusters", error))?;
        // Of others this function may look at none.
        let arns: Vec<String> = arns.into_iter().filter(|arn| arn.ends_with(catalogue::CLUSTER_SUFFIX)).collect();
        let mut sightings = Vec::new();
        for arns in arns.chunks(DESCRIBED_AT_ONCE) {
            let look = self.client.describe_clusters().set_clusters(Some(arns.to_vec())).include(ClusterField::Tags);
            let answer = look.send().await.map_err(|error| aws::fault("ecs:DescribeClusters", error))?;
            let there = answer.clusters().iter().filter(|cluster| cluster.status().and_then(state).is_some());
            sightings.extend(there.filter_map(|cluster| {
                let tags = cluster.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?)));
                whose.sighting(Kind::Cluster, cluster.cluster_name()?, tags)
            }));
        }
        Ok(sightings)
    }
}

/// What a cluster's status means; nothing where it is no longer there.
fn state(status: &str) -> Option<State> {
    match status {
        "ACTIVE" => Some(State::Ready),
        "DEPROVISIONING" => Some(State::Leaving),
        "FAILED" => {
            Some(State::Failed(Fault::new(Code::ResourceFailed, "ECS could not give the cluster its capacity.")))
        }
        "INACTIVE" => None,
        _ => Some(State::Settling),
    }
}

/// The cluster's capacity providers, in the wanted order where they are the same: ECS keeps no order.
fn providers(wanted: &Value, cluster: &types::Cluster) -> Value {
    let (mut of_wanted, mut of_cluster) = (texts(wanted), cluster.capacity_providers().to_vec());
    of_wanted.sort();
    of_cluster.sort();
    if of_wanted == of_cluster { wanted.clone() } else { json!(cluster.capacity_providers()) }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inactive_cluster_is_gone() {
        assert!(state("INACTIVE").is_none());
        assert!(matches!(state("DEPROVISIONING"), Some(State::Leaving)));
        assert!(matches!(state("PROVISIONING"), Some(State::Settling)));
    }

    #[test]
    fn the_order_of_capacity_providers_is_no_difference() {
        let wanted = json!(["FARGATE", "FARGATE_SPOT"]);
        let cluster = |names: [&str; 2]| {
            types::Cluster::builder().set_capacity_providers(Some(names.map(String::from).to_vec())).build()
        };
        assert_eq!(providers(&wanted, &cluster(["FARGATE_SPOT", "FARGATE"])), wanted);
        assert_eq!(providers(&wanted, &cluster(["FARGATE", "own"])), json!(["FARGATE", "own"]));
    }
}
