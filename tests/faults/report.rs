//! What the trials came to, for people: calls by classes of faults, the failures, the totals.

use crate::{fault::Class, trial::Trial};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

/// What the trials came to.
#[derive(Debug, Default)]
pub struct Report(Mutex<Vec<(Trial, bool)>>);

impl Report {
    /// Takes in what a trial came to.
    pub fn add(&self, trial: &Trial, passed: bool) {
        self.0.lock().expect("no holder panics").push((trial.clone(), passed));
    }

    /// Prints everything.
    pub fn print(&self) {
        let results = self.0.lock().expect("no holder panics");
        let mut cells: BTreeMap<(String, Class), (u32, u32)> = BTreeMap::new();
        for (trial, passed) in results.iter() {
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
        let failed: Vec<&Trial> = results.iter().filter(|(_, passed)| !passed).map(|(trial, _)| trial).collect();
        if !failed.is_empty() {
            println!("\nFailed; to repeat one:");
            for trial in failed {
                println!("  python3 bootstrap/faults.py --exact '{}'", trial.name());
            }
        }
    }
}

/// A, B, … Z, a, b, …
fn letter(column: usize) -> char {
    ('A'..='Z').chain('a'..='z').nth(column).unwrap_or('?')
}
