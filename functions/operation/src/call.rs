//! What the state machine and the schedule say to this function, and what it answers.

use engine::records::OperationKind;
use environment::{EnvironmentId, Fault, OperationId};
use serde::{Deserialize, Serialize};

/// One call.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Call {
    /// The first state of an execution.
    Begin(Subject),
    /// Every step is done.
    Activate(Subject),
    /// A step failed, or a delete was asked for.
    Turn(Turning),
    /// Everything that can be removed is.
    Close(Subject),
    /// The schedule's: look at what is due.
    Sweep,
}

/// The operation that a call is about.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Subject {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The operation.
    pub operation_id: OperationId,
    /// The environment's fence when the operation took it.
    pub fence: u64,
}

/// The operation that cannot go on, and what a function threw on its way here.
#[derive(Debug, Deserialize)]
pub struct Turning {
    /// The operation.
    #[serde(flatten)]
    pub subject: Subject,
    /// The environment's generation that it was to make.
    pub generation: u64,
    /// What was thrown, if anything.
    #[serde(default)]
    pub cause: Option<Cause>,
}

/// An error that a function threw.
#[derive(Debug, Deserialize)]
pub struct Cause {
    /// Its name, as Step Functions has it: `Runtime.ExitError`, `States.Timeout`, one of our codes.
    pub error: Option<String>,
}

impl Turning {
    /// The name of the error that was thrown.
    pub fn thrown(&self) -> Option<&str> {
        self.cause.as_ref().and_then(|cause| cause.error.as_deref())
    }
}

/// How a call ended. The state machine decides by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Go on.
    Done,
    /// A delete was asked for meanwhile: turn round.
    Turn,
    /// The environment is deleted, nothing is left.
    Deleted,
    /// The create failed and is undone, nothing is left; or an update failed, and all is left as it was.
    Failed,
    /// Something is left.
    Left,
    /// Another operation has the environment.
    Superseded,
}

/// What a call answers.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// What is to be done from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<OperationKind>,
    /// In which generation of the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Why it ended so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

impl Answer {
    /// An answer that says no more than how it ended.
    pub fn plain(outcome: Outcome) -> Self {
        Answer { outcome, kind: None, generation: None, error: None }
    }

    /// Go on with this, in this generation.
    pub fn go_on(kind: OperationKind, generation: u64) -> Self {
        Answer { kind: Some(kind), generation: Some(generation), ..Answer::plain(Outcome::Done) }
    }

    /// It ended so because of this.
    pub fn because(outcome: Outcome, error: Fault) -> Self {
        Answer { error: Some(error), ..Answer::plain(outcome) }
    }
}
