//! Cloud Map makes and removes namespaces in the background, by operations.

pub(crate) mod namespace;
pub(crate) mod operation;

use crate::world::World;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// Making a namespace makes a hosted zone: 30 to 33 s in the logs of ecs-cli.
const COMES_IN: f64 = 30.0;
/// And removing it the same in less.
const GOES_IN: f64 = 10.0;

/// What the rules remember of Cloud Map.
#[derive(Debug, Default)]
pub(crate) struct State {
    creates: Vec<Create>,
    /// The namespaces that are going, by id.
    going: BTreeMap<String, Delete>,
    /// How each namespace looked last, by id.
    seen: BTreeMap<String, Value>,
}

/// A create that was taken.
#[derive(Clone, Debug)]
struct Create {
    operation: String,
    name: String,
    vpc: String,
    /// The caller's token.
    creator: String,
    began: Timestamp,
    /// The namespace's id, once an answer has told it.
    namespace: Option<String>,
    /// Why there will be none.
    failure: Option<&'static str>,
}

/// A delete that was taken.
#[derive(Clone, Debug)]
struct Delete {
    operation: String,
    began: Timestamp,
}

impl State {
    /// How many namespaces there are, and are to come.
    pub(crate) fn namespaces(&self) -> usize {
        self.creates.iter().filter(|create| create.failure.is_none()).count()
    }
}

impl Create {
    fn is_under_way(&self, world: &World) -> bool {
        !world.is_through(self.began, COMES_IN)
    }
}

impl Delete {
    fn is_under_way(&self, world: &World) -> bool {
        !world.is_through(self.began, GOES_IN)
    }
}
