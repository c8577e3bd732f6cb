//! Tags: given at birth, asked for in looks, and checked on every answer.
//!
//! The check is never left to a filter. Filters work on an index that lags behind, and some clouds ignore
//! them: an unchecked hit could be another team's.

use aws_sdk_ec2::{
    Client,
    types::{
        Address, EgressOnlyInternetGateway, Filter, InternetGateway, NatGateway, NetworkAcl, NetworkInterface,
        ResourceType, RouteTable, SecurityGroup, Subnet, Tag, TagSpecification, Vpc, VpcEndpoint, VpnGateway,
    },
};
use engine::{Found, Owner, Sighting, Site, TagChange, Whose, aws::fault};
use environment::{EnvironmentId, Fault, Kind, tags};

/// Something of EC2 that carries tags.
pub(crate) trait Tagged {
    fn id(&self) -> Option<&str>;
    fn tags(&self) -> &[Tag];
}

macro_rules! tagged {
    ($($type:ty: $id:ident, $tags:ident;)*) => {
        $(impl Tagged for $type {
            fn id(&self) -> Option<&str> {
                self.$id()
            }

            fn tags(&self) -> &[Tag] {
                self.$tags()
            }
        })*
    };
}

tagged! {
    Vpc: vpc_id, tags;
    InternetGateway: internet_gateway_id, tags;
    Subnet: subnet_id, tags;
    RouteTable: route_table_id, tags;
    SecurityGroup: group_id, tags;
    Address: allocation_id, tags;
    NatGateway: nat_gateway_id, tags;
    NetworkInterface: network_interface_id, tag_set;
    NetworkAcl: network_acl_id, tags;
    VpcEndpoint: vpc_endpoint_id, tags;
    VpnGateway: vpn_gateway_id, tags;
    EgressOnlyInternetGateway: egress_only_internet_gateway_id, tags;
}

/// The tags of a resource that is about to be made.
pub(crate) fn specification(at: &Site<'_>, kind: ResourceType) -> TagSpecification {
    let tags = at.tags().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()
}

/// A filter for one value.
pub(crate) fn filter(name: impl Into<String>, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(value).build()
}

/// What carries the tag of these.
pub(crate) fn of(whose: Whose<'_>) -> Filter {
    let (key, value) = whose.tag();
    filter(format!("tag:{key}"), value)
}

/// What carries this environment's tag and this resource's.
pub(crate) fn of_resource(at: &Site<'_>) -> Vec<Filter> {
    vec![of(Whose::Environment(at.environment)), filter(format!("tag:{}", tags::RESOURCE), at.entry.key.as_str())]
}

/// Whose it is: ours if it has the recorded id, or our tags.
pub(crate) fn owner(at: &Site<'_>, thing: &impl Tagged) -> Owner {
    if at.id.is_some() && at.id == thing.id() {
        return Owner::Ours;
    }
    at.owner(pairs(thing.tags()))
}

/// Those that are ours. Where an id is recorded, nothing with another id is meant.
pub(crate) fn ours<T: Tagged>(at: &Site<'_>, seen: Vec<T>) -> impl Iterator<Item = T> {
    seen.into_iter().filter(move |thing| match at.id {
        Some(id) => thing.id() == Some(id),
        None => owner(at, thing) == Owner::Ours,
    })
}

/// Whether it carries the environment's tag, whichever resource of it it is.
pub(crate) fn belongs(environment: EnvironmentId, thing: &impl Tagged) -> bool {
    let id = environment.to_string();
    thing.tags().iter().any(|tag| tag.key() == Some(tags::ID) && tag.value() == Some(&id))
}

/// What a look saw of one kind that is theirs.
pub(crate) fn sightings<T: Tagged>(kind: Kind, whose: Whose<'_>, seen: impl IntoIterator<Item = T>) -> Vec<Sighting> {
    seen.into_iter().filter_map(|thing| whose.sighting(kind, thing.id()?, pairs(thing.tags()))).collect()
}

fn pairs(tags: &[Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().filter_map(|tag| Some((tag.key()?, tag.value()?)))
}

/// What was found, with its tags.
pub(crate) fn with_tags(at: &Site<'_>, found: Found, thing: &impl Tagged) -> Found {
    found.tagged(at, pairs(thing.tags()))
}

/// Changes the team's tags of something.
pub(crate) async fn retag(ec2: &Client, id: &str, change: &TagChange) -> Result<(), Fault> {
    if !change.drop.is_empty() {
        // Without a value: whatever it is.
        let tags = change.drop.iter().map(|key| Tag::builder().key(key).build());
        let request = ec2.delete_tags().resources(id).set_tags(Some(tags.collect()));
        request.send().await.map_err(|error| fault("ec2:DeleteTags", error))?;
    }
    if !change.put.is_empty() {
        let tags = change.put.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let request = ec2.create_tags().resources(id).set_tags(Some(tags.collect()));
        request.send().await.map_err(|error| fault("ec2:CreateTags", error))?;
    }
    Ok(())
}
