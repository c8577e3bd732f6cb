//! How far an environment has come, as a text that changes with it: the API's ETag.
//!
//! The record's version moves with every write of the record and its operations. A turn of a step writes the step's
//! and its resources' items alone; a version that moved with those, too, would be a conditional write more for every
//! turn, and one that parallel steps fight for. So a revision is derived from what was read: the version, and a
//! digest of the steps and resources. What was merely observed is no part of it.

use super::{Environment, ResourceItem, Status, StepReport};
use crate::call::{Action, Outcome};
use environment::{Key, OperationId, Step};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt};

/// What an environment was at one moment. Two that are equal show the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision(String);

impl From<&str> for Revision {
    fn from(text: &str) -> Self {
        Revision(text.to_owned())
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What somebody who waits wants to hear of: how it is, and what its steps have come to. Not that a step has looked
/// once more and is still waiting for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landmarks {
    status: Status,
    operation: Option<OperationId>,
    steps: Vec<(Step, Action, Outcome, Option<Key>)>,
}

impl Environment {
    /// Its revision.
    pub fn revision(&self) -> Revision {
        #[derive(Serialize)]
        struct Beside<'a> {
            steps: Vec<StepReport>,
            resources: &'a BTreeMap<Key, ResourceItem>,
        }
        // The steps of an operation that has ended are folded into it, and it was written with the record.
        let steps = self.record.operation.map(|operation| self.reports(operation)).unwrap_or_default();
        // Texts, numbers and maps by text: nothing here that JSON has not.
        let beside = serde_json::to_vec(&Beside { steps, resources: &self.resources }).unwrap_or_default();
        let digest: String = Sha256::digest(beside).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Revision(format!("{}-{digest}", self.record.version))
    }

    /// Its landmarks.
    pub fn landmarks(&self) -> Landmarks {
        let operation = self.record.operation;
        let reports = operation.map(|operation| self.reports(operation)).unwrap_or_default();
        let of = |report: StepReport| (report.step, report.action, report.outcome, report.waits_for);
        Landmarks { status: self.record.status, operation, steps: reports.into_iter().map(of).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{
        ResourceState, StepItem,
        samples::{self, NOW, creating},
    };

    fn with_a_turn(attempts: u32, outcome: Outcome) -> Environment {
        let mut environment = creating();
        let operation = environment.operations[0].id;
        let report = StepReport {
            operation,
            step: Step::Network,
            action: Action::Ensure,
            generation: 1,
            outcome,
            attempts,
            started_at: NOW,
            ended_at: None,
            waits_for: None,
            error: None,
        };
        let step = StepItem { ensure: Some(report), ..samples::taken(Step::Network, operation, Action::Ensure) };
        environment.steps.insert(Step::Network, step);
        environment
    }

    #[test]
    fn a_write_a_turn_and_a_resource_move_the_revision() {
        let before = creating();
        assert_eq!(before.revision(), creating().revision(), "the same, read twice");
        let mut written = creating();
        written.record.version += 1;
        let mut settling = creating();
        settling.resources.values_mut().for_each(|one| one.become_(ResourceState::Settling, NOW));
        let (once, twice) = (with_a_turn(1, Outcome::Waiting), with_a_turn(2, Outcome::Waiting));
        for (moved, what) in [(&written, "a write"), (&once, "a first turn"), (&settling, "a resource")] {
            assert_ne!(moved.revision(), before.revision(), "{what} moves it");
        }
        assert_ne!(once.revision(), twice.revision(), "every turn moves it");
    }

    #[test]
    fn another_turn_that_still_waits_is_no_landmark() {
        let landmarks = |attempts, outcome| with_a_turn(attempts, outcome).landmarks();
        assert_eq!(landmarks(1, Outcome::Waiting), landmarks(2, Outcome::Waiting));
        assert_ne!(landmarks(1, Outcome::Waiting), landmarks(2, Outcome::Done));
        assert_ne!(creating().landmarks(), landmarks(1, Outcome::Waiting));
    }
}
