//! The judgement: every call against the policies of its function, and every foreign variant of it.

use crate::{
    exceptions::{ALLOWED, Allowed, ON_ANYTHING, UNUSED, Unused},
    foreign::{is_mutating, variants},
    lives::Asked,
    policy::{Policies, Request},
    reference::Place,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    /// Everything that is not as it must be, in words.
    pub(crate) findings: BTreeSet<String>,
    rows: BTreeMap<(String, String), Row>,
}

/// A line of the table: one action of one function.
#[derive(Debug, Default)]
struct Row {
    calls: usize,
    requests: usize,
    allowed: usize,
    foreign: usize,
    refused: usize,
    excepted: usize,
}

/// Judges what was asked by the policies of each function.
pub(crate) fn judge(place: &Place, functions: &BTreeMap<String, Policies>, asked: &[Asked]) -> Judgement {
    let mut judgement = Judgement::default();
    let mut distinct: BTreeMap<(&str, &Request), usize> = BTreeMap::new();
    for asked in asked {
        judgement.row(&asked.function, &asked.call).calls += 1;
        for request in &asked.requests {
            *distinct.entry((&asked.function, request)).or_default() += 1;
        }
    }
    let (mut used, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for ((function, request), count) in distinct {
        let policies = &functions[function];
        judgement.row(function, &request.action).requests += count;
        match policies.allows(request) {
            Some(_) => judgement.row(function, &request.action).allowed += count,
            None => drop(judgement.findings.insert(format!("{function} is refused what it needs: {request}"))),
        }
        used.extend(
            policies
                .statements
                .iter()
                .enumerate()
                .filter(|(_, one)| one.applies(request))
                .map(|(number, _)| (function.to_owned(), number, request.action.to_ascii_lowercase())),
        );
        judgement.foreign(place, function, policies, request, &mut needed);
    }
    judgement.unused(functions, &used);
    for (number, exception) in ALLOWED.iter().enumerate().filter(|(number, _)| !needed.contains(number)) {
        let (function, action, what) = (exception.function, exception.action, exception.what);
        judgement.findings.insert(format!("exception {number} is not needed: {function} {action} on {what}"));
    }
    judgement
}

impl Judgement {
    /// Fails on any finding.
    #[track_caller]
    pub(crate) fn must_be_clean(&self) {
        let findings: Vec<_> = self.findings.iter().cloned().collect();
        assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
    }

    fn row(&mut self, function: &str, action: &str) -> &mut Row {
        self.rows.entry((function.to_owned(), action.to_owned())).or_default()
    }

    /// The same on what is not ours.
    fn foreign(
        &mut self,
        place: &Place,
        function: &str,
        policies: &Policies,
        request: &Request,
        needed: &mut BTreeSet<usize>,
    ) {
        let variants = variants(place, request);
        let on_anything = ON_ANYTHING.iter().any(|(action, _)| *action == request.action);
        if variants.is_empty() && is_mutating(&request.action) && !on_anything {
            self.findings.insert(format!("nothing is known that {function} must not do with {request}"));
        }
        for foreign in variants {
            let excepted = ALLOWED.iter().position(|exception| {
                (exception.function, exception.action, exception.what) == (function, &request.action, foreign.what)
            });
            self.row(function, &request.action).foreign += 1;
            match (policies.allows(&foreign.request), excepted) {
                (None, _) => self.row(function, &request.action).refused += 1,
                (Some(_), Some(number)) => {
                    needed.insert(number);
                    self.row(function, &request.action).excepted += 1;
                }
                (Some(statement), None) => {
                    let (sid, what) = (&statement.sid, foreign.what);
                    self.findings.insert(format!("{function} may do it to {what} ({sid}): {}", foreign.request));
                }
            }
        }
    }

    fn unused(&mut self, functions: &BTreeMap<String, Policies>, used: &BTreeSet<(String, usize, String)>) {
        for (function, policies) in functions {
            for (number, statement) in policies.statements.iter().enumerate().filter(|(_, statement)| !statement.denies)
            {
                for action in &statement.actions {
                    let key = (function.clone(), number, action.to_ascii_lowercase());
                    let excepted = UNUSED.iter().any(|one| one.action == action);
                    let sid = &statement.sid;
                    match (used.contains(&key), excepted) {
                        (true, true) => {
                            self.findings.insert(format!("{function}'s {action} is used: no exception is needed"))
                        }
                        (false, false) => {
                            self.findings.insert(format!("{function} may {action} ({sid}) and never does"))
                        }
                        _ => continue,
                    };
                }
            }
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |name: String, row: &Row| {
            let Row { calls, requests, allowed, foreign, refused, excepted } = row;
            format!("{name:<58} {calls:>6} {requests:>9} {allowed:>8} {foreign:>8} {refused:>8} {excepted:>9}")
        };
        writeln!(f, "{:<58}  calls  requests  allowed  foreign  refused  excepted", "function, action")?;
        let mut sum = Row::default();
        for ((function, action), row) in &self.rows {
            writeln!(f, "{}", line(format!("{function:<10}{action}"), row))?;
            sum.calls += row.calls;
            sum.requests += row.requests;
            sum.allowed += row.allowed;
            sum.foreign += row.foreign;
            sum.refused += row.refused;
            sum.excepted += row.excepted;
        }
        writeln!(f, "{}", line("all".to_owned(), &sum))?;
        writeln!(f, "\nexcepted, because AWS has nothing narrower:")?;
        for Allowed { function, action, what, why } in ALLOWED {
            writeln!(f, "  {function}: {action}, {what}: {why}")?;
        }
        for (action, why) in ON_ANYTHING {
            writeln!(f, "  {action}, anything: {why}")?;
        }
        writeln!(f, "never called:")?;
        UNUSED.iter().try_for_each(|Unused { action, why }| writeln!(f, "  {action}: {why}"))
    }
}
