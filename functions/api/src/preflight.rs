//! Preflight: what the account's quotas have no room for is refused before anything is created.
//!
//! The functions that make things are asked how many there are and may be. They are asked both at once, and the
//! caller waits 5 s at most: whoever does not answer by then refuses nothing. AWS itself then has the last word, and a
//! create that it refuses is undone.

use crate::{problem, problem::Problem, service::Service};
use aws_sdk_lambda::primitives::Blob;
use engine::{Preflight, Quota, aws, preflight::Report};
use environment::{Code, EnvironmentId, Fault, Spec};
use futures::future::join_all;
use serde::Serialize;
use std::time::Duration;

/// A warm function answers within a second; what takes longer than this is not worth the caller's time.
pub(crate) const BUDGET: Duration = Duration::from_secs(5);

/// What there is of the account's quotas.
#[derive(Clone, Debug, Default, Serialize)]
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
    let question = serde_json::to_vec(&question).map_err(|error| Fault::bug(error.to_string()))?;
    let settings = &service.settings;
    let asked = [("network", &settings.network_function_arn), ("identity", &settings.identity_function_arn)];
    let told = join_all(asked.map(|(_, function)| tell(service, function, question.clone()))).await;
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
async fn tell(service: &Service, function: &str, question: Vec<u8>) -> Option<Vec<Quota>> {
    // It changes nothing, so that it may be given up at any moment.
    let fault = match tokio::time::timeout(service.preflight_budget, ask(service, function, question)).await {
        Ok(Ok(quotas)) => return Some(quotas),
        Ok(Err(fault)) => fault,
        Err(_) => Fault::new(Code::NetworkFailure, "The function did not answer in time."),
    };
    tracing::warn!(function, ?fault, "a preflight was not answered: its quotas refuse nothing");
    None
}

async fn ask(service: &Service, function: &str, question: Vec<u8>) -> Result<Vec<Quota>, Fault> {
    let answer = service.functions.invoke().function_name(function).payload(Blob::new(question)).send().await;
    let answer = answer.map_err(|error| aws::fault("lambda:Invoke", error))?;
    if let Some(thrown) = answer.function_error() {
        return Err(Fault::bug(format!("the function threw: {thrown}")));
    }
    let report = answer.payload().map(Blob::as_ref).unwrap_or_default();
    let report: Report = serde_json::from_slice(report).map_err(|error| Fault::bug(error.to_string()))?;
    Ok(report.quotas)
}
