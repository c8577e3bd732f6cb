//! What the trials came to, for people: calls by classes of faults, the failures, the totals.

use crate::{fault::Class, second, trial::Trial};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

/// What the trials came to.
#[derive(Debug, Default)]
pub struct Report(Mutex<Vec<Outcome>>);

#[derive(Debug)]
struct Outcome {
    trial: Trial,
    passed: bool,
    is_second_met: bool,
}

impl Report {
    /// Takes in what a trial came to.
    pub fn add(&self, trial: &Trial, result: &Result<bool, String>) {
        let is_second_met = result.as_ref().is_ok_and(|is_met| *is_met);
        let outcome = Outcome { trial: trial.clone(), passed: result.is_ok(), is_second_met };
        self.0.lock().expect("no holder panics").push(outcome);
    }

    /// Prints everything.
    pub fn print(&self) {
        let results = self.0.lock().expect("no holder panics");
        let mut cells: BTreeMap<(String, Class), (u32, u32)> = BTreeMap::new();
        for Outcome { trial, passed, .. } in results.iter() {
            let name = &trial.fault.at;
            let cell = cells.entry((format!("{}:{}", name.service, name.action), trial.fault.class)).or_default();
            cell.0 += u32::from(*passed);
            cell.1 += u32::from(!passed);
        }
        let classes: BTreeSet<Class> = cells.keys().map(|(_, class)| *class).collect();
        println!("\nFaults:");
        for (column, class) in classes.iter().enumerate() {
            let of_class = cells.iter().filter(|((_, one), _)| one == class);
            let (passed, failed) = of_class.fold((0, 0), |sum, (_, cell)| (sum.0 + cell.0, sum.1 + cell.1));
            println!("  {}  {class:<28} {passed} passed, {failed} failed", letter(column));
        }
        let calls: BTreeSet<&String> = cells.keys().map(|(call, _)| call).collect();
        let head: String = (0..classes.len()).map(|column| format!("{:>5}", letter(column))).collect();
        println!("\n{:<46}{head}", "Calls × faults (failed ones as !n)");
        for call in calls {
            let row: String = classes
                .iter()
                .map(|class| match cells.get(&(call.clone(), *class)) {
                    None => format!("{:>5}", "·"),
                    Some((passed, 0)) => format!("{passed:>5}"),
                    Some((_, failed)) => format!("{:>5}", format!("!{failed}")),
                })
                .collect();
            println!("{call:<46}{row}");
        }
        print_seconds(&results);
        let failed: Vec<&Trial> =
            results.iter().filter(|outcome| !outcome.passed).map(|outcome| &outcome.trial).collect();
        if !failed.is_empty() {
            println!("\nFailed; to repeat one:");
            for trial in failed {
                let seed = trial.second.and_then(|_| second::seed()).map(|seed| format!("FAULTS_SECOND={seed} "));
                println!("  {}python3 bootstrap/faults.py --exact '{}'", seed.unwrap_or_default(), trial.name());
            }
        }
    }
}

/// What came after first faults, where something was to come.
fn print_seconds(results: &[Outcome]) {
    let mut classes: BTreeMap<Class, (u32, u32, u32)> = BTreeMap::new();
    for Outcome { trial, passed, is_second_met } in results {
        let Some(second) = trial.second else { continue };
        let counts = classes.entry(second.class).or_default();
        match (passed, is_second_met) {
            (true, true) => counts.0 += 1,
            (false, _) => counts.1 += 1,
            (true, false) => counts.2 += 1,
        }
    }
    if !classes.is_empty() {
        println!("\nSecond faults, in the wake of those:");
    }
    for (class, (passed, failed, unmet)) in classes {
        println!("     {class:<28} {passed} passed, {failed} failed; {unmet} ended before a call could meet it");
    }
}

/// A, B, … Z, a, b, …
fn letter(column: usize) -> char {
    ('A'..='Z').chain('a'..='z').nth(column).unwrap_or('?')
}
