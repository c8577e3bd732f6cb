//! The task definitions that the worker has registered for its flows.
//!
//! Nothing here makes one: the worker registers a family for each deployment, `prefect_<pool>_<deployment>`, and leaves
//! it behind. They go with the environment whose flow runs' execution role they name, and no others do: a pool of the
//! same name in another workspace, or one whose name begins alike, has families that begin alike. ECS has no tags of
//! ours on them. There may be many, and ECS deregisters about one a second: a turn takes some, the next one the rest.

use crate::task_definition::TaskDefinition;
use async_trait::async_trait;
use aws_sdk_ecs::types::{TaskDefinitionFamilyStatus, TaskDefinitionStatus};
use engine::{Action, Departure, Found, Resource, Site, aws};
use environment::Fault;
use futures::future::join_all;
use std::collections::BTreeSet;

pub(crate) struct FlowDefinitions {
    /// ECS's calls are the same for both.
    pub(crate) definitions: TaskDefinition,
}

/// So many are looked at at once: ECS describes about twenty a second.
const LOOKED_AT_AT_ONCE: usize = 10;
/// So many are removed in one turn: ECS deletes ten in one call.
const REMOVED: usize = 10;

#[async_trait]
impl Resource for FlowDefinitions {
    /// As long as the environment is wanted there is nothing to be seen to.
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let prefix = at.text("FamilyPrefix")?;
        if at.action == Action::Ensure {
            return Ok(Some(Found::ready(prefix)));
        }
        let left = self.ours(at, 1).await?;
        Ok((!left.arns.is_empty()).then(|| Found::ready(prefix)))
    }

    /// The worker makes them.
    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        Ok(Found::ready(at.text("FamilyPrefix")?))
    }

    async fn remove(&self, at: &Site<'_>, _id: &str) -> Result<Departure, Fault> {
        let ours = self.ours(at, REMOVED).await?;
        self.definitions.put_away(ours.arns).await?;
        Ok(if ours.are_all { Departure::Gone } else { Departure::Leaving })
    }
}

/// Definitions of this environment's flows.
struct Ours {
    arns: Vec<String>,
    /// Whether there are no others.
    are_all: bool,
}

impl FlowDefinitions {
    /// The definitions that name this environment's role, `most` of them.
    async fn ours(&self, at: &Site<'_>, most: usize) -> Result<Ours, Fault> {
        let role = at.text("ExecutionRoleArn")?;
        let mut candidates = Vec::new();
        for family in self.families(at.text("FamilyPrefix")?).await? {
            for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
                candidates.extend(self.definitions.revisions(&family, status).await?);
            }
        }
        let mut arns = Vec::new();
        for some in candidates.chunks(LOOKED_AT_AT_ONCE) {
            let looks = join_all(some.iter().map(|arn| self.definitions.execution_role(arn))).await;
            for (arn, look) in some.iter().zip(looks) {
                if look?.as_deref() == Some(role) {
                    arns.push(arn.clone());
                }
            }
            if arns.len() >= most {
                arns.truncate(most);
                return Ok(Ours { arns, are_all: false });
            }
        }
        Ok(Ours { arns, are_all: true })
    }

    /// The families that begin so: those with an active revision, and those that have none any more.
    async fn families(&self, prefix: &str) -> Result<BTreeSet<String>, Fault> {
        let statuses = [TaskDefinitionFamilyStatus::Active, TaskDefinitionFamilyStatus::Inactive];
        let lists = statuses.map(|status| {
            let list = self.definitions.client.list_task_definition_families().family_prefix(prefix);
            list.status(status).into_paginator().items().send().collect::<Result<Vec<_>, _>>()
        });
        let mut families = BTreeSet::new();
        for list in join_all(lists).await {
            let listed = list.map_err(|error| aws::fault("ecs:ListTaskDefinitionFamilies", error))?;
            families.extend(listed.into_iter().filter(|family| family.starts_with(prefix)));
        }
        Ok(families)
    }
}
