//! A step's lock, and what its turns came to.

use super::the_first;
use crate::call::{Action, Outcome};
use environment::{Fault, Key, OperationId, Step};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A step's lock and progress.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepItem {
    /// The item's version of shape.
    pub schema: u32,
    /// The step.
    pub step: Step,
    /// The operation that last took it.
    pub operation: OperationId,
    /// What for.
    pub action: Action,
    /// With which fence.
    pub fence: u64,
    /// The invocation that holds it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub holder: Option<String>,
    /// Until when, in milliseconds since 1970: just after the function's own deadline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<i64>,
    /// A lease expired instead of being released: something unrecorded may exist.
    #[serde(default)]
    pub unclean: bool,
    /// What its last `ensure` came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ensure: Option<StepReport>,
    /// What its last `remove` came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remove: Option<StepReport>,
    /// What its last `prove` came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prove: Option<StepReport>,
    /// What its last `tidy` came to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tidy: Option<StepReport>,
}

impl StepItem {
    /// What this action came to in this operation.
    pub fn report(&self, operation: OperationId, action: Action) -> Option<&StepReport> {
        let report = match action {
            Action::Ensure => &self.ensure,
            Action::Remove => &self.remove,
            Action::Prove => &self.prove,
            Action::Tidy => &self.tidy,
        };
        report.as_ref().filter(|report| report.operation == operation)
    }

    /// Whether this action ended so in this operation.
    pub fn ended(&self, operation: OperationId, action: Action, outcome: Outcome) -> bool {
        self.report(operation, action).is_some_and(|report| report.outcome == outcome)
    }

    /// Whether its resources could not be made as wanted, in this generation.
    pub fn failed(&self, operation: OperationId, generation: u64) -> bool {
        let report = self.report(operation, Action::Ensure);
        report.is_some_and(|report| report.outcome == Outcome::Failed && report.generation == generation)
    }
}

/// What a step came to, in one direction of one operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StepReport {
    /// The operation.
    pub operation: OperationId,
    /// The step.
    pub step: Step,
    /// What was to be done with it.
    pub action: Action,
    /// The environment's generation at its last turn.
    #[serde(default = "the_first")]
    pub generation: u64,
    /// How its last turn ended.
    pub outcome: Outcome,
    /// How many turns it took.
    pub attempts: u32,
    /// When its first turn began.
    pub started_at: Timestamp,
    /// When it was done or failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// The resource that is waited for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waits_for: Option<Key>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
}
