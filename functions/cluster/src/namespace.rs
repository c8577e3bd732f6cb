//! A private DNS namespace of Cloud Map.
//!
//! Cloud Map works in the background: CreatePrivateDnsNamespace answers the id of an operation, and only that
//! operation knows the namespace's id. Until it has ended, `operation:<id>` is the recorded id, so that a turn
//! that breaks off loses nothing. An operation that failed left nothing and is not begun again: `find` sees
//! nothing, and `create` answers why.
//!
//! Two networks may have a namespace of the same name each. So a foreign one of that name is no hit; only
//! when Cloud Map says NamespaceAlreadyExists does it stand in the way.

use async_trait::async_trait;
use aws_sdk_servicediscovery::{
    Client,
    operation::{
        create_private_dns_namespace::CreatePrivateDnsNamespaceError as CreateError,
        delete_namespace::DeleteNamespaceError as DeleteError,
    },
    types::{
        NamespaceFilter, NamespaceFilterName, NamespaceSummary, NamespaceType, Operation, OperationStatus,
        OperationTargetType, Tag,
    },
};
use engine::{Action, Departure, Found, Owner, Resource, Sighting, Site, State, TagChange, Whose, aws};
use environment::{Code, Fault, Kind};

pub(crate) struct PrivateDnsNamespace {
    pub(crate) client: Client,
}

/// What a recorded id begins with while the namespace's own is not known.
const OPERATION: &str = "operation:";

fn settling(operation: &str) -> Found {
    Found::ready(format!("{OPERATION}{operation}")).state(State::Settling)
}

#[async_trait]
impl Resource for PrivateDnsNamespace {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let Some(id) = at.id else { return self.ours(at).await };
        let Some(operation_id) = id.strip_prefix(OPERATION) else { return self.get_with_tags(at, id).await };
        match self.operation(operation_id).await? {
            Progress::Running => Ok(Some(settling(operation_id))),
            Progress::Ended(namespace) => self.get(&namespace).await,
            Progress::Failed(_) | Progress::Forgotten => self.ours(at).await,
        }
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        if let Some(operation_id) = at.id.and_then(|id| id.strip_prefix(OPERATION))
            && let Progress::Failed(fault) = self.operation(operation_id).await?
        {
            return Err(fault);
        }
        let create = self
            .client
            .create_private_dns_namespace()
            .name(at.text("Name")?)
            .vpc(at.text("Vpc")?)
            .creator_request_id(at.token())
            .set_tags(Some(tags(at)?));
        let error = match create.send().await {
            Ok(answer) => {
                let operation = answer.operation_id().ok_or_else(|| Fault::bug("Cloud Map answered no operation"))?;
                return Ok(settling(operation));
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            // Our token, used before: the operation that an earlier call began.
            Some(CreateError::DuplicateRequest(duplicate)) if duplicate.duplicate_operation_id().is_some() => {
                Ok(settling(duplicate.duplicate_operation_id().unwrap_or_default()))
            }
            Some(CreateError::NamespaceAlreadyExists(_)) => {
                let mut same_named = self.same_named(at).await?;
                same_named.sort_by_key(|found| found.owner == Owner::Foreign);
                let fault = aws::fault("servicediscovery:CreatePrivateDnsNamespace", error);
                match same_named.into_iter().next() {
                    Some(foreign) if foreign.owner == Owner::Foreign => Ok(foreign.state(State::Failed(fault))),
                    Some(ours) => Ok(ours),
                    None => Err(fault),
                }
            }
            _ => Err(aws::fault("servicediscovery:CreatePrivateDnsNamespace", error)),
        }
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        let arn = found.arn.as_deref().unwrap_or(&found.id);
        if !change.drop.is_empty() {
            let untag = self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(change.drop.clone()));
            untag.send().await.map_err(|error| aws::fault("servicediscovery:UntagResource", error))?;
        }
        if !change.put.is_empty() {
            let tags = change.put.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
            let tags = tags.collect::<Result<Vec<_>, _>>().map_err(bug)?;
            let tag = self.client.tag_resource().resource_arn(arn).set_tags(Some(tags));
            tag.send().await.map_err(|error| aws::fault("servicediscovery:TagResource", error))?;
        }
        Ok(())
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let id = if id.starts_with(OPERATION) {
            match self.find(&Site { id: Some(id), ..at.clone() }).await? {
                None => return Ok(Departure::Gone),
                Some(found) if found.id.starts_with(OPERATION) => {
                    return Err(Fault::new(Code::Conflict, "The namespace is still being made."));
                }
                Some(found) => found.id,
            }
        } else {
            id.to_owned()
        };
        let error = match self.client.delete_namespace().id(&id).send().await {
            Ok(_) => return Ok(Departure::Leaving),
            Err(error) => error,
        };
        let in_use = match error.as_service_error() {
            // An earlier call's delete is under way.
            Some(DeleteError::DuplicateRequest(_)) => return Ok(Departure::Leaving),
            Some(DeleteError::ResourceInUse(_)) => true,
            _ => false,
        };
        let fault = aws::fault("servicediscovery:DeleteNamespace", error);
        if in_use && self.holds_services(&id).await? {
            let message = format!("The namespace {id} holds services that are not this environment's.");
            return Err(Fault { code: Code::ForeignDependent, message, ..fault });
        }
        Err(fault)
    }
}

