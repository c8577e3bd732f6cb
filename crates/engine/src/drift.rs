//! Drift: how an environment differs from its spec, looked at and left alone.
//!
//! Asked by the API, and read-only: the call has a type of its own, takes no lease, writes nothing down and reaches of
//! a resource nothing but [`Resource::find`], so that no path leads from it to a change. What is compared is what an
//! apply would compare, by the same `diff`: a repair corrects what is told here, and nothing else. A look that fails or
//! takes too long makes its resource one that was not looked at, and hides no other.

use crate::{
    call::Action,
    ensure::look,
    records::{Environment, ResourceItem},
    resource::{Found, Group, Owner, Resource, Site, State},
    turn::Engine,
};
use environment::{Change, Code, Entry, EnvironmentId, Fault, Key, Kind, OperationId, Place, diff, resolve};
use futures::future::join_all;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The question.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftCall {
    action: Word,
    /// The environment.
    pub environment_id: EnvironmentId,
}

/// The one action that this call has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Drift,
}

impl DriftCall {
    /// The question how this environment differs from its spec.
    pub fn of(environment_id: EnvironmentId) -> Self {
        DriftCall { action: Word::Drift, environment_id }
    }
}

/// The answer of a group: its own resources.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Drift {
    /// Each of them, in the catalogue's order.
    pub resources: Vec<Looked>,
}

/// What a look at a resource came to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Looked {
    /// The resource.
    pub key: Key,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its id.
    pub id: Option<String>,
    /// How it is.
    pub outcome: Comparison,
    /// The properties that are not as the spec says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The properties that the look does not show: of these nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_compared: Vec<String>,
    /// Why it has failed, or was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

/// How a resource is, beside what the spec says. The first four are CloudFormation's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Comparison {
    /// As the spec says, as far as it can be seen.
    InSync,
    /// There, with another property.
    Modified,
    /// Not there.
    Deleted,
    /// Not looked at.
    NotChecked,
    /// Not there: what has its name is somebody else's.
    Foreign,
    /// AWS says that it has failed.
    Failed,
    /// On its way to being ready, or on its way out.
    Unsettled,
}

/// No look takes longer. The API waits for all of them together, and a little longer.
const LOOK: Duration = Duration::from_secs(4);

impl<G: Group> Engine<G> {
    /// How this group's resources of the environment differ from its spec.
    pub async fn drift(&self, asked: &DriftCall) -> Result<Drift, Fault> {
        let Some(environment) = self.records.load(asked.environment_id).await? else { return Ok(Drift::default()) };
        Ok(compare(&self.group, &environment, &self.place, self.clock.now(), LOOK).await)
    }
}

/// Looks at each of a group's resources, all at once.
async fn compare<G: Group>(
    group: &G,
    environment: &Environment,
    place: &Place,
    now: Timestamp,
    limit: Duration,
) -> Drift {
    let entries = environment.catalogue(place);
    let of_group = entries.iter().filter_map(|entry| Some((entry, group.resource(entry.kind)?)));
    let looks = of_group.map(|(entry, resource)| async move {
        let item = environment.resources.get(&entry.key).cloned();
        let item = item.unwrap_or_else(|| ResourceItem::planned(entry, now));
        // A look changes nothing, so that it may be given up at any moment.
        let looked = tokio::time::timeout(limit, look_at(resource, entry, &item, environment, place, now)).await;
        let late = || Err(Fault::new(Code::NetworkFailure, "It was not answered in time."));
        looked.unwrap_or_else(|_| late()).unwrap_or_else(|fault| Looked::at(entry, &item).not_checked(fault))
    });
    Drift { resources: join_all(looks).await }
}

async fn look_at(
    resource: &dyn Resource,
    entry: &Entry,
    item: &ResourceItem,
    environment: &Environment,
    place: &Place,
    now: Timestamp,
) -> Result<Looked, Fault> {
    let site = site_of_a_look(entry, item, environment, place, now)?;
    let looked = Looked::at(entry, item);
    Ok(match look(resource, &site).await? {
        None => looked.outcome(Comparison::Deleted),
        Some(found) if found.owner == Owner::Foreign => looked.outcome(Comparison::Foreign),
        Some(found) => looked.found(&site, found),
    })
}

