//! Pages: how many items one has, and where the next one begins.
//!
//! A token is opaque to callers, and bound to the list that it came from: under another filter it is refused instead
//! of skipping what it has never shown. It gives no right: whose environments are listed is decided by the caller,
//! each time anew.

use crate::{idempotency::hex, query::Reader};
use std::{fmt::Display, str::FromStr};

/// How many items a page has where the request says nothing, and at most.
const USUAL: u32 = 20;
const LARGEST: u32 = 100;
/// Characters of a ULID.
const ULID: usize = 26;

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

fn seal(ulid: &str, list: &str) -> String {
    let mut seal = hex(&format!("{ulid}\n{list}"));
    seal.truncate(16);
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
}