/// How far an operation is.
enum Progress {
    Running,
    /// It has made this namespace.
    Ended(String),
    Failed(Fault),
    /// Cloud Map no longer knows it.
    Forgotten,
}

impl PrivateDnsNamespace {
    async fn operation(&self, id: &str) -> Result<Progress, Fault> {
        let answer = self.client.get_operation().operation_id(id).send().await;
        match answer.map_err(|error| aws::fault("servicediscovery:GetOperation", error)) {
            Ok(answer) => answer.operation().map(progress).ok_or_else(|| Fault::bug("Cloud Map answered no operation")),
            Err(fault) if fault.code == Code::NotFound => Ok(Progress::Forgotten),
            Err(fault) => Err(fault),
        }
    }

    /// The namespace of a recorded id. Cloud Map uses no id twice, so it is ours.
    async fn get(&self, id: &str) -> Result<Option<Found>, Fault> {
        let answer = self.client.get_namespace().id(id).send().await;
        let namespace = match answer.map_err(|error| aws::fault("servicediscovery:GetNamespace", error)) {
            Ok(answer) => answer.namespace,
            Err(fault) if fault.code == Code::NotFound => None,
            Err(fault) => return Err(fault),
        };
        Ok(namespace
            .filter(|namespace| namespace.id() == Some(id))
            .map(|namespace| Found { arn: namespace.arn, ..Found::ready(id) }))
    }

    /// The same with its tags, which are a look of their own, where the team has some.
    async fn get_with_tags(&self, at: &Site<'_>, id: &str) -> Result<Option<Found>, Fault> {
        let found = self.get(id).await?;
        let Some(arn) = found.as_ref().and_then(|found| found.arn.clone()) else { return Ok(found) };
        if at.action != Action::Ensure || !at.has_team_tags() {
            return Ok(found);
        }
        let tags = self.tags_of(&arn).await?;
        Ok(found.map(|found| found.tagged(at, pairs(&tags))))
    }

    async fn ours(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        Ok(self.same_named(at).await?.into_iter().find(|found| found.owner == Owner::Ours))
    }

    /// Every private namespace, or every one of this name.
    async fn list(&self, name: Option<&str>) -> Result<Vec<NamespaceSummary>, Fault> {
        let kind = (NamespaceFilterName::Type, NamespaceType::DnsPrivate.as_str());
        let filters = [Some(kind), name.map(|name| (NamespaceFilterName::Name, name))].into_iter().flatten();
        let filters: Result<Vec<_>, _> =
            filters.map(|(name, value)| NamespaceFilter::builder().name(name).values(value).build()).collect();
        let list = self.client.list_namespaces().set_filters(Some(filters.map_err(bug)?));
        let pages = list.into_paginator().send().collect::<Result<Vec<_>, _>>().await;
        let pages = pages.map_err(|error| aws::fault("servicediscovery:ListNamespaces", error))?;
        let listed = pages.into_iter().flat_map(|page| page.namespaces.unwrap_or_default());
        let is_private = |it: &NamespaceSummary| it.r#type() == Some(&NamespaceType::DnsPrivate);
        Ok(listed.filter(|it| is_private(it) && (name.is_none() || it.name() == name)).collect())
    }

