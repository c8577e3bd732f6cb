//! Violations: what is wrong with a request, one for each place that is wrong.

use schemars::JsonSchema;
use serde::Serialize;
use std::cell::RefCell;

/// What kind of rule was broken. The set is stable: callers may decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ViolationCode {
    /// A field is missing.
    Required,
    /// There is no such field.
    UnknownField,
    /// The value is of another JSON type.
    WrongType,
    /// A number, a length or a count is too small or too large.
    OutOfRange,
    /// The value does not have the form it should.
    Invalid,
    /// The form is right, but this value may not be given.
    NotAllowed,
    /// The value contradicts another one of the same request.
    Conflict,
    /// The address range shares addresses with another one of the same request.
    Overlap,
    /// This service does not offer it yet.
    NotAvailable,
    /// The team is not the caller's.
    TeamNotYours,
    /// The secret is not the team's to use.
    SecretNotShared,
    /// It is more than the operator lets anybody have.
    LimitExceeded,
    /// An environment is so for ever.
    Immutable,
}

/// One thing that is wrong with a request. It never quotes text of the request: that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What kind of rule was broken.
    pub code: ViolationCode,
    /// What the rule is, in a sentence.
    pub detail: String,
}

impl Violation {
    /// A violation at this pointer.
    pub fn new(pointer: impl Into<String>, code: ViolationCode, detail: impl Into<String>) -> Self {
        Violation { pointer: pointer.into(), code, detail: detail.into() }
    }
}

/// No request is told more than this: a body of nothing but mistakes must not become a far larger answer.
const MOST: usize = 200;

/// Collects every violation of one request, in the order in which the sections are read.
#[derive(Debug, Default)]
pub(super) struct Report(RefCell<Vec<Violation>>);

impl Report {
    pub(super) fn add(&self, violation: Violation) {
        let mut violations = self.0.borrow_mut();
        if violations.len() < MOST {
            violations.push(violation);
        }
    }

    pub(super) fn into_violations(self) -> Vec<Violation> {
        self.0.into_inner()
    }
}

/// Appends a member's name to a JSON pointer, escaped as RFC 6901 asks.
pub(super) fn member(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_what_would_split_it() {
        assert_eq!(member("/tags", "a/b~c"), "/tags/a~1b~0c");
    }

    #[test]
    fn a_body_of_mistakes_gets_an_answer_of_bounded_size() {
        let report = Report::default();
        (0..10_000).for_each(|_| report.add(Violation::new("", ViolationCode::UnknownField, "")));
        assert_eq!(report.into_violations().len(), MOST);
    }
}
