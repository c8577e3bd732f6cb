//! What the state machine and the schedule say to this function, and what it answers.

use crate::{strays::Told, watch::Watchlist};
use engine::{
    records::{AskedBy, OperationKind},
    watch::Tally,
};
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
    /// The survey's: judge what it found.
    Judge {
        /// What each group found.
        surveys: Surveys,
    },
    /// The watch's: tell whose workers are to be looked at.
    Watchlist {
        /// Those after this one, in the list's order; from the beginning where there is none.
        #[serde(default)]
        after: Option<EnvironmentId>,
    },
    /// The watch's: count what was seen of them.
    Tally(Counting),
    /// An operator's: remove what is left of an environment.
    RemoveStrays(Removal),
    /// Step Functions': an execution has ended without success.
    #[serde(skip)]
    Ended(EnvironmentId),
}

/// What is to be counted of a round of the watch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counting {
    /// What was counted before in this round.
    pub so_far: Tally,
    /// What was seen since.
    pub seen: Vec<Tally>,
    /// Whether that was all.
    pub is_last: bool,
}

/// What the groups found.
pub type Surveys = Vec<engine::Survey>;

/// An operator's command to remove what is left of an environment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removal {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// What was found, of this environment and maybe of others.
    pub surveys: Surveys,
    /// The operator.
    pub asked_by: AskedBy,
    /// Whether to say only what would be removed. Who does not say so removes nothing.
    #[serde(default = "yes")]
    pub dry_run: bool,
}

fn yes() -> bool {
    true
}

/// What this function is called with: a call, or an event.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// A call.
    Call(Call),
    /// Step Functions tells EventBridge how an execution ended.
    StatusChange {
        /// What the event is about.
        detail: StatusChange,
    },
}

/// The end of an execution, as far as it matters here.
#[derive(Debug, Deserialize)]
pub struct StatusChange {
    /// What the execution was started with, as text.
    pub input: String,
}

impl Event {
    /// The call that it stands for.
    pub fn into_call(self) -> Result<Call, Fault> {
        #[derive(Deserialize)]
        struct Input {
            environment_id: EnvironmentId,
        }
        match self {
            Event::Call(call) => Ok(call),
            Event::StatusChange { detail } => {
                let input: Result<Input, _> = serde_json::from_str(&detail.input);
                let input = input.map_err(|_| Fault::bug("an execution was started with something else"))?;
                Ok(Call::Ended(input.environment_id))
            }
        }
    }
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
    /// What became of strays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strays: Option<Told>,
    /// Whose workers are to be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchlist: Option<Watchlist>,
    /// What the watch has counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
}

impl Answer {
    /// An answer that says no more than how it ended.
    pub fn plain(outcome: Outcome) -> Self {
        Answer { outcome, kind: None, generation: None, error: None, strays: None, watchlist: None, tally: None }
    }

    /// Go on with this, in this generation.
    pub fn go_on(kind: OperationKind, generation: u64) -> Self {
        Answer { kind: Some(kind), generation: Some(generation), ..Answer::plain(Outcome::Done) }
    }

    /// What became of strays.
    pub fn about_strays(told: Told) -> Self {
        Answer { strays: Some(told), ..Answer::plain(Outcome::Done) }
    }

    /// Whose workers are to be looked at.
    pub fn watch(these: Watchlist) -> Self {
        Answer { watchlist: Some(these), ..Answer::plain(Outcome::Done) }
    }

    /// What the watch has counted.
    pub fn counted(tally: Tally) -> Self {
        Answer { tally: Some(tally), ..Answer::plain(Outcome::Done) }
    }

    /// It ended so because of this.
    pub fn because(outcome: Outcome, error: Fault) -> Self {
        Answer { error: Some(error), ..Answer::plain(outcome) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(event: serde_json::Value) -> Result<Call, Fault> {
        let event: Event = serde_json::from_value(event).expect("a call or an event");
        event.into_call()
    }

    #[test]
    fn the_end_of_an_execution_names_its_environment() {
        let environment = EnvironmentId::new(1, 1);
        let input = json!({"environment_id": environment, "operation_id": OperationId::new(1, 1), "fence": 1});
        let detail = json!({"status": "ABORTED", "name": OperationId::new(1, 1), "input": input.to_string()});
        let event = json!({"source": "aws.states", "detail": detail});
        assert!(matches!(read(event), Ok(Call::Ended(id)) if id == environment));
        assert!(read(json!({"detail": {"input": "{}"}})).is_err(), "one that somebody started with something else");
    }

    /// Who forgets to say so must not remove anything.
    #[test]
    fn a_command_is_a_dry_run_unless_it_says_otherwise() {
        let mut command = json!({
            "action": "remove_strays",
            "environment_id": EnvironmentId::new(1, 1),
            "surveys": [],
            "asked_by": {"name": "operator", "arn": "arn"},
        });
        assert!(matches!(read(command.clone()), Ok(Call::RemoveStrays(Removal { dry_run: true, .. }))));
        command["dry_run"] = json!(false);
        assert!(matches!(read(command), Ok(Call::RemoveStrays(Removal { dry_run: false, .. }))));
    }

    #[test]
    fn a_call_is_told_by_its_action() {
        assert!(matches!(read(json!({"action": "sweep"})), Ok(Call::Sweep)));
        assert!(matches!(read(json!({"action": "judge", "surveys": []})), Ok(Call::Judge { .. })));
        assert!(matches!(read(json!({"action": "watchlist", "after": null})), Ok(Call::Watchlist { after: None })));
        let tally = json!({"action": "tally", "so_far": {}, "seen": [{"watched": 1}], "is_last": true});
        assert!(matches!(read(tally), Ok(Call::Tally(_))));
        assert!(serde_json::from_value::<Event>(json!({"action": "ended"})).is_err(), "nobody calls it so");
    }
}
