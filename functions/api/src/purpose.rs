//! For whom and why: `On-Behalf-Of` and `Request-Reason`.
//!
//! A tool signs with its own role, and people ask through it. What it says of them is kept with the operation as it
//! was said: nobody has checked it, and nothing is decided by it. Headers, since a DELETE has no body.

use crate::{problem, problem::Problem};
use http::{HeaderMap, HeaderName};

const ON_BEHALF_OF: HeaderName = HeaderName::from_static("on-behalf-of");
const REASON: HeaderName = HeaderName::from_static("request-reason");
/// Characters.
const LONGEST: usize = 256;

/// For whom a request is made.
pub(crate) fn on_behalf_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    text(headers, &ON_BEHALF_OF)
}

/// Why it is made.
pub(crate) fn reason(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    text(headers, &REASON)
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(name).iter();
    let text = match (given.next(), given.next()) {
        (None, _) => return Ok(None),
        (Some(one), None) => one.to_str().ok().and_then(decode),
        (Some(_), Some(_)) => None,
    };
    let is_fine = |text: &String| {
        (1..=LONGEST).contains(&text.chars().count()) && !text.chars().any(char::is_control) && text.trim() == text
    };
    text.filter(is_fine).map(Some).ok_or_else(|| problem::invalid_header(name))
}

/// A header is ASCII: everything else stands there as percent-encoded UTF-8, a percent sign as `%25`.
fn decode(value: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                u8::try_from(digit(rest.next()?)? * 16 + digit(rest.next()?)?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(REASON, HeaderValue::from_str(value).expect("a header's value"));
        reason(&headers).expect("a text")
    }

    #[test]
    fn a_text_is_kept_as_it_was_meant() {
        assert_eq!(reason(&HeaderMap::new()).expect("nothing is wrong"), None);
        assert_eq!(read("OPS-17: no longer needed").as_deref(), Some("OPS-17: no longer needed"));
        assert_eq!(read("50%25 %C3%9Cbung").as_deref(), Some("50% Übung"));
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let long = "x".repeat(257);
        for wrong in ["", "50% done", "%", "%C3", "a%0Ab", "%20", long.as_str()] {
            let mut headers = HeaderMap::new();
            headers.insert(ON_BEHALF_OF, HeaderValue::from_str(wrong).expect("a header's value"));
            assert_eq!(on_behalf_of(&headers).map_err(|problem| problem.code), Err("INVALID_HEADER"), "{wrong}");
        }
        let mut twice = HeaderMap::new();
        twice.append(REASON, HeaderValue::from_static("a"));
        twice.append(REASON, HeaderValue::from_static("b"));
        assert!(reason(&twice).is_err(), "which of the two?");
    }
}
