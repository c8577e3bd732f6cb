//! Preflight: what the account's quotas have no room for, and what Prefect does not let in, is refused before anything
//! is created.
//!
//! The functions that make things are asked how many there are and may be, all at once, and the caller waits 5 s at
//! most: whoever does not answer by then refuses nothing. AWS itself then has the last word, and a create that it
//! refuses is undone. Prefect is asked with the key that came with the request, here, while it is at hand; with a key
//! that the request names, by the one function that may read it. A server that does not answer refuses: an environment
//! whose functions do not reach its server is asked for with `prefect.verify: false`. A change is asked about in the same
//! way: the keys that it brings, and what it adds.

use crate::{asking::ask, problem, problem::Problem, service::Service};
use engine::{Preflight, Quota, preflight::Report, records::Environment};
use environment::{Code, Entry, EnvironmentId, Fault, Kind, Spec, request::Credentials, spec::Credential};
use futures::future::{join, join_all};
use schemars::JsonSchema;
use serde::Serialize;

/// What there is of the account's quotas, and whether Prefect lets the environment in.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Room {
    /// The quotas that the environment needs a part of.
    counted: Vec<Quota>,
    /// Whose quotas were not counted in time, by function: they refuse nothing.
    not_counted: Vec<&'static str>,
    /// Why Prefect does not let it in.
    #[serde(skip)]
    refusal: Option<Fault>,
}

impl Room {
    /// Whether no quota was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.counted.is_empty() && self.not_counted.is_empty()
    }

    /// Refuses the request where Prefect does not let it in, or the account has no room for what it asks for.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if let Some(fault) = &self.refusal {
            return Err(problem::refused_by_prefect(fault));
        }
        let exceeded: Vec<Quota> = self.counted.iter().filter(|quota| quota.is_exceeded()).cloned().collect();
        if exceeded.is_empty() { Ok(()) } else { Err(problem::quota_exceeded(exceeded)) }
    }
}

/// Counts what the account has room for, beside what the environment needs, and asks Prefect meanwhile.
pub(crate) async fn count(service: &Service, id: EnvironmentId, spec: &Spec, credentials: &Credentials) -> Room {
    let settings = &service.settings;
    let mut asked = vec![("network", &settings.network_function_arn), ("identity", &settings.identity_function_arn)];
    if is_named_only(spec) {
        asked.push(("worker", &settings.worker_function_arn));
    }
    let (counted, let_in) =
        join(ask_all(service, &asked, &Preflight::of(id, spec.clone())), ask_prefect(service, spec, credentials)).await;
    let refusal = let_in.into_iter().chain(counted.refusal).find(is_the_callers);
    Room { refusal, ..counted }
}

/// The same for what a change adds to an environment. Whose the work pool is was for the create to ask.
pub(crate) async fn count_more(
    service: &Service,
    environment: &Environment,
    spec: &Spec,
    credentials: &Credentials,
) -> Room {
    let (question, settings) = (Preflight::of_change(environment, spec.clone()), &service.settings);
    let mut asked = Vec::new();
    let is_counted = |entry: &Entry| matches!(entry.kind, Kind::Eip | Kind::NatGateway);
    if question.entries(&settings.place, &question.zones).iter().any(is_counted) {
        asked.push(("network", &settings.network_function_arn));
    }
    if spec.prefect.credential != environment.record.spec.prefect.credential && is_named_only(spec) {
        asked.push(("worker", &settings.worker_function_arn));
    }
    let brought =
        async { if credentials.is_empty() { Vec::new() } else { ask_prefect(service, spec, credentials).await } };
    let (counted, let_in) = join(ask_all(service, &asked, &question), brought).await;
    let mut refusals = let_in.into_iter().chain(counted.refusal).filter(|fault| fault.code != Code::AlreadyExists);
    Room { refusal: refusals.find(is_the_callers), ..counted }
}

/// Whether Prefect is to be asked with a key that only the worker's function may read.
fn is_named_only(spec: &Spec) -> bool {
    spec.prefect.verify && matches!(spec.prefect.credential, Credential::SharedApiKey { .. })
}

async fn ask_all(service: &Service, asked: &[(&'static str, &String)], question: &Preflight) -> Room {
    let told = join_all(asked.iter().map(|(_, function)| tell(service, function, question))).await;
    let mut room = Room::default();
    for ((name, _), told) in asked.iter().zip(told) {
        match told {
            Some(report) => {
                room.counted.extend(report.quotas);
                room.refusal = room.refusal.or(report.refusal);
            }
            None => room.not_counted.push(name),
        }
    }
    room
}

/// Why Prefect does not let the environment in, with each credential that the request has brought.
async fn ask_prefect(service: &Service, spec: &Spec, brought: &Credentials) -> Vec<Fault> {
    let wanted = &spec.prefect;
    if !wanted.verify {
        return Vec::new();
    }
    let api_url = wanted.server.api_url(&service.settings.place);
    let ask = async |credential: Option<prefect::Credential>| match credential {
        Some(credential) => prefect::check(&service.prefect.api(&api_url, &credential)?, wanted).await,
        None => Ok(()),
    };
    let credential = match (&wanted.credential, brought.prefect.clone()) {
        (Credential::ApiKey, Some(key)) => Some(prefect::Credential::ApiKey(key)),
        (Credential::AuthString, Some(pair)) => Some(prefect::Credential::AuthString(pair)),
        (Credential::None, _) => Some(prefect::Credential::None),
        // Named only, or kept.
        (Credential::SharedApiKey { .. } | Credential::ApiKey | Credential::AuthString, _) => None,
    };
    let of_the_worker = brought.worker.clone().map(prefect::Credential::ApiKey);
    let (told, told_of_worker) = join(ask(credential), ask(of_the_worker)).await;
    // Whose the pool is does not hang on the key that asks.
    let told_of_worker = told_of_worker.err().filter(|fault| fault.code != Code::AlreadyExists);
    let told_of_worker = told_of_worker
        .map(|fault| Fault { message: format!("With prefect.worker_api_key: {}", fault.message), ..fault });
    told.err().into_iter().chain(told_of_worker).collect()
}

/// Whether the caller can do something about it. What this service lacks itself refuses nothing.
fn is_the_callers(fault: &Fault) -> bool {
    let is = matches!(
        fault.code,
        Code::PrefectUnauthorized
            | Code::PrefectForbidden
            | Code::PrefectWorkspaceNotFound
            | Code::PrefectUnreachable
            | Code::AlreadyExists
            | Code::SecretNotShared
    );
    if is {
        tracing::info!(?fault, "Prefect does not let it in");
    } else {
        tracing::warn!(?fault, "Prefect was not asked: that refuses nothing");
    }
    is
}

/// What a function tells. Nothing, where it does not in time.
async fn tell(service: &Service, function: &str, question: &Preflight) -> Option<Report> {
    match ask::<Report>(service, function, question).await {
        Ok(report) => Some(report),
        Err(fault) => {
            tracing::warn!(function, ?fault, "a preflight was not answered: it refuses nothing");
            None
        }
    }
}
