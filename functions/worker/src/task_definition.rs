//! The worker's task definition.
//!
//! RegisterTaskDefinition makes one more revision each time and has no client token, so the family's active revisions
//! are looked at first: one of ours that is as wanted is taken, somebody else's in the place of the first makes the name
//! foreign. To be gone, a revision must be deregistered (INACTIVE: it still exists) and deleted (DELETE_IN_PROGRESS: ECS
//! forgets it when the last task that uses it has stopped). A twin, left by a call whose reply was lost, goes as well.
//!
//! A revision cannot be changed: it is corrected by another one. The one before stays as long as the service may have
//! to go back to it, and then it is what is wanted again.

use crate::{
    container::{self, Container},
    wanted,
};
use async_trait::async_trait;
use aws_sdk_ecs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{self, Compatibility, NetworkMode, SortOrder, TaskDefinitionField, TaskDefinitionStatus},
};
use engine::{Action, Departure, Found, Owner, Resource, Sighting, Site, State, TagChange, Whose, aws};
use environment::{Change, Code, Fault, Kind, catalogue, diff};
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone)]
pub(crate) struct TaskDefinition {
    pub(crate) client: Client,
    /// Without retries: RegisterTaskDefinition has no client token.
    pub(crate) once: Client,
}

/// So many revisions are looked at for one that is as wanted, the latest first: there are three at most, unless somebody
/// else registers some.
const REVISIONS_LOOKED_AT: usize = 10;
/// DeleteTaskDefinitions takes so many at once.
const DELETED_AT_ONCE: usize = 10;

/// A task definition as the catalogue writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wanted {
    family: String,
    network_mode: String,
    requires_compatibilities: Vec<String>,
    cpu: String,
    memory: String,
    execution_role_arn: String,
    task_role_arn: String,
    container_definitions: Vec<Container>,
    #[serde(rename = "Tags")]
    _tags: Value,
}

#[async_trait]
impl Resource for TaskDefinition {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let mut recorded = None;
        if let Some(arn) = at.id
            && let Some(found) = self.describe(at, arn).await?
            // One that was deregistered is made anew. To a removal it is still there.
            && !(at.action == Action::Ensure && matches!(found.state, State::Failed(_)))
        {
            if at.action != Action::Ensure || found.owner == Owner::Foreign || is_as_wanted(at, &found) {
                return Ok(Some(found));
            }
            recorded = Some(found);
        }
        let active = self.revisions(at.text("Family")?, TaskDefinitionStatus::Active).await?;
        let mut first = recorded;
        // One that is as wanted may be there: from before a change that is taken back, or from a call whose answer
        // was lost.
        for arn in active.iter().filter(|arn| at.id != Some(arn.as_str())).take(REVISIONS_LOOKED_AT) {
            let Some(found) = self.describe(at, arn).await? else { continue };
            if at.action != Action::Ensure || (found.owner == Owner::Ours && is_as_wanted(at, &found)) {
                return Ok(Some(found));
            }
            first.get_or_insert(found);
        }
        Ok(first)
    }

    /// Another revision takes its place.
    async fn correct(&self, at: &Site<'_>, _found: Found, _changes: &[Change]) -> Result<Found, Fault> {
        self.create(at).await
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let wanted: Wanted = wanted::read(at)?;
        let containers =
            wanted.container_definitions.into_iter().map(Container::definition).collect::<Result<_, _>>()?;
        let compatibilities = wanted.requires_compatibilities.iter().map(|name| Compatibility::from(name.as_str()));
        let register = self
            .once
            .register_task_definition()
            .family(wanted.family)
            .network_mode(NetworkMode::from(wanted.network_mode.as_str()))
            .set_requires_compatibilities(Some(compatibilities.collect()))
            .cpu(wanted.cpu)
            .memory(wanted.memory)
            .execution_role_arn(wanted.execution_role_arn)
            .task_role_arn(wanted.task_role_arn)
            .set_container_definitions(Some(containers))
            .set_tags(Some(wanted::tags(at)));
        let answer = register.send().await.map_err(|error| fault("ecs:RegisterTaskDefinition", error))?;
        let arn = answer.task_definition.and_then(|definition| definition.task_definition_arn);
        let arn = arn.ok_or_else(|| Fault::bug("RegisterTaskDefinition answered no ARN"))?;
        Ok(Found::ready(arn.clone()).arn(arn))
    }

    /// The service runs from the recorded revision: the others of ours start nothing any more.
    async fn tidy(&self, at: &Site<'_>) -> Result<(), Fault> {
        let Some(current) = at.id else { return Ok(()) };
        let mut others = self.ours(at).await?;
        others.retain(|arn| arn != current);
        self.put_away(others).await
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        wanted::retag(&self.client, &found.id, change).await
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let mut ours = self.ours(at).await?;
        if !ours.iter().any(|arn| arn == id) {
            ours.push(id.to_owned());
        }
        self.put_away(ours).await.map(|()| Departure::Gone)
    }
}

