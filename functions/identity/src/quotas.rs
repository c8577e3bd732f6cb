//! The account's quota of roles. IAM tells both sides of it in one call, which counts nothing itself.

use aws_sdk_iam::{Client, types::SummaryKeyType};
use engine::{Preflight, Quota, aws, preflight::count};
use environment::{Kind, Place};
use std::collections::HashMap;

/// The quota of roles, if IAM tells it.
pub(crate) async fn told(client: &Client, asked: &Preflight, place: &Place) -> Vec<Quota> {
    let answer = client.get_account_summary().send().await;
    match answer.map_err(|error| aws::fault("iam:GetAccountSummary", error)) {
        Ok(answer) => {
            let needed = count(&asked.entries(place, &[]), Kind::Role);
            quota(&answer.summary_map.unwrap_or_default(), needed).into_iter().collect()
        }
        Err(fault) => {
            tracing::warn!(?fault, "the account's roles cannot be counted");
            Vec::new()
        }
    }
}

fn quota(summary: &HashMap<SummaryKeyType, i32>, needed: u64) -> Option<Quota> {
    let told = |key| u64::try_from(*summary.get(&key)?).ok();
    let [code, name] = ["L-FE177D64", "Roles per account"].map(str::to_owned);
    let (limit, used) = (told(SummaryKeyType::RolesQuota)?, told(SummaryKeyType::Roles)?);
    Some(Quota { code, name, zone: None, limit, used, needed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iams_own_quota_counts_and_half_an_answer_tells_nothing() {
        let whole = HashMap::from([(SummaryKeyType::Roles, 998), (SummaryKeyType::RolesQuota, 1000)]);
        let quota = quota(&whole, 4).expect("a quota");
        assert_eq!((quota.limit, quota.used, quota.needed), (1000, 998, 4));
        assert!(quota.is_exceeded());
        assert_eq!(super::quota(&HashMap::from([(SummaryKeyType::Roles, 998)]), 4), None);
    }
}
