//! `deletion_protection`, and `expires_at` or `ttl`: how long the environment lives.

use super::{Reading, fields::Fields, violation::ViolationCode};
use crate::lifetime::{Expiry, Lifetime};
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

const LONGEST_REASON: usize = 256;
/// A create takes minutes.
const SHORTEST_TTL: SignedDuration = SignedDuration::from_mins(10);
const LONGEST_TTL: SignedDuration = SignedDuration::from_hours(3660 * 24);

pub(super) fn read(body: &mut Fields<'_>) -> Reading<Lifetime> {
    let deletion_protection = protection(body);
    let expiry = expiry(body);
    Some(Lifetime { deletion_protection: deletion_protection?, expiry: expiry? })
}

fn protection(body: &mut Fields<'_>) -> Reading<Option<String>> {
    let Some(field) = body.get("deletion_protection") else { return Some(None) };
    let mut fields = field.object()?;
    let is_a_reason = |text: &str| !text.trim().is_empty() && !text.chars().any(char::is_control);
    let form = "This must say in a line why the environment must not be deleted.";
    let reason = fields.required("reason").and_then(|field| field.text_like(1..=LONGEST_REASON, is_a_reason, form));
    fields.finish();
    reason.map(|reason| Some(reason.to_owned()))
}

fn expiry(body: &mut Fields<'_>) -> Reading<Option<Expiry>> {
    let (at, ttl) = (body.get("expires_at"), body.get("ttl"));
    if let (Some(_), Some(ttl)) = (&at, &ttl) {
        ttl.refuse(ViolationCode::Conflict, "Give expires_at or ttl, not both.");
        return None;
    }
    if let Some(field) = at {
        let is_a_time = |text: &str| text.parse::<Timestamp>().is_ok();
        let text = field.text_like(1..=64, is_a_time, "This must be a time like 2026-11-24T12:00:00Z.")?;
        return text.parse().ok().map(|time| Some(Expiry::At(time)));
    }
    let Some(field) = ttl else { return Some(None) };
    let form = "This must be a duration like PT36H or P14D (ISO 8601), without months and years.";
    let duration = duration(field.text_like(1..=64, |text| duration(text).is_some(), form)?)?;
    if !(SHORTEST_TTL..=LONGEST_TTL).contains(&duration) {
        field.refuse(ViolationCode::OutOfRange, "This must be 10 minutes to 3660 days.");
        return None;
    }
    Some(Some(Expiry::In(duration)))
}

/// A day has 24 hours here; months and years have no length of their own.
fn duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.strip_prefix('P').and_then(|_| text.parse().ok())?;
    span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, codes_with, minimal};
    use super::*;
    use serde_json::{Value, json};

    fn expiry_with(field: &str, value: &str) -> Option<Expiry> {
        let mut body = minimal();
        body[field] = json!(value);
        accepted(&body).lifetime.expiry
    }

    #[test]
    fn an_environment_lives_for_ever_unless_its_request_says_otherwise() {
        assert_eq!(accepted(&minimal()).lifetime, Lifetime::default());
        let time = "2027-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(expiry_with("expires_at", "2027-01-01T01:00:00+01:00"), Some(Expiry::At(time)));
        assert_eq!(expiry_with("ttl", "PT36H"), Some(Expiry::In(SignedDuration::from_hours(36))));
        assert_eq!(expiry_with("ttl", "P1W2DT1M"), expiry_with("ttl", "PT216H1M"));
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        let codes = |field: &str, value: Value| codes_with(&format!("/{field}"), value)[0].1;
        for wrong in ["tomorrow", "2027-01-01", "1798761600", ""] {
            assert!(!codes_with("/expires_at", json!(wrong)).is_empty(), "{wrong}");
        }
        for wrong in ["36h", "P1M", "P1Y", "-PT36H", "P", "3 days"] {
            assert_eq!(codes("ttl", json!(wrong)), ViolationCode::Invalid, "{wrong}");
        }
        for wrong in ["PT0S", "PT9M59S", "P3661D"] {
            assert_eq!(codes("ttl", json!(wrong)), ViolationCode::OutOfRange, "{wrong}");
        }
        let mut body = minimal();
        body["expires_at"] = json!("2027-01-01T00:00:00Z");
        body["ttl"] = json!("PT1H");
        assert_eq!(super::super::tests::refused(&body, None)[0].code, ViolationCode::Conflict);
    }

    #[test]
    fn a_protection_says_why() {
        let mut body = minimal();
        body["deletion_protection"] = json!({"reason": "production"});
        assert_eq!(accepted(&body).lifetime.deletion_protection.as_deref(), Some("production"));
        for (value, pointer) in [
            (json!(true), "/deletion_protection"),
            (json!({}), "/deletion_protection/reason"),
            (json!({"reason": " "}), "/deletion_protection/reason"),
            (json!({"reason": "a\nb"}), "/deletion_protection/reason"),
            (json!({"reason": "x", "by": "me"}), "/deletion_protection/by"),
        ] {
            let codes = codes_with("/deletion_protection", value.clone());
            assert_eq!(codes.first().map(|(pointer, _)| pointer.as_str()), Some(pointer), "{value}");
        }
    }
}
