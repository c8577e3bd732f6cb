//! The operations of an environment: its whole history.

pub(crate) mod list;
pub(crate) mod read;

pub(super) use list::list;
pub(super) use read::read;

/// The path of them all.
pub(super) const MANY: &str = "/environments/{id}/operations";
/// The path of one of them.
pub(super) const ONE: &str = "/environments/{id}/operations/{operation_id}";
