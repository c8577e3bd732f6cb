//! `Idempotency-Key`: lets a caller send a request again without having it carried out again.
//!
//! The key counts for one team, method and route (draft-ietf-httpapi-idempotency-key-header-07). The table
//! holds only a hash of all four.

use crate::{problem, problem::Problem};
use axum::extract::FromRequestParts;
use engine::records::Idempotency;
use http::request::Parts;
use sha2::{Digest, Sha256};

const HEADER: &str = "idempotency-key";
/// Marks the answer to a request that was carried out before.
pub(crate) const REPLAYED: &str = "idempotency-replayed";

/// The key, if the request has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey(Option<String>);

impl IdempotencyKey {
    /// What is kept of the key: `route` is the route's pattern, `fingerprint` says what is asked for.
    pub(crate) fn scoped(&self, team: &str, method: &str, route: &str, fingerprint: String) -> Option<Idempotency> {
        let key = self.0.as_ref()?;
        // None of the four can hold a line break, so that no two scopes give one text.
        Some(Idempotency { key: hex(&format!("{team}\n{method}\n{route}\n{key}")), fingerprint })
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut given = parts.headers.get_all(HEADER).iter();
        let key = match (given.next(), given.next()) {
            (None, _) => return Ok(IdempotencyKey(None)),
            (Some(one), None) => one.to_str().ok().and_then(read),
            (Some(_), Some(_)) => None,
        };
        key.map(|key| IdempotencyKey(Some(key))).ok_or_else(problem::invalid_idempotency_key)
    }
}

/// The draft has a quoted string (RFC 8941), and most clients send the bare text: both mean the same key.
fn read(value: &str) -> Option<String> {
    let key = match value.strip_prefix('"') {
        None => value.to_owned(),
        Some(quoted) => unquote(quoted.strip_suffix('"')?)?,
    };
    let is_fine = (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    is_fine.then_some(key)
}

/// In a quoted string a backslash stands before a quote or another backslash, and nowhere else.
fn unquote(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => characters.next().filter(|next| "\"\\".contains(*next))?,
            '"' => return None,
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_mean_the_same_key() {
        assert_eq!(read("8e03978e-40d5"), read("\"8e03978e-40d5\""));
        assert_eq!(read(r#""a\"b\\c""#).as_deref(), Some(r#"a"b\c"#));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = "x".repeat(256);
        for wrong in ["", "\"\"", "\"", "\"a", "a b", r#""a\b""#, r#""a"b""#, long.as_str()] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_counts_for_one_team_method_and_route() {
        let key = IdempotencyKey(Some("k".into()));
        let scoped = |team, method, route| key.scoped(team, method, route, String::new()).map(|it| it.key);
        let one = scoped("data", "POST", "/environments");
        assert_eq!(one, scoped("data", "POST", "/environments"));
        assert_ne!(one, scoped("finance", "POST", "/environments"));
        assert_ne!(one, scoped("data", "DELETE", "/environments"));
        assert_ne!(one, scoped("data", "POST", "/environments/{id}"));
        assert!(IdempotencyKey(None).scoped("data", "POST", "/", String::new()).is_none());
    }
}
