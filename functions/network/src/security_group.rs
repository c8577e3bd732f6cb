//! The security group. AWS keeps its name unique within the VPC, and lets a new group's traffic out: nothing
//! in, everything out is how it is born.

use crate::{
    Clients, made,
    network_interface::{self, Within},
    tagged,
};
use async_trait::async_trait;
use aws_sdk_ec2::{
    operation::describe_security_groups::builders::DescribeSecurityGroupsFluentBuilder,
    types::{self, IpPermission, ResourceType},
};
use engine::{Departure, Found, Resource, Sighting, Site, aws::fault};
use environment::{Code, EnvironmentId, Fault, Kind};
use serde_json::{Value, json};

pub(crate) struct SecurityGroup(pub(crate) Clients);

#[async_trait]
impl Resource for SecurityGroup {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let request = self.0.ec2.describe_security_groups();
        let (request, place) = match (at.id, at.text("VpcId")) {
            (Some(id), _) => (request.group_ids(id), None),
            (None, Ok(vpc)) => {
                let name = at.text("GroupName")?;
                let request = request.filters(tagged::filter("vpc-id", vpc)).filters(tagged::filter("group-name", name));
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
        Ok(group.and_then(|group| Some(read(group)?.owner(tagged::owner(at, group)))))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let request = self.0.once.create_security_group().vpc_id(at.text("VpcId")?);
        let request = request.group_name(at.text("GroupName")?).description(at.text("GroupDescription")?);
        let request = request.tag_specifications(tagged::specification(at, ResourceType::SecurityGroup));
        let answer = request.send().await.map_err(|error| fault("ec2:CreateSecurityGroup", error))?;
        made("ec2:CreateSecurityGroup", answer.group_id()).map(Found::ready)
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let answer = self.0.ec2.delete_security_group().group_id(id).send().await;
        match answer.map_err(|error| fault("ec2:DeleteSecurityGroup", error)) {
            Ok(_) => Ok(Departure::Gone),
            Err(conflict) if conflict.code == Code::Conflict => {
                let within = Within::SecurityGroup(id);
                let conflict = match network_interface::judge(&self.0, at, within, conflict).await {
                    Err(still) if still.code == Code::Conflict => still,
                    judged => return judged,
                };
                Err(self.foreign_reference(at, id, &conflict).await?.unwrap_or(conflict))
            }
            Err(other) => Err(other),
        }
    }
}

impl SecurityGroup {
    /// A group that is not ours but names ours in a rule: AWS keeps ours until that rule is gone.
    async fn foreign_reference(&self, at: &Site<'_>, id: &str, conflict: &Fault) -> Result<Option<Fault>, Fault> {
        let Ok(vpc) = at.text("VpcId") else { return Ok(None) };
        let groups = list(self.0.ec2.describe_security_groups().filters(tagged::filter("vpc-id", vpc))).await?;
        let mut foreign = groups.iter().filter(|group| !tagged::belongs(at.environment, *group));
        let group = foreign.find(|group| refers_to(group, id)).and_then(types::SecurityGroup::group_id);
        let fault = |group| {
            network_interface::foreign_dependent("security group", group, &Within::SecurityGroup(id), conflict)
        };
        Ok(group.map(fault))
    }

    pub(crate) async fn sightings(&self, environment: EnvironmentId) -> Result<Vec<Sighting>, Fault> {
        let request = self.0.ec2.describe_security_groups().filters(tagged::of_environment(environment));
        Ok(tagged::sightings(Kind::SecurityGroup, environment, list(request).await?))
    }
}

pub(crate) async fn list(request: DescribeSecurityGroupsFluentBuilder) -> Result<Vec<types::SecurityGroup>, Fault> {
    let groups = request.into_paginator().items().send().collect::<Result<_, _>>().await;
    groups.map_err(|error| fault("ec2:DescribeSecurityGroups", error))
}

fn refers_to(group: &types::SecurityGroup, id: &str) -> bool {
    let mut rules = group.ip_permissions().iter().chain(group.ip_permissions_egress());
    rules.any(|rule| rule.user_id_group_pairs().iter().any(|pair| pair.group_id() == Some(id)))
}

fn read(group: &types::SecurityGroup) -> Option<Found> {
    let found = Found::ready(group.group_id()?)
        .seen("VpcId", group.vpc_id())
        .seen("GroupName", group.group_name())
        .seen("GroupDescription", group.description())
        .seen("SecurityGroupIngress", rules(group.ip_permissions(), "Source"))
        .seen("SecurityGroupEgress", rules(group.ip_permissions_egress(), "Destination"));
    Some(found)
}

/// EC2's permissions in CloudFormation's shape: a rule for each peer, which CloudFormation calls source in
/// rules about what comes in and destination in rules about what goes out.
fn rules(permissions: &[IpPermission], side: &str) -> Value {
    permissions.iter().flat_map(|permission| peers(permission, side)).collect()
}

fn peers(permission: &IpPermission, side: &str) -> Vec<Value> {
    let ranges = permission.ip_ranges().iter().map(|range| ("CidrIp".to_owned(), range.cidr_ip()));
    let ranges_6 = permission.ipv6_ranges().iter().map(|range| ("CidrIpv6".to_owned(), range.cidr_ipv6()));
    let groups = permission.user_id_group_pairs().iter();
    let groups = groups.map(|pair| (format!("{side}SecurityGroupId"), pair.group_id()));
    let lists = permission.prefix_list_ids().iter();
    let lists = lists.map(|list| (format!("{side}PrefixListId"), list.prefix_list_id()));
    let rule = |(name, peer): (String, Option<&str>)| {
        let mut rule = json!({"IpProtocol": permission.ip_protocol()});
        rule[name] = json!(peer);
        for (name, port) in [("FromPort", permission.from_port()), ("ToPort", permission.to_port())] {
            if let Some(port) = port {
                rule[name] = json!(port);
            }
        }
        rule
    };
    ranges.chain(ranges_6).chain(groups).chain(lists).map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{IpRange, UserIdGroupPair};

    #[test]
    fn a_new_groups_rules_are_read_in_the_catalogues_shape() {
        let everything = IpPermission::builder().ip_protocol("-1");
        let everything = everything.ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build()).build();
        let group = types::SecurityGroup::builder().group_id("sg-1").ip_permissions_egress(everything).build();
        let seen = read(&group).expect("a group").seen;
        assert_eq!(seen["SecurityGroupIngress"], json!([]));
        assert_eq!(seen["SecurityGroupEgress"], json!([{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]));
    }

    #[test]
    fn a_rule_that_names_our_group_is_seen() {
        let pair = UserIdGroupPair::builder().group_id("sg-ours").build();
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(5432).to_port(5432).user_id_group_pairs(pair);
        let group = types::SecurityGroup::builder().group_id("sg-theirs").ip_permissions(rule.build()).build();
        assert!(refers_to(&group, "sg-ours"));
        assert!(!refers_to(&group, "sg-other"));
        let wanted = json!([{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
            "SourceSecurityGroupId": "sg-ours"}]);
        assert_eq!(rules(group.ip_permissions(), "Source"), wanted);
    }
}
