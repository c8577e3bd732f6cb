//! A trial: one life with one fault or two, and what must hold after it.

use crate::{
    cloud::clouds,
    fault::{Class, Planned},
    journal::{Line, Name, Part},
    life::Life,
    run::Run,
    second::{Second, Wake},
    shape::shape,
    update::{Wholes, is_changed_in_the_end, is_one_or_the_other},
    verdict::{Whole, at_rest, comes_to_an_end, is_forgotten_and_untouched, no_room},
};
use aws_config::SdkConfig;
use rules::{Misfortunes, Request, Settings};
use std::{collections::BTreeMap, panic::AssertUnwindSafe, panic::catch_unwind, sync::Arc, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    time::sleep,
};

/// No call is so long in coming by the clock on the wall: virtual pauses take no time. A whole run may take longer than
/// that where the machine has much else to do.
const HUNG: Duration = Duration::from_secs(120);

/// A life with a fault, or with two.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The life.
    pub life: Life,
    /// The fault.
    pub fault: Planned,
    /// What happens after it, if anything.
    pub second: Option<Second>,
}

impl Trial {
    /// Its name, under which it can be repeated.
    pub fn name(&self) -> String {
        let name = format!("{}/{}/{}", self.life.as_str(), self.fault.at, self.fault.class);
        match self.second {
            None => name,
            Some(second) => format!("{name}/{second}"),
        }
    }

    /// Whether one look lags, while the others do not.
    fn has_a_look_that_lags(&self) -> bool {
        [Some(self.fault.class), self.second.map(|second| second.class)].contains(&Some(Class::LookLags))
    }
}

/// What every trial is measured by: the lives without a fault.
#[derive(Debug)]
pub struct Clean {
    /// The product's own configuration of its clients.
    pub product: SdkConfig,
    /// The shape of a whole environment.
    pub whole: Whole,
    /// The shape of one that was changed.
    pub changed: Whole,
    /// The calls of each life.
    pub calls: BTreeMap<Life, Vec<Line>>,
    /// The transitions of each life's last execution.
    pub transitions: BTreeMap<Life, u32>,
    /// What makes the things that have names of their own.
    pub named: BTreeMap<Name, Request>,
    own: BTreeMap<Life, Vec<Planned>>,
}

/// What a life came to.
struct Lived {
    calls: Vec<Line>,
    transitions: u32,
    whole: Whole,
    named: BTreeMap<Name, Request>,
    is_second_met: bool,
}

/// How AWS is in a run.
fn settings(trial: Option<&Trial>) -> Settings {
    // Calls of one run go out one after the other: a tenth of AWS's latency each is what they take beside each other.
    let usual = Settings { latency: 0.1, ..Settings::default() };
    let class = trial.map(|trial| trial.fault.class);
    if class == Some(Class::ReadsLag) || trial.is_some_and(Trial::has_a_look_that_lags) {
        // Somewhat less than the functions count on.
        return Settings { read_lag: 8.0, ..usual };
    }
    let misfortunes = match class {
        Some(Class::ApisThrottle) => return Settings { throttling: true, ..usual },
        // The default VPC is the one that there may be.
        Some(Class::NoRoomForVpc) => {
            return Settings { quotas: [("L-F678F1CE".to_owned(), 1)].into(), ..usual };
        }
        Some(Class::NatGatewaysFail) => {
            Misfortunes { nat_gateway_fails: Some("InternalError".to_owned()), ..Misfortunes::default() }
        }
        Some(Class::TasksCrash) => Misfortunes { tasks_crash: true, ..Misfortunes::default() },
        Some(Class::TasksAreUnplaceable) => Misfortunes { tasks_are_unplaceable: true, ..Misfortunes::default() },
        Some(Class::WorkersStayOffline) => Misfortunes { workers_stay_offline: true, ..Misfortunes::default() },
        _ => Misfortunes::default(),
    };
    Settings { misfortunes, ..usual }
}

/// What is given must come to be: what goes wrong at AWS itself waits for what is tried.
fn misfortunes_of(life: Life, settings: &mut Settings) -> Misfortunes {
    if life.begins_active() { std::mem::take(&mut settings.misfortunes) } else { settings.misfortunes.clone() }
}

/// A runtime for one run: functions run as one task, on one thread.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime needs nothing")
}

/// Ends when no function has called anybody for a long time.
async fn nobody_calls(run: &Run) {
    let mut before = None;
    while before != Some(run.account.count()) {
        before = Some(run.account.count());
        sleep(HUNG).await;
    }
}

impl Clean {
    /// Lives every life once; where only one is asked for, no more than that one needs.
    pub fn lived(only: Option<Life>) -> Result<Clean, String> {
        let product = runtime().block_on(engine::aws::config());
        let mut clean = Clean {
            product,
            whole: Vec::new(),
            changed: Vec::new(),
            calls: BTreeMap::new(),
            transitions: BTreeMap::new(),
            named: BTreeMap::new(),
            own: BTreeMap::new(),
        };
        for life in Life::ALL {
            let is_needed = [Life::Create, Life::Delete].contains(&life) || only.is_none_or(|only| only == life);
            if !is_needed {
                continue;
            }
            let none = Vec::new();
            let of = |life| clean.calls.get(&life).unwrap_or(&none).as_slice();
            let own = life.own_faults(of(Life::Create), of(Life::Delete));
            clean.own.insert(life, own);
            let run = clean.live(life, None).map_err(|error| format!("{} without a fault: {error}", life.as_str()))?;
            let Lived { calls, transitions, whole, named, .. } = run;
            clean.calls.insert(life, calls);
            clean.transitions.insert(life, transitions);
            match life {
                Life::Create => (clean.whole, clean.named) = (whole, named),
                Life::Update => clean.changed = whole,
                _ => {}
            }
        }
        Ok(clean)
    }

