//! Quotas of the region that a network needs a part of: how many there may be, how many there are.
//!
//! Limits are Service Quotas' where it can be read, and otherwise AWS's defaults. Where it cannot be read *now*
//! (throttled, out of time), and where more is in use than a default allows, nobody knows the limit, and what nobody
//! knows refuses nothing: the create would be refused with AWS's own code and undone. On the local cloud there is
//! neither Service Quotas nor any quota.
//!
//! Codes and defaults: "Amazon VPC quotas" in the Amazon VPC user guide, "Elastic IP addresses" in the Amazon EC2
//! user guide.

use crate::{Clients, availability_zone, eip, internet_gateway, nat_gateway, subnet, vpc};
use aws_sdk_ec2::types::{Filter, NatGatewayState};
use engine::{
    Preflight, Quota, SdkConfig,
    aws::{fault, without_retries},
    preflight::count,
};
use environment::{Entry, Fault, Key, Kind, Place, spec::Network};
use std::{collections::BTreeMap, time::Duration};

/// A reader waits no longer: the API gives the whole preflight 5 s.
const READING: Duration = Duration::from_secs(2);

/// A quota as Service Quotas knows it.
struct Limit {
    service: &'static str,
    code: &'static str,
    name: &'static str,
    default: u64,
}

const VPCS: Limit = Limit { service: "vpc", code: "L-F678F1CE", name: "VPCs per Region", default: 5 };
const INTERNET_GATEWAYS: Limit =
    Limit { service: "vpc", code: "L-A4707A72", name: "Internet gateways per Region", default: 5 };
const ADDRESSES: Limit = Limit { service: "ec2", code: "L-0263D0A3", name: "EC2-VPC Elastic IPs", default: 5 };
const NAT_GATEWAYS: Limit =
    Limit { service: "vpc", code: "L-FE5A380F", name: "NAT gateways per Availability Zone", default: 5 };

/// Reads the quotas.
pub(crate) struct Quotas {
    limits: aws_sdk_servicequotas::Client,
    /// Whether AWS's defaults hold where no limit can be read.
    pub(crate) has_defaults: bool,
}

impl Quotas {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        let timeouts = aws_sdk_servicequotas::config::timeout::TimeoutConfig::builder().operation_timeout(READING);
        let config = without_retries(config).to_builder().timeout_config(timeouts.build()).build();
        Quotas { limits: aws_sdk_servicequotas::Client::new(&config), has_defaults: true }
    }

    /// The quotas that the network of the environment needs a part of, as far as they can be told.
    pub(crate) async fn told(&self, clients: &Clients, asked: &Preflight, place: &Place) -> Vec<Quota> {
        let Network::Create { public_subnets, .. } = &asked.spec.network;
        let zones = match asked.zones.is_empty() {
            // Without zones the NAT gateways are nowhere, and only their quota is not told.
            true => availability_zone::choose(clients, public_subnets.len()).await.unwrap_or_else(|fault| {
                tracing::warn!(?fault, "the zones cannot be told");
                Vec::new()
            }),
            false => asked.zones.clone(),
        };
        let entries = asked.entries(place, &zones);
        let needs = |kind| count(&entries, kind);
        let (vpcs, gateways, addresses, nat) = futures::join!(
            self.tell(VPCS, needs(Kind::Vpc), vpcs(clients)),
            self.tell(INTERNET_GATEWAYS, needs(Kind::InternetGateway), gateways(clients)),
            self.tell(ADDRESSES, needs(Kind::Eip), addresses(clients)),
            self.tell_by_zone(NAT_GATEWAYS, nat_gateways_by_zone(&entries), clients),
        );
        [vpcs, gateways, addresses].into_iter().flatten().chain(nat).collect()
    }

    async fn tell(&self, limit: Limit, needed: u64, used: impl Future<Output = Result<u64, Fault>>) -> Option<Quota> {
        if needed == 0 {
            return None;
        }
        let (most, used) = futures::join!(self.most(&limit), used);
        limit.quota(None, most, known(&limit, used)?, needed)
    }

    async fn tell_by_zone(&self, limit: Limit, needed: BTreeMap<String, u64>, clients: &Clients) -> Vec<Quota> {
        if needed.is_empty() {
            return Vec::new();
        }
        let (most, used) = futures::join!(self.most(&limit), used_nat_gateways(clients, needed.keys()));
        let Some(used) = known(&limit, used) else { return Vec::new() };
        let quota = |(zone, needed): (String, u64)| {
            let used = used.get(&zone).copied().unwrap_or_default();
            limit.quota(Some(zone), most, used, needed)
        };
        needed.into_iter().filter_map(quota).collect()
    }

    /// How many there may be, if anybody knows.
    async fn most(&self, limit: &Limit) -> Most {
        let answer = self.limits.get_service_quota().service_code(limit.service).quota_code(limit.code).send().await;
        let fault = match answer.map_err(|error| fault("servicequotas:GetServiceQuota", error)) {
            Ok(answer) => match answer.quota().and_then(aws_sdk_servicequotas::types::ServiceQuota::value) {
                Some(value) => return Most::Is(value as u64),
                None => Fault::bug("Service Quotas answered without a value"),
            },
            Err(fault) => fault,
        };
        tracing::info!(quota = limit.code, ?fault, "the quota's limit cannot be read");
        let for_now = fault.code.is_retryable();
        if for_now || !self.has_defaults { Most::Unknown } else { Most::ProbablyIs(limit.default) }
    }
}

