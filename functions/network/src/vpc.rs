//! The VPC. It has no name and no client token: after a lost reply its tags find it.

use crate::{
    Clients,
    dependents::{Within, judge},
    made, tagged,
};
use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_vpcs::builders::DescribeVpcsFluentBuilder,
    types::{self, AttributeBooleanValue, ResourceType, VpcAttributeName, VpcState},
};
use engine::{Departure, Found, Resource, Sighting, Site, State, TagChange, Whose, aws::fault};
use environment::{Change, Code, Fault, Kind};

/// DNS names for what is in the VPC need DNS, so that is turned on first.
const ATTRIBUTES: [&str; 2] = ["EnableDnsSupport", "EnableDnsHostnames"];

pub(crate) struct Vpc(pub(crate) Clients);

#[async_trait]
impl Resource for Vpc {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let request = self.0.ec2.describe_vpcs();
        let request = match at.id {
            Some(id) => request.vpc_ids(id),
            None => request.set_filters(Some(tagged::of_resource(at))),
        };
        let found = tagged::ours(at, list(request).await?).next();
        let Some((vpc, id)) = found.as_ref().and_then(|vpc| Some((vpc, vpc.vpc_id()?))) else {
            return Ok(None);
        };
        let (support, hostnames) = futures::try_join!(
            self.attribute(id, VpcAttributeName::EnableDnsSupport),
            self.attribute(id, VpcAttributeName::EnableDnsHostnames),
        )?;
        let found = Found::ready(id).state(state(vpc.state()));
        let found = found.seen("EnableDnsSupport", support).seen("EnableDnsHostnames", hostnames);
        Ok(Some(tagged::with_tags(at, found.seen("CidrBlock", vpc.cidr_block()), vpc)))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let request = self.0.once.create_vpc().cidr_block(at.text("CidrBlock")?);
        let request = request.tag_specifications(tagged::specification(at, ResourceType::Vpc));
        let answer = request.send().await.map_err(|error| fault("ec2:CreateVpc", error))?;
        let id = made("ec2:CreateVpc", answer.vpc().and_then(types::Vpc::vpc_id))?;
        // What AWS starts every VPC with.
        Ok(Found::ready(id).seen("EnableDnsSupport", true).seen("EnableDnsHostnames", false))
    }

    async fn correct(&self, _at: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
        // One attribute a call: AWS takes no more.
        for name in ATTRIBUTES {
            let Some(change) = changes.iter().find(|change| change.property == name) else { continue };
            let value = AttributeBooleanValue::builder().value(change.wanted == true).build();
            let request = self.0.ec2.modify_vpc_attribute().vpc_id(&found.id);
            let request = match name {
                "EnableDnsSupport" => request.enable_dns_support(value),
                _ => request.enable_dns_hostnames(value),
            };
            request.send().await.map_err(|error| fault("ec2:ModifyVpcAttribute", error))?;
        }
        Ok(found)
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        tagged::retag(&self.0.ec2, &found.id, change).await
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.delete_vpc().vpc_id(id).send().await;
        match answer.map_err(|error| fault("ec2:DeleteVpc", error)) {
            Ok(_) => Ok(Departure::Gone),
            Err(conflict) if conflict.code == Code::Conflict => judge(&self.0, at, Within::Vpc(id), conflict).await,
            Err(other) => Err(other),
        }
    }
}

impl Vpc {
    async fn attribute(&self, id: &str, name: VpcAttributeName) -> Result<bool, Fault> {
        let answer = self.0.ec2.describe_vpc_attribute().vpc_id(id).attribute(name.clone()).send().await;
        let answer = answer.map_err(|error| fault("ec2:DescribeVpcAttribute", error))?;
        let value = match name {
            VpcAttributeName::EnableDnsSupport => answer.enable_dns_support(),
            _ => answer.enable_dns_hostnames(),
        };
        Ok(value.and_then(AttributeBooleanValue::value).unwrap_or_default())
    }

    pub(crate) async fn sightings(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let request = self.0.ec2.describe_vpcs().filters(tagged::of(whose));
        Ok(tagged::sightings(Kind::Vpc, whose, list(request).await?))
    }
}

pub(crate) async fn list(request: DescribeVpcsFluentBuilder) -> Result<Vec<types::Vpc>, Fault> {
    let vpcs = request.into_paginator().items().send().collect::<Result<_, _>>().await;
    vpcs.map_err(|error| fault("ec2:DescribeVpcs", error))
}

fn state(state: Option<&VpcState>) -> State {
    match state {
        Some(VpcState::Pending) => State::Settling,
        Some(VpcState::Deleting) => State::Leaving,
        _ => State::Ready,
    }
}
