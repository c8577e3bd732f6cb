//! What an environment costs by AWS's list prices, as a pure function of its catalogue.
//!
//! Counted is what is charged for being there. What depends on traffic or use is named and not counted, and so is
//! what the region's file has no price for.

use crate::{
    catalogue::{
        Entry, keys,
        worker::{AT_LEAST, AT_MOST},
    },
    key::Key,
    kind::Kind,
    prices::{self, HOURS_PER_MONTH, Price, Prices, Unit},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// What an environment costs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Cost {
    /// Whether there are prices of the region. Without them there is nothing else to say.
    pub priced: bool,
    /// The region.
    pub region: String,
    /// The bill.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub bill: Option<Bill>,
}

/// What there is to pay.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Bill {
    /// The currency.
    pub currency: String,
    /// In an hour.
    pub hourly: f64,
    /// In a month of 730 hours.
    pub monthly: f64,
    /// How much more than before. Less where it is negative.
    pub difference: Difference,
    /// With as many workers as autoscaling may start: what is counted above is the fewest. Only with autoscaling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Total>,
    /// What it is made of.
    pub items: Vec<Item>,
    /// What is charged and not counted, since the region's file has no price for it.
    pub without_a_price: Vec<Charge>,
    /// What depends on traffic and use, and is not counted.
    pub not_included: Vec<&'static str>,
    /// The prices that were counted with.
    pub prices: Vec<Listed>,
}

/// How much more than before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Difference {
    /// In an hour.
    pub hourly: f64,
    /// In a month.
    pub monthly: f64,
}

/// A sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Total {
    /// In an hour.
    pub hourly: f64,
    /// In a month.
    pub monthly: f64,
}

/// A part of the bill.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Item {
    /// What is charged.
    #[serde(flatten)]
    pub charge: Charge,
    /// In an hour.
    pub hourly: f64,
    /// In a month.
    pub monthly: f64,
}

/// What AWS charges a resource for.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Charge {
    /// The resource.
    pub key: Key,
    /// What for.
    pub unit: Unit,
    /// How much of it.
    pub units: f64,
}

/// A price that was counted with.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Listed {
    /// What for.
    pub unit: Unit,
    /// The price, with where it is from.
    #[serde(flatten)]
    pub price: Price,
}

/// What an environment of these entries costs in a region, beside what it cost when it was of those.
pub fn cost(region: &str, applied: &[Entry], wanted: &[Entry]) -> Cost {
    let bill = prices::of(region).map(|prices| bill(prices, applied, wanted));
    Cost { priced: bill.is_some(), region: region.to_owned(), bill }
}

fn bill(prices: &Prices, applied: &[Entry], wanted: &[Entry]) -> Bill {
    let price_of = |charge: &Charge| prices.prices.get(&charge.unit);
    let hourly = |charge: &Charge| price_of(charge).map_or(0.0, |price| price.hourly() * charge.units);
    let sum = |charges: &[Charge]| charges.iter().map(hourly).sum::<f64>();
    let most = sum(&charges(wanted, AT_MOST));
    let (before, charges) = (charges(applied, AT_LEAST), charges(wanted, AT_LEAST));
    let (priced, without_a_price): (Vec<_>, Vec<_>) = charges.into_iter().partition(|it| price_of(it).is_some());
    let (total, difference) = (sum(&priced), sum(&priced) - sum(&before));
    let mut counted: Vec<Unit> = priced.iter().map(|charge| charge.unit).collect();
    counted.sort();
    counted.dedup();
    let listed = |unit: Unit| prices.prices.get(&unit).map(|price| Listed { unit, price: price.clone() });
    Bill {
        currency: prices.currency.clone(),
        hourly: in_an_hour(total),
        monthly: in_a_month(total),
        difference: Difference { hourly: in_an_hour(difference), monthly: in_a_month(difference) },
        at_most: is_scaled(wanted).then(|| Total { hourly: in_an_hour(most), monthly: in_a_month(most) }),
        items: priced
            .into_iter()
            .map(|charge| Item { hourly: in_an_hour(hourly(&charge)), monthly: in_a_month(hourly(&charge)), charge })
            .collect(),
        without_a_price,
        not_included: not_included(wanted),
        prices: counted.into_iter().filter_map(listed).collect(),
    }
}

/// To the millionth: a GB costs less than a cent an hour.
fn in_an_hour(amount: f64) -> f64 {
    rounded(amount, 1e6)
}

/// To the cent.
fn in_a_month(hourly: f64) -> f64 {
    rounded(hourly * HOURS_PER_MONTH, 1e2)
}

