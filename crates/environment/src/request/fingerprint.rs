//! The fingerprint of a request: whether a second one under the same Idempotency-Key asks for the same.

use crate::{lifetime::Lifetime, spec::Spec};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 over the spec and the lifetime, in hexadecimal. The spec says what kind of credential there is and never which: a
/// fingerprint of a secret could be tried against guesses.
pub(super) fn of(spec: &Spec, lifetime: &Lifetime) -> String {
    // They consist of texts, numbers and maps with texts as keys, which serde_json always can write.
    of_value(&serde_json::to_value((spec, lifetime)).unwrap_or_default())
}

/// SHA-256 over JSON, in hexadecimal. Objects are sorted by key, so that fields may change their order.
pub(super) fn of_value(value: &Value) -> String {
    Sha256::digest(value.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, minimal};
    use serde_json::json;

    #[test]
    fn what_is_spelled_out_equals_what_is_left_out() {
        let mut body = minimal();
        let fingerprint = accepted(&body).fingerprint;
        body["worker"] = json!({"cpu": 512, "memory": 1024});
        body["network"] = json!({"mode": "create", "nat": "single"});
        assert_eq!(accepted(&body).fingerprint, fingerprint);
        assert_eq!(fingerprint.len(), 64);
    }

    #[test]
    fn another_spec_differs_and_another_key_does_not() {
        let mut body = minimal();
        let fingerprint = accepted(&body).fingerprint;
        body["prefect"]["api_key"] = json!("another");
        assert_eq!(accepted(&body).fingerprint, fingerprint);
        for (field, value) in [("log_retention_days", json!(7)), ("ttl", json!("PT1H"))] {
            let mut other = minimal();
            other[field] = value;
            assert_ne!(accepted(&other).fingerprint, fingerprint, "{field}");
        }
    }
}