    /// The private namespaces that carry that tag.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let mut sightings = Vec::new();
        for namespace in whose.portion(self.list(None).await?) {
            let (Some(id), Some(arn)) = (namespace.id(), namespace.arn()) else { continue };
            match self.tags_of(arn).await {
                Ok(tags) => sightings.extend(whose.sighting(Kind::PrivateDnsNamespace, id, pairs(&tags))),
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }

    /// Every private namespace of the wanted name, with its owner.
    async fn same_named(&self, at: &Site<'_>) -> Result<Vec<Found>, Fault> {
        let name = at.text("Name")?;
        let mut same_named = Vec::new();
        for namespace in self.list(Some(name)).await? {
            let (Some(id), Some(arn)) = (namespace.id(), namespace.arn()) else { continue };
            match self.tags_of(arn).await {
                Ok(tags) => same_named.push(Found::ready(id).arn(arn).owner(at.owner(pairs(&tags)))),
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(same_named)
    }

    async fn tags_of(&self, arn: &str) -> Result<Vec<Tag>, Fault> {
        let answer = self.client.list_tags_for_resource().resource_arn(arn).send().await;
        let answer = answer.map_err(|error| aws::fault("servicediscovery:ListTagsForResource", error))?;
        Ok(answer.tags.unwrap_or_default())
    }

    async fn holds_services(&self, id: &str) -> Result<bool, Fault> {
        let answer = self.client.get_namespace().id(id).send().await;
        let answer = answer.map_err(|error| aws::fault("servicediscovery:GetNamespace", error))?;
        Ok(answer.namespace.and_then(|namespace| namespace.service_count).is_some_and(|count| count > 0))
    }
}

fn progress(operation: &Operation) -> Progress {
    match operation.status() {
        Some(OperationStatus::Success) => {
            let target = operation.targets().and_then(|targets| targets.get(&OperationTargetType::Namespace));
            target.cloned().map_or(Progress::Forgotten, Progress::Ended)
        }
        Some(OperationStatus::Fail) => {
            let code = match operation.error_code() {
                Some("ACCESS_DENIED") => Code::AccessDenied,
                _ => Code::ResourceFailed,
            };
            let mut fault = Fault::new(code, "Cloud Map could not make the namespace.");
            fault.aws_code = operation.error_code.clone();
            fault.internal.0 = operation.error_message.clone().unwrap_or_default();
            Progress::Failed(fault)
        }
        _ => Progress::Running,
    }
}

fn pairs(tags: &[Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

fn tags(at: &Site<'_>) -> Result<Vec<Tag>, Fault> {
    at.tags().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect::<Result<_, _>>().map_err(bug)
}

fn bug(error: impl std::fmt::Display) -> Fault {
    Fault::bug(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_that_ended_names_its_namespace() {
        let operation = Operation::builder()
            .status(OperationStatus::Success)
            .targets(OperationTargetType::Namespace, "ns-1")
            .build();
        assert!(matches!(progress(&operation), Progress::Ended(id) if id == "ns-1"));
    }

    #[test]
    fn a_failed_operation_says_why_and_keeps_awss_words_inside() {
        let operation = Operation::builder()
            .status(OperationStatus::Fail)
            .error_code("ACCESS_DENIED")
            .error_message("not authorized to perform route53:CreateHostedZone")
            .build();
        let Progress::Failed(fault) = progress(&operation) else { panic!("the operation has failed") };
        assert_eq!((fault.code, fault.aws_code.as_deref()), (Code::AccessDenied, Some("ACCESS_DENIED")));
        assert!(!fault.message.contains("route53"), "{}", fault.message);
    }

    #[test]
    fn an_operation_under_way_is_waited_for() {
        for status in [OperationStatus::Submitted, OperationStatus::Pending] {
            assert!(matches!(progress(&Operation::builder().status(status).build()), Progress::Running));
        }
    }
}
