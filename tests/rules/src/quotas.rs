//! An account may have so many of each.
//!
//! What is counted is what the other rules know of; every account begins with a default VPC and its internet gateway.
//! The same limits are told by Service Quotas and by IAM.

mod told;

pub(crate) use told::{AccountSummary, ServiceQuotas};

use crate::{Answer, Call, rule::Rule, world::World};
use serde_json::json;

/// A quota as Service Quotas knows it, and the calls that use it.
#[derive(Debug)]
pub(crate) struct Quota {
    pub(crate) service: &'static str,
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) default: u32,
    /// The service as a signature names it, and the call that takes a part of the quota.
    signed: &'static str,
    made_by: &'static str,
    /// How many there are for such a call.
    used: fn(&World, &Call) -> usize,
    status: u16,
    error: &'static str,
    message: &'static str,
}

/// - <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
/// - <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/elastic-ip-addresses-eip.html#using-instance-addressing-limit>
/// - <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
/// - <https://docs.aws.amazon.com/cloud-map/latest/dg/cloud-map-limits.html>
///
/// and the codes of EC2: <https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html>
const QUOTAS: &[Quota] = &[
    Quota {
        service: "vpc",
        code: "L-F678F1CE",
        name: "VPCs per Region",
        default: 5,
        signed: "ec2",
        made_by: "CreateVpc",
        used: |world, _| world.ec2.vpcs.len(),
        status: 400,
        error: "VpcLimitExceeded",
        message: "The maximum number of VPCs has been reached.",
    },
    Quota {
        service: "vpc",
        code: "L-A4707A72",
        name: "Internet gateways per Region",
        default: 5,
        signed: "ec2",
        made_by: "CreateInternetGateway",
        used: |world, _| world.ec2.internet_gateways.len(),
        status: 400,
        error: "InternetGatewayLimitExceeded",
        message: "The maximum number of internet gateways has been reached.",
    },
    Quota {
        service: "ec2",
        code: "L-0263D0A3",
        name: "EC2-VPC Elastic IPs",
        default: 5,
        signed: "ec2",
        made_by: "AllocateAddress",
        used: |world, _| world.ec2.addresses.len(),
        status: 400,
        error: "AddressLimitExceeded",
        message: "The maximum number of addresses has been reached.",
    },
    // Of each zone.
    Quota {
        service: "vpc",
        code: "L-FE5A380F",
        name: "NAT gateways per Availability Zone",
        default: 5,
        signed: "ec2",
        made_by: "CreateNatGateway",
        used: nat_gateways,
        status: 400,
        error: "NatGatewayLimitExceeded",
        message: "The maximum number of NAT Gateways has been reached.",
    },
    Quota {
        service: "iam",
        code: ROLES,
        name: "Roles per account",
        default: 1000,
        signed: "iam",
        made_by: "CreateRole",
        used: |world, _| world.iam.len(),
        status: 409,
        error: "LimitExceeded",
        message: "Cannot exceed quota for RolesPerAccount: {}",
    },
    Quota {
        service: "AWSCloudMap",
        code: "L-0FE3F50E",
        name: "Namespaces per Region",
        default: 50,
        signed: "servicediscovery",
        made_by: "CreatePrivateDnsNamespace",
        used: |world, _| world.cloud_map.namespaces(),
        status: 400,
        error: "ResourceLimitExceeded",
        message: "The maximum number of namespaces has been reached.",
    },
];

const ROLES: &str = "L-FE177D64";

impl Quota {
    /// How many there may be in this run.
    pub(crate) fn limit(&self, world: &World) -> u32 {
        world.settings.quotas.get(self.code).copied().unwrap_or(self.default)
    }
}

/// Every quota's code.
pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
    QUOTAS.iter().map(|quota| quota.code)
}

/// A create that would exceed a quota is refused.
pub(crate) struct Quotas;

impl Rule for Quotas {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let quota = QUOTAS.iter().find(|quota| quota.signed == call.service && quota.made_by == call.action)?;
        let limit = quota.limit(world);
        if (quota.used)(world, call) < usize::try_from(limit).unwrap_or(usize::MAX) {
            return None;
        }
        let message = quota.message.replace("{}", &limit.to_string());
        Some(Answer::error_with(call, quota.status, quota.error, &message, json!({})))
    }
}

