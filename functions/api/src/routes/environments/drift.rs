//! `GET /environments/{id}/drift`.

use super::{AtPath, load};
use crate::{asking::ask, caller::Caller, problem, problem::Problem, query::Parameters, service::Service};
use axum::{Json, extract::State};
use engine::{
    drift::{Comparison, Drift, DriftCall, Looked},
    records::{Environment, Status},
};
use environment::{Entry, EnvironmentId, Fault};
use futures::future::join_all;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// How an environment differs from its spec.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Drift")]
pub(crate) struct DriftView {
    /// The environment.
    environment_id: EnvironmentId,
    /// How it is.
    status: Status,
    /// When the looks began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    looked_at: Timestamp,
    /// Whether everything is as the spec says. Null where nothing else was seen and not all could be looked at.
    in_sync: Option<bool>,
    /// What each look came to.
    resources: Vec<Looked>,
}

/// Compares every resource with the spec, property by property, and changes nothing: the functions that made them look
/// at them all at once, and the caller waits 5 s at most. What could not be looked at says so. A repair corrects what
/// is told here.
pub(crate) async fn drift(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
) -> Result<Json<DriftView>, Problem> {
    parameters.none()?;
    let environment = load(&service, &caller, id).await?;
    let status = environment.record.status;
    if !matches!(status, Status::Active | Status::UpdateFailed) {
        return Err(problem::not_comparable(status));
    }
    let looked_at = service.clock.now();
    let resources = look(&service, &environment).await;
    Ok(Json(DriftView { environment_id: id, status, looked_at, in_sync: in_sync(&resources), resources }))
}

/// What the functions see of each resource.
pub(super) async fn look(service: &Service, environment: &Environment) -> Vec<Looked> {
    let settings = &service.settings;
    let functions = [
        ("network", &settings.network_function_arn),
        ("identity", &settings.identity_function_arn),
        ("cluster", &settings.cluster_function_arn),
        ("worker", &settings.worker_function_arn),
    ];
    let question = DriftCall::of(environment.record.id);
    let answers = join_all(functions.map(|(_, function)| ask::<Drift>(service, function, &question))).await;
    let answers: BTreeMap<&str, Result<Drift, Fault>> =
        functions.map(|(name, _)| name).into_iter().zip(answers).collect();
    for (function, answer) in &answers {
        if let Err(fault) = answer {
            tracing::warn!(function, ?fault, "its resources were not looked at");
        }
    }
    environment.catalogue(&settings.place).iter().map(|entry| told(entry, &answers)).collect()
}

/// What was told of a resource by the function that makes it.
fn told(entry: &Entry, answers: &BTreeMap<&str, Result<Drift, Fault>>) -> Looked {
    let told = match answers.get(entry.step.function()) {
        Some(Ok(drift)) => drift.resources.iter().find(|looked| looked.key == entry.key).cloned().ok_or(None),
        Some(Err(fault)) => Err(Some(fault.clone())),
        None => Err(None),
    };
    let nobody = || Fault::bug("no function has told of it");
    told.unwrap_or_else(|fault| Looked::not_at(entry, fault.unwrap_or_else(nobody)))
}

fn in_sync(resources: &[Looked]) -> Option<bool> {
    let is = |looked: &Looked, outcome| looked.outcome == outcome;
    if resources.iter().any(|it| !is(it, Comparison::InSync) && !is(it, Comparison::NotChecked)) {
        return Some(false);
    }
    resources.iter().all(|it| is(it, Comparison::InSync)).then_some(true)
}
