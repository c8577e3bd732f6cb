//! The proof that nothing of an ended environment is left, as the API shows it.
//!
//! An environment ends only when every step has proven in one operation that nothing of it is left: every recorded
//! resource was looked up again, and what AWS lists under the environment's tag was listed. What each look came to
//! stands with its resource; this is the sum of them.

use engine::{
    Action, Outcome,
    records::{Environment, Operation, StepReport},
};
use environment::{OperationId, Step};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The proof.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Proof {
    /// The operation that gave it.
    operation_id: OperationId,
    /// When the first of its steps began to look.
    #[schemars(with = "String", extend("format" = "date-time"))]
    began_at: Timestamp,
    /// When the last of them had seen that nothing is there.
    #[schemars(with = "String", extend("format" = "date-time"))]
    proven_at: Timestamp,
    /// How many resources are accounted for.
    resources: usize,
    /// How many of them by which evidence.
    evidence: BTreeMap<String, usize>,
}

impl Proof {
    /// The proof, if the environment has ended.
    pub(crate) fn of(environment: &Environment) -> Option<Proof> {
        if !environment.record.status.is_ended() {
            return None;
        }
        let (operation_id, began_at, proven_at) = environment.operations.iter().find_map(given)?;
        let mut evidence = BTreeMap::new();
        for code in environment.resources.values().filter_map(|resource| Some(&resource.evidence.as_ref()?.code)) {
            *evidence.entry(code.clone()).or_default() += 1;
        }
        Some(Proof { operation_id, began_at, proven_at, resources: environment.resources.len(), evidence })
    }
}

/// When the operation began and ended its proof, if every step has given it.
fn given(operation: &Operation) -> Option<(OperationId, Timestamp, Timestamp)> {
    let of = |step: Step| -> Option<&StepReport> {
        let mut reports = operation.steps.iter();
        reports.find(|one| one.step == step && one.action == Action::Prove && one.outcome == Outcome::Done)
    };
    let reports: Option<Vec<&StepReport>> = Step::ALL.into_iter().map(of).collect();
    let reports = reports?;
    let began_at = reports.iter().map(|report| report.started_at).min()?;
    let proven_at = reports.iter().filter_map(|report| report.ended_at).max()?;
    Some((operation.id, began_at, proven_at))
}
