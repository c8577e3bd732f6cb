//! The tags that every resource carries from birth.

/// The environment's id: what makes a thing ours.
pub const ID: &str = "prefect-environments:id";
/// The resource's key within the environment.
pub const RESOURCE: &str = "prefect-environments:resource";
/// The stack that made it.
pub const STACK: &str = "prefect-environments:stack";
/// The team that owns the environment.
pub const TEAM: &str = "prefect-environments:team";
/// Keys that begin so are the service's.
pub const RESERVED_PREFIX: &str = "prefect-environments:";
