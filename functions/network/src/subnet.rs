//! A subnet, public or private.

use crate::{
    Clients,
    dependents::{Within, judge},
    made, tagged,
};
use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_subnets::builders::DescribeSubnetsFluentBuilder,
    types::{self, AttributeBooleanValue, ResourceType, SubnetState},
};
use engine::{Departure, Found, Owner, Resource, Sighting, Site, State, TagChange, Whose, aws::fault};
use environment::{Change, Code, Fault, Kind};
use ipnet::Ipv4Net;

pub(crate) struct Subnet(pub(crate) Clients);

#[async_trait]
impl Resource for Subnet {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let request = self.0.ec2.describe_subnets();
        let request = match at.id {
            Some(id) => request.subnet_ids(id),
            None => request.set_filters(Some(tagged::of_resource(at))),
        };
        let found = tagged::ours(at, list(request).await?).next();
        Ok(found.and_then(|subnet| Some(tagged::with_tags(at, read(&subnet)?, &subnet))))
    }

    /// A range of the VPC that is taken answers `InvalidSubnet.Conflict`, so a repetition makes no twin. What has taken
    /// it is ours, or somebody has made it by hand in a VPC that is minutes old.
    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let request = self.0.once.create_subnet().vpc_id(at.text("VpcId")?).cidr_block(at.text("CidrBlock")?);
        let request = request.availability_zone_id(at.text("AvailabilityZoneId")?);
        let request = request.tag_specifications(tagged::specification(at, ResourceType::Subnet));
        let answer = match request.send().await.map_err(|error| fault("ec2:CreateSubnet", error)) {
            Err(taken) if taken.code == Code::AlreadyExists => {
                return match self.foreign_subnet(at).await? {
                    Some(theirs) => Ok(Found::ready(theirs).owner(Owner::Foreign).state(State::Failed(taken))),
                    None => Err(taken),
                };
            }
            other => other?,
        };
        let id = made("ec2:CreateSubnet", answer.subnet().and_then(types::Subnet::subnet_id))?;
        // What AWS starts every subnet with.
        Ok(Found::ready(id).seen("MapPublicIpOnLaunch", false))
    }

    async fn correct(&self, _at: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
        for change in changes.iter().filter(|change| change.property == "MapPublicIpOnLaunch") {
            let value = AttributeBooleanValue::builder().value(change.wanted == true).build();
            let request = self.0.ec2.modify_subnet_attribute().subnet_id(&found.id).map_public_ip_on_launch(value);
            request.send().await.map_err(|error| fault("ec2:ModifySubnetAttribute", error))?;
        }
        Ok(found)
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        tagged::retag(&self.0.ec2, &found.id, change).await
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.delete_subnet().subnet_id(id).send().await;
        match answer.map_err(|error| fault("ec2:DeleteSubnet", error)) {
            Ok(_) => Ok(Departure::Gone),
            Err(conflict) if conflict.code == Code::Conflict => judge(&self.0, at, Within::Subnet(id), conflict).await,
            Err(other) => Err(other),
        }
    }
}

impl Subnet {
    /// A subnet that is not ours and has addresses of ours.
    async fn foreign_subnet(&self, at: &Site<'_>) -> Result<Option<String>, Fault> {
        let (vpc, range) = (at.text("VpcId")?, at.text("CidrBlock")?);
        let subnets = list(self.0.ec2.describe_subnets().filters(tagged::filter("vpc-id", vpc))).await?;
        let mut here = subnets.iter().filter(|it| it.vpc_id() == Some(vpc) && !tagged::belongs(at.environment, *it));
        let foreign = here.find(|it| it.cidr_block().is_some_and(|theirs| overlap(theirs, range)));
        Ok(foreign.and_then(types::Subnet::subnet_id).map(str::to_owned))
    }

    pub(crate) async fn sightings(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let request = self.0.ec2.describe_subnets().filters(tagged::of(whose));
        Ok(tagged::sightings(Kind::Subnet, whose, list(request).await?))
    }
}

pub(crate) async fn list(request: DescribeSubnetsFluentBuilder) -> Result<Vec<types::Subnet>, Fault> {
    let subnets = request.into_paginator().items().send().collect::<Result<_, _>>().await;
    subnets.map_err(|error| fault("ec2:DescribeSubnets", error))
}

/// Whether two ranges share addresses: then one lies in the other.
fn overlap(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (one.parse::<Ipv4Net>(), other.parse::<Ipv4Net>()) else { return false };
    one.contains(&other) || other.contains(&one)
}

fn read(subnet: &types::Subnet) -> Option<Found> {
    let found = Found::ready(subnet.subnet_id()?)
        .state(state(subnet.state()))
        .seen("VpcId", subnet.vpc_id())
        .seen("CidrBlock", subnet.cidr_block())
        .seen("AvailabilityZoneId", subnet.availability_zone_id())
        .seen("MapPublicIpOnLaunch", subnet.map_public_ip_on_launch().unwrap_or_default());
    Some(found)
}

fn state(state: Option<&SubnetState>) -> State {
    match state {
        Some(SubnetState::Pending) => State::Settling,
        Some(failed @ (SubnetState::Failed | SubnetState::FailedInsufficientCapacity)) => State::Failed(Fault {
            aws_code: Some(failed.as_str().to_owned()),
            ..Fault::new(Code::ResourceFailed, "AWS could not make the subnet.")
        }),
        _ => State::Ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_subnet_is_read_in_the_catalogues_shape() {
        let subnet = types::Subnet::builder()
            .subnet_id("subnet-1")
            .vpc_id("vpc-1")
            .cidr_block("10.0.1.0/24")
            .availability_zone_id("euw1-az1")
            .map_public_ip_on_launch(true)
            .state(SubnetState::Available)
            .build();
        let found = read(&subnet).expect("a subnet");
        let wanted = json!({"VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "AvailabilityZoneId": "euw1-az1",
            "MapPublicIpOnLaunch": true});
        assert_eq!(json!(found.seen), wanted);
        assert!(matches!(found.state, State::Ready));
    }
}
