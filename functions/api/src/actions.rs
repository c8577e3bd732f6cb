//! What may be done with an environment now: told in every answer, so that a tool need not know the rules.

use engine::records::{Record, Status};
use schemars::JsonSchema;
use serde::Serialize;

/// Something that may be done with an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "EnvironmentAction")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    /// `PATCH /environments/{id}`
    Update,
    /// `POST /environments/{id}/repair`
    Repair,
    /// `DELETE /environments/{id}`
    Delete,
}

/// What may be done with an environment now.
pub(crate) fn allowed(record: &Record) -> Vec<Action> {
    at(record.status, record.is_protected())
}

/// What may be done with an environment in this status.
pub(crate) fn at(status: Status, is_protected: bool) -> Vec<Action> {
    let is_allowed = |action: &Action| match action {
        Action::Update => status.allows_update(),
        Action::Repair => status.allows_repair(),
        Action::Delete => status.allows_delete() && !is_protected,
    };
    [Action::Update, Action::Repair, Action::Delete].into_iter().filter(is_allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_once_can_be_changed_or_repaired_and_what_is_deleted_is_left_alone() {
        let able: Vec<(&str, usize)> = Status::ALL.map(|status| (status.as_str(), at(status, false).len())).into();
        assert_eq!(
            able,
            [
                ("PENDING", 1),
                ("CREATING", 1),
                ("ACTIVE", 3),
                ("UPDATING", 2),
                ("ROLLING_BACK", 1),
                ("DELETING", 1),
                ("DELETED", 0),
                ("FAILED", 1),
                ("UPDATE_FAILED", 3),
                ("DELETE_FAILED", 1),
            ]
        );
    }

    #[test]
    fn what_is_protected_cannot_be_deleted() {
        assert_eq!(at(Status::Active, true), [Action::Update, Action::Repair]);
    }
}
