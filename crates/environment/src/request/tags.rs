//! `tags`: the team's own tags. They go onto resources of seven services, so the narrowest rule counts.

use super::{Reading, fields::Field, fields::Fields, violation::ViolationCode};
use crate::tags::RESERVED_PREFIX;
use std::collections::BTreeMap;

/// A resource has 50 tags at most; five are ours, and some room stays for what the account adds.
const MOST_TAGS: usize = 40;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

pub(super) fn read(body: &mut Fields<'_>) -> Reading<BTreeMap<String, String>> {
    let Some(field) = body.get("tags") else { return Some(BTreeMap::new()) };
    let entries = field.map(MOST_TAGS)?;
    let mut before: Vec<String> = Vec::new();
    let judged: Vec<_> = entries
        .iter()
        .map(|(key, field)| {
            let is_fine = is_allowed(key, field);
            // IAM takes keys that differ in case only for one key.
            let lower = key.to_lowercase();
            if before.contains(&lower) {
                field.refuse(ViolationCode::Conflict, "Another tag differs from this one in case only.");
            }
            before.push(lower);
            let value = value(field);
            Some((is_fine.then(|| (*key).to_owned())?, value?))
        })
        .collect();
    judged.into_iter().collect()
}

fn is_allowed(key: &str, field: &Field<'_>) -> bool {
    let lower = key.to_lowercase();
    if key.is_empty() || key.chars().count() > LONGEST_KEY || !key.chars().all(is_of_a_tag) {
        let detail = format!("A tag's key has 1 to {LONGEST_KEY} letters, digits, blanks and _ . : / = + - @.");
        field.refuse(ViolationCode::Invalid, detail);
    } else if lower.starts_with("aws:") {
        field.refuse(ViolationCode::NotAllowed, "AWS keeps keys that begin with aws: for itself.");
    } else if lower.starts_with(RESERVED_PREFIX) || lower == "name" {
        field.refuse(ViolationCode::NotAllowed, "This service sets the tag itself.");
    } else {
        return true;
    }
    false
}

fn value(field: &Field<'_>) -> Option<String> {
    let is_a_value = |text: &str| text.chars().all(is_of_a_tag) && !text.to_lowercase().starts_with("aws:");
    let form = "A tag's value has letters, digits, blanks and _ . : / = + - @, and does not begin with aws:.";
    field.text_like(0..=LONGEST_VALUE, is_a_value, form).map(str::to_owned)
}

/// AWS's `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, of blanks only the plain one. Rust's letters include a few marks
/// that AWS does not take; then the create fails and is rolled back.
fn is_of_a_tag(character: char) -> bool {
    character.is_alphanumeric() || " _.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, codes_with, minimal};
    use super::*;
    use serde_json::json;

    #[test]
    fn tags_are_kept() {
        let mut body = minimal();
        body["tags"] = json!({"cost-center": "4711", "Größe": "klein / fein", "empty": ""});
        assert_eq!(accepted(&body).spec.tags.len(), 3);
    }

    #[test]
    fn tags_of_aws_and_of_this_service_are_refused_in_any_case() {
        for key in ["aws:x", "AWS:x", "prefect-environments:id", "Prefect-Environments:x", "Name", "name"] {
            let pointer = format!("/tags/{key}");
            assert_eq!(codes_with("/tags", json!({key: "x"})), [(pointer, ViolationCode::NotAllowed)]);
        }
    }

    #[test]
    fn every_wrong_tag_is_named() {
        let tags = json!({"a#b": "x", "ok": "a\tb", "Team": "1", "team": "2", "number": 5});
        assert_eq!(
            codes_with("/tags", tags),
            [
                ("/tags/a#b".into(), ViolationCode::Invalid),
                ("/tags/number".into(), ViolationCode::WrongType),
                ("/tags/ok".into(), ViolationCode::Invalid),
                ("/tags/team".into(), ViolationCode::Conflict),
            ]
        );
    }

    #[test]
    fn there_is_room_for_forty() {
        let tags = |count: usize| json!((0..count).map(|n| (format!("k{n}"), "v")).collect::<BTreeMap<_, _>>());
        assert!(codes_with("/tags", tags(40)).is_empty());
        assert_eq!(codes_with("/tags", tags(41)), [("/tags".into(), ViolationCode::OutOfRange)]);
    }
}
