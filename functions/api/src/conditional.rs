//! `If-Match` and `If-None-Match`: a change only of what the caller has seen, and an answer only where that is news.
//!
//! An environment's ETag is its [`Revision`]: derived from its records, so that it moves with everything that an
//! answer shows, and costs nothing to keep.

use crate::{problem, problem::Problem};
use axum::extract::FromRequestParts;
use engine::records::Revision;
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};

/// The revisions that a change is meant for; `None` where the request says nothing, or any will do.
#[derive(Debug)]
pub(crate) struct IfMatch(pub(crate) Option<Vec<Revision>>);

/// What the caller has already.
#[derive(Debug)]
pub(crate) enum IfNoneMatch {
    /// Nothing that it speaks of.
    Nothing,
    /// Whatever there is: `*`.
    Anything,
    /// One of these.
    OneOf(Vec<Revision>),
}

impl IfNoneMatch {
    /// Whether the caller has said that it has one already.
    pub(crate) fn has_one(&self) -> bool {
        !matches!(self, IfNoneMatch::Nothing)
    }

    /// Whether the caller has this one already.
    pub(crate) fn has(&self, revision: &Revision) -> bool {
        match self {
            IfNoneMatch::Nothing => false,
            IfNoneMatch::Anything => true,
            IfNoneMatch::OneOf(known) => known.contains(revision),
        }
    }
}

/// The ETag of a revision.
pub(crate) fn etag(revision: &Revision) -> HeaderValue {
    // A revision has digits, letters and hyphens only.
    HeaderValue::try_from(format!("\"{revision}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(tags) = tags(&parts.headers, &header::IF_MATCH)? else { return Ok(IfMatch(None)) };
        // A weak tag never matches here (RFC 9110, 13.1.1).
        Ok(IfMatch(tags.map(|tags| tags.into_iter().filter(|tag| !tag.is_weak).map(|tag| tag.revision).collect())))
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(match tags(&parts.headers, &header::IF_NONE_MATCH)? {
            None => IfNoneMatch::Nothing,
            Some(None) => IfNoneMatch::Anything,
            Some(Some(tags)) => IfNoneMatch::OneOf(tags.into_iter().map(|tag| tag.revision).collect()),
        })
    }
}

struct Tag {
    is_weak: bool,
    revision: Revision,
}

/// The entity tags of a header, where it is given; `None` in it stands for `*`.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Option<Vec<Tag>>>, Problem> {
    let mut all = Vec::new();
    for value in headers.get_all(name) {
        let value = value.to_str().map_err(|_| problem::invalid_header(name))?.trim();
        if value == "*" {
            return Ok(Some(None));
        }
        all.extend(read(value).ok_or_else(|| problem::invalid_header(name))?);
    }
    Ok(if headers.contains_key(name) { Some(Some(all)) } else { None })
}

/// Reads `"a", W/"b"`. No tag of ours has a comma in it, and none that has one matches.
fn read(list: &str) -> Option<Vec<Tag>> {
    let tag = |text: &str| {
        let text = text.trim();
        let (is_weak, quoted) = text.strip_prefix("W/").map_or((false, text), |quoted| (true, quoted));
        let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
        (!inner.contains('"')).then(|| Tag { is_weak, revision: Revision::from(inner) })
    };
    list.split(',').map(tag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(values: &[&'static str]) -> Parts {
        let mut request = http::Request::new(());
        for value in values {
            request.headers_mut().append(header::IF_MATCH, HeaderValue::from_static(value));
            request.headers_mut().append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        request.into_parts().0
    }

    async fn if_match(values: &[&'static str]) -> Result<Option<Vec<Revision>>, &'static str> {
        let mut parts = given(values);
        let read = IfMatch::from_request_parts(&mut parts, &()).await;
        read.map(|IfMatch(revisions)| revisions).map_err(|problem| problem.code)
    }

    #[tokio::test]
    async fn tags_are_read_from_lists_and_from_several_headers() {
        let both = vec![Revision::from("1-a"), Revision::from("2-b")];
        assert_eq!(if_match(&["\"1-a\", \"2-b\""]).await, Ok(Some(both.clone())));
        assert_eq!(if_match(&["\"1-a\"", "\"2-b\""]).await, Ok(Some(both)));
        assert_eq!(if_match(&["*"]).await, Ok(None), "any revision will do");
        assert_eq!(if_match(&[]).await, Ok(None));
    }

    #[tokio::test]
    async fn a_weak_tag_is_good_for_reading_only() {
        assert_eq!(if_match(&["W/\"1-a\""]).await, Ok(Some(vec![])), "nothing is changed under a weak tag");
        let mut parts = given(&["W/\"1-a\""]);
        let read = IfNoneMatch::from_request_parts(&mut parts, &()).await.expect("tags");
        assert!(read.has(&Revision::from("1-a")) && !read.has(&Revision::from("2-b")));
    }

    #[tokio::test]
    async fn what_is_no_tag_is_refused() {
        for wrong in ["1-a", "\"1-a", "\"1-a\" \"2-b\"", "", "w/\"1-a\""] {
            assert_eq!(if_match(&[wrong]).await, Err("INVALID_HEADER"), "{wrong}");
        }
    }
}
