//! An update: an environment that exists is to be something else.
//!
//! One transaction makes the new spec the wanted one, gives the environment to the operation that applies it and plans
//! what is new in it; `applied_spec` stays what it was until the operation has come to its end. The patch was merged
//! into a spec that was read before: where that is not the record's any more, nothing is written.

use super::{
    Asked, Asking, Environment, OperationKind, Record, Records, ResourceItem, ResourceState, Share, Status, TeamLimits,
    change::{Change, Decision, ShareChange},
    create::{INTAKE, UNSTARTED},
    transitions::{LOOK_AGAIN, write},
};
use environment::{Entry, Fault, Spec, lifetime::Lifetime};
use jiff::Timestamp;

/// What an environment is to be instead.
#[derive(Debug)]
pub struct NewSpec<'a> {
    /// What was wanted so far.
    pub from: &'a Spec,
    /// What is wanted.
    pub to: Spec,
    /// How long it is to live.
    pub lifetime: Lifetime,
    /// Its resources.
    pub entries: &'a [Entry],
    /// What the team may have.
    pub limits: TeamLimits,
}

/// The answer to a wish for an update.
#[derive(Debug)]
pub enum Update {
    /// It is in a status in which it cannot be changed.
    Not(Status),
    /// Its spec is another one by now.
    Outdated,
    /// It is recorded: the record's operation, with its fence, must be running.
    Going(Box<Record>),
    /// Nothing is built of what has changed: it is so already.
    Done,
}

impl Records {
    /// Asks for an environment that nobody works on to be something else.
    pub async fn ask_for_update(&self, asking: &Asking<'_>, new: &NewSpec<'_>) -> Result<Asked<Update>, Fault> {
        self.ask(asking, |environment| Ok(decide(environment, asking, new))).await
    }
}

fn decide(environment: &Environment, asking: &Asking<'_>, new: &NewSpec<'_>) -> Decision<Update> {
    let mut record = environment.record.clone();
    let is_built_of = new.to != *new.from;
    let may_be_built = record.status.allows_update() && record.operation.is_none();
    if record.status.is_ended() || (is_built_of && !may_be_built) {
        return Decision::Nothing(Update::Not(record.status));
    }
    if record.spec != *new.from {
        return Decision::Nothing(Update::Outdated);
    }
    record.live(&new.lifetime, asking.asked_by, asking.now);
    if !is_built_of {
        // Whoever is at work on it stays so, and is looked after.
        let due = (!record.status.is_at_rest()).then(|| asking.now + LOOK_AGAIN);
        return write(record, due, [], Update::Done);
    }
    record.status = Status::Updating;
    record.operation = Some(asking.next);
    record.fence += 1;
    record.generation += 1;
    if new.to.prefect.has_key_of(asking.next.uuid()) {
        // The new key is on its way, as the first one was with the create.
        record.intake_until = asking.now + INTAKE;
    }
    record.want(new.to.clone());
    let operation = asking.operation(OperationKind::Apply, record.fence);
    // Until one of the two specs is applied it has room for either: the way back must not find it taken.
    let share = record.share.map(|share| share.or_more(Share::of(&new.to)));
    let share = share.map(|share| ShareChange { to: share, limits: new.limits });
    let resources = planned(environment, new.entries, asking.now);
    let due = Some(asking.now + UNSTARTED);
    let answer = Update::Going(Box::new(record.clone()));
    let change = Change { resources, share, ..Change::of(record, due, vec![operation]) };
    Decision::Write(Box::new(change), answer)
}

