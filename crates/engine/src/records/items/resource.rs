//! A resource of an environment, as far as it is recorded.

use super::{SCHEMA, the_first};
use environment::{Fault, Key, Kind, Step};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a resource is, as far as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResourceState {
    /// To be made. A plan is the intent: while the step's lease is held it may be happening.
    Planned,
    /// On its way. Without an id: it may exist, the reply was lost.
    Settling,
    /// As wanted.
    Ready,
    /// On its way out.
    Leaving,
    /// Not there.
    Gone,
    /// Left on purpose.
    Retained,
}

/// A resource of an environment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResourceItem {
    /// The item's version of shape.
    pub schema: u32,
    /// The resource.
    pub key: Key,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The step that makes it.
    pub step: Step,
    /// How it is.
    pub state: ResourceState,
    /// What `Ref` answers for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// Its ARN.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arn: Option<String>,
    /// Further attributes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// The environment's generation in which it was last found to be as wanted; 0 before that.
    #[serde(default = "the_first")]
    pub generation: u64,
    /// The generation in which it was last made, corrected or started anew; 0 before that.
    #[serde(default = "the_first")]
    pub worked_on: u64,
    /// What looks for something that may exist have not found so far.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub missed: Option<Missed>,
    /// Why the last attempt at it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<Fault>,
    /// What showed that it is gone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<Evidence>,
}

impl ResourceItem {
    /// A resource to be made.
    pub fn planned(entry: &environment::Entry, now: Timestamp) -> Self {
        ResourceItem {
            schema: SCHEMA,
            key: entry.key.clone(),
            kind: entry.kind,
            step: entry.step,
            state: ResourceState::Planned,
            id: None,
            arn: None,
            attributes: BTreeMap::new(),
            since: now,
            generation: 0,
            worked_on: 0,
            missed: None,
            error: None,
            evidence: None,
        }
    }

    /// Puts it into a state; `since` moves only where that is another one.
    pub fn become_(&mut self, state: ResourceState, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
    }

    /// Whether it was found to be as wanted in this generation.
    pub fn is_ready(&self, generation: u64) -> bool {
        self.state == ResourceState::Ready && self.generation == generation
    }

    /// It is not there, as this showed.
    pub fn become_gone(&mut self, code: &str, now: Timestamp) {
        self.become_(ResourceState::Gone, now);
        self.error = None;
        self.evidence = Some(Evidence { code: code.to_owned(), reason: None, looked_at: now });
    }

    /// It is left on purpose, for this reason.
    pub fn become_retained(&mut self, reason: &str, now: Timestamp) {
        self.become_(ResourceState::Retained, now);
        self.error = None;
        self.evidence = Some(Evidence { code: "RETAINED".to_owned(), reason: Some(reason.to_owned()), looked_at: now });
    }

    /// What was taken for gone is still there, under this id.
    pub fn come_back(&mut self, id: &str, state: ResourceState, now: Timestamp) {
        self.become_(state, now);
        self.id = Some(id.to_owned());
        self.evidence = None;
    }

    /// What was recorded is not there any more: it is to be made anew, under an id of its own.
    pub fn start_over(&mut self, now: Timestamp) {
        self.become_(ResourceState::Planned, now);
        self.id = None;
        self.arn = None;
        self.attributes = BTreeMap::new();
        self.missed = None;
        self.error = None;
        self.evidence = None;
    }
}

/// What is known of something that a look did not find.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Missed {
    /// AWS has refused the create. One look is enough.
    Refused,
    /// It may exist: since this first look in vain. Reads lag behind writes, so one look proves nothing.
    Since(Timestamp),
}

/// What showed that a resource is gone, or why it was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// What a look came to: `NOT_FOUND`, `FOREIGN` (the name is somebody else's), `HOLDER_GONE` (it was
    /// part of something that is gone), `NEVER_MADE`, or `RETAINED` (it is there, left on purpose).
    pub code: String,
    /// Why it was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub looked_at: Timestamp,
}
