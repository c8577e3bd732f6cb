//! The secret canary.

/// The API key of every request. It may be in the create of its secret and nowhere else.
pub const CANARY: &str = "pnu_canary4d8f1c7e9a2b";
