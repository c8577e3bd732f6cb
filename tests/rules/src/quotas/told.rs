//! The limits, as Service Quotas and IAM tell them.

use super::{QUOTAS, ROLES};
use crate::{
    Answer, Call,
    answer::{set_text, text},
    rule::Rule,
    world::World,
};
use serde_json::json;
use xmltree::XMLNode;

/// The local cloud has no Service Quotas.
/// <https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html>
pub(crate) struct ServiceQuotas;

impl Rule for ServiceQuotas {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        let applies = match (call.service.as_str(), call.action.as_str()) {
            ("servicequotas", "GetServiceQuota") => true,
            ("servicequotas", "GetAWSDefaultServiceQuota") => false,
            _ => return None,
        };
        let (service, code) = (call.text("ServiceCode"), call.text("QuotaCode"));
        let Some(quota) = QUOTAS.iter().find(|quota| quota.service == service && quota.code == code) else {
            let message = "The request failed because the specified service or quota does not exist.";
            return Some(Answer::error(call, "NoSuchResourceException", message));
        };
        let value = if applies { quota.limit(world) } else { quota.default };
        Some(Answer::json(json!({"Quota": {
            "ServiceCode": service,
            "QuotaCode": code,
            "QuotaName": quota.name,
            "Value": f64::from(value),
            "Unit": "None",
            "Adjustable": true,
            "GlobalQuota": service == "iam",
        }})))
    }
}

/// IAM tells its own.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html>
pub(crate) struct AccountSummary;

impl Rule for AccountSummary {
    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if (call.service.as_str(), call.action.as_str()) != ("iam", "GetAccountSummary") {
            return;
        }
        let Some(roles) = QUOTAS.iter().find(|quota| quota.code == ROLES) else { return };
        let result = answer.document().and_then(|root| root.get_mut_child("GetAccountSummaryResult"));
        let Some(map) = result.and_then(|result| result.get_mut_child("SummaryMap")) else { return };
        let entries = map.children.iter_mut().filter_map(XMLNode::as_mut_element);
        for entry in entries.filter(|entry| text(entry, "key") == "RolesQuota") {
            // As many as IAM can count.
            let limit = roles.limit(world).min(i32::MAX.unsigned_abs());
            set_text(entry, "value", &limit.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    async fn asked(settings: Settings, action: &str, code: &str) -> Answer {
        let asked = json!({"ServiceCode": "vpc", "QuotaCode": code});
        Rehearsal::new(settings).json("servicequotas", action, &asked, &json!({"error": "Unsupported"})).await
    }

    #[tokio::test]
    async fn service_quotas_tells_the_limit_of_the_run_and_the_default() {
        let settings = || Settings { quotas: [("L-F678F1CE".to_owned(), 12)].into(), ..Settings::default() };
        for (action, value) in [("GetServiceQuota", 12.0), ("GetAWSDefaultServiceQuota", 5.0)] {
            let mut told = asked(settings(), action, "L-F678F1CE").await;
            assert_eq!(told.value().expect("a quota")["Quota"]["Value"], json!(value), "{action}");
        }
    }

    #[tokio::test]
    async fn what_it_does_not_know_does_not_exist() {
        assert_eq!(asked(Settings::default(), "GetServiceQuota", "L-00000000").await.code(), "NoSuchResourceException");
    }

    #[tokio::test]
    async fn iam_tells_the_same_limit() {
        let said = "<R><GetAccountSummaryResult><SummaryMap><entry><key>RolesQuota</key><value>1000</value></entry>\
                    </SummaryMap></GetAccountSummaryResult></R>";
        let settings = Settings { quotas: [(ROLES.to_owned(), 7)].into(), ..Settings::default() };
        let mut told = Rehearsal::new(settings).form("iam", "GetAccountSummary", &[], said).await;
        let entry = told
            .document()
            .and_then(|root| root.get_child("GetAccountSummaryResult")?.get_child("SummaryMap")?.get_child("entry"));
        assert_eq!(text(entry.expect("an entry"), "value"), "7");
    }
}
