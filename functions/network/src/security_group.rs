//! The security group. AWS keeps its name unique within the VPC, and lets a new group's traffic out: nothing
//! in, everything out is how it is born. Rules that somebody adds later are theirs to answer for and left alone.

use crate::{
    Clients,
    dependents::{Within, judge},
    made, tagged,
};
use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_security_groups::builders::DescribeSecurityGroupsFluentBuilder,
    types::{self, ResourceType},
};
use engine::{Departure, Found, Resource, Sighting, Site, TagChange, Whose, aws::fault};
use environment::{Code, Fault, Kind};

pub(crate) struct SecurityGroup(pub(crate) Clients);

#[async_trait]
impl Resource for SecurityGroup {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let request = self.0.ec2.describe_security_groups();
        let (request, place) = match (at.id, at.text("VpcId")) {
            (Some(id), _) => (request.group_ids(id), None),
            (None, Ok(vpc)) => {
                let name = at.text("GroupName")?;
                let request =
                    request.filters(tagged::filter("vpc-id", vpc)).filters(tagged::filter("group-name", name));
                (request, Some((vpc, name)))
            }
            // The VPC is gone, and its groups with it.
            (None, Err(_)) => return Ok(None),
        };
        let groups = list(request).await?;
        let group = groups.iter().find(|group| match place {
            Some((vpc, name)) => group.vpc_id() == Some(vpc) && group.group_name() == Some(name),
            None => group.group_id() == at.id,
        });
        Ok(group.and_then(|group| {
            let found = Found::ready(group.group_id()?).owner(tagged::owner(at, group));
            Some(tagged::with_tags(at, found, group))
        }))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let request = self.0.once.create_security_group().vpc_id(at.text("VpcId")?);
        let request = request.group_name(at.text("GroupName")?).description(at.text("GroupDescription")?);
        let request = request.tag_specifications(tagged::specification(at, ResourceType::SecurityGroup));
        let answer = request.send().await.map_err(|error| fault("ec2:CreateSecurityGroup", error))?;
        made("ec2:CreateSecurityGroup", answer.group_id()).map(Found::ready)
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        tagged::retag(&self.0.ec2, &found.id, change).await
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.delete_security_group().group_id(id).send().await;
        match answer.map_err(|error| fault("ec2:DeleteSecurityGroup", error)) {
            Ok(_) => Ok(Departure::Gone),
            Err(conflict) if conflict.code == Code::Conflict => {
                judge(&self.0, at, Within::SecurityGroup(id), conflict).await
            }
            Err(other) => Err(other),
        }
    }
}

impl SecurityGroup {
    pub(crate) async fn sightings(&self, whose: Whose<'_>) -> Result<Vec<Sighting>, Fault> {
        let request = self.0.ec2.describe_security_groups().filters(tagged::of(whose));
        Ok(tagged::sightings(Kind::SecurityGroup, whose, list(request).await?))
    }
}

pub(crate) async fn list(request: DescribeSecurityGroupsFluentBuilder) -> Result<Vec<types::SecurityGroup>, Fault> {
    let groups = request.into_paginator().items().send().collect::<Result<_, _>>().await;
    groups.map_err(|error| fault("ec2:DescribeSecurityGroups", error))
}

/// Whether a rule of the group names this one.
pub(crate) fn refers_to(group: &types::SecurityGroup, id: &str) -> bool {
    let mut rules = group.ip_permissions().iter().chain(group.ip_permissions_egress());
    rules.any(|rule| rule.user_id_group_pairs().iter().any(|pair| pair.group_id() == Some(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{IpPermission, UserIdGroupPair};

    #[test]
    fn a_rule_that_names_our_group_is_seen() {
        let pair = UserIdGroupPair::builder().group_id("sg-ours").build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(5432).to_port(5432).user_id_group_pairs(pair);
        let group = types::SecurityGroup::builder().group_id("sg-theirs").ip_permissions(rule.build()).build();
        assert!(refers_to(&group, "sg-ours"));
        assert!(!refers_to(&group, "sg-other"));
    }
}