/// What is known of a limit.
#[derive(Clone, Copy)]
enum Most {
    Is(u64),
    /// AWS's default: somebody may have asked for more.
    ProbablyIs(u64),
    Unknown,
}

impl Limit {
    fn quota(&self, zone: Option<String>, most: Most, used: u64, needed: u64) -> Option<Quota> {
        let limit = match most {
            Most::Is(limit) => limit,
            // What is exceeded already cannot be the limit.
            Most::ProbablyIs(limit) if used <= limit => limit,
            Most::ProbablyIs(_) | Most::Unknown => return None,
        };
        Some(Quota { code: self.code.to_owned(), name: self.name.to_owned(), zone, limit, used, needed })
    }
}

/// A count that could be taken.
fn known<T>(limit: &Limit, count: Result<T, Fault>) -> Option<T> {
    count.inspect_err(|fault| tracing::warn!(quota = limit.code, ?fault, "what is used cannot be counted")).ok()
}

async fn vpcs(clients: &Clients) -> Result<u64, Fault> {
    Ok(vpc::list(clients.ec2.describe_vpcs()).await?.len() as u64)
}

async fn gateways(clients: &Clients) -> Result<u64, Fault> {
    Ok(internet_gateway::list(clients.ec2.describe_internet_gateways()).await?.len() as u64)
}

async fn addresses(clients: &Clients) -> Result<u64, Fault> {
    Ok(eip::list(clients.ec2.describe_addresses()).await?.len() as u64)
}

/// How many NAT gateways the environment needs in each zone.
fn nat_gateways_by_zone(entries: &[Entry]) -> BTreeMap<String, u64> {
    let mut needed = BTreeMap::new();
    for gateway in entries.iter().filter(|entry| entry.kind == Kind::NatGateway) {
        let subnet = gateway.wanted["SubnetId"]["Ref"].as_str().map(Key::new);
        let subnet = entries.iter().find(|entry| Some(&entry.key) == subnet.as_ref());
        if let Some(zone) = subnet.and_then(|subnet| subnet.wanted["AvailabilityZoneId"].as_str()) {
            *needed.entry(zone.to_owned()).or_default() += 1;
        }
    }
    needed
}

/// How many NAT gateways there are in each of these zones. Those on their way in or out count as well.
async fn used_nat_gateways(
    clients: &Clients,
    zones: impl Iterator<Item = &String>,
) -> Result<BTreeMap<String, u64>, Fault> {
    let counted = [NatGatewayState::Pending, NatGatewayState::Available, NatGatewayState::Deleting];
    let states = counted.iter().map(|state| state.as_str().to_owned()).collect();
    let states = Filter::builder().name("state").set_values(Some(states)).build();
    let in_zones = Filter::builder().name("availability-zone-id").set_values(Some(zones.cloned().collect())).build();
    let (gateways, subnets) = futures::try_join!(
        nat_gateway::list(clients.ec2.describe_nat_gateways().filter(states)),
        subnet::list(clients.ec2.describe_subnets().filters(in_zones)),
    )?;
    let zone_of = |id: &str| subnets.iter().find(|subnet| subnet.subnet_id() == Some(id))?.availability_zone_id();
    let mut used = BTreeMap::new();
    for gateway in gateways.iter().filter(|gateway| gateway.state().is_some_and(|state| counted.contains(state))) {
        if let Some(zone) = gateway.subnet_id().and_then(zone_of) {
            *used.entry(zone.to_owned()).or_default() += 1;
        }
    }
    Ok(used)
}
