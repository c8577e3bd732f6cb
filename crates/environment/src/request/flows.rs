//! The section `flows`: what flow runs may do.

use super::{Defaults, Reading, arns, fields::Field, fields::Fields, violation::ViolationCode};
use crate::spec::Flows;

/// What IAM lets a role hold without a raised quota.
const MOST_POLICIES: usize = 10;

/// The section.
pub(super) fn read(body: &mut Fields<'_>, here: &Defaults<'_>) -> Reading<Flows> {
    let mut fields = Fields::section(body, "flows");
    let policy_arns = match fields.get("policy_arns") {
        Some(field) => policies(&field, here),
        None => Some(Vec::new()),
    };
    fields.finish();
    Some(Flows { policy_arns: policy_arns? })
}

fn policies(field: &Field<'_>, here: &Defaults<'_>) -> Option<Vec<String>> {
    let mut before: Vec<&str> = Vec::new();
    let judged: Vec<_> = field
        .list(0..=MOST_POLICIES)?
        .iter()
        .map(|item| {
            let arn = policy(item, here)?;
            if before.contains(&arn) {
                item.refuse(ViolationCode::Conflict, "This policy stands in the list already.");
            }
            before.push(arn);
            Some(arn.to_owned())
        })
        .collect();
    judged.into_iter().collect()
}

/// A policy that exists may still be more than a team should hand to its flows: the operator lists those
/// that requests may name.
fn policy<'a>(field: &Field<'a>, here: &Defaults<'_>) -> Option<&'a str> {
    const FORM: &str = "This must be the ARN of a managed policy of this account or of AWS.";
    let arn = field.text_like(1..=2048, |text| arns::is_a_policy(text, here), FORM)?;
    if !here.flow_policy_arns.iter().any(|allowed| allowed == arn) {
        let detail = "This policy is not among those that the operator lets flows have (parameter FlowPolicies).";
        field.refuse(ViolationCode::NotAllowed, detail);
        return None;
    }
    Some(arn)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, codes_with, minimal};
    use super::*;
    use serde_json::json;

    const ALLOWED: &str = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";

    #[test]
    fn flows_get_the_policies_that_the_operator_allows() {
        let mut body = minimal();
        body["flows"] = json!({"policy_arns": [ALLOWED]});
        assert_eq!(accepted(&body).spec.flows.policy_arns, [ALLOWED]);
        assert_eq!(
            codes_with(
                "/flows/policy_arns",
                json!(["arn:aws:iam::aws:policy/AdministratorAccess", "admin", ALLOWED, ALLOWED])
            ),
            [
                ("/flows/policy_arns/0".into(), ViolationCode::NotAllowed),
                ("/flows/policy_arns/1".into(), ViolationCode::Invalid),
                ("/flows/policy_arns/3".into(), ViolationCode::Conflict),
            ]
        );
    }
}
