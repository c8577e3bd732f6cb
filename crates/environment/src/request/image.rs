//! `worker.image`: a reference to an image, among those that the operator allows.

use super::{fields::Field, violation::ViolationCode};

/// Reads the reference, as far as it can be judged without its registry.
pub(super) fn read(field: &Field<'_>, allowed: &[String]) -> Option<String> {
    let form = "This must be a reference to an image, for instance prefecthq/prefect-aws:0.7-python3.12.";
    let image = field.text_like(1..=255, is_a_reference, form)?;
    if !allowed.is_empty() && !allowed.iter().any(|pattern| matches(pattern, image)) {
        let detail = "This image is not among those that the operator lets workers run (parameter WorkerImages).";
        field.refuse(ViolationCode::NotAllowed, detail);
        return None;
    }
    Some(image.to_owned())
}

fn is_a_reference(text: &str) -> bool {
    let of_reference = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:/@+".contains(&byte);
    let begins_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    let ends_well = text.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_');
    begins_well && ends_well && text.bytes().all(of_reference) && !text.contains("//")
}

/// Whether the text is as the pattern says, letter by letter; `*` stands for any run of letters, also for none.
/// References are compared as they are written: a name that a registry would complete does not match.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(head) else { return false };
    let Some((middle, tail)) = rest.rsplit_once('*') else { return left.ends_with(rest) };
    for part in middle.split('*') {
        // The earliest place leaves most to what follows.
        let Some(at) = left.find(part) else { return false };
        left = &left[at + part.len()..];
    }
    left.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, codes_with, defaults, minimal};
    use super::super::{Defaults, parse};
    use super::*;
    use serde_json::json;

    #[test]
    fn an_image_is_a_reference_without_blanks() {
        let mut body = minimal();
        for image in [
            "busybox",
            "prefecthq/prefect-aws:0.7-python3.12",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/b@sha256:0123456789abcdef",
            "localhost:5000/x:1",
        ] {
            body["worker"] = json!({"image": image});
            assert_eq!(accepted(&body).spec.worker.image, image);
        }
        for image in ["a b", "a\n", "/a", "a:", "a//b", "-a", "\u{e4}", "$(id)", "a;b", "a`b`", "a*"] {
            let told = codes_with("/worker/image", json!(image));
            assert_eq!(told, [("/worker/image".into(), ViolationCode::Invalid)], "{image}");
        }
    }

    #[test]
    fn where_the_operator_lists_images_a_request_may_name_no_other() {
        let patterns = ["mirror.example.com/*", "prefecthq/prefect-aws:0.7-*"].map(String::from);
        let told = |image: &str| {
            let mut body = minimal();
            body["worker"] = json!({"image": image});
            let told = parse(&body, &Defaults { worker_images: &patterns, ..defaults() }).err();
            told.map(|violations| (violations[0].pointer.clone(), violations[0].code))
        };
        for image in ["mirror.example.com/a", "mirror.example.com/a/b:1", "prefecthq/prefect-aws:0.7-python3.13"] {
            assert_eq!(told(image), None, "{image}");
        }
        for image in [
            "prefecthq/prefect-aws:0.8-python3.13",
            "docker.io/prefecthq/prefect-aws:0.7-python3.12",
            "evil.example/mirror.example.com/a",
            "mirror.example.com.evil.example/a",
            "MIRROR.example.com/a",
            "busybox",
        ] {
            assert_eq!(told(image), Some(("/worker/image".into(), ViolationCode::NotAllowed)), "{image}");
        }
    }

    #[test]
    fn the_operators_own_image_needs_no_pattern() {
        let patterns = ["mirror.example.com/*".to_owned()];
        assert!(parse(&minimal(), &Defaults { worker_images: &patterns, ..defaults() }).is_ok());
    }

    #[test]
    fn an_asterisk_stands_for_any_run_of_letters() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "a"),
            ("a*", "a"),
            ("a*c", "abc"),
            ("a*b*c", "abbc"),
            ("*b*", "abc"),
            ("**a", "a"),
            ("a", "a"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", "ab"), ("a*a", "a"), ("ab*bc", "abc"), ("a*b*b", "ab"), ("*x*", "abc")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
