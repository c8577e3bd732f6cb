//! What is told of quotas, and what is not.

use super::{
    clients, config,
    ec2::{Ec2, set},
    place, question,
};
use crate::quotas::Quotas;
use engine::Quota;

const VPCS: &str = "L-F678F1CE";
const INTERNET_GATEWAYS: &str = "L-A4707A72";
const ADDRESSES: &str = "L-0263D0A3";
const NAT_GATEWAYS: &str = "L-FE5A380F";

/// An account with three zones, and so many of everything in the first of them.
fn account(vpcs: usize, addresses: usize, gateways: &[&str]) -> Ec2 {
    let some = |count: usize, item: &str| (1..=count).map(|n| item.replace('N', &n.to_string())).collect::<Vec<_>>();
    let zones: Vec<String> = (1..=3)
        .map(|n| {
            format!(
                "<zoneId>euw1-az{n}</zoneId><zoneType>availability-zone</zoneType><zoneState>available</zoneState>\
                 <optInStatus>opt-in-not-required</optInStatus>"
            )
        })
        .collect();
    let gateways: Vec<String> = gateways
        .iter()
        .map(|state| format!("<natGatewayId>nat-1</natGatewayId><subnetId>subnet-1</subnetId><state>{state}</state>"))
        .collect();
    let subnets = ["1", "2"]
        .map(|n| format!("<subnetId>subnet-{n}</subnetId><availabilityZoneId>euw1-az{n}</availabilityZoneId>"));
    Ec2::default()
        .says("DescribeAvailabilityZones", &set("availabilityZoneInfo", &zones))
        .says("DescribeVpcs", &set("vpcSet", &some(vpcs, "<vpcId>vpc-N</vpcId>")))
        .says(
            "DescribeInternetGateways",
            &set("internetGatewaySet", &some(vpcs, "<internetGatewayId>igw-N</internetGatewayId>")),
        )
        .says("DescribeAddresses", &set("addressesSet", &some(addresses, "<allocationId>eipalloc-N</allocationId>")))
        .says("DescribeNatGateways", &set("natGatewaySet", &gateways))
        .says("DescribeSubnets", &set("subnetSet", &subnets))
}

