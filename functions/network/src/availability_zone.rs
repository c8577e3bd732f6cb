//! Availability zones, chosen by zone id: names are shuffled from account to account.

use crate::Clients;
use aws_sdk_ec2::types::{AvailabilityZone, AvailabilityZoneOptInStatus, AvailabilityZoneState};
use engine::aws::fault;
use environment::{Code, Fault};

/// Where Fargate runs in some of a region's zones only, these are the ones: prefix of the region's zone ids,
/// and the zones. Source: "Supported Regions for Amazon ECS on AWS Fargate" in the ECS developer guide.
const FARGATE_ONLY_IN: [(&str, &[&str]); 3] = [
    ("usw1-", &["usw1-az1", "usw1-az3"]),
    ("apne1-", &["apne1-az1", "apne1-az2", "apne1-az4"]),
    ("cnn1-", &["cnn1-az1", "cnn1-az2"]),
];

/// The zones that a new network takes: `count` of them, or as many as there are.
pub(crate) async fn choose(clients: &Clients, count: usize) -> Result<Vec<String>, Fault> {
    let answer = clients.ec2.describe_availability_zones().send().await;
    let answer = answer.map_err(|error| fault("ec2:DescribeAvailabilityZones", error))?;
    let mut zones = suitable(answer.availability_zones());
    zones.truncate(count);
    if zones.is_empty() {
        // No region is without zones, so this is an outage.
        return Err(Fault::new(Code::ServiceUnavailable, "No availability zone of the region is available."));
    }
    Ok(zones)
}

/// Zones of the region proper (no local or wavelength zones) that are up, open to this account, and have Fargate.
fn suitable(zones: &[AvailabilityZone]) -> Vec<String> {
    let mut ids: Vec<String> = zones
        .iter()
        .filter(|zone| {
            zone.state() == Some(&AvailabilityZoneState::Available)
                && zone.zone_type() == Some("availability-zone")
                && zone.opt_in_status() != Some(&AvailabilityZoneOptInStatus::NotOptedIn)
        })
        .filter_map(AvailabilityZone::zone_id)
        .filter(|id| has_fargate(id))
        .map(str::to_owned)
        .collect();
    ids.sort();
    ids
}

fn has_fargate(id: &str) -> bool {
    let restricted = FARGATE_ONLY_IN.iter().find(|(prefix, _)| id.starts_with(prefix));
    restricted.is_none_or(|(_, zones)| zones.contains(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str) -> aws_sdk_ec2::types::builders::AvailabilityZoneBuilder {
        AvailabilityZone::builder()
            .zone_id(id)
            .zone_type("availability-zone")
            .state(AvailabilityZoneState::Available)
            .opt_in_status(AvailabilityZoneOptInStatus::OptInNotRequired)
    }

    #[test]
    fn zones_are_sorted_by_id_and_only_usable_ones_count() {
        let zones = [
            zone("euw1-az3").build(),
            zone("euw1-az1").build(),
            zone("euw1-az2").state(AvailabilityZoneState::Impaired).build(),
            zone("euw1-az4").opt_in_status(AvailabilityZoneOptInStatus::NotOptedIn).build(),
            zone("euw1-lon1-az1").zone_type("local-zone").build(),
        ];
        assert_eq!(suitable(&zones), ["euw1-az1", "euw1-az3"]);
    }

    #[test]
    fn a_zone_without_fargate_is_not_taken() {
        let zones = ["apne1-az1", "apne1-az2", "apne1-az3", "apne1-az4"].map(|id| zone(id).build());
        assert_eq!(suitable(&zones), ["apne1-az1", "apne1-az2", "apne1-az4"]);
    }
}
