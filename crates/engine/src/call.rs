//! What the state machine says to a group's function, and what it answers.

use environment::{EnvironmentId, Fault, Key, OperationId, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One turn of a step. Ids only: whatever else a turn needs is in the record.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The operation that the turn belongs to.
    pub operation_id: OperationId,
    /// The environment's fence when the operation took it.
    pub fence: u64,
    /// The step.
    pub step: Step,
    /// What to do with the step's resources.
    pub action: Action,
}

/// What to do with a step's resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make them, or make them as they should be.
    Ensure,
    /// Remove them.
    Remove,
    /// Show that nothing is left of them.
    Prove,
    /// Put away what they have left of what they were before a change.
    Tidy,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 4] = [Action::Ensure, Action::Remove, Action::Prove, Action::Tidy];

    /// The name in payloads and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Ensure => "ensure",
            Action::Remove => "remove",
            Action::Prove => "prove",
            Action::Tidy => "tidy",
        }
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The step is done.
    Done,
    /// Come again after some seconds.
    Waiting,
    /// The operation should turn round: a delete was asked for, or another step has failed.
    Turn,
    /// The step cannot be done.
    Failed,
    /// Another operation has the environment. Nothing was touched.
    Superseded,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 5] =
        [Outcome::Done, Outcome::Waiting, Outcome::Turn, Outcome::Failed, Outcome::Superseded];

    /// The name in answers and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Waiting => "waiting",
            Outcome::Turn => "turn",
            Outcome::Failed => "failed",
            Outcome::Superseded => "superseded",
        }
    }
}

/// What a turn answers. The state machine decides by `outcome` and waits `seconds`.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// How the turn ended.
    pub outcome: Outcome,
    /// How long to wait before the next turn, from 0 to 30 seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// The resource that is waited for.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Key>,
    /// Why the step cannot be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

impl Answer {
    fn plain(outcome: Outcome) -> Self {
        Answer { outcome, seconds: None, waits_for: None, error: None }
    }

    /// The step is done.
    pub fn done() -> Self {
        Answer::plain(Outcome::Done)
    }

    /// Come again, after at most 30 seconds.
    pub fn waiting(waits_for: Option<Key>, seconds: u32) -> Self {
        Answer { seconds: Some(seconds.min(30)), waits_for, ..Answer::plain(Outcome::Waiting) }
    }

    /// The operation should turn round.
    pub fn turn() -> Self {
        Answer::plain(Outcome::Turn)
    }

    /// The step cannot be done.
    pub fn failed(error: Fault) -> Self {
        Answer { error: Some(error), ..Answer::plain(Outcome::Failed) }
    }

    /// Another operation has the environment.
    pub fn superseded() -> Self {
        Answer::plain(Outcome::Superseded)
    }
}