/// The account has a limit of its own for each quota.
fn with_limit(ec2: Ec2, limit: u64) -> Ec2 {
    [VPCS, INTERNET_GATEWAYS, ADDRESSES, NAT_GATEWAYS].into_iter().fold(ec2, |ec2, code| {
        ec2.answers(code, 200, &format!(r#"{{"Quota":{{"QuotaCode":"{code}","Value":{limit}.0}}}}"#))
    })
}

fn unreadable(ec2: Ec2, status: u16, body: &str) -> Ec2 {
    [VPCS, INTERNET_GATEWAYS, ADDRESSES, NAT_GATEWAYS]
        .into_iter()
        .fold(ec2, |ec2, code| ec2.answers(code, status, body))
}

async fn told(ec2: &Ec2, nat: &str) -> Vec<Quota> {
    Quotas::new(&config(ec2)).told(&clients(ec2), &question(nat), &place()).await
}

/// Code, zone, limit, used and needed of each.
fn written(quotas: &[Quota]) -> Vec<String> {
    let write = |quota: &Quota| {
        let zone = quota.zone.as_deref().map(|zone| format!(" in {zone}")).unwrap_or_default();
        format!("{}{zone}: {} + {} of {}", quota.code, quota.used, quota.needed, quota.limit)
    };
    quotas.iter().map(write).collect()
}

#[tokio::test]
async fn what_the_spec_needs_is_counted_against_the_accounts_own_limits() {
    let ec2 = with_limit(account(3, 2, &["available"]), 20);
    let expected = [
        format!("{VPCS}: 3 + 1 of 20"),
        format!("{INTERNET_GATEWAYS}: 3 + 1 of 20"),
        format!("{ADDRESSES}: 2 + 1 of 20"),
        format!("{NAT_GATEWAYS} in euw1-az1: 1 + 1 of 20"),
    ];
    assert_eq!(written(&told(&ec2, "single").await), expected);
}

#[tokio::test]
async fn nat_gateways_are_counted_zone_by_zone_with_those_on_their_way() {
    let ec2 = with_limit(account(1, 1, &["pending", "available", "deleting", "deleted", "failed"]), 5);
    let told = written(&told(&ec2, "per-az").await);
    let expected = ["euw1-az1: 3 + 1 of 5", "euw1-az2: 0 + 1 of 5", "euw1-az3: 0 + 1 of 5"];
    assert_eq!(
        told[2..],
        [
            format!("{ADDRESSES}: 1 + 3 of 5"),
            format!("{NAT_GATEWAYS} in {}", expected[0]),
            format!("{NAT_GATEWAYS} in {}", expected[1]),
            format!("{NAT_GATEWAYS} in {}", expected[2]),
        ]
    );
}

#[tokio::test]
async fn what_the_spec_does_not_need_is_not_asked_for() {
    let ec2 = with_limit(account(1, 1, &[]), 5);
    assert_eq!(
        written(&told(&ec2, "none").await),
        [format!("{VPCS}: 1 + 1 of 5"), format!("{INTERNET_GATEWAYS}: 1 + 1 of 5"),]
    );
    for asked in ec2.asked() {
        assert!(
            !["DescribeAddresses", "DescribeNatGateways", ADDRESSES, NAT_GATEWAYS].contains(&asked.as_str()),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn where_service_quotas_is_not_readable_awss_defaults_hold() {
    for (status, body) in [
        (400, r#"{"error": "Unsupported service: servicequotas"}"#),
        (400, r#"{"__type": "AccessDeniedException"}"#),
        (400, r#"{"__type": "NoSuchResourceException"}"#),
        (200, "{}"),
    ] {
        let ec2 = unreadable(account(5, 1, &[]), status, body);
        let told = told(&ec2, "single").await;
        let exceeded: Vec<Quota> = told.iter().filter(|quota| quota.is_exceeded()).cloned().collect();
        assert_eq!(
            written(&exceeded),
            [format!("{VPCS}: 5 + 1 of 5"), format!("{INTERNET_GATEWAYS}: 5 + 1 of 5")],
            "{body}"
        );
        assert_eq!(told.len(), 4, "{body}");
    }
}

#[tokio::test]
async fn a_default_that_is_exceeded_already_is_not_the_limit() {
    let ec2 = unreadable(account(6, 1, &[]), 400, r#"{"__type": "AccessDeniedException"}"#);
    assert!(told(&ec2, "none").await.is_empty());
}

/// A default that does not hold would refuse what the account has room for.
#[tokio::test]
async fn a_limit_that_cannot_be_read_now_refuses_nothing() {
    for (status, body) in
        [(400, r#"{"__type": "TooManyRequestsException"}"#), (500, r#"{"__type": "ServiceException"}"#)]
    {
        let ec2 = unreadable(account(5, 5, &[]), status, body);
        assert!(told(&ec2, "single").await.is_empty(), "{body}");
    }
}

#[tokio::test]
async fn the_local_cloud_has_no_defaults() {
    let ec2 = unreadable(account(50, 50, &[]), 400, r#"{"error": "Unsupported service: servicequotas"}"#);
    let mut quotas = Quotas::new(&config(&ec2));
    quotas.has_defaults = false;
    assert!(quotas.told(&clients(&ec2), &question("single"), &place()).await.is_empty());
}

#[tokio::test]
async fn one_count_that_fails_hides_no_other() {
    let ec2 = with_limit(account(5, 1, &[]), 5).refuses("DescribeVpcs", "UnauthorizedOperation");
    let ec2 = ec2.refuses("DescribeAvailabilityZones", "RequestLimitExceeded");
    assert_eq!(
        written(&told(&ec2, "single").await),
        [format!("{INTERNET_GATEWAYS}: 5 + 1 of 5"), format!("{ADDRESSES}: 1 + 1 of 5"),]
    );
}
