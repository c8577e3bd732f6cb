//! Preflight: what the account's quotas have no room for, and what Prefect does not let in, is refused before anything
//! is created.
//!
//! The functions that make things are asked how many there are and may be, all at once, and the caller waits 5 s at
//! most: whoever does not answer by then refuses nothing. AWS itself then has the last word, and a create that it
//! refuses is undone. Prefect is asked with the key that came with the request, here, while it is at hand; with a key
//! that the request names, by the one function that may read it. A server that does not answer refuses: an environment
//! whose functions do not reach its server is asked for with `prefect.verify: false`.

use crate::{problem, problem::Problem, service::Service};
use aws_sdk_lambda::primitives::Blob;
use engine::{Preflight, Quota, aws, preflight::Report};
use environment::{Code, EnvironmentId, Fault, Spec, spec::Credential};
use futures::future::{join, join_all};
use secrecy::SecretString;
use std::time::Duration;

/// A warm function answers within a second; what takes longer than this is not worth the caller's time.
pub(crate) const BUDGET: Duration = Duration::from_secs(5);

/// Refuses the request where the account has no room for what it asks for, or Prefect does not let it in.
pub(crate) async fn check(
    service: &Service,
    id: EnvironmentId,
    spec: &Spec,
    credential: Option<&SecretString>,
) -> Result<(), Problem> {
    let question = Preflight::of(id, spec.clone());
    let question = serde_json::to_vec(&question).map_err(|error| Fault::bug(error.to_string()))?;
    let settings = &service.settings;
    let mut asked = vec![&settings.network_function_arn, &settings.identity_function_arn];
    if spec.prefect.verify && matches!(spec.prefect.credential, Credential::SharedApiKey { .. }) {
        asked.push(&settings.worker_function_arn);
    }
    let told = join_all(asked.into_iter().map(|function| tell(service, function, question.clone())));
    let (told, let_in) = join(told, ask_prefect(service, spec, credential)).await;
    let refusal = let_in.err().or_else(|| told.iter().find_map(|report| report.refusal.clone()));
    if let Some(fault) = refusal.filter(is_the_callers) {
        return Err(problem::refused_by_prefect(&fault));
    }
    let exceeded: Vec<Quota> = told.into_iter().flat_map(|report| report.quotas).filter(Quota::is_exceeded).collect();
    if exceeded.is_empty() { Ok(()) } else { Err(problem::quota_exceeded(exceeded)) }
}

/// Whether Prefect lets the environment in, where the request has brought what it takes to ask.
async fn ask_prefect(service: &Service, spec: &Spec, credential: Option<&SecretString>) -> Result<(), Fault> {
    let wanted = &spec.prefect;
    let credential = match (&wanted.credential, credential) {
        _ if !wanted.verify => return Ok(()),
        (Credential::ApiKey, Some(key)) => prefect::Credential::ApiKey(key.clone()),
        (Credential::AuthString, Some(pair)) => prefect::Credential::AuthString(pair.clone()),
        (Credential::None, _) => prefect::Credential::None,
        // Named only.
        (Credential::SharedApiKey { .. } | Credential::ApiKey | Credential::AuthString, _) => return Ok(()),
    };
    let api = service.prefect.api(&wanted.server.api_url(&service.settings.place), &credential)?;
    prefect::check(&api, wanted).await
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
async fn tell(service: &Service, function: &str, question: Vec<u8>) -> Report {
    // It changes nothing, so that it may be given up at any moment.
    let fault = match tokio::time::timeout(service.preflight_budget, ask(service, function, question)).await {
        Ok(Ok(report)) => return report,
        Ok(Err(fault)) => fault,
        Err(_) => Fault::new(Code::NetworkFailure, "The function did not answer in time."),
    };
    tracing::warn!(function, ?fault, "a preflight was not answered: it refuses nothing");
    Report::default()
}

async fn ask(service: &Service, function: &str, question: Vec<u8>) -> Result<Report, Fault> {
    let answer = service.functions.invoke().function_name(function).payload(Blob::new(question)).send().await;
    let answer = answer.map_err(|error| aws::fault("lambda:Invoke", error))?;
    if let Some(thrown) = answer.function_error() {
        return Err(Fault::bug(format!("the function threw: {thrown}")));
    }
    let report = answer.payload().map(Blob::as_ref).unwrap_or_default();
    serde_json::from_slice(report).map_err(|error| Fault::bug(error.to_string()))
}