/// The calls.
impl TaskDefinition {
    /// Every revision of ours, deregistered or not.
    async fn ours(&self, at: &Site<'_>) -> Result<Vec<String>, Fault> {
        let mut ours = Vec::new();
        for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
            for arn in self.revisions(at.text("Family")?, status).await? {
                if self.is_ours(at, &arn).await? {
                    ours.push(arn);
                }
            }
        }
        Ok(ours)
    }

    /// Deregisters and deletes these revisions.
    pub(crate) async fn put_away(&self, revisions: Vec<String>) -> Result<(), Fault> {
        let mut inactive = Vec::new();
        for arn in revisions {
            match self.deregister(&arn).await {
                Ok(()) => inactive.push(arn),
                // ECS has forgotten it and its tags, without which this function may not delete it.
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        for arns in inactive.chunks(DELETED_AT_ONCE) {
            self.delete(arns).await?;
        }
        Ok(())
    }

    async fn describe(&self, at: &Site<'_>, arn: &str) -> Result<Option<Found>, Fault> {
        let look = self.client.describe_task_definition().task_definition(arn).include(TaskDefinitionField::Tags);
        let answer = match look.send().await.map_err(|error| fault("ecs:DescribeTaskDefinition", error)) {
            Ok(answer) => answer,
            Err(fault) if fault.code == Code::NotFound => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let Some(definition) = &answer.task_definition else { return Ok(None) };
        let state = match definition.status() {
            Some(TaskDefinitionStatus::DeleteInProgress) => return Ok(None),
            Some(TaskDefinitionStatus::Inactive) => State::Failed(Fault::new(
                Code::ResourceFailed,
                "The task definition was deregistered: no task can be started from it.",
            )),
            _ => State::Ready,
        };
        let is_it = definition.task_definition_arn() == Some(arn) && definition.family() == Some(at.text("Family")?);
        let owner = if is_it { at.owner(wanted::pairs(answer.tags())) } else { Owner::Foreign };
        let found = Found::ready(arn).arn(arn).owner(owner).tagged(at, wanted::pairs(answer.tags())).state(state);
        Ok(Some(
            found
                .seen("Cpu", definition.cpu())
                .seen("Memory", definition.memory())
                .seen("ExecutionRoleArn", definition.execution_role_arn())
                .seen("TaskRoleArn", definition.task_role_arn())
                .seen(
                    "ContainerDefinitions",
                    container::seen(&at.wanted["ContainerDefinitions"], definition.container_definitions()),
                ),
        ))
    }

    async fn is_ours(&self, at: &Site<'_>, arn: &str) -> Result<bool, Fault> {
        Ok(self.describe(at, arn).await?.is_some_and(|found| found.owner == Owner::Ours))
    }

    /// The execution role of a revision that is not being deleted.
    pub(crate) async fn execution_role(&self, arn: &str) -> Result<Option<String>, Fault> {
        let look = self.client.describe_task_definition().task_definition(arn);
        match look.send().await.map_err(|error| fault("ecs:DescribeTaskDefinition", error)) {
            Ok(answer) => {
                let there = |it: &types::TaskDefinition| it.status() != Some(&TaskDefinitionStatus::DeleteInProgress);
                Ok(answer.task_definition.filter(there).and_then(|definition| definition.execution_role_arn))
            }
            Err(fault) if fault.code == Code::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// The ARNs of a family's revisions in a status, the latest first.
    pub(crate) async fn revisions(&self, family: &str, status: TaskDefinitionStatus) -> Result<Vec<String>, Fault> {
        let listed = self.list(Some(family), status).await?;
        Ok(listed.into_iter().filter(|arn| family_of(arn) == Some(family)).collect())
    }

    async fn list(&self, family: Option<&str>, status: TaskDefinitionStatus) -> Result<Vec<String>, Fault> {
        let list = self.client.list_task_definitions().set_family_prefix(family.map(str::to_owned));
        let list = list.status(status).sort(SortOrder::Desc);
        let listed = list.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        listed.map_err(|error| fault("ecs:ListTaskDefinitions", error))
    }

    /// The task definitions that carry that tag, deregistered ones among them.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let mut arns = Vec::new();
        for status in [TaskDefinitionStatus::Active, TaskDefinitionStatus::Inactive] {
            arns.extend(self.list(None, status).await?);
        }
        arns.retain(|arn| family_of(arn).is_some_and(|family| family.ends_with(catalogue::FAMILY_SUFFIX)));
        let mut sightings = Vec::new();
        for arn in whose.portion(arns) {
            let look = self.client.describe_task_definition().task_definition(&arn).include(TaskDefinitionField::Tags);
            match look.send().await.map_err(|error| fault("ecs:DescribeTaskDefinition", error)) {
                Ok(answer) => {
                    let status = answer.task_definition().and_then(|definition| definition.status());
                    if status != Some(&TaskDefinitionStatus::DeleteInProgress) {
                        sightings.extend(whose.sighting(Kind::TaskDefinition, arn, wanted::pairs(answer.tags())));
                    }
                }
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }

    async fn deregister(&self, arn: &str) -> Result<(), Fault> {
        match self.client.deregister_task_definition().task_definition(arn).send().await {
            Ok(_) => Ok(()),
            // ClientException, "The specified task definition is inactive": an earlier turn came as far as this.
            Err(error) if error.message().is_some_and(|message| message.contains("inactive")) => Ok(()),
            Err(error) => Err(fault("ecs:DeregisterTaskDefinition", error)),
        }
    }

    async fn delete(&self, arns: &[String]) -> Result<(), Fault> {
        let delete = self.client.delete_task_definitions().set_task_definitions(Some(arns.to_vec()));
        let answer = delete.send().await.map_err(|error| fault("ecs:DeleteTaskDefinitions", error))?;
        // ECS answers success and lists what it could not delete: mostly one that it does not know to be
        // inactive yet.
        let is_left = |reason: &str| !["NOT_FOUND", "MISSING"].iter().any(|absent| reason.contains(absent));
        match answer.failures().iter().find(|failure| failure.reason().is_some_and(is_left)) {
            None => Ok(()),
            Some(failure) => {
                let mut fault = Fault::new(Code::Conflict, "ECS could not delete the task definition yet.");
                fault.aws_code = failure.reason.clone();
                fault.internal.0 = failure.detail.clone().unwrap_or_default();
                Err(fault)
            }
        }
    }
}

fn is_as_wanted(at: &Site<'_>, found: &Found) -> bool {
    matches!(found.state, State::Ready) && diff(&at.wanted, &found.seen).is_empty()
}

/// The family in a task definition's ARN.
pub(crate) fn family_of(arn: &str) -> Option<&str> {
    Some(arn.rsplit_once("task-definition/")?.1.rsplit_once(':')?.0)
}

fn fault<E>(call: &str, error: SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.message().and_then(code);
    let fault = aws::fault(call, error);
    Fault { code: code.unwrap_or(fault.code), ..fault }
}

/// What ECS tells apart by the words of its ClientException only.
fn code(message: &str) -> Option<Code> {
    let says = |words: &str| message.contains(words);
    if says("Unable to describe task definition") {
        Some(Code::NotFound)
    } else if says("ACTIVE status") {
        // Deregistered a moment ago, and not known to be so everywhere.
        Some(Code::Conflict)
    } else if says("Role is not valid") || (says("role") && says("cannot be found")) {
        // A role made a moment ago. IAM takes seconds to show it everywhere.
        Some(Code::NotFound)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_family_is_another_family() {
        let arn = |family| format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{family}:7");
        assert_eq!(family_of(&arn("prefect-worker-task")), Some("prefect-worker-task"));
        assert_eq!(family_of(&arn("prefect-worker-task-2")), Some("prefect-worker-task-2"));
        assert_eq!(family_of("prefect-worker-task"), None);
    }

    #[test]
    fn the_words_of_a_client_exception_are_told_apart() {
        assert_eq!(code("Unable to describe task definition: x:1"), Some(Code::NotFound));
        assert_eq!(code("Role is not valid"), Some(Code::NotFound));
        assert_eq!(code("No Fargate configuration exists for given values."), None);
    }
}
