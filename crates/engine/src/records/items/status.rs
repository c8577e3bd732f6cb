//! How an environment is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an environment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Asked for; nothing is made yet.
    Pending,
    /// Being made.
    Creating,
    /// As its spec says.
    Active,
    /// Being changed.
    Updating,
    /// A create that failed is being undone.
    RollingBack,
    /// Being deleted.
    Deleting,
    /// Deleted, with nothing left behind.
    Deleted,
    /// A create that failed and was undone, with nothing left behind.
    Failed,
    /// A change that failed.
    UpdateFailed,
    /// Something is left; the record says what and why.
    DeleteFailed,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 10] = [
        Status::Pending,
        Status::Creating,
        Status::Active,
        Status::Updating,
        Status::RollingBack,
        Status::Deleting,
        Status::Deleted,
        Status::Failed,
        Status::UpdateFailed,
        Status::DeleteFailed,
    ];

    /// The name in records, responses and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "PENDING",
            Status::Creating => "CREATING",
            Status::Active => "ACTIVE",
            Status::Updating => "UPDATING",
            Status::RollingBack => "ROLLING_BACK",
            Status::Deleting => "DELETING",
            Status::Deleted => "DELETED",
            Status::Failed => "FAILED",
            Status::UpdateFailed => "UPDATE_FAILED",
            Status::DeleteFailed => "DELETE_FAILED",
        }
    }

    /// Whether a step may make and correct resources.
    pub fn allows_ensure(self) -> bool {
        matches!(self, Status::Creating | Status::Updating)
    }

    /// Whether a step may remove resources.
    pub fn allows_remove(self) -> bool {
        matches!(self, Status::RollingBack | Status::Deleting)
    }

    /// Whether somebody may ask for a repair: what was made once and is not being removed can be made whole again.
    pub fn allows_repair(self) -> bool {
        matches!(self, Status::Active | Status::Updating | Status::UpdateFailed)
    }

    /// Whether somebody may ask for a change: of what was made once, is not being removed and is in nobody's hands.
    pub fn allows_update(self) -> bool {
        matches!(self, Status::Active | Status::UpdateFailed)
    }

    /// Whether there is anything to delete.
    pub fn allows_delete(self) -> bool {
        self != Status::Deleted
    }

    /// Whether an operation is under way or about to be.
    pub fn is_unfinished(self) -> bool {
        matches!(self, Status::Pending | Status::Creating | Status::Updating | Status::RollingBack | Status::Deleting)
    }

    /// Whether nobody needs to look after it: it is not on its way, and nothing is left that will be tried again.
    pub fn is_at_rest(self) -> bool {
        !self.is_unfinished() && self != Status::DeleteFailed
    }

    /// Whether the environment has ended: nothing of it exists and its name is free.
    pub fn is_ended(self) -> bool {
        matches!(self, Status::Deleted | Status::Failed)
    }
}