/// The site of a resource that is looked at only, outside of any turn.
pub(crate) fn site_of_a_look<'s>(
    entry: &'s Entry,
    item: &'s ResourceItem,
    environment: &'s Environment,
    place: &'s Place,
    now: Timestamp,
) -> Result<Site<'s>, Fault> {
    let wanted = entry.wanted.iter().map(|(name, value)| {
        let value = resolve(value, &|reference| environment.lookup(reference));
        let unknown = |_| Fault::new(Code::NotFound, "What it refers to is not there.");
        Ok((name.clone(), value.map_err(unknown)?))
    });
    Ok(Site {
        environment: environment.record.id,
        // Nothing is made, so that its token is never asked for.
        operation: environment.operations.first().map_or(OperationId::new(0, 0), |newest| newest.id),
        generation: environment.record.generation,
        action: Action::Ensure,
        place,
        entry,
        wanted: wanted.collect::<Result<_, Fault>>()?,
        force: false,
        id: item.id.as_deref(),
        former_tags: &environment.record.former_tags,
        attributes: &item.attributes,
        intake_until: environment.record.intake_until,
        now,
    })
}

impl Looked {
    /// A resource that was not looked at, and why.
    pub fn not_at(entry: &Entry, fault: Fault) -> Self {
        let planned = ResourceItem::planned(entry, Timestamp::UNIX_EPOCH);
        Looked::at(entry, &planned).not_checked(fault)
    }

    fn at(entry: &Entry, item: &ResourceItem) -> Self {
        Looked {
            key: entry.key.clone(),
            kind: entry.kind,
            id: item.id.clone(),
            outcome: Comparison::NotChecked,
            changes: Vec::new(),
            not_compared: Vec::new(),
            error: None,
        }
    }

    fn outcome(self, outcome: Comparison) -> Self {
        Looked { outcome, ..self }
    }

    fn not_checked(self, fault: Fault) -> Self {
        Looked { error: Some(fault), ..self }
    }

    fn found(self, site: &Site<'_>, found: Found) -> Self {
        let changes = diff(&site.wanted, &found.seen);
        let not_compared = site.wanted.keys().filter(|name| !found.seen.contains_key(*name)).cloned().collect();
        let (outcome, error) = match found.state {
            State::Failed(fault) => (Comparison::Failed, Some(fault)),
            _ if !changes.is_empty() => (Comparison::Modified, None),
            State::Settling | State::Leaving => (Comparison::Unsettled, None),
            State::Ready => (Comparison::InSync, None),
        };
        Looked { outcome, changes, not_compared, error, id: Some(found.id), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        records::samples::{self, NOW},
        resource::Departure,
        survey::{Sighting, Whose},
    };
    use async_trait::async_trait;
    use environment::catalogue::keys;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    type Look = fn(&Site<'_>) -> Result<Option<Found>, Fault>;

    /// A resource that a look shows so. Whatever else is done with it ends the test.
    struct Seen(Look);

    #[async_trait]
    impl Resource for Seen {
        async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
            if at.entry.kind == Kind::Eip {
                std::future::pending::<()>().await;
            }
            (self.0)(at)
        }

        async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
            panic!("{} was made", at.entry.key)
        }

        async fn correct(&self, at: &Site<'_>, _: Found, _: &[Change]) -> Result<Found, Fault> {
            panic!("{} was corrected", at.entry.key)
        }

        async fn try_again(&self, at: &Site<'_>, _: Found, _: Fault) -> Result<Found, Fault> {
            panic!("{} was tried again", at.entry.key)
        }

        async fn remove(&self, at: &Site<'_>, _: &str) -> Result<Departure, Fault> {
            panic!("{} was removed", at.entry.key)
        }
    }

    /// A group of these.
    struct Still(BTreeMap<Kind, Seen>);

    #[async_trait]
    impl Group for Still {
        fn resource(&self, kind: Kind) -> Option<&dyn Resource> {
            self.0.get(&kind).map(|seen| seen as &dyn Resource)
        }

