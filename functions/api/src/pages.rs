//! Page tokens: where the next page of a list begins. Opaque to callers, and bound to the list that they came
//! from: under another filter a token is refused instead of skipping what it has never shown.
//!
//! A token gives no right: whose environments are listed is decided by the caller, each time anew.

use crate::idempotency::hex;
use engine::records::{Scope, Status};
use environment::EnvironmentId;

/// How an environment's id begins.
const PREFIX: &str = "env-";

/// The token of the page after this environment.
pub(crate) fn token(after: EnvironmentId, scope: &Scope, status: Option<Status>) -> String {
    let id = after.to_string();
    let id = id.strip_prefix(PREFIX).unwrap_or(&id);
    format!("{id}{}", seal(id, scope, status))
}

/// The environment after which the page of this token begins; `None` for what is no token of this list.
pub(crate) fn read(token: &str, scope: &Scope, status: Option<Status>) -> Option<EnvironmentId> {
    let (id, sealed) = token.split_at_checked(26)?;
    if sealed != seal(id, scope, status) {
        return None;
    }
    format!("{PREFIX}{id}").parse().ok()
}

fn seal(id: &str, scope: &Scope, status: Option<Status>) -> String {
    let whose = match scope {
        Scope::All => String::new(),
        Scope::Team(team) => format!("team {team}"),
    };
    let mut seal = hex(&format!("{id}\n{whose}\n{}", status.map(Status::as_str).unwrap_or_default()));
    seal.truncate(16);
    seal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_list_only() {
        let id = EnvironmentId::new(1_795_000_000_000, 7);
        let (all, data) = (Scope::All, Scope::Team("data".into()));
        let token = token(id, &data, Some(Status::Active));
        assert_eq!(read(&token, &data, Some(Status::Active)), Some(id));
        for (scope, status) in [(&all, Some(Status::Active)), (&data, None), (&data, Some(Status::Failed))] {
            assert_eq!(read(&token, scope, status), None);
        }
        for wrong in ["", "x", "ääääääääääääääääääääääääää", &token[1..], &token.to_uppercase()]
        {
            assert_eq!(read(wrong, &data, Some(Status::Active)), None, "{wrong}");
        }
    }
}
