//! `Prefer: wait=20` (RFC 7240): the caller would rather wait for news than ask again and again.

use axum::extract::FromRequestParts;
use http::{HeaderMap, HeaderValue, request::Parts};
use std::{convert::Infallible, time::Duration};

const HEADER: &str = "prefer";
/// Says which preference was heard.
pub(crate) const APPLIED: &str = "preference-applied";
/// The longest wait. The function and the gateway give up after 30 and 29 s, and an answer must be on its way by then.
const LONGEST: u64 = 20;

/// For how long the answer may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefer {
    pub(crate) wait: Option<Duration>,
}

impl Prefer {
    /// What `Preference-Applied` says of it.
    pub(crate) fn applied(self) -> Option<HeaderValue> {
        self.wait.and_then(|wait| HeaderValue::try_from(format!("wait={}", wait.as_secs())).ok())
    }
}

impl<S: Sync> FromRequestParts<S> for Prefer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Prefer { wait: wait(&parts.headers) })
    }
}

/// The first `wait` that is given. What cannot be read is no preference: RFC 7240 has such ignored.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(HEADER).into_iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    let seconds = preferences.find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').parse::<u64>().ok())
    });
    seconds.flatten().map(|seconds| Duration::from_secs(seconds.min(LONGEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(value: &'static str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static(value));
        wait(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_wait_is_found_among_other_preferences() {
        assert_eq!(seconds("wait=7"), Some(7));
        assert_eq!(seconds("respond-async, Wait = \"5\"; x=1"), Some(5));
        assert_eq!(seconds("wait=0"), Some(0));
    }

    #[test]
    fn a_wait_is_no_longer_than_the_gateway_waits() {
        assert_eq!(seconds("wait=21"), Some(20));
        assert_eq!(seconds("wait=18446744073709551615"), Some(20));
    }

    #[test]
    fn what_cannot_be_read_is_no_preference() {
        for value in ["", "wait", "wait=", "wait=soon", "wait=-1", "waiting=5", "return=minimal"] {
            assert_eq!(seconds(value), None, "{value}");
        }
    }
}
