//! Logs: what an environment's workers have written, read for its owner.
//!
//! Asked by the API, and read-only like [`crate::observe`]. A page is the last lines of the tasks that were started
//! last; the position that comes with it leads to what they, and tasks that come after them, write next. A position
//! holds CloudWatch's own place in each task's stream, because lines of different tasks arrive out of order: whoever
//! followed them by time would lose some.

use crate::{
    observe::{LOOK, Workers, in_time},
    resource::Group,
    turn::Engine,
};
use environment::{EnvironmentId, Fault};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The question.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogsCall {
    action: Word,
    /// The environment.
    pub environment_id: EnvironmentId,
    /// How many lines at most.
    pub limit: usize,
    /// Where the page before ended; `None` for the last lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<LogPosition>,
}

/// The one action that this call has.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Logs,
}

impl LogsCall {
    /// The question what this environment's workers have written.
    pub fn of(environment_id: EnvironmentId, limit: usize, after: Option<LogPosition>) -> Self {
        LogsCall { action: Word::Logs, environment_id, limit, after }
    }
}

/// How far the logs were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    /// When the reading began: of a task that was not seen before, nothing older is told.
    pub since: Timestamp,
    /// CloudWatch's place in the stream of each task.
    pub tasks: BTreeMap<String, String>,
}

/// A line of a worker's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When it was written.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub time: Timestamp,
    /// The task that wrote it.
    pub task: String,
    /// What it says, without what is or looks like a secret.
    pub message: String,
}

/// A part of what the workers have written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogPage {
    /// The lines, oldest first.
    pub lines: Vec<LogLine>,
    /// Where it ends.
    pub end: LogPosition,
    /// What kept lines from being told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

impl<G: Group> Engine<G> {
    /// What the environment's workers have written; `None` where it has none.
    pub async fn logs(&self, asked: &LogsCall) -> Result<Option<LogPage>, Fault> {
        let Some(environment) = self.records.load(asked.environment_id).await? else { return Ok(None) };
        let now = self.clock.now();
        let Some(workers) = Workers::of(&environment, &self.place, now) else { return Ok(None) };
        let look = async {
            let site = workers.site(&environment, &self.place, now)?;
            self.group.logs(&site, asked.limit, asked.after.as_ref()).await
        };
        in_time(LOOK, look).await
    }
}
