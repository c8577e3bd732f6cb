//! What a create and a delete take, in AWS's own time: against the longest chain of what AWS itself takes.

use crate::{life::Life, trial::Clean};
use libtest_mimic::{Failed, Trial};
use std::sync::Arc;

/// What a life without faults took.
struct Figures {
    /// From the first call to the last, in seconds.
    seconds: f64,
    effects: usize,
    looks: usize,
    of_table: usize,
    transitions: u32,
}

fn figures(clean: &Clean, life: Life) -> Option<Figures> {
    let lines = clean.calls.get(&life)?;
    let effects = lines.iter().filter(|line| line.name.is_effect() && !line.name.is_of_the_table()).count();
    let of_table = lines.iter().filter(|line| line.name.is_of_the_table()).count();
    let seconds = lines.last()?.at.duration_since(lines.first()?.at).as_secs_f64();
    let (looks, transitions) = (lines.len() - effects - of_table, clean.transitions[&life]);
    Some(Figures { seconds, effects, looks, of_table, transitions })
}

/// One line for each life.
pub fn print(clean: &Clean) {
    for life in Life::ALL {
        let Some(Figures { seconds, effects, looks, of_table, transitions }) = figures(clean, life) else { continue };
        let name = life.as_str();
        println!(
            "{name:<22} {seconds:>7.0} s {effects:>4} effects {looks:>4} looks {of_table:>4} calls of the table \
             {transitions:>4} transitions"
        );
    }
}

/// A create and a delete wait for AWS and for little else.
pub fn trials(clean: &Arc<Clean>) -> Vec<Trial> {
    // The API, the network's waves and the ends are in neither: they are what the ratio leaves room for.
    let lives = [(Life::Create, rules::CREATE_TAKES, 1.15), (Life::Delete, rules::DELETE_TAKES, 1.25)];
    let trials = lives.into_iter().map(|(life, aws_takes, most)| {
        let clean = Arc::clone(clean);
        Trial::test(format!("{}/figures/time", life.as_str()), move || {
            let Some(Figures { seconds, .. }) = figures(&clean, life) else { return Ok(()) };
            let ratio = seconds / aws_takes;
            println!("{}: {seconds:.0} s, {ratio:.2} of what AWS takes ({aws_takes:.0} s)", life.as_str());
            if ratio <= most { Ok(()) } else { Err(Failed::from(format!("{ratio:.2} is more than {most}"))) }
        })
    });
    trials.collect()
}
