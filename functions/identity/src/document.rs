//! Policy documents as IAM answers them: JSON, percent-encoded after RFC 3986.

use environment::Fault;
use serde_json::Value;

/// The document that IAM answered.
pub(crate) fn parse(encoded: &str) -> Result<Value, Fault> {
    let json = decode(encoded).ok_or_else(|| Fault::bug("a policy document is not percent-encoded UTF-8"))?;
    serde_json::from_str(&json).map_err(|error| Fault::bug(format!("a policy document is not JSON: {error}")))
}

fn decode(encoded: &str) -> Option<String> {
    let mut parts = encoded.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_read_encoded_or_not() {
        let document = json!({"Resource": ["a+b%", "ü"]});
        for encoded in
            ["%7B%22Resource%22%3A%5B%22a%2Bb%25%22%2C%22%C3%BC%22%5D%7D", "{\"Resource\": [\"a+b%25\", \"ü\"]}"]
        {
            assert_eq!(parse(encoded).ok(), Some(document.clone()), "{encoded}");
        }
    }

    #[test]
    fn what_is_no_document_is_a_fault() {
        for broken in ["", "%", "%7", "%zz", "%ff", "%é", "no JSON"] {
            assert!(parse(broken).is_err(), "{broken:?} was read");
        }
    }
}