/// A zone's NAT gateways, from pending to deleting: as long as they hold an interface.
fn nat_gateways(world: &World, call: &Call) -> usize {
    let zone = |subnet: &str| world.ec2.subnets.get(subnet).map(|subnet| subnet.zone.as_str());
    let asked = zone(call.text("SubnetId"));
    let interfaces = world.ec2.interfaces(world.now);
    interfaces.filter(|(_, held)| held.kind == "nat_gateway" && zone(&held.subnet) == asked).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    fn vpc(id: usize) -> String {
        format!("<R><vpc><vpcId>vpc-{id}</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></vpc></R>")
    }

    #[tokio::test]
    async fn the_fifth_vpc_beside_the_default_one_is_refused_until_one_has_gone() {
        let aws = Rehearsal::new(Settings::default());
        for id in 1..=4 {
            assert!(aws.form("ec2", "CreateVpc", &[], &vpc(id)).await.succeeded(), "VPC {id}");
        }
        assert_eq!(aws.form("ec2", "CreateVpc", &[], &vpc(5)).await.code(), "VpcLimitExceeded");
        aws.form("ec2", "DeleteVpc", &[("VpcId", "vpc-1")], "<R/>").await;
        assert!(aws.form("ec2", "CreateVpc", &[], &vpc(5)).await.succeeded());
    }

    #[tokio::test]
    async fn a_run_may_set_another_limit_or_none() {
        let limit = |limit| Settings { quotas: [("L-0263D0A3".to_owned(), limit)].into(), ..Settings::default() };
        let aws = Rehearsal::new(limit(0));
        assert_eq!(aws.form("ec2", "AllocateAddress", &[], "<R/>").await.code(), "AddressLimitExceeded");
        let aws = Rehearsal::new(limit(u32::MAX));
        for id in 0..20 {
            let made = format!("<R><allocationId>eipalloc-{id}</allocationId></R>");
            assert!(aws.form("ec2", "AllocateAddress", &[], &made).await.succeeded());
        }
    }

    #[tokio::test]
    async fn nat_gateways_count_by_zone_and_until_they_are_deleted() {
        let quotas = [("L-FE5A380F".to_owned(), 1)].into();
        let mut aws = Rehearsal::new(Settings { quotas, ..Settings::default() });
        aws.form("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")], &vpc(1)).await;
        for (subnet, zone) in [("subnet-a", "a"), ("subnet-b", "b")] {
            let cidr = format!("10.0.{}.0/24", zone.len() + usize::from(zone == "b"));
            let made = format!(
                "<R><subnet><subnetId>{subnet}</subnetId><vpcId>vpc-1</vpcId><cidrBlock>{cidr}</cidrBlock>\
                 <availabilityZone>{zone}</availabilityZone></subnet></R>"
            );
            let wanted = [("VpcId", "vpc-1"), ("CidrBlock", cidr.as_str())];
            assert!(aws.form("ec2", "CreateSubnet", &wanted, &made).await.succeeded());
        }
        for id in ["a", "b", "c"] {
            let made = format!("<R><allocationId>eipalloc-{id}</allocationId><publicIp>1.1.1.1</publicIp></R>");
            aws.form("ec2", "AllocateAddress", &[], &made).await;
        }
        let made = |id: &str, subnet: &str| {
            format!(
                "<R><natGateway><natGatewayId>nat-{id}</natGatewayId><subnetId>{subnet}</subnetId></natGateway></R>"
            )
        };
        let code = async |aws: &Rehearsal, subnet: &str, id: &str| {
            let allocation = format!("eipalloc-{id}");
            let wanted = [("SubnetId", subnet), ("AllocationId", allocation.as_str())];
            aws.form("ec2", "CreateNatGateway", &wanted, &made(id, subnet)).await.code()
        };
        assert_eq!(code(&aws, "subnet-a", "a").await, "");
        assert_eq!(code(&aws, "subnet-b", "b").await, "");
        assert_eq!(code(&aws, "subnet-a", "c").await, "NatGatewayLimitExceeded");
        let deleted = "<R><natGatewayId>nat-a</natGatewayId></R>";
        aws.form("ec2", "DeleteNatGateway", &[("NatGatewayId", "nat-a")], deleted).await;
        assert_eq!(code(&aws, "subnet-a", "c").await, "NatGatewayLimitExceeded", "it counts while it is going");
        aws.later(60);
        assert_eq!(code(&aws, "subnet-a", "c").await, "");
    }

    #[tokio::test]
    async fn roles_have_a_quota_of_their_own_words() {
        let aws = Rehearsal::new(Settings { quotas: [(ROLES.to_owned(), 1)].into(), ..Settings::default() });
        aws.form("iam", "CreateRole", &[("RoleName", "a")], "<R/>").await;
        let told = aws.form("iam", "CreateRole", &[("RoleName", "b")], "<R/>").await;
        assert_eq!((told.status, told.code().as_str()), (409, "LimitExceeded"));
    }
}
