//! Preflight: what the account's quotas have no room for is refused before anything is created.
//!
//! The functions that make things are asked how many there are and may be. They are asked both at once, and the
//! caller waits 5 s at most: whoever does not answer by then refuses nothing. AWS itself then has the last word, and a
//! create that it refuses is undone.

use crate::{asking::ask, problem, problem::Problem, service::Service};
use engine::{Preflight, Quota, preflight::Report};
use environment::{EnvironmentId, Spec};
use futures::future::join_all;
use schemars::JsonSchema;
use serde::Serialize;

/// What there is of the account's quotas.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Room {
    /// The quotas that the environment needs a part of.
    counted: Vec<Quota>,
    /// Whose quotas were not counted in time, by function: they refuse nothing.
    not_counted: Vec<&'static str>,
}

impl Room {
    /// Refuses the request where the account has no room for what it asks for.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let exceeded: Vec<Quota> = self.counted.iter().filter(|quota| quota.is_exceeded()).cloned().collect();
        if exceeded.is_empty() { Ok(()) } else { Err(problem::quota_exceeded(exceeded)) }
    }
}

/// Counts what the account has room for, beside what the environment needs.
pub(crate) async fn count(service: &Service, id: EnvironmentId, spec: &Spec) -> Result<Room, Problem> {
    let question = Preflight::of(id, spec.clone());
    let settings = &service.settings;
    let asked = [("network", &settings.network_function_arn), ("identity", &settings.identity_function_arn)];
    let told = join_all(asked.map(|(_, function)| tell(service, function, &question))).await;
    let mut room = Room::default();
    for ((name, _), told) in asked.into_iter().zip(told) {
        match told {
            Some(quotas) => room.counted.extend(quotas),
            None => room.not_counted.push(name),
        }
    }
    Ok(room)
}

/// The quotas that a function tells. Nothing, where it does not in time.
async fn tell(service: &Service, function: &str, question: &Preflight) -> Option<Vec<Quota>> {
    match ask::<Report>(service, function, question).await {
        Ok(report) => Some(report.quotas),
        Err(fault) => {
            tracing::warn!(function, ?fault, "a preflight was not answered: its quotas refuse nothing");
            None
        }
    }
}
