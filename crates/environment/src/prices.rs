//! AWS's list prices, as files that are checked in: `prices/<region>.json`.
//!
//! Each price says where AWS publishes it and when it was read. A region without a file is not priced, and neither is
//! what a file does not name: a guess is worse than no answer. Another region is another file and a line in [`of`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::LazyLock};

/// What AWS charges for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A NAT gateway, as long as it is there.
    NatGateway,
    /// A public IPv4 address, as long as it is allocated or in use.
    PublicIpv4Address,
    /// A vCPU of a Fargate task on Linux and x86.
    FargateVcpu,
    /// A GB of memory of such a task.
    FargateGb,
    /// A vCPU on spare capacity. Its price follows supply.
    FargateSpotVcpu,
    /// A GB of memory on spare capacity.
    FargateSpotGb,
    /// A secret.
    Secret,
    /// A hosted zone, one of the account's first 25.
    HostedZone,
    /// A CloudWatch alarm on a metric of standard resolution.
    Alarm,
}

/// A price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// How much.
    pub amount: f64,
    /// For how long.
    pub per: Period,
    /// The day on which it was known to hold.
    pub as_of: String,
    /// Where AWS publishes it.
    pub source: String,
}

/// How long a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// An hour.
    Hour,
    /// A month.
    Month,
}

/// AWS counts 730 hours a month.
pub const HOURS_PER_MONTH: f64 = 730.0;

impl Price {
    /// What one unit costs in an hour.
    pub fn hourly(&self) -> f64 {
        match self.per {
            Period::Hour => self.amount,
            Period::Month => self.amount / HOURS_PER_MONTH,
        }
    }
}

/// The prices of a region.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The region.
    pub region: String,
    /// The currency of every price.
    pub currency: String,
    /// What is known.
    pub prices: BTreeMap<Unit, Price>,
}

/// The files.
const FILES: [&str; 2] = [include_str!("../prices/eu-west-1.json"), include_str!("../prices/us-east-1.json")];

/// The prices of a region, if there is a file of them.
pub fn of(region: &str) -> Option<&'static Prices> {
    // A test reads every file: none of them is left out in silence.
    static KNOWN: LazyLock<Vec<Prices>> =
        LazyLock::new(|| FILES.iter().filter_map(|file| serde_json::from_str(file).ok()).collect());
    KNOWN.iter().find(|prices| prices.region == region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Date;

    #[test]
    fn every_file_is_read_and_says_where_each_price_is_from() {
        for file in FILES {
            let prices: Prices = serde_json::from_str(file).expect("a file of prices");
            assert!(of(&prices.region).is_some(), "{} cannot be found", prices.region);
            for (unit, price) in &prices.prices {
                let Price { amount, as_of, source, .. } = price;
                assert!(*amount > 0.0 && *amount < 1.0, "{}: {unit:?} costs {amount}", prices.region);
                assert!(as_of.parse::<Date>().is_ok(), "{}: {unit:?} is of no day: {as_of}", prices.region);
                assert!(source.contains("amazon"), "{}: {unit:?} is not AWS's word: {source}", prices.region);
            }
        }
    }

    #[test]
    fn every_file_is_named_after_its_region_and_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/prices");
        let names = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").file_name());
        let mut regions: Vec<String> = names.map(|name| name.to_string_lossy().replace(".json", "")).collect();
        regions.sort();
        let listed = FILES.map(|file| serde_json::from_str::<Prices>(file).expect("a file of prices").region);
        assert_eq!(regions, listed);
    }

    #[test]
    fn a_region_without_a_file_has_no_prices() {
        assert!(of("xx-nowhere-1").is_none());
    }
}
