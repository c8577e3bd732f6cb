//! Pages: how many items one has, and where the next one begins.
//!
//! A token is opaque to callers, and bound to the list that it came from: under another filter it is refused instead
//! of skipping what it has never shown. It gives no right: whose environments are listed is decided by the caller,
//! each time anew.

use crate::{idempotency::hex, query::Reader};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use environment::Fault;
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Display, str::FromStr};

/// How many items a page has where the request says nothing, and at most.
const USUAL: u32 = 20;
const LARGEST: u32 = 100;
/// Characters of a ULID.
const ULID: usize = 26;
/// Characters of a seal.
const SEAL: usize = 16;

/// How many items a page has.
pub(crate) struct PageSize(pub(crate) u32);

impl PageSize {
    /// `page_size`.
    pub(crate) fn read(reader: &mut Reader) -> PageSize {
        let of_a_page = |text: &str| text.parse::<u32>().ok().filter(|size| (1..=LARGEST).contains(size));
        let size = reader.parse("page_size", of_a_page, &format!("This must be 1 to {LARGEST}."));
        PageSize(size.unwrap_or(USUAL))
    }
}

/// The token of the page after this item of a list. `list` says which list that is, filters and all.
pub(crate) fn token(after: impl Display, list: &str) -> String {
    let id = after.to_string();
    let ulid = id.rsplit('-').next().unwrap_or_default();
    format!("{ulid}{}", seal(ulid, list))
}

/// `page_token`: the item after which the page begins. The empty token stands for the first page.
pub(crate) fn read<T: FromStr + Display>(reader: &mut Reader, list: &str) -> Option<T> {
    if reader.get("page_token").is_none_or(str::is_empty) {
        return None;
    }
    let form = "This is no token of this list: take next_page_token, with the same parameters.";
    reader.parse("page_token", |token| open(token, list), form)
}

/// Which kind of id the list has, its type knows: of all prefixes only one can be read.
fn open<T: FromStr>(token: &str, list: &str) -> Option<T> {
    let (ulid, sealed) = token.split_at_checked(ULID)?;
    let mut ids = ["env-", "op-"].into_iter().filter_map(|prefix| format!("{prefix}{ulid}").parse().ok());
    if sealed == seal(ulid, list) { ids.next() } else { None }
}

/// The token of a place in a list that has no ids.
pub(crate) fn position_token(position: &impl Serialize, list: &str) -> Result<String, Fault> {
    let position = serde_json::to_vec(position).map_err(|error| Fault::bug(error.to_string()))?;
    let position = BASE64_URL_SAFE_NO_PAD.encode(position);
    Ok(format!("{}{position}", seal(&position, list)))
}

/// `page_token`: the place in a list that has no ids. The empty token stands for no place.
pub(crate) fn read_position<T: DeserializeOwned>(reader: &mut Reader, list: &str) -> Option<T> {
    if reader.get("page_token").is_none_or(str::is_empty) {
        return None;
    }
    reader.parse(
        "page_token",
        |token| open_position(token, list),
        "This is no token of this list: take next_page_token.",
    )
}

fn open_position<T: DeserializeOwned>(token: &str, list: &str) -> Option<T> {
    let (sealed, position) = token.split_at_checked(SEAL)?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(position).ok()?;
    if sealed == seal(position, list) { serde_json::from_slice(&bytes).ok() } else { None }
}

fn seal(place: &str, list: &str) -> String {
    let mut seal = hex(&format!("{place}\n{list}"));
    seal.truncate(SEAL);
    seal
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::{EnvironmentId, OperationId};

    #[test]
    fn a_token_is_good_for_its_own_list_only() {
        let id = EnvironmentId::new(1_795_000_000_000, 7);
        let token = token(id, "data ACTIVE");
        assert_eq!(open(&token, "data ACTIVE"), Some(id));
        assert_eq!(open::<EnvironmentId>(&token, "data"), None);
        for wrong in ["", "x", "ääääääääääääääääääääääääää", &token[1..], &token.to_uppercase()]
        {
            assert_eq!(open::<EnvironmentId>(wrong, "data ACTIVE"), None, "{wrong}");
        }
    }

    #[test]
    fn operations_have_pages_as_well() {
        let id = OperationId::new(1_795_000_000_000, 7);
        assert_eq!(open(&token(id, "operations"), "operations"), Some(id));
    }

    #[test]
    fn a_place_in_a_list_without_ids_is_good_for_that_list_only() {
        let token = position_token(&["a", "b"], "logs of one").expect("a token");
        assert_eq!(open_position(&token, "logs of one"), Some(["a".to_owned(), "b".to_owned()]));
        assert_eq!(open_position::<[String; 2]>(&token, "logs of another"), None);
        assert!(token.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it)), "as a URL has it: {token}");
        for wrong in ["", "x", "ääääääääääääääääääääääääää", &token[1..], &token[..token.len() - 1]]
        {
            assert_eq!(open_position::<[String; 2]>(wrong, "logs of one"), None, "{wrong}");
        }
    }
}
