//! Takes secrets out of a text before it is kept.
//!
//! Two ways at once. Every secret that the worker was given is known and is looked for, whole, in its parts and as a
//! basic header carries it. And whatever looks like a key goes as well: a worker's log may hold one that nobody has
//! given it. Rather a word too many: what stands in its place says that something was there.

use std::collections::BTreeSet;

/// What stands in a secret's place.
const REMOVED: &str = "[removed]";
/// Nothing shorter is looked for: it is in every text.
const SHORTEST: usize = 4;
/// A word so long, of letters and digits, is no word.
const LONG: usize = 28;
/// So many bytes before a word can say that it is a secret.
const CONTEXT: usize = 256;
/// What the keys of Prefect, GitHub, Slack and AWS begin with.
const PREFIXES: [&str; 10] = ["pnu_", "pnb_", "ghp_", "gho_", "ghs_", "github_pat_", "xoxb-", "xoxp-", "AKIA", "ASIA"];
/// What is assigned to these is nobody's business.
const NAMES: [&str; 10] =
    ["password", "passwd", "pwd", "secret", "token", "_key", "apikey", "-key", "auth_string", "authorization"];
/// What stands before the credential in a header.
const SCHEMES: [&str; 2] = ["bearer", "basic"];

/// Knows what must not be kept.
#[derive(Clone, Debug, Default)]
pub struct Scrubber {
    /// The longest first: a secret may be a part of another one.
    secrets: Vec<String>,
}

impl Scrubber {
    /// One that knows these secrets' values.
    pub fn of<'s>(values: impl IntoIterator<Item = &'s str>) -> Self {
        let mut secrets = BTreeSet::new();
        for value in values {
            secrets.insert(value.trim().to_owned());
            secrets.extend(value.lines().map(|line| line.trim().to_owned()));
            // `user:password`, and as basic authentication sends it.
            if let Some((_, password)) = value.split_once(':') {
                secrets.insert(password.to_owned());
                secrets.insert(base64(value.as_bytes()));
            }
            // A secret of several fields is JSON.
            if let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(value) {
                secrets.extend(fields.values().filter_map(|field| field.as_str()).map(str::to_owned));
            }
        }
        let mut secrets: Vec<String> = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Scrubber { secrets }
    }

    /// The text without secrets.
    pub fn scrub(&self, text: &str) -> String {
        let known = self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, REMOVED));
        without_keys(&known)
    }
}

/// The text without what looks like a key.
fn without_keys(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(is_of_a_word) {
        let (between, from_word) = rest.split_at(begin);
        kept.push_str(between);
        let end_of_word = from_word.find(|it| !is_of_a_word(it)).unwrap_or(from_word.len());
        let word = &from_word[..end_of_word];
        let is_ours = kept.ends_with('[') && word == "removed";
        let end = if !is_ours && is_given_away(&kept, word) {
            kept.push_str(REMOVED);
            // To the end of what was assigned: a key may have strokes in it.
            from_word.find(|it: char| it.is_whitespace() || "\"',;&@)}]".contains(it)).unwrap_or(from_word.len())
        } else {
            kept.push_str(if !is_ours && is_key(word) { REMOVED } else { word });
            end_of_word
        };
        rest = &from_word[end..];
    }
    kept.push_str(rest);
    kept
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "_-+~".contains(letter)
}

/// Whether a word looks like a key by itself.
fn is_key(word: &str) -> bool {
    if PREFIXES.iter().any(|prefix| word.len() >= prefix.len() + 8 && word.starts_with(prefix)) {
        return true;
    }
    let (digits, letters) =
        (word.bytes().any(|it| it.is_ascii_digit()), word.bytes().any(|it| it.is_ascii_alphabetic()));
    // A UUID names an account, a workspace or a run: the owner needs it.
    word.len() >= LONG && digits && letters && !is_uuid(word)
}

