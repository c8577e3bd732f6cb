//! Every trial, from the calls of lives without a fault.

use crate::{
    fault::{Class, Planned, quota},
    journal::Name,
    life::Life,
    trial::{Clean, Trial},
};
use std::collections::BTreeSet;

/// Every trial, in the same order each time.
pub fn trials(clean: &Clean) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (life, lines) in &clean.calls {
        let of_the_run = Class::OF_THE_RUN.into_iter().filter(|class| {
            // What is given must come to be: misfortunes are for what is tried.
            let of_tasks = matches!(class, Class::TasksCrash | Class::TasksAreUnplaceable);
            matches!(class, Class::ReadsLag | Class::ApisThrottle)
                || *life == Life::Create
                || (*life == Life::Update && of_tasks)
        });
        trials.extend(of_the_run.map(|class| Trial {
            life: *life,
            fault: Planned { at: Name::of_the_run(), class },
            second: None,
        }));
        // Of a look that is taken again and again the first will do.
        let mut looks: BTreeSet<Name> = BTreeSet::new();
        // What comes before a life's own turn is the life that it turns from.
        let turn = clean.turn(*life).and_then(|turn| lines.iter().position(|line| line.name == turn));
        for line in lines.iter().skip(turn.map_or(0, |turn| turn + 1)) {
            let name = &line.name;
            if !name.is_effect() && !looks.insert(Name { occurrence: 1, ..name.clone() }) {
                continue;
            }
            for class in classes(*life, name) {
                trials.push(Trial { life: *life, fault: Planned { at: name.clone(), class }, second: None });
            }
        }
    }
    // Calls that go out together come in another order in each process; sample and parts must be the same in all.
    trials.sort_by_cached_key(Trial::name);
    trials
}

/// The faults that a call may meet.
pub fn classes(life: Life, name: &Name) -> Vec<Class> {
    use Class::*;
    if name.service == "lambda" {
        return Vec::new();
    }
    if name.is_of_the_table() {
        return match name.is_effect() {
            true => vec![Throttled, ServerError, ReplyLostByReset, KilledBefore, KilledAfter],
            false => vec![ServerErrorThreeTimes],
        };
    }
    if !name.is_effect() {
        let lag = rules::may_lag(&name.service).then_some(LookLags);
        return [Throttled, ServerErrorThreeTimes, ConnectionReset].into_iter().chain(lag).collect();
    }
    let mut classes = vec![
        Throttled,
        ServerError,
        ServerErrorThreeTimes,
        ConnectionReset,
        AccessDenied,
        ReplyLostByReset,
        ReplyLostByServerError,
        ReplyLostByTimeout,
        SentTwice,
        KilledBefore,
        KilledAfter,
        TimedOutAfter,
    ];
    if name.action == "RegisterTaskDefinition" {
        // One more revision, which nothing refers to: the removal takes it, and until then it is no harm.
        classes.retain(|class| *class != SentTwice);
    }
    if quota(&name.action).is_some() {
        classes.push(QuotaExceeded);
    }
    let by_function = !name.by.starts_with("api.");
    match life {
        Life::Create => {
            classes.extend([DeleteArrives, RequestRepeated]);
            if by_function {
                classes.extend([TwoDeletesArrive, SecondInvocation]);
                classes.extend([ExecutionStopped, ExecutionRedriven, ExecutionStartedByHand]);
            }
            if [
                "CreateRole",
                "CreateSecret",
                "CreateCluster",
                "CreateLogGroup",
                "CreatePrivateDnsNamespace",
                "CreateQueue",
                "PutRule",
                "RegisterTaskDefinition",
                "CreateWorkPool",
            ]
            .contains(&name.action.as_str())
            {
                classes.extend([TwinMidway, TwinBefore]);
            }
        }
        Life::Update if !by_function => classes.push(RequestRepeated),
        Life::Repair | Life::Update if by_function => {
            classes.extend([
                DeleteArrives,
                SecondInvocation,
                ExecutionStopped,
                ExecutionRedriven,
                ExecutionStartedByHand,
            ]);
        }
        Life::Delete if by_function => {
            classes.extend([
                DeleteArrives,
                SecondInvocation,
                ExecutionStopped,
                ExecutionRedriven,
                ExecutionStartedByHand,
            ]);
        }
        _ => {}
    }
    classes
}

/// The trials that stand for all: of each class one at each service, taken from the lives in turn.
pub fn sample(trials: &[Trial]) -> BTreeSet<String> {
    one_of_each(trials, |trial| (trial.fault.class, trial.fault.at.service.as_str()))
}

/// Those that stand for all with a second fault: of each class one after each class.
pub fn sample_of_seconds(trials: &[Trial]) -> BTreeSet<String> {
    one_of_each(trials, |trial| trial.second.map(|second| second.class))
}

/// One of each kind, taken from the lives in turn.
fn one_of_each<'a, K: Ord>(trials: &'a [Trial], kind: impl Fn(&'a Trial) -> K) -> BTreeSet<String> {
    let mut taken: BTreeSet<K> = BTreeSet::new();
    let mut sample = BTreeSet::new();
    for (index, life) in Life::ALL.into_iter().cycle().take(trials.len()).enumerate() {
        let mut of_life = trials.iter().filter(|trial| trial.life == life);
        if let Some(trial) = of_life.find(|trial| !taken.contains(&kind(trial))) {
            taken.insert(kind(trial));
            sample.insert(trial.name());
        }
        // Every life was asked once more without finding anything new.
        if index > 400 {
            break;
        }
    }
    sample
}
