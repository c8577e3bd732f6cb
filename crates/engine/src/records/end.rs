//! How an operation turns when it cannot go on, and how an environment ends.
//!
//! What a failed apply turns to depends on what there was before it. A create is taken down again. A change is
//! taken back: the spec that was active before becomes the wanted one again and is applied. What has no spec to go
//! back to, fails on the way back, or was made and then not declared active, is left as it is: nothing of an
//! environment that was once active is ever removed because something failed. A delete that was asked for meanwhile
//! goes before all of these.
//!
//! The crash story. Step Functions repeats a call whose answer was lost. That an apply was turned back is seen by
//! the generation: the caller says in which one it failed, and turning back begins the next.

use super::{
    Desired, Environment, LeftBehind, Operation, OperationStatus, Record, Records, Share, Status, TeamLimits, Turned,
    Verdict,
    change::{Change, Decision, ShareChange},
    transitions::{APPLY_TIME, LOOK_AGAIN, REMOVE_TIME, expect_known, mine, write},
    verdict::{cleaned_up, failure, left_behind},
};
use environment::{Code, EnvironmentId, Fault, OperationId};
use jiff::{SignedDuration, Timestamp};

/// What turning round came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// What was made is to be removed.
    Remove,
    /// The spec that was active before is to be applied, in this generation.
    Apply(u64),
    /// Nothing more is to be done: the environment stays as it is. The first error's code.
    Leave(Code),
    /// Another operation has the environment.
    Superseded,
}

/// How an environment ended.
#[derive(Clone, Debug)]
pub enum Closed {
    /// Deleted, nothing is left.
    Deleted,
    /// The create failed and was undone, nothing is left. The first error's code.
    RolledBack(Code),
    /// Something is left.
    Left(Vec<LeftBehind>),
    /// Another operation has the environment.
    Superseded,
}

/// The operation that turns, in its own words.
#[derive(Clone, Copy, Debug)]
pub struct Turning<'a> {
    /// The operation.
    pub operation: OperationId,
    /// The environment's fence when it took it.
    pub fence: u64,
    /// The generation in which it failed.
    pub generation: u64,
    /// The name of the error that a function threw, if one did.
    pub thrown: Option<&'a str>,
}

impl Records {
    /// Turns an apply that cannot go on.
    pub async fn turn(&self, id: EnvironmentId, turning: Turning<'_>, now: Timestamp) -> Result<Turn, Fault> {
        let changed = self.change(id, now, |environment| {
            let Some((record, operation)) = mine(environment, turning.operation, turning.fence) else {
                return Ok(Decision::Nothing(left_before(environment, turning.operation)));
            };
            Ok(turned(environment, record, operation, &turning, now))
        });
        expect_known(changed.await?, Turn::Superseded)
    }

    /// Ends an environment, if nothing is left of it and every step has proven that; the name is free in the
    /// same write. Otherwise records what is left.
    pub async fn close(
        &self,
        id: EnvironmentId,
        operation: OperationId,
        fence: u64,
        now: Timestamp,
    ) -> Result<Closed, Fault> {
        let changed = self.change(id, now, |environment| {
            let Some((mut record, mut operation)) = mine(environment, operation, fence) else {
                return Ok(Decision::Nothing(closed_before(environment, operation)));
            };
            let left = left_behind(environment, operation.id);
            record.operation = None;
            let verdict = operation.verdict.take().unwrap_or_else(Verdict::nothing);
            let closed = if !left.is_empty() {
                record.status = Status::DeleteFailed;
                Closed::Left(left.clone())
            } else if record.desired == Desired::Absent {
                record.status = Status::Deleted;
                Closed::Deleted
            } else {
                record.status = Status::Failed;
                Closed::RolledBack(verdict.code())
            };
            let succeeded = record.status == Status::Deleted;
            let status = if succeeded { OperationStatus::Succeeded } else { OperationStatus::Failed };
            operation.end(status, environment, now);
            operation.verdict =
                Some(Verdict { usable: false, cleaned_up: cleaned_up(environment), left_behind: left, ..verdict });
            let mut due = None;
            if record.status == Status::DeleteFailed {
                due = Some(now + until_the_next_try(record.removals_in_vain));
                record.removals_in_vain += 1;
            }
            Ok(write(record, due, [operation], closed))
        });
        expect_known(changed.await?, Closed::Superseded)
    }
}

fn turned(
    environment: &Environment,
    mut record: Record,
    mut operation: Operation,
    turning: &Turning<'_>,
    now: Timestamp,
) -> Decision<Turn> {
    if operation.turned.is_some() {
        return Decision::Nothing(Turn::Remove);
    }
    let is_wanted = record.desired == Desired::Present;
    if is_wanted && turning.generation < record.generation {
        return Decision::Nothing(Turn::Apply(record.generation));
    }
    // Of two failures the first says why.
    let verdict = operation.verdict.take().unwrap_or_else(|| failure(environment, &operation, turning.thrown));
    record.applied_spec = environment.applied_by_now(operation.id);
    let Some(applied) = record.applied_spec.clone().filter(|_| is_wanted) else {
        record.status = if is_wanted { Status::RollingBack } else { Status::Deleting };
        operation.turned = Some(Turned { at: now, by: record.deleted_by.clone() });
        operation.deadline = Some(now + REMOVE_TIME);
        operation.verdict = Some(verdict);
        return write(record, Some(now + LOOK_AGAIN), [operation], Turn::Remove);
    };
    if applied != record.spec {
        record.want(applied);
        record.generation += 1;
        operation.deadline = Some(now + APPLY_TIME);
        operation.verdict = Some(verdict);
        let turn = Turn::Apply(record.generation);
        let resources = environment.planned_anew(now);
        let change = Change { resources, ..Change::of(record, Some(now + LOOK_AGAIN), vec![operation]) };
        return Decision::Write(Box::new(change), turn);
    }
    record.status = Status::UpdateFailed;
    record.operation = None;
    operation.end(OperationStatus::Failed, environment, now);
    let turn = Turn::Leave(verdict.code());
    operation.verdict = Some(Verdict { usable: environment.is_whole(), ..verdict });
    // There is no other spec any more that it needs room for.
    let share = Some(ShareChange { to: Share::of(&record.spec), limits: TeamLimits::default() });
    let change = Change { share, ..Change::of(record, None, vec![operation]) };
    Decision::Write(Box::new(change), turn)
}

