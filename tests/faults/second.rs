//! A second fault, in the wake of a first: at one of the calls that come after it, among them those that are only made
//! because of the first.
//!
//! Of all pairs only some can be tried. Which one a run gets is drawn from its name and a seed, so that it can be
//! repeated; another seed tries others.

use crate::{
    fault::{Class, Planned},
    journal::Name,
    life::Life,
    plan,
    trial::Trial,
};
use sha2::{Digest, Sha256};
use std::fmt;

/// The seed of those that each `make test` tries.
const USUAL_SEED: u64 = 1;

/// Pairs that have shown a mistake of the product once.
const HAVE_FOUND: [(&str, Second); 5] = [
    (
        "stopped-delete/network.remove/PutItem(RESOURCE#network/public-subnet-1)/throttled",
        Second { after: 13, class: Class::KilledAfter },
    ),
    ("update/cluster.ensure/TagResource(one)/access-denied", Second { after: 1, class: Class::LookLags }),
    ("update/worker.ensure/TagResource(dev-worker)/access-denied", Second { after: 2, class: Class::AccessDenied }),
    (
        "create/network.ensure/CreateRouteTable(network/public-route-table)/reply-lost-by-reset",
        Second { after: 13, class: Class::QuotaExceeded },
    ),
    (
        "update/network.ensure/CreateTags(network/public-route-table)/access-denied",
        Second { after: 2, class: Class::ExecutionStopped },
    ),
];

/// How many calls after the first fault. Most are soon after it: that is where its consequences are.
const AFTER: [u32; 8] = [0, 1, 2, 3, 5, 8, 13, 34];

/// A second fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Second {
    /// How many calls are left in peace between the two, at least: it happens to the next that can meet it.
    pub after: u32,
    /// What.
    pub class: Class,
}

impl Second {
    /// Draws one for a trial.
    fn drawn(seed: u64, trial: &Trial) -> Second {
        let digest = Sha256::digest(format!("{seed}/{}", trial.name()));
        let pick = |at: usize, of: usize| usize::from(u16::from_be_bytes([digest[at], digest[at + 1]])) % of;
        Second { after: AFTER[pick(0, AFTER.len())], class: Class::OF_A_CALL[pick(2, Class::OF_A_CALL.len())] }
    }
}

impl fmt::Display for Second {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-later", self.class, self.after)
    }
}

/// The seed that `FAULTS_SECOND=7` asks for.
pub fn seed() -> Option<u64> {
    let asked = std::env::var("FAULTS_SECOND").ok()?;
    Some(asked.parse().expect("FAULTS_SECOND is a number"))
}

/// These trials, each with a second fault. What the whole run is like is no call's to meet: nothing comes after it.
pub fn with_a_second(trials: &[Trial], seed: u64) -> Vec<Trial> {
    let of_a_call = trials.iter().filter(|trial| !trial.fault.class.is_of_the_run());
    of_a_call.map(|trial| Trial { second: Some(Second::drawn(seed, trial)), ..trial.clone() }).collect()
}

/// Those that each `make test` tries: of each class one, and what has shown a mistake once.
pub fn usual(trials: &[Trial]) -> Vec<Trial> {
    let mut seconds = with_a_second(trials, USUAL_SEED);
    let sample = plan::sample_of_seconds(&seconds);
    seconds.retain(|trial| sample.contains(&trial.name()));
    for (name, second) in HAVE_FOUND {
        // One life alone may have been asked for.
        if trials.iter().any(|trial| name.starts_with(&format!("{}/", trial.life.as_str()))) {
            let first = trials.iter().find(|trial| trial.name() == name);
            let first = first.unwrap_or_else(|| panic!("no call is called that any more: {name}"));
            seconds.push(Trial { second: Some(second), ..first.clone() });
        }
    }
    seconds
}

/// The second fault of a run, and how far it is.
#[derive(Debug, Default)]
pub struct Wake {
    second: Option<(Life, Second)>,
    has_begun: bool,
}

impl Wake {
    /// Nothing has happened yet.
    pub fn of(trial: &Trial) -> Wake {
        Wake { second: trial.second.map(|second| (trial.life, second)), has_begun: false }
    }

    /// The first fault was met.
    pub fn begin(&mut self) {
        self.has_begun = true;
    }

    /// A call that meets no fault: whether it meets this one.
    pub fn reaches(&mut self, name: &Name) -> Option<Planned> {
        let (life, second) = self.second.as_mut().filter(|_| self.has_begun)?;
        if second.after > 0 {
            second.after -= 1;
            return None;
        }
        let class = second.class;
        if !plan::classes(*life, name).contains(&class) {
            return None;
        }
        self.second = None;
        Some(Planned { at: name.clone(), class })
    }
}