fn rounded(amount: f64, parts: f64) -> f64 {
    // Nothing is nothing, and not minus nothing.
    (amount * parts).round() / parts + 0.0
}

/// Whether AWS sets the number of workers.
fn is_scaled(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.kind == Kind::ScalableTarget)
}

/// What AWS charges for these being there, with as many workers as the one or the other bound of autoscaling says.
fn charges(entries: &[Entry], bound: &str) -> Vec<Charge> {
    let mut charges = Vec::new();
    for entry in entries {
        let mut charge = |unit, units| charges.push(Charge { key: entry.key.clone(), unit, units });
        match entry.kind {
            Kind::NatGateway => charge(Unit::NatGateway, 1.0),
            Kind::Eip => charge(Unit::PublicIpv4Address, 1.0),
            Kind::Secret => charge(Unit::Secret, 1.0),
            // Its hosted zone.
            Kind::PrivateDnsNamespace => charge(Unit::HostedZone, 1.0),
            Kind::Service => {
                let tasks = Tasks::of(entry, entries, bound);
                if tasks.count > 0.0 {
                    let (vcpu, gb) = tasks.units();
                    charge(vcpu, tasks.count * tasks.vcpu);
                    charge(gb, tasks.count * tasks.gb);
                    if tasks.have_public_addresses {
                        charge(Unit::PublicIpv4Address, tasks.count);
                    }
                }
            }
            // Target tracking has one alarm for too much and one for too little.
            Kind::ScalingPolicy => charge(Unit::Alarm, 2.0),
            Kind::Vpc
            | Kind::ScalableTarget
            | Kind::WorkPool
            | Kind::Worker
            | Kind::InternetGateway
            | Kind::VpcGatewayAttachment
            | Kind::Subnet
            | Kind::RouteTable
            | Kind::Route
            | Kind::SubnetRouteTableAssociation
            | Kind::SecurityGroup
            | Kind::Role
            | Kind::Cluster
            | Kind::LogGroup
            | Kind::Queue
            | Kind::Rule
            | Kind::TaskDefinition
            | Kind::FlowDefinitions => {}
        }
    }
    charges
}

/// The tasks of a service.
struct Tasks {
    count: f64,
    vcpu: f64,
    gb: f64,
    are_spot: bool,
    have_public_addresses: bool,
}

impl Tasks {
    fn of(service: &Entry, entries: &[Entry], bound: &str) -> Tasks {
        let definition = entries.iter().find(|entry| entry.key == keys::task_definition());
        let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0.0);
        let size = |property: &str| definition.and_then(|it| it.wanted.get(property)).map_or(0.0, number) / 1024.0;
        let wanted = json!(service.wanted);
        Tasks {
            count: number(wanted["DesiredCount"].get(bound).unwrap_or(&wanted["DesiredCount"])),
            vcpu: size("Cpu"),
            gb: size("Memory"),
            are_spot: wanted["CapacityProviderStrategy"][0]["CapacityProvider"] == "FARGATE_SPOT",
            have_public_addresses: wanted["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "ENABLED",
        }
    }

    fn units(&self) -> (Unit, Unit) {
        if self.are_spot { (Unit::FargateSpotVcpu, Unit::FargateSpotGb) } else { (Unit::FargateVcpu, Unit::FargateGb) }
    }
}