    /// Lives a life; answers its calls, the shape it came to, and what made its named things.
    fn live(&self, life: Life, trial: Option<&Trial>) -> Result<Lived, String> {
        let runtime = runtime();
        let mut settings = settings(trial);
        let misfortunes = misfortunes_of(life, &mut settings);
        let run = Arc::new(runtime.block_on(Run::new(clouds(), &self.product, settings)));
        run.account.let_reads_lag(!trial.is_some_and(Trial::has_a_look_that_lags));
        let fault = trial.map(|trial| &trial.fault);
        let _listening = run.logs.listen();
        let lived = catch_unwind(AssertUnwindSafe(|| {
            let lives = async {
                if let Some(Planned { at, class: Class::TwinBefore }) = fault {
                    run.by_others(run.account.make_twin_of(&self.named[at])).await;
                }
                life.given(&run).await;
                let own = self.own[&life].clone();
                let planned = own.iter().chain(fault).cloned().collect();
                run.account.begin(Part::Tried, planned, trial.map(Wake::of).unwrap_or_default());
                run.account.let_go_wrong(misfortunes);
                let reply = life.tried(&run).await;
                let transitions = run.account.executions.all().last().map_or(0, |last| last.transitions);
                // A look at everything takes long: only where what it came to is the measure of what follows.
                let came_to = if fault.is_none() || life == Life::Repair {
                    shape(&run.inventory().await.since(&run.foreign()), &run.account.id)
                } else {
                    Vec::new()
                };
                let whole = if self.whole.is_empty() { &came_to } else { &self.whole };
                if life == Life::Forgotten {
                    return is_forgotten_and_untouched(&run, whole).await.map(|()| (came_to, transitions));
                }
                if let Some(Planned { class: Class::NoRoomForVpc, .. }) = fault {
                    return no_room(&run, &reply).await.map(|()| (came_to, transitions));
                }
                if life == Life::Update {
                    let wholes = Wholes {
                        before: &self.whole,
                        after: if self.changed.is_empty() { &came_to } else { &self.changed },
                    };
                    let status = is_one_or_the_other(&run, &wholes, &reply).await?;
                    if let Some(missed) = run.account.missed().first() {
                        return Err(format!(
                            "it ended {status}, and the fault was never met: {} {}",
                            missed.at, missed.class
                        ));
                    }
                    run.account.begin(Part::Repeated, Vec::new(), Wake::default());
                    run.account.let_go_wrong(Misfortunes::default());
                    let ended = is_changed_in_the_end(&run, &wholes).await;
                    ended.map_err(|error| format!("after {status}: {error}"))?;
                    comes_to_an_end(&run, life, &self.whole)
                        .await
                        .map_err(|error| format!("after {status}: {error}"))?;
                    return Ok((came_to, transitions));
                }
                // A repair that was refused as a whole has changed nothing: it is repeated below.
                let as_given = life == Life::Repair && reply.status >= 500;
                let status = at_rest(&run, if as_given { &came_to } else { whole }).await?;
                let missed = run.account.missed();
                if let Some(missed) = missed.first() {
                    return Err(format!(
                        "it ended {status}, and the fault was never met: {} {}",
                        missed.at, missed.class
                    ));
                }
                run.account.begin(Part::Repeated, Vec::new(), Wake::default());
                run.account.let_go_wrong(Misfortunes::default());
                comes_to_an_end(&run, life, whole).await.map_err(|error| format!("after {status}: {error}"))?;
                Ok((came_to, transitions))
            };
            runtime.block_on(async {
                tokio::select! {
                    said = lives => said,
                    () = nobody_calls(&run) => Err("stuck: everybody waits for somebody".to_owned()),
                }
            })
        }));
        runtime.block_on(run.account.close());
        let said = match lived {
            Ok(said) => said.and_then(|came_to| no_bug(&run).map(|()| came_to)),
            Err(panic) => Err(panic_message(&*panic)),
        };
        match said {
            Ok((whole, transitions)) => {
                let (calls, named) = (run.account.lines(Part::Tried), run.account.named());
                Ok(Lived { calls, transitions, whole, named, is_second_met: run.account.is_second_met() })
            }
            Err(error) => {
                let logs = run.logs.text();
                let count = logs.lines().count();
                let last: Vec<&str> = logs.lines().skip(count.saturating_sub(12)).collect();
                let calls = run.account.last_lines(60).join("\n");
                Err(format!("{error}\n--- the last calls\n{calls}\n--- the last log lines\n{}", last.join("\n")))
            }
        }
    }

    /// The call at which a life turns, if it does.
    pub fn turn(&self, life: Life) -> Option<Name> {
        self.own[&life].first().map(|planned| planned.at.clone())
    }

    /// Makes a trial; answers whether the second fault was met.
    pub fn try_out(&self, trial: &Trial) -> Result<bool, String> {
        self.live(trial.life, Some(trial)).map(|lived| lived.is_second_met)
    }
}

/// Fails where a function took something for a mistake of its own, however well it ended.
fn no_bug(run: &Run) -> Result<(), String> {
    let logs = run.logs.text();
    let mistake = environment::Fault::bug("").message;
    match logs.lines().find(|line| line.contains(mistake.as_str())) {
        None => Ok(()),
        Some(line) => Err(format!("a bug of the product: {line}")),
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
