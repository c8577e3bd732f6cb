//! `GET /environments/{id}/template`.

use super::{AtPath, load};
use crate::{caller::Caller, problem::Problem, query::Parameters, service::Service};
use axum::{Json, extract::State};
use environment::template::template as exported;
use serde_json::Value;

/// The environment as a CloudFormation template, for those who want to take it over: made from what is wanted, also of
/// one that is on its way, has failed or was deleted. It asks nobody and holds no secret.
pub(crate) async fn template(
    State(service): State<Service>,
    caller: Caller,
    AtPath(id): AtPath,
    parameters: Parameters,
) -> Result<Json<Value>, Problem> {
    parameters.none()?;
    let mut environment = load(&service, &caller, id).await?;
    // A secret of a template has one version: that with what its parameter brings.
    environment.record.spec.prefect.forget_versions();
    let entries = environment.catalogue(&service.settings.place);
    Ok(Json(exported(&environment.record.spec, &entries)))
}
