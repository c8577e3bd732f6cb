//! Generated faults: every call that an environment's life makes meets everything that can go wrong with it.
//!
//! The functions run in this process, against an account of their own on a local cloud, through AWS's rules, in
//! virtual time. First each life is lived without a fault; what it called is what the trials are made from: one for
//! each call and each class of faults. After each trial the whole account is looked at, as an auditor would.
//!
//! Only a sample is tried unless `--include-ignored` is given.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a surprise ends the trial; the report is printed"
)]

mod account;
mod broadcast;
mod clock;
mod cloud;
mod executions;
mod fault;
mod figures;
mod functions;
mod happening;
mod invocation;
mod journal;
mod life;
mod logs;
mod machine;
mod plan;
mod records;
mod report;
mod run;
mod second;
mod secret;
mod shape;
mod trial;
mod twin;
mod update;
mod verdict;

use libtest_mimic::{Arguments, Failed};
use life::Life;
use report::Report;
use std::{process::ExitCode, sync::Arc, time::Instant};
use trial::{Clean, Trial};

/// One of so many parts of all runs, of which each has a bit of everything: for several machines, or several evenings.
struct Part {
    number: usize,
    of: usize,
}

impl Part {
    /// What `FAULTS_PART=1/3` asks for; everything where nothing is asked for.
    fn asked_for() -> Part {
        let Ok(asked) = std::env::var("FAULTS_PART") else { return Part { number: 1, of: 1 } };
        let numbers = asked.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let part = numbers.map(|(number, of)| Part { number, of });
        part.filter(|part| (1..=part.of).contains(&part.number)).expect("FAULTS_PART is like 1/3")
    }

    fn has(&self, index: usize) -> bool {
        index % self.of == self.number - 1
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let begun = Instant::now();
    let asked = arguments.filter.as_deref().and_then(|filter| filter.split('/').next());
    let only = Life::ALL.into_iter().find(|life| Some(life.as_str()) == asked);
    let clean = match Clean::lived(only) {
        Ok(clean) => Arc::new(clean),
        Err(error) => {
            println!("{error}\n0 passed, 1 failed");
            return ExitCode::FAILURE;
        }
    };
    figures::print(&clean);
    println!("{} things; lived in {:.1} s", clean.whole.len(), begun.elapsed().as_secs_f64());
    let mut trials = plan::trials(&clean);
    let mut sample = plan::sample(&trials);
    if let Some(seed) = second::seed() {
        trials = second::with_a_second(&trials, seed);
        sample = plan::sample_of_seconds(&trials);
    } else {
        let seconds = second::usual(&trials);
        sample.extend(seconds.iter().map(Trial::name));
        trials.extend(seconds);
    }
    let report = Arc::new(Report::default());
    // Thousands of lines about what is not tried would hide what is.
    let only_sample = arguments.filter.is_none() && !arguments.include_ignored && !arguments.ignored && !arguments.list;
    let all = trials.len();
    let part = Part::asked_for();
    let tried = trials.into_iter().enumerate().filter(|(index, _)| part.has(*index)).map(|(_, trial)| trial);
    let tried = tried.filter(|trial| !only_sample || sample.contains(&trial.name()));
    let tests = tried.map(|trial| {
        let (clean, report) = (Arc::clone(&clean), Arc::clone(&report));
        let (name, is_in_sample) = (trial.name(), sample.contains(&trial.name()));
        let test = move || {
            let result = clean.try_out(&trial);
            report.add(&trial, &result);
            result.map(drop).map_err(Failed::from)
        };
        libtest_mimic::Trial::test(name, test).with_ignored_flag(!is_in_sample)
    });
    let tests: Vec<_> = tests.chain(figures::trials(&clean)).collect();
    if only_sample {
        println!("{} of {all} runs; `make faults` makes all of them", tests.len());
    } else if part.of > 1 {
        println!("Part {} of {} parts of {all} runs", part.number, part.of);
    }
    let conclusion = libtest_mimic::run(&arguments, tests);
    if !arguments.list {
        report.print();
        println!("{} passed, {} failed", conclusion.num_passed, conclusion.num_failed);
    }
    conclusion.exit_code()
}
