//! IAM's patterns: `*` stands for any text, `?` for one character.

/// Whether a text is as a pattern says.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = text;
    let mut parts = pattern.split('*').peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let at = match (first, is_last) {
            (true, true) => return same(part, rest),
            (true, false) => Some(0).filter(|_| begins(part, rest)),
            (false, true) => return ends(part, rest),
            (false, false) => {
                rest.char_indices().map(|(at, _)| at).chain([rest.len()]).find(|at| begins(part, &rest[*at..]))
            }
        };
        let Some(at) = at else { return false };
        rest = &rest[at..];
        rest = &rest[rest.char_indices().nth(part.chars().count()).map_or(rest.len(), |(end, _)| end)..];
        first = false;
    }
    true
}

/// Whether an ARN is as a pattern says: part by part, so that no `*` reaches over a colon before the resource.
pub(crate) fn arn_matches(pattern: &str, arn: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let (pattern, arn): (Vec<_>, Vec<_>) = (pattern.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    pattern.len() == arn.len() && pattern.iter().zip(arn).all(|(pattern, part)| matches(pattern, part))
}

fn begins(part: &str, text: &str) -> bool {
    let mut text = text.chars();
    part.chars().all(|wanted| text.next().is_some_and(|is| wanted == '?' || wanted == is))
}

fn same(part: &str, text: &str) -> bool {
    part.chars().count() == text.chars().count() && begins(part, text)
}

fn ends(part: &str, text: &str) -> bool {
    let Some(more) = text.chars().count().checked_sub(part.chars().count()) else { return false };
    same(part, &text.chars().skip(more).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, text) in
            [("*", ""), ("*-cluster", "a-cluster"), ("a*c*e", "abcde"), ("a?c", "abc"), ("*/*", "vpc/*"), ("a*a", "aa")]
        {
            assert!(matches(pattern, text), "{pattern} is {text}");
        }
        for (pattern, text) in [("*-cluster", "a-cluster-b"), ("a?c", "ac"), ("a*a", "a"), ("", "a"), ("a*b*c", "acb")]
        {
            assert!(!matches(pattern, text), "{pattern} is not {text}");
        }
    }

    #[test]
    fn a_star_in_an_arn_stays_in_its_part() {
        assert!(arn_matches("arn:aws:ec2:r:1:*/*", "arn:aws:ec2:r:1:vpc/v"));
        assert!(!arn_matches("arn:aws:*:1:vpc/v", "arn:aws:ec2:r:1:vpc/v"));
        assert!(!arn_matches("arn:aws:ec2:r:1:vpc/*", "arn:aws:ec2:r:2:vpc/v"));
    }
}
