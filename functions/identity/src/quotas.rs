//! The account's quota of roles. IAM tells both sides of it in one call, which counts nothing itself.

use aws_sdk_iam::{Client, types::SummaryKeyType};
use engine::{Preflight, Quota, aws, preflight::count};
use environment::{Kind, Place};

/// The quota of roles, if IAM tells it.
pub(crate) async fn told(client: &Client, asked: &Preflight, place: &Place) -> Vec<Quota> {
    let answer = client.get_account_summary().send().await;
    let summary = match answer.map_err(|error| aws::fault("iam:GetAccountSummary", error)) {
        Ok(answer) => answer.summary_map.unwrap_or_default(),
        Err(fault) => {
            tracing::warn!(?fault, "the account's roles cannot be counted");
            return Vec::new();
        }
    };
    let told = |key| summary.get(&key).and_then(|number| u64::try_from(*number).ok());
    let (Some(limit), Some(used)) = (told(SummaryKeyType::RolesQuota), told(SummaryKeyType::Roles)) else {
        return Vec::new();
    };
    let needed = count(&asked.entries(place, &[]), Kind::Role);
    let [code, name] = ["L-FE177D64", "Roles per account"].map(str::to_owned);
    vec![Quota { code, name, zone: None, limit, used, needed }]
}
