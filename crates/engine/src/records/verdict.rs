//! What an operation came to: said from what its steps reported and what is recorded of the resources.

use super::{Environment, LeftBehind, Operation, OperationStatus, ResourceItem, ResourceState, StepReport, Verdict};
use crate::call::{Action, Outcome};
use environment::{Code, Fault, Key, OperationId, Step};
use jiff::Timestamp;

impl Environment {
    /// The operation, if it is the newest and has ended: what the record says then is what it came to.
    pub(super) fn ended_by(&self, operation: OperationId) -> Option<&Operation> {
        let newest = self.operations.first().filter(|newest| newest.id == operation && newest.ended_at.is_some());
        newest.filter(|_| self.record.operation.is_none())
    }

    /// Whether all of it is there, as far as anybody has looked. What a change has removed is as it should be: what
    /// goes back to it plans it anew.
    pub(super) fn is_whole(&self) -> bool {
        self.resources.values().all(|one| matches!(one.state, ResourceState::Ready | ResourceState::Gone))
    }

    /// What a change has removed, planned anew: what the environment was before it is applied once more. What is not of
    /// that, either, is seen to be gone when the rest is tidied up.
    pub(super) fn planned_anew(&self, now: Timestamp) -> Vec<ResourceItem> {
        let gone = self.resources.values().filter(|item| item.state == ResourceState::Gone);
        let anew = gone.cloned().map(|mut item| {
            item.start_over(now);
            item
        });
        anew.collect()
    }

    /// What every step came to in an operation so far, in the order in which they began.
    pub fn reports(&self, operation: OperationId) -> Vec<StepReport> {
        let mut reports: Vec<StepReport> = self
            .steps
            .values()
            .flat_map(|step| Action::ALL.into_iter().filter_map(move |action| step.report(operation, action)))
            .cloned()
            .collect();
        reports.sort_by_key(|report| (report.started_at, report.step));
        reports
    }
}

impl Operation {
    pub(super) fn end(&mut self, status: OperationStatus, environment: &Environment, now: Timestamp) {
        self.status = status;
        self.ended_at = Some(now);
        self.steps = environment.reports(self.id);
        // The verdict says it whole.
        for step in &mut self.steps {
            step.error = step.error.take().map(Fault::in_short);
        }
    }
}

impl Verdict {
    /// The first error's code.
    pub(super) fn code(&self) -> Code {
        self.error.as_ref().map_or(Code::Internal, |error| error.code)
    }

    pub(super) fn nothing() -> Self {
        Verdict {
            usable: false,
            repeatable: false,
            failed_step: None,
            error: None,
            cleaned_up: Vec::new(),
            left_behind: Vec::new(),
        }
    }
}

/// What made an apply fail: the first step that failed, or what a function threw.
pub(super) fn failure(environment: &Environment, operation: &Operation, thrown: Option<&str>) -> Verdict {
    let failed = environment
        .reports(operation.id)
        .into_iter()
        .filter(|report| report.action == Action::Ensure && report.outcome == Outcome::Failed)
        .filter(|report| report.generation == environment.record.generation)
        .min_by_key(|report| report.ended_at);
    let thrown = || {
        thrown.map(|name| {
            Fault::new(Code::Internal, format!("A function of this service ended without an answer ({name})."))
        })
    };
    let failed_step = failed.as_ref().map(|report| report.step);
    let error = failed.and_then(|report| report.error).or_else(thrown);
    let repeatable = error.as_ref().is_none_or(|error| error.code.is_worth_repeating());
    Verdict { repeatable, failed_step, error, ..Verdict::nothing() }
}

/// What is not shown to be gone: resources that are not gone, and steps without a proof in this operation.
pub(super) fn left_behind(environment: &Environment, operation: OperationId) -> Vec<LeftBehind> {
    let resources = environment
        .resources
        .values()
        .filter(|resource| !matches!(resource.state, ResourceState::Gone | ResourceState::Retained))
        .map(|resource| LeftBehind {
            key: resource.key.clone(),
            id: resource.id.clone(),
            error: resource.error.clone(),
        });
    let unproven = Step::ALL
        .into_iter()
        .filter(|step| {
            let step = environment.steps.get(step);
            !step.is_some_and(|step| step.ended(operation, Action::Prove, Outcome::Done))
        })
        .map(|step| {
            let report = environment.steps.get(&step).and_then(|item| item.report(operation, Action::Prove));
            let unknown = || Fault::new(Code::Internal, "The proof that nothing is left was not given.");
            let error = report.and_then(|report| report.error.clone()).unwrap_or_else(unknown);
            LeftBehind { key: Key::new(format!("{step}/*")), id: None, error: Some(error) }
        });
    resources.chain(unproven).collect()
}

/// What had been made and is gone.
pub(super) fn cleaned_up(environment: &Environment) -> Vec<Key> {
    let made = |resource: &&ResourceItem| resource.state == ResourceState::Gone && resource.id.is_some();
    environment.resources.values().filter(made).map(|resource| resource.key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::samples::{NOW, place, whole};
    use environment::{
        Spec,
        spec::{Nat, Network},
    };

    fn with(nat_wanted: Nat, mut spec: Spec) -> Spec {
        let Network::Create { nat, .. } = &mut spec.network;
        *nat = nat_wanted;
        spec
    }

    fn left(environment: &Environment) -> Vec<String> {
        environment.leftovers(&place()).into_iter().map(|entry| entry.key.to_string()).collect()
    }

    const WAY_OUT: [&str; 4] =
        ["network/private-route-table", "network/nat-address", "network/nat-gateway", "network/private-route"];

    #[test]
    fn what_is_recorded_and_not_asked_for_any_more_is_to_go_whichever_way_the_change_went() {
        let before = whole(&place());
        assert!(left(&before).is_empty(), "it is as it was made");
        let mut changed = before.clone();
        changed.record.spec = with(Nat::PerAz, before.record.spec.clone());
        assert_eq!(left(&changed), WAY_OUT);
        // Half of it was made when the change was taken back.
        let made =
            ResourceItem { key: Key::new("network/nat-address-2"), ..before.resources[&Key::new(WAY_OUT[1])].clone() };
        let mut taken_back = before;
        taken_back.resources.insert(made.key.clone(), made);
        assert_eq!(left(&taken_back), ["network/nat-address-2"]);
    }

    #[test]
    fn what_a_change_has_removed_is_missed_by_nobody_and_planned_anew_on_the_way_back() {
        let mut environment = whole(&place());
        assert!(environment.is_whole() && environment.planned_anew(NOW).is_empty());
        let gateway = environment.resources.get_mut(&Key::new(WAY_OUT[2])).expect("a gateway");
        gateway.become_gone("NOT_FOUND", NOW);
        assert!(environment.is_whole());
        let anew = environment.planned_anew(NOW);
        assert_eq!(anew.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), [WAY_OUT[2]]);
        assert_eq!((anew[0].state, anew[0].id.as_deref()), (ResourceState::Planned, None));
        environment.resources.extend(anew.into_iter().map(|item| (item.key.clone(), item)));
        assert!(!environment.is_whole(), "it is to be made");
    }
}