        async fn list_tagged(&self, _: Whose<'_>, _: Kind) -> Result<Vec<Sighting>, Fault> {
            panic!("nobody asked for a list")
        }
    }

    async fn told<const N: usize>(looks: [(Kind, Look); N]) -> Drift {
        let place = samples::place();
        let environment = samples::whole(&place);
        let group = Still(looks.into_iter().map(|(kind, look)| (kind, Seen(look))).collect());
        compare(&group, &environment, &place, NOW, Duration::from_millis(100)).await
    }

    fn as_recorded(at: &Site<'_>) -> Found {
        Found::ready(at.id.expect("a recorded id"))
    }

    fn modified(at: &Site<'_>) -> Result<Option<Found>, Fault> {
        Ok(Some(as_recorded(at).seen("EnableDnsSupport", true).seen("EnableDnsHostnames", false)))
    }

    fn failed(at: &Site<'_>) -> Result<Option<Found>, Fault> {
        Ok(Some(as_recorded(at).state(State::Failed(Fault::new(Code::ResourceFailed, "it failed")))))
    }

    #[tokio::test]
    async fn each_look_is_judged_and_nothing_is_touched() {
        let drift = told([
            (Kind::Vpc, modified),
            (Kind::InternetGateway, |_| Ok(None)),
            (Kind::SecurityGroup, |_| Err(Fault::new(Code::NotFound, ""))),
            (Kind::NatGateway, failed),
            (Kind::Cluster, |at| Ok(Some(as_recorded(at).owner(Owner::Foreign)))),
            (Kind::PrivateDnsNamespace, |_| Err(Fault::new(Code::AccessDenied, "refused"))),
            (Kind::Service, |at| Ok(Some(as_recorded(at).state(State::Settling)))),
        ])
        .await;
        let outcomes: Vec<_> = drift.resources.iter().map(|it| (it.key.as_str(), it.outcome)).collect();
        assert_eq!(
            outcomes,
            [
                ("network/vpc", Comparison::Modified),
                ("network/internet-gateway", Comparison::Deleted),
                ("network/security-group", Comparison::Deleted),
                ("network/nat-gateway", Comparison::Failed),
                ("cluster/cluster", Comparison::Foreign),
                ("cluster/namespace", Comparison::NotChecked),
                ("worker/service", Comparison::Unsettled),
            ]
        );
        let vpc = &drift.resources[0];
        let change = Change { property: "EnableDnsHostnames".into(), wanted: json!(true), seen: json!(false) };
        assert_eq!(vpc.changes, [change]);
        assert_eq!(vpc.not_compared, ["CidrBlock", "Tags"]);
        let refused = drift.resources[5].error.as_ref().expect("why it was not looked at");
        assert_eq!(refused.code, Code::AccessDenied);
    }

    #[tokio::test]
    async fn what_refers_to_others_is_compared_with_their_ids() {
        let leads_to_the_internet = |at: &Site<'_>| -> Result<Option<Found>, Fault> {
            let gateway = format!("id of {}", keys::internet_gateway());
            Ok(Some(as_recorded(at).seen("GatewayId", gateway).seen("NatGatewayId", Value::Null)))
        };
        let drift = told([(Kind::Route, leads_to_the_internet)]).await;
        let outcomes: Vec<_> = drift.resources.iter().map(|it| (it.key.as_str(), it.outcome)).collect();
        let elsewhere = ("network/private-route", Comparison::Modified);
        assert_eq!(outcomes, [("network/public-route", Comparison::InSync), elsewhere]);
        assert_eq!(drift.resources[1].changes[0].wanted, "id of network/nat-gateway");
    }

    #[tokio::test]
    async fn a_look_that_takes_too_long_hides_no_other() {
        let drift = told([(Kind::Eip, |_| Ok(None)), (Kind::InternetGateway, |at| Ok(Some(as_recorded(at))))]).await;
        let outcomes: Vec<_> = drift.resources.iter().map(|it| it.outcome).collect();
        assert_eq!(outcomes, [Comparison::InSync, Comparison::NotChecked]);
    }
}
