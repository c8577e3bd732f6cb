//! Strays: what the survey found that belongs to no living environment.
//!
//! What is left of an environment that has ended is removed by a new delete operation for it. What has no record is
//! reported and never removed, but by an operator's explicit command: a lost or restored table must not cost
//! anybody anything. Every judgement is made anew on the record of its moment, so that a survey's answer may be old,
//! and told twice.

mod remembered;

use crate::{
    Operations,
    call::{Answer, Removal, Surveys},
};
use engine::{
    Sighting, new_operation_id,
    records::{AskedBy, Findings, SURVEYOR, TakenBack},
};
use environment::{Code, EnvironmentId, Fault, OperationId, Spec};
use executions::Execution;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;

/// No environment is taken up with less time left: that is up to eight calls, each of which may be slow.
const ONE_ENVIRONMENT: SignedDuration = SignedDuration::from_secs(15);

/// What became of strays.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// Of all that a survey found.
    Judged {
        /// The environments that are being removed once more.
        removing: Vec<EnvironmentId>,
        /// How many things were reported and not touched.
        reported: usize,
    },
    /// Of one environment's, at an operator's command.
    Commanded {
        /// The operation that removes them, unless it is a dry run.
        #[serde(skip_serializing_if = "Option::is_none")]
        operation_id: Option<OperationId>,
        /// What is removed, or would be.
        taken: Vec<Sighting>,
        /// What is not: no environment has such a thing, or its name is another environment's by now.
        left: Vec<Sighting>,
    },
    /// Nothing, because an operator's command cannot be carried out.
    Refused {
        /// Why.
        refused: String,
    },
}

impl Operations {
    /// Judges what a survey found.
    pub(crate) async fn judge(&self, surveys: &Surveys, deadline: Timestamp) -> Result<Answer, Fault> {
        let surveyor = self.place.arn("states", &format!("stateMachine:{}-survey", self.place.stack));
        let asked_by = AskedBy::principal(SURVEYOR, surveyor);
        let (mut removing, mut reported, mut trouble) = (Vec::new(), 0, None);
        for (id, things) in by_environment(surveys) {
            if deadline.duration_since(self.clock.now()) < ONE_ENVIRONMENT {
                tracing::warn!("the time is over: the next survey goes on");
                break;
            }
            let Some(id) = id else {
                reported += report(None, "it names no environment", &things);
                continue;
            };
            match self.take_back(id, &things, &asked_by, false).await {
                Ok((TakenBack::Unknown, _)) => reported += report(Some(id), "its environment has no record", &things),
                Ok((TakenBack::Alive, _)) => {}
                Ok((TakenBack::Yes { fence, left, .. }, _)) => {
                    reported += report(Some(id), "its environment has ended and cannot remove it", &left);
                    removing.extend(fence.map(|_| id));
                }
                Err(fault) => {
                    tracing::error!(environment = %id, fault = ?fault, "the strays of an environment could not be judged");
                    trouble = Some(fault);
                }
            }
        }
        // The alarm for this function hears of it; the next survey finds the same again.
        trouble.map_or(Ok(Answer::about_strays(Told::Judged { removing, reported })), Err)
    }

    /// Removes what is left of one environment, with or without a record of it, because an operator says so.
    pub(crate) async fn remove_strays(&self, command: &Removal) -> Result<Answer, Fault> {
        let Removal { environment_id: id, surveys, asked_by, dry_run } = command;
        let things = by_environment(surveys).remove(&Some(*id)).unwrap_or_default();
        let told = match self.take_back(*id, &things, asked_by, *dry_run).await? {
            (TakenBack::Yes { fence, taken, left }, next) => told(fence, next, taken, left),
            (TakenBack::Alive, _) => {
                Told::Refused { refused: "It has not ended, or only minutes ago: DELETE it, or wait.".to_owned() }
            }
            (TakenBack::Unknown, _) => match remembered::spec(*id, &things, &self.place) {
                // A mistake of the one who asks, and not of this function.
                Err(fault) if fault.code == Code::InvalidRequest => Told::Refused { refused: fault.message },
                spec => self.adopt(*id, &things, spec?, asked_by, *dry_run).await?,
            },
        };
        Ok(Answer::about_strays(told))
    }

    async fn take_back(
        &self,
        environment: EnvironmentId,
        things: &[Sighting],
        asked_by: &AskedBy,
        dry_run: bool,
    ) -> Result<(TakenBack, OperationId), Fault> {
        let now = self.clock.now();
        let next = new_operation_id(now);
        let findings = Findings { environment, things, place: &self.place, next, asked_by, dry_run };
        let taken = self.records.take_back(&findings, now).await?;
        self.begin_removal(environment, next, &taken).await?;
        Ok((taken, next))
    }

    async fn adopt(
        &self,
        environment: EnvironmentId,
        things: &[Sighting],
        spec: Spec,
        asked_by: &AskedBy,
        dry_run: bool,
    ) -> Result<Told, Fault> {
        let now = self.clock.now();
        let next = new_operation_id(now);
        let findings = Findings { environment, things, place: &self.place, next, asked_by, dry_run };
        let taken = self.records.adopt(&findings, spec, now).await?;
        self.begin_removal(environment, next, &taken).await?;
        match taken {
            TakenBack::Yes { fence, taken, left } => Ok(told(fence, next, taken, left)),
            TakenBack::Alive | TakenBack::Unknown => Err(Fault::bug("what is adopted has a record")),
        }
    }

    /// Starts the execution. Where that does not come to pass, the sweep does it minutes later.
    async fn begin_removal(&self, id: EnvironmentId, next: OperationId, taken: &TakenBack) -> Result<(), Fault> {
        let TakenBack::Yes { fence: Some(fence), taken, .. } = taken else { return Ok(()) };
        tracing::warn!(environment = %id, operation = %next, things = taken.len(), "what is left of it is removed");
        self.executions.start(&Execution { environment: id, operation: next, fence: *fence }).await.map(drop)
    }
}

fn told(fence: Option<u64>, next: OperationId, taken: Vec<Sighting>, left: Vec<Sighting>) -> Told {
    Told::Commanded { operation_id: fence.map(|_| next), taken, left }
}

/// What all groups found, by environment.
fn by_environment(surveys: &Surveys) -> BTreeMap<Option<EnvironmentId>, Vec<Sighting>> {
    let mut found: BTreeMap<_, Vec<Sighting>> = BTreeMap::new();
    for stray in surveys.iter().flat_map(|survey| &survey.strays) {
        found.entry(stray.environment_id).or_default().extend(stray.things.iter().cloned());
    }
    found
}

/// Writes a line for each thing that is not removed.
fn report(environment: Option<EnvironmentId>, why: &str, things: &[Sighting]) -> usize {
    let environment = environment.map(tracing::field::display);
    for thing in things {
        let (kind, id, resource) = (thing.kind.type_name(), &thing.id, thing.resource.as_deref());
        // The alarm for strays counts this line: its `stray` is part of the template.
        tracing::error!(stray = "REPORTED", environment, kind, id, resource, why, "a stray is left where it is");
    }
    things.len()
}