/// How an operation that no longer has the environment had closed it: its own write seen again.
fn closed_before(environment: &Environment, operation: OperationId) -> Closed {
    let Some(ended) = environment.ended_by(operation) else { return Closed::Superseded };
    let verdict = ended.verdict.clone().unwrap_or_else(Verdict::nothing);
    match environment.record.status {
        Status::Deleted => Closed::Deleted,
        Status::Failed => Closed::RolledBack(verdict.code()),
        Status::DeleteFailed => Closed::Left(verdict.left_behind),
        _ => Closed::Superseded,
    }
}

/// How an operation that no longer has the environment had left it: its own write seen again.
fn left_before(environment: &Environment, operation: OperationId) -> Turn {
    match environment.ended_by(operation).filter(|_| environment.record.status == Status::UpdateFailed) {
        Some(ended) => Turn::Leave(ended.verdict.as_ref().map_or(Code::Internal, Verdict::code)),
        None => Turn::Superseded,
    }
}

/// The time after a removal that has left something, when so many before it in a row had, too.
fn until_the_next_try(in_vain: u32) -> SignedDuration {
    SignedDuration::from_hours(match in_vain {
        0 => 1,
        1 => 6,
        _ => 24,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        call::Action,
        records::samples::{self, NOW, creating, spec, updating},
    };
    use environment::Step;

    /// The answer to an apply that failed in this generation, and what is written.
    fn fail(environment: &Environment, generation: u64) -> (Turn, Option<(Record, Operation)>) {
        let (record, operation) = (environment.record.clone(), environment.operations[0].clone());
        let turning = Turning { operation: operation.id, fence: 1, generation, thrown: Some("States.Timeout") };
        match turned(environment, record, operation, &turning, NOW) {
            Decision::Nothing(turn) => (turn, None),
            Decision::Write(change, turn) => (turn, Some((change.record, change.operations[0].clone()))),
        }
    }

    #[test]
    fn a_create_that_fails_is_removed() {
        let (turn, written) = fail(&creating(), 1);
        let (record, operation) = written.expect("a change");
        assert_eq!((turn, record.status), (Turn::Remove, Status::RollingBack));
        assert!(operation.turned.is_some() && operation.verdict.is_some_and(|verdict| verdict.error.is_some()));
    }

    #[test]
    fn a_repair_that_fails_leaves_everything() {
        let (turn, written) = fail(&updating(spec(1)), 2);
        let (record, operation) = written.expect("a change");
        assert_eq!((turn, record.status, record.operation), (Turn::Leave(Code::Internal), Status::UpdateFailed, None));
        assert_eq!(operation.status, OperationStatus::Failed);
        assert!(operation.verdict.is_some_and(|verdict| verdict.usable), "every resource is there");
    }

    #[test]
    fn a_change_that_fails_is_taken_back_in_the_next_generation() {
        let (turn, written) = fail(&updating(spec(2)), 2);
        let (record, operation) = written.expect("a change");
        assert_eq!((turn, record.status, record.generation), (Turn::Apply(3), Status::Updating, 3));
        assert_eq!(record.spec, spec(1), "the spec that was active before");
        assert!(operation.ended_at.is_none() && operation.deadline.is_some() && operation.verdict.is_some());
    }

    #[test]
    fn a_change_that_was_made_and_not_declared_active_is_not_taken_back() {
        let mut environment = updating(spec(2));
        let step = samples::taken(Step::Identity, environment.operations[0].id, Action::Tidy);
        environment.steps.insert(Step::Identity, step);
        let (turn, written) = fail(&environment, 2);
        let record = written.expect("a change").0;
        assert_eq!((turn, record.status), (Turn::Leave(Code::Internal), Status::UpdateFailed));
        assert_eq!((record.spec, record.applied_spec), (spec(2), Some(spec(2))), "what was before is put away");
    }

    #[test]
    fn a_turn_whose_answer_was_lost_is_no_second_failure() {
        let mut taken_back = updating(spec(1));
        taken_back.record.generation = 3;
        let (again, written) = fail(&taken_back, 2);
        assert!(written.is_none(), "nothing is written");
        assert_eq!(again, Turn::Apply(3));
        let (failed, _) = fail(&taken_back, 3);
        assert_eq!(failed, Turn::Leave(Code::Internal), "the way back has failed as well");
    }

    #[test]
    fn a_delete_goes_before_everything_else() {
        for mut environment in [creating(), updating(spec(1)), updating(spec(2))] {
            environment.record.desired = Desired::Absent;
            let generation = environment.record.generation;
            for generation in [generation, generation - 1] {
                let (turn, written) = fail(&environment, generation);
                assert_eq!((turn, written.expect("a change").0.status), (Turn::Remove, Status::Deleting));
            }
        }
    }

    #[test]
    fn a_removal_in_vain_is_tried_again_after_1_and_6_hours_and_then_every_day() {
        let hours = [0, 1, 2, 3, 100].map(|in_vain| until_the_next_try(in_vain).as_hours());
        assert_eq!(hours, [1, 6, 24, 24, 24]);
    }
}
