//! Keys: how an environment calls each of its resources.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names a resource within its environment: `<group>/<name>`, for instance `network/nat-gateway`.
/// It is the value of the tag `prefect-environments:resource`, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    /// A key from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Key(text.into())
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Key::new(text)
    }
}
