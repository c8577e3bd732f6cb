//! What nobody looks after any more: another operation takes it over.

use super::{
    Desired, Environment, Operation, OperationKind, OperationStatus, Record, Records, Status, Verdict,
    change::{Change, Decision},
    transitions::{LOOK_AGAIN, expect_known, write},
};
use crate::call::Action;
use environment::{Code, EnvironmentId, Fault, OperationId, Spec};
use jiff::Timestamp;

impl Records {
    /// Takes the environment from an operation whose execution has ended without closing it: `next` goes on from
    /// where that one was. Answers the fence for `next`; `None` where the operation no longer has the environment.
    pub async fn take_over(
        &self,
        id: EnvironmentId,
        stopped: OperationId,
        next: OperationId,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault> {
        let changed = self.change(id, now, |environment| {
            let mut record = environment.record.clone();
            if record.operation != Some(stopped) {
                return Ok(Decision::Nothing(None));
            }
            let Some(mut old) = environment.operations.iter().find(|one| one.id == stopped).cloned() else {
                return Err(Fault::bug("the record's operation is not recorded"));
            };
            let failed = old.verdict.take().filter(|verdict| verdict.error.is_some());
            let was_taking_back = failed.is_some();
            let why = failed.unwrap_or_else(|| {
                let error = Fault::new(Code::Stopped, "The execution ended before the operation did.");
                Verdict { repeatable: true, error: Some(error), ..Verdict::nothing() }
            });
            record.applied_spec = environment.applied_by_now(stopped);
            old.end(OperationStatus::Failed, environment, now);
            old.verdict = Some(Verdict { usable: record.applied_spec.is_some() && environment.is_whole(), ..why });
            let new = hand_on(&mut record, &old, was_taking_back, next, now);
            let fence = record.fence;
            let resources = if new.kind == OperationKind::Apply { environment.planned_anew(now) } else { Vec::new() };
            let change = Change { resources, ..Change::of(record, Some(now + LOOK_AGAIN), vec![old, new]) };
            Ok(Decision::Write(Box::new(change), Some(fence)))
        });
        expect_known(changed.await?, None)
    }

    /// Lets `next` try again to remove what a removal has left. Answers its fence; `None` where nothing is left, or
    /// somebody is at it.
    pub async fn retry_removal(
        &self,
        id: EnvironmentId,
        next: OperationId,
        now: Timestamp,
    ) -> Result<Option<u64>, Fault> {
        let changed = self.change(id, now, |environment| {
            let mut record = environment.record.clone();
            let newest = environment.operations.first();
            let Some(old) = newest.filter(|_| record.status == Status::DeleteFailed && record.operation.is_none())
            else {
                return Ok(Decision::Nothing(None));
            };
            let new = hand_to_removal(&mut record, old, next, now);
            let fence = record.fence;
            Ok(write(record, Some(now + LOOK_AGAIN), [new], Some(fence)))
        });
        expect_known(changed.await?, None)
    }

    /// Puts off the sweep's next look at an environment whose operation is alive.
    pub async fn look_again_later(&self, id: EnvironmentId, now: Timestamp) -> Result<(), Fault> {
        let changed = self.change(id, now, |environment| {
            let record = environment.record.clone();
            if record.operation.is_none() {
                return Ok(Decision::Nothing(()));
            }
            Ok(write(record, Some(now + LOOK_AGAIN), [], ()))
        });
        expect_known(changed.await?, ())
    }
}

impl Environment {
    /// The spec that it was last made of, as an operation leaves it. Only when everything is as that one wants it, what
    /// its spec does not ask for is taken away; from there on the way back may be gone: the key of before has lost its
    /// label, say.
    pub(super) fn applied_by_now(&self, operation: OperationId) -> Option<Spec> {
        let is_made = self.steps.values().any(|step| step.operation == operation && step.action == Action::Tidy);
        if is_made { Some(self.record.spec.clone()) } else { self.record.applied_spec.clone() }
    }
}

/// Gives the environment to `next`, which goes on with what somebody wants. What is to be gone, or was never
/// active, is removed; what was active once is made as it was then. Where the old one was taking a change back already,
/// the record shows nothing of that change any more, and what became of it is the old one's to say.
fn hand_on(
    record: &mut Record,
    old: &Operation,
    was_taking_back: bool,
    next: OperationId,
    now: Timestamp,
) -> Operation {
    if let (Desired::Present, Some(applied)) = (record.desired, record.applied_spec.clone()) {
        record.fence += 1;
        record.operation = Some(next);
        record.status = Status::Updating;
        // A change that was broken off is taken back, and in the end it says so.
        let is_change = was_taking_back || record.spec != applied;
        let verdict = if is_change { old.verdict.clone() } else { None };
        record.want(applied);
        record.generation += 1;
        let new = Operation::new(next, OperationKind::Apply, record.fence, old.asked_by.clone(), now);
        return Operation { verdict, ..new };
    }
    hand_to_removal(record, old, next, now)
}

/// Gives the environment to `next`, which removes what is there, remembering why the old operation failed.
pub(super) fn hand_to_removal(record: &mut Record, old: &Operation, next: OperationId, now: Timestamp) -> Operation {
    record.fence += 1;
    record.operation = Some(next);
    record.status = if record.desired == Desired::Absent { Status::Deleting } else { Status::RollingBack };
    let asked_by = record.deleted_by.as_ref().filter(|_| record.desired == Desired::Absent);
    let asked_by = asked_by.unwrap_or(&old.asked_by).clone();
    let why = old.verdict.as_ref().filter(|verdict| verdict.error.is_some());
    let verdict = why.map(|why| Verdict { usable: false, ..why.clone() });
    Operation { verdict, ..Operation::new(next, OperationKind::Delete, record.fence, asked_by, now) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::samples::{self, NOW, creating, spec, updating};
    use environment::Step;

    fn next(environment: &crate::records::Environment) -> (Record, Operation) {
        after(environment, false)
    }

    fn after(environment: &crate::records::Environment, was_taking_back: bool) -> (Record, Operation) {
        let mut record = environment.record.clone();
        let old = &environment.operations[0];
        record.applied_spec = environment.applied_by_now(old.id);
        let new = hand_on(&mut record, old, was_taking_back, OperationId::new(2, 2), NOW);
        assert_eq!((record.fence, record.operation, new.fence), (2, Some(new.id), 2), "the next operation has it");
        (record, new)
    }

    #[test]
    fn a_create_that_was_stopped_is_removed() {
        let (record, new) = next(&creating());
        assert_eq!((record.status, new.kind, record.generation), (Status::RollingBack, OperationKind::Delete, 1));
    }

    #[test]
    fn an_update_that_was_stopped_is_what_was_active_made_anew() {
        for to in [spec(1), spec(2)] {
            let (record, new) = next(&updating(to));
            assert_eq!((record.status, new.kind, record.generation), (Status::Updating, OperationKind::Apply, 3));
            assert_eq!(record.spec, spec(1), "the spec that was active");
        }
    }

    #[test]
    fn a_change_that_was_made_already_goes_on_where_it_was_stopped_while_tidying_up() {
        let mut environment = updating(spec(2));
        let old = environment.operations[0].id;
        environment.operations[0].verdict = Some(Verdict::nothing());
        for (operation, action, goes_on) in
            [(old, Action::Tidy, true), (old, Action::Ensure, false), (OperationId::new(9, 9), Action::Tidy, false)]
        {
            let step = samples::taken(Step::Identity, operation, action);
            environment.steps.insert(Step::Identity, step);
            let (record, new) = next(&environment);
            assert_eq!(
                (record.spec == spec(2), new.verdict.is_none()),
                (goes_on, goes_on),
                "{action:?} of {operation}"
            );
        }
    }

    #[test]
    fn a_change_that_was_broken_off_is_taken_back_and_says_so() {
        for (to, says_so) in [(spec(1), false), (spec(2), true)] {
            let mut environment = updating(to);
            let error = Fault::new(Code::Stopped, "It was stopped.");
            environment.operations[0].verdict = Some(Verdict { error: Some(error), ..Verdict::nothing() });
            assert_eq!(next(&environment).1.verdict.is_some(), says_so);
        }
    }

    #[test]
    fn a_way_back_that_was_broken_off_still_says_what_became_of_the_change() {
        let mut environment = updating(spec(1));
        let error = Fault::new(Code::AccessDenied, "It was refused.");
        environment.operations[0].verdict = Some(Verdict { error: Some(error), ..Verdict::nothing() });
        let (_, new) = after(&environment, true);
        let said = new.verdict.and_then(|verdict| verdict.error).map(|error| error.code);
        assert_eq!(said, Some(Code::AccessDenied));
    }

    #[test]
    fn what_is_to_be_gone_is_removed_whatever_it_was() {
        for mut environment in [creating(), updating(spec(2))] {
            environment.record.desired = Desired::Absent;
            let (record, new) = next(&environment);
            assert_eq!((record.status, new.kind), (Status::Deleting, OperationKind::Delete));
        }
    }
}
