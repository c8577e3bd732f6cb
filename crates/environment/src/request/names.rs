//! Names: of the environment and of the team that owns it.

use super::fields::{Field, Fields};
use super::violation::ViolationCode;

/// Everything that an environment consists of is named after it, and AWS's shortest limit leaves 24.
pub(super) fn environment(fields: &mut Fields<'_>) -> Option<String> {
    const FORM: &str = "This must be words of lower-case letters and digits, joined by single hyphens, \
                        and begin with a letter.";
    fields.required("name")?.text_like(2..=24, is_a_name, FORM).map(str::to_owned)
}

/// `^[a-z][a-z0-9]*(-[a-z0-9]+)*$`
fn is_a_name(text: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.split('-').all(word)
}

/// The team. Who has a team of their own need not give it and may give no other.
pub(super) fn team(fields: &mut Fields<'_>, callers: Option<&str>) -> Option<String> {
    match callers {
        None => read_team(&fields.required("team")?),
        Some(callers) => {
            if let Some(field) = fields.get("team")
                && read_team(&field)? != callers
            {
                field.refuse(ViolationCode::TeamNotYours, "This is not the team of the role that you call with.");
                return None;
            }
            Some(callers.to_owned())
        }
    }
}

fn read_team(field: &Field<'_>) -> Option<String> {
    const FORM: &str = "This must consist of letters, digits, dots, underscores and hyphens.";
    field.text_like(1..=64, is_a_team, FORM).map(str::to_owned)
}

/// Whether a team can be called so. It stands in keys of the table and in a tag.
pub fn is_a_team(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted_with, codes_with, minimal};
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_words_joined_by_single_hyphens() {
        for name in ["prefect", "a1", "team-a-dev", "x-1-2"] {
            assert!(is_a_name(name), "{name}");
        }
        for name in ["", "1a", "-a", "a-", "a--b", "A", "a_b", "ä", "a b", "a\n"] {
            assert!(!is_a_name(name), "{name}");
        }
        assert_eq!(codes_with("/name", json!("x")), [("/name".into(), ViolationCode::OutOfRange)]);
        assert_eq!(codes_with("/name", json!("x".repeat(25))), [("/name".into(), ViolationCode::OutOfRange)]);
    }

    #[test]
    fn who_has_a_team_need_not_name_it_and_may_name_no_other() {
        let mut body = minimal();
        assert_eq!(accepted_with(&body, Some("data")).spec.team, "data");
        body["team"] = json!("finance");
        let violations = super::super::tests::refused(&body, Some("data"));
        assert_eq!(violations[0].code, ViolationCode::TeamNotYours);
        body.as_object_mut().unwrap().remove("team");
        assert_eq!(accepted_with(&body, Some("data")).spec.team, "data");
        assert_eq!(super::super::tests::refused(&body, None)[0].pointer, "/team");
    }
}