/// What use of these is charged besides.
fn not_included(entries: &[Entry]) -> Vec<&'static str> {
    let has = |kind| entries.iter().any(|entry| entry.kind == kind);
    let by_use = [
        (Kind::NatGateway, "data through the NAT gateway, by GB"),
        (Kind::Vpc, "data out of AWS and between zones, by GB"),
        (Kind::LogGroup, "logs taken in and kept, by GB"),
        (Kind::Secret, "reads of the secret, by 10,000"),
        (Kind::PrivateDnsNamespace, "DNS queries, by million"),
        (Kind::Cluster, "tasks of flow runs, by vCPU, GB and second"),
    ];
    by_use.into_iter().filter(|(kind, _)| has(*kind)).map(|(_, what)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::tests::{entries, scaled, spec},
        spec::{Capacity, Count, Credential, Nat, Spec},
    };

    fn bill(region: &str, spec: &Spec) -> Bill {
        cost(region, &[], &entries(spec)).bill.expect("the region has prices")
    }

    /// README says what an environment with the defaults costs in us-east-1.
    #[test]
    fn the_defaults_cost_what_the_readme_says() {
        let bill = bill("us-east-1", &spec(Nat::Single));
        assert_eq!((bill.hourly, bill.monthly), (0.075918, 55.42));
        let items: Vec<(&str, Unit, f64, f64)> =
            bill.items.iter().map(|it| (it.charge.key.as_str(), it.charge.unit, it.charge.units, it.monthly)).collect();
        assert_eq!(
            items,
            [
                ("network/nat-address", Unit::PublicIpv4Address, 1.0, 3.65),
                ("network/nat-gateway", Unit::NatGateway, 1.0, 32.85),
                ("identity/secret", Unit::Secret, 1.0, 0.4),
                ("cluster/namespace", Unit::HostedZone, 1.0, 0.5),
                ("worker/service", Unit::FargateVcpu, 0.5, 14.78),
                ("worker/service", Unit::FargateGb, 1.0, 3.24),
            ]
        );
        assert_eq!(bill.difference, Difference { hourly: 0.075918, monthly: 55.42 }, "all of it is more than nothing");
        assert_eq!(bill.prices.len(), 6, "every price that was counted with is shown");
    }

    #[test]
    fn a_region_without_prices_says_so_and_nothing_else() {
        let cost = cost("xx-nowhere-1", &[], &entries(&spec(Nat::Single)));
        assert_eq!(json!(cost), json!({"priced": false, "region": "xx-nowhere-1"}));
    }

    #[test]
    fn without_nat_the_tasks_pay_for_their_addresses() {
        let mut spec = spec(Nat::None);
        spec.worker.count = Count::Fixed { desired_count: 4 };
        let addresses = bill("eu-west-1", &spec).items.into_iter().find(|it| it.charge.unit == Unit::PublicIpv4Address);
        let addresses = addresses.expect("public addresses").charge;
        assert_eq!((addresses.key.as_str(), addresses.units), ("worker/service", 4.0));
    }

    #[test]
    fn what_has_no_price_is_named_and_not_counted() {
        let mut on_spot = spec(Nat::Single);
        on_spot.worker.capacity = Capacity::FargateSpot;
        let bill = bill("us-east-1", &on_spot);
        let units: Vec<Unit> = bill.without_a_price.iter().map(|charge| charge.unit).collect();
        assert_eq!(units, [Unit::FargateSpotVcpu, Unit::FargateSpotGb]);
        assert_eq!(bill.monthly, 37.4, "the rest is counted");
    }

    #[test]
    fn a_change_costs_the_difference() {
        let (before, mut after) = (entries(&spec(Nat::Single)), spec(Nat::Single));
        after.worker.count = Count::Fixed { desired_count: 2 };
        let more = cost("us-east-1", &before, &entries(&after)).bill.expect("prices").difference;
        assert_eq!((more.hourly, more.monthly), (0.024685, 18.02));
        let less = cost("us-east-1", &before, &[]).bill.expect("prices");
        assert_eq!((less.monthly, less.difference.monthly), (0.0, -55.42), "a delete saves all of it");
        let same = cost("us-east-1", &before, &before).bill.expect("prices").difference;
        assert_eq!(json!(same), json!({"hourly": 0.0, "monthly": 0.0}));
    }

    #[test]
    fn what_depends_on_use_is_named_where_there_is_something_to_use() {
        let mut bare = spec(Nat::None);
        bare.prefect.credential = Credential::None;
        let with = bill("us-east-1", &spec(Nat::Single)).not_included;
        let without = bill("us-east-1", &bare).not_included;
        assert!(with.contains(&"data through the NAT gateway, by GB"));
        assert_eq!(with.len() - without.len(), 2, "no NAT gateway and no secret: {without:?}");
    }

    #[test]
    fn a_paused_worker_costs_nothing() {
        let mut paused = spec(Nat::Single);
        paused.worker.count = Count::Fixed { desired_count: 0 };
        assert!(bill("us-east-1", &paused).items.iter().all(|item| item.charge.key != keys::service()));
    }

    #[test]
    fn what_autoscaling_may_come_to_is_told_beside_the_least() {
        let bill = bill("us-east-1", &scaled(Nat::Single));
        let worker: Vec<f64> =
            bill.items.iter().filter(|it| it.charge.key == keys::service()).map(|it| it.charge.units).collect();
        assert_eq!(worker, [1.0, 2.0], "two workers of half a vCPU and one GB each");
        let alarms = bill.items.iter().find(|it| it.charge.unit == Unit::Alarm).expect("the alarms are charged");
        assert_eq!((alarms.charge.units, alarms.monthly), (2.0, 0.2));
        let most = bill.at_most.expect("there is autoscaling");
        let three_more = (most.monthly - bill.monthly) / 3.0;
        assert!((three_more - 18.02).abs() < 0.01, "each of three more workers costs what one does: {three_more}");
        assert_eq!(super::tests::bill("us-east-1", &spec(Nat::Single)).at_most, None);
    }
}