/// What the environment did not have so far.
fn planned(environment: &Environment, entries: &[Entry], now: Timestamp) -> Vec<ResourceItem> {
    let is_there =
        |entry: &&Entry| environment.resources.get(&entry.key).is_some_and(|item| item.state != ResourceState::Gone);
    entries.iter().filter(|entry| !is_there(entry)).map(|entry| ResourceItem::planned(entry, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{
        AskedBy,
        samples::{NOW, asked_by, creating, entry, spec},
    };
    use environment::OperationId;

    fn active() -> Environment {
        let mut environment = creating();
        environment.record.status = Status::Active;
        environment.record.operation = None;
        environment.record.applied_spec = Some(spec(1));
        environment.record.share = Some(Share::of(&spec(1)));
        environment
    }

    fn decided(environment: &Environment, from: &Spec, to: Spec) -> Decision<Update> {
        let asked_by: AskedBy = asked_by();
        let asking = Asking {
            environment: environment.record.id,
            next: OperationId::new(2, 2),
            asked_by: &asked_by,
            idempotency: None,
            only_at: None,
            now: NOW,
        };
        decide(
            environment,
            &asking,
            &NewSpec { from, to, lifetime: Lifetime::default(), entries: &[], limits: TeamLimits::default() },
        )
    }

    #[test]
    fn an_update_takes_the_environment_and_keeps_what_was_applied() {
        let Decision::Write(change, Update::Going(record)) = decided(&active(), &spec(1), spec(3)) else {
            panic!("it is written")
        };
        assert_eq!((record.status, record.generation, record.fence), (Status::Updating, 2, 2));
        assert_eq!((record.spec, record.applied_spec), (spec(3), Some(spec(1))));
        assert_eq!((record.operation, change.operations[0].id), (Some(OperationId::new(2, 2)), OperationId::new(2, 2)));
        assert!(change.due.is_some(), "the sweep looks after a request that broke off");
    }

    #[test]
    fn tags_that_are_not_wanted_any_more_are_remembered_until_that_is_so() {
        let tagged = |keys: &[&str]| {
            let tags = keys.iter().map(|key| ((*key).to_owned(), String::new())).collect();
            Spec { tags, ..spec(1) }
        };
        let mut record = active().record;
        record.want(tagged(&["a", "b"]));
        record.want(tagged(&["b"]));
        assert_eq!(record.former_tags, ["a".to_owned()].into());
        record.want(tagged(&["a"]));
        assert_eq!(record.former_tags, ["b".to_owned()].into(), "one that is wanted again is not to go");
    }

    #[test]
    fn while_it_is_under_way_the_team_is_counted_the_larger_of_both() {
        for (from, wanted, counted) in [(1, 3, 3), (3, 1, 3)] {
            let mut before = active();
            before.record.spec = spec(from);
            before.record.share = Some(Share::of(&spec(from)));
            let Decision::Write(change, _) = decided(&before, &spec(from), spec(wanted)) else { panic!("written") };
            assert_eq!(change.share.map(|share| share.to), Some(Share::of(&spec(counted))), "{from} to {wanted}");
        }
    }

    #[test]
    fn what_somebody_works_on_or_has_changed_meanwhile_is_left_alone() {
        for status in Status::ALL.into_iter().filter(|status| !status.allows_update()) {
            let mut before = active();
            before.record.status = status;
            let decision = decided(&before, &spec(1), spec(3));
            assert!(matches!(decision, Decision::Nothing(Update::Not(told)) if told == status), "{status:?}");
        }
        assert!(matches!(decided(&active(), &spec(2), spec(3)), Decision::Nothing(Update::Outdated)));
    }

    #[test]
    fn a_lifetime_changes_without_an_operation_and_beside_one() {
        for status in Status::ALL {
            let mut before = active();
            before.record.status = status;
            before.record.expires_at = Some(NOW);
            let decision = decided(&before, &spec(1), spec(1));
            if status.is_ended() {
                assert!(matches!(decision, Decision::Nothing(Update::Not(_))), "{status:?}");
                continue;
            }
            let Decision::Write(change, Update::Done) = decision else { panic!("{status:?} is written") };
            assert_eq!((change.record.status, change.record.expires_at), (status, None));
            assert!(change.operations.is_empty());
        }
    }

    #[test]
    fn only_what_was_not_there_is_planned() {
        let mut before = active();
        let mut gone = before.resources.values().next().expect("a resource").clone();
        (gone.key, gone.state) = ("x/gone".into(), ResourceState::Gone);
        before.resources.insert(gone.key.clone(), gone);
        let entry = |key: &str| Entry { key: key.into(), ..entry(environment::Kind::Vpc) };
        let planned = planned(&before, &["network/vpc", "x/gone", "x/new"].map(entry), NOW);
        assert_eq!(planned.iter().map(|item| item.key.as_str()).collect::<Vec<_>>(), ["x/gone", "x/new"]);
        assert!(planned.iter().all(|item| item.state == ResourceState::Planned));
    }
}
