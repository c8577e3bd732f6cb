//! An operation, and what it came to.

use super::{AskedBy, StepReport};
use environment::{Fault, Key, OperationId, Step};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Makes the environment as its spec says.
    Apply,
    /// Removes it.
    Delete,
}

/// How an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationStatus {
    /// Recorded; its execution has not begun.
    Pending,
    /// At work.
    Running,
    /// Came to the end it was started for, or that a delete turned it to.
    Succeeded,
    /// Did not.
    Failed,
}

/// One operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Operation {
    /// The item's version of shape.
    pub schema: u32,
    /// The operation, and its execution's name.
    pub id: OperationId,
    /// What it was started to do.
    pub kind: OperationKind,
    /// How it is.
    pub status: OperationStatus,
    /// The environment's fence when it took it.
    pub fence: u64,
    /// Who asked for it.
    pub asked_by: AskedBy,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When its execution began.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    /// Until when a step may go on waiting.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deadline: Option<Timestamp>,
    /// When it turned round, and who asked for that (nobody, where a step failed).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub turned: Option<Turned>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// The steps of what it did before it turned round or ended.
    #[serde(default)]
    pub steps: Vec<StepReport>,
    /// What it came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
}

/// An apply that turned into a removal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Turned {
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// Who asked for the delete, if that was the reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<AskedBy>,
}

/// What an operation came to, for the one who asked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Whether a worker can be used.
    pub usable: bool,
    /// Whether the same request may succeed later without anybody changing anything.
    pub repeatable: bool,
    /// The step that failed first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed_step: Option<Step>,
    /// Why: the first error.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
    /// What had been made and was removed again.
    #[serde(default)]
    pub cleaned_up: Vec<Key>,
    /// What is left, and why.
    #[serde(default)]
    pub left_behind: Vec<LeftBehind>,
}

/// A resource that could not be removed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LeftBehind {
    /// The resource.
    pub key: Key,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// Why it is still there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
}
