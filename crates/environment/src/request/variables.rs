//! `worker.environment` and `worker.secrets`: the container's further variables. The first are stored and
//! shown in the clear, the second name secrets.

use super::{
    Defaults, Reading,
    fields::{Field, Fields},
    prefect::secret_arn,
    violation::ViolationCode,
};
use crate::catalogue::worker::{AWS_CREDENTIALS, OWN_VARIABLES};
use std::collections::BTreeMap;

const MOST_VARIABLES: usize = 64;
const LONGEST_VALUE: usize = 4096;
/// A task definition has 64 KiB in all.
const LONGEST_ENVIRONMENT: usize = 24 * 1024;
const MOST_SECRETS: usize = 20;
/// Every ARN stands in the execution role's inline policies, which have 10,240 characters in all.
const LONGEST_SECRETS: usize = 6 * 1024;

type Variables = BTreeMap<String, String>;

/// Both maps.
pub(super) fn read(worker: &mut Fields<'_>, here: &Defaults<'_>) -> Reading<(Variables, Variables)> {
    let environment = worker.get("environment");
    let secrets = worker.get("secrets");
    let plain = entries(environment.as_ref(), MOST_VARIABLES);
    let secret = entries(secrets.as_ref(), MOST_SECRETS);
    let plain = plain?;
    let plain_read = variables(&plain, |field| field.text(0..=LONGEST_VALUE).map(str::to_owned));
    let secret = secret?;
    let secret_read = variables(&secret, |field| secret_arn(field, here));
    for (name, field) in secret.iter().filter(|(name, _)| plain.iter().any(|(other, _)| other == name)) {
        let detail = format!("{name} stands in environment, too. Give it in one place only.");
        field.refuse(ViolationCode::Conflict, detail);
    }
    let plain_read = bounded(environment, plain_read?, LONGEST_ENVIRONMENT);
    let secret_read = bounded(secrets, secret_read?, LONGEST_SECRETS);
    Some((plain_read?, secret_read?))
}

type Entries<'a> = Vec<(&'a str, Field<'a>)>;

fn entries<'a>(field: Option<&Field<'a>>, most: usize) -> Option<Entries<'a>> {
    field.map_or_else(|| Some(Entries::new()), |field| field.map(most))
}

/// Reads every variable before the first mistake counts.
fn variables(entries: &[(&str, Field<'_>)], read: impl Fn(&Field<'_>) -> Option<String>) -> Option<Variables> {
    let judged: Vec<_> = entries
        .iter()
        .map(|(name, field)| {
            let (is_fine, value) = (is_allowed(name, field), read(field));
            Some((is_fine.then(|| (*name).to_owned())?, value?))
        })
        .collect();
    judged.into_iter().collect()
}

/// Prefect reads its settings whatever their case, so case does not hide a name.
fn is_allowed(name: &str, field: &Field<'_>) -> bool {
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let is_a_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_one_of = |names: &[&str]| names.iter().any(|other| other.eq_ignore_ascii_case(name));
    if !begins_well || !is_a_name || name.len() > 255 {
        let detail = "A variable's name has at most 255 letters, digits and underscores and begins with no digit.";
        field.refuse(ViolationCode::Invalid, detail);
    } else if is_one_of(OWN_VARIABLES) {
        field.refuse(ViolationCode::NotAllowed, "This service sets the variable itself.");
    } else if is_one_of(AWS_CREDENTIALS) {
        let detail = "The worker's credentials for AWS are those of its role. Another source would replace them.";
        field.refuse(ViolationCode::NotAllowed, detail);
    } else {
        return true;
    }
    false
}

fn bounded(field: Option<Field<'_>>, variables: Variables, most: usize) -> Option<Variables> {
    let size: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size <= most {
        return Some(variables);
    }
    let detail = format!("All names and values together must have at most {most} bytes.");
    field?.refuse(ViolationCode::OutOfRange, detail);
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, codes_with, minimal};
    use super::*;
    use serde_json::json;

    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-AbC123";

    #[test]
    fn variables_and_secrets_are_kept() {
        let mut body = minimal();
        body["worker"] = json!({"environment": {"LEVEL": "debug", "EMPTY": ""}, "secrets": {"TOKEN": SECRET}});
        let worker = accepted(&body).spec.worker;
        assert_eq!(worker.environment["LEVEL"], "debug");
        assert_eq!(worker.secrets["TOKEN"], SECRET);
    }

    #[test]
    fn what_the_service_sets_and_what_would_replace_the_role_is_refused_in_both_maps() {
        for name in ["PREFECT_API_KEY", "prefect_api_key", "AWS_REGION", "AWS_SECRET_ACCESS_KEY"] {
            for (map, value) in [("environment", "x"), ("secrets", SECRET)] {
                assert_eq!(
                    codes_with(&format!("/worker/{map}"), json!({name: value})),
                    [(format!("/worker/{map}/{name}"), ViolationCode::NotAllowed)]
                );
            }
        }
    }

    #[test]
    fn a_name_stands_in_one_map_only() {
        assert_eq!(
            codes_with("/worker", json!({"environment": {"TOKEN": "x"}, "secrets": {"TOKEN": SECRET}})),
            [("/worker/secrets/TOKEN".into(), ViolationCode::Conflict)]
        );
    }

    #[test]
    fn every_wrong_variable_is_named() {
        assert_eq!(
            codes_with("/worker", json!({"environment": {"1X": "a", "N": 5}, "secrets": {"T/K": "x"}})),
            [
                ("/worker/environment/1X".into(), ViolationCode::Invalid),
                ("/worker/environment/N".into(), ViolationCode::WrongType),
                ("/worker/secrets/T~1K".into(), ViolationCode::Invalid),
                ("/worker/secrets/T~1K".into(), ViolationCode::Invalid),
            ]
        );
    }

    #[test]
    fn the_whole_is_bounded() {
        let environment: Variables = (0..10).map(|n| (format!("V{n}"), "x".repeat(4000))).collect();
        assert_eq!(
            codes_with("/worker/environment", json!(environment)),
            [("/worker/environment".into(), ViolationCode::OutOfRange)]
        );
    }
}