/// Whether what stands before a word says that it is a secret: `password=`, `"api_key": "`, `Authorization: Basic `,
/// or the user's name in a URL.
fn is_given_away(before: &str, word: &str) -> bool {
    let lower = end_of(before).to_ascii_lowercase();
    let name = lower.trim_end_matches(|it: char| "\"':= ".contains(it));
    let is_assigned = lower[name.len()..].contains([':', '=']) && NAMES.iter().any(|known| name.ends_with(known));
    let is_header =
        lower.ends_with(' ') && SCHEMES.iter().any(|scheme| name.ends_with(scheme)) && lower.contains("auth");
    // `https://user:` and what follows, up to the `@` that is not seen yet.
    let in_url = lower.rsplit_once("://").is_some_and(|(_, user)| {
        user.strip_suffix(':').is_some_and(|user| !user.is_empty() && !user.contains(|it: char| " /.@:".contains(it)))
    });
    let is_port = word.len() <= 5 && word.bytes().all(|it| it.is_ascii_digit());
    let is_scheme = SCHEMES.contains(&word.to_ascii_lowercase().as_str());
    ((is_assigned || is_header) && !is_scheme) || (in_url && !is_port)
}

/// As much of the end of a text as can say something of the word after it: a long text is read once, not once a word.
fn end_of(text: &str) -> &str {
    let begin = text.len().saturating_sub(CONTEXT);
    let begin = (begin..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    &text[begin..]
}

fn is_uuid(word: &str) -> bool {
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && word.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

/// Base64 of RFC 4648, as a basic header has it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index)) as usize & 63] as char;
            text.push(if index <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_secret_goes_in_every_form() {
        let scrubber = Scrubber::of(["admin:s3cret-w0rd", r#"{"user": "ada", "password": "hunter22"}"#, "ab"]);
        assert_eq!(base64(b"admin:s3cret-w0rd"), "YWRtaW46czNjcmV0LXcwcmQ=");
        for text in ["admin:s3cret-w0rd", "s3cret-w0rd", "YWRtaW46czNjcmV0LXcwcmQ=", "x hunter22 y"] {
            let scrubbed = scrubber.scrub(text);
            assert!(scrubbed.contains(REMOVED), "{text}");
            for secret in ["s3cret", "hunter22", "YWRtaW46"] {
                assert!(!scrubbed.contains(secret), "{scrubbed}");
            }
        }
        assert_eq!(scrubber.scrub("about"), "about", "two letters are in every text");
    }

    #[test]
    fn what_looks_like_a_key_goes_although_nobody_knows_it() {
        let keys = [
            "pnu_abcdefghijkl",
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
            "0123456789abcdef0123456789abcdef",
        ];
        for key in keys {
            let scrubbed = Scrubber::default().scrub(&format!("before '{key}', after"));
            assert_eq!(scrubbed, "before '[removed]', after");
        }
    }

    #[test]
    fn what_stands_where_a_secret_stands_goes() {
        let lines = [
            ("password=short", "password=[removed]"),
            ("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "aws_secret_access_key=[removed]"),
            (r#"{"api_key": "abc"}"#, r#"{"api_key": "[removed]"}"#),
            ("Authorization: Bearer abc", "Authorization: Bearer [removed]"),
            ("Authorization: Basic YTpi", "Authorization: Basic [removed]"),
            ("postgres://user:pw1@db/x", "postgres://user:[removed]@db/x"),
        ];
        for (line, wanted) in lines {
            assert_eq!(Scrubber::default().scrub(line), wanted);
        }
    }

    #[test]
    fn what_an_owner_needs_stays() {
        let lines = [
            "httpx.HTTPStatusError: Client error '401 Unauthorized' for url 'https://api.prefect.cloud/api/accounts/\
             11111111-2222-4333-8444-555555555555/workspaces/66666666-7777-4888-9999-000000000000/work_pools/pool'",
            "  File \"/usr/local/lib/python3.12/site-packages/prefect/workers/base.py\", line 812, in start",
            "http://10.0.4.17:4200/api",
            "2026-11-24 14:05:11,123 | INFO | prefect.worker.ecs.ecsworker 0b1c - Worker started!",
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm",
        ];
        for line in lines {
            assert_eq!(Scrubber::default().scrub(line), line);
        }
    }
}
