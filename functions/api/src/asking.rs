//! Questions to the functions that make things: read-only, and within the caller's patience.
//!
//! The only path from a request to AWS beside what a request itself writes. A question has a type of its own that
//! knows neither operation nor step, so that no answer to it can change anything, and may be given up at any moment.

use crate::service::Service;
use aws_sdk_lambda::primitives::Blob;
use engine::aws;
use environment::{Code, Fault};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// A warm function answers within a second; what takes longer than this is not worth the caller's time.
pub(crate) const BUDGET: Duration = Duration::from_secs(5);

/// A function's answer, if it comes in time.
pub(crate) async fn ask<A: DeserializeOwned>(
    service: &Service,
    function: &str,
    question: &impl Serialize,
) -> Result<A, Fault> {
    let question = serde_json::to_vec(question).map_err(|error| Fault::bug(error.to_string()))?;
    let late = || Fault::new(Code::NetworkFailure, "The function did not answer in time.");
    tokio::time::timeout(service.budget, invoke(service, function, question)).await.map_err(|_| late())?
}

async fn invoke<A: DeserializeOwned>(service: &Service, function: &str, question: Vec<u8>) -> Result<A, Fault> {
    let answer = service.functions.invoke().function_name(function).payload(Blob::new(question)).send().await;
    let answer = answer.map_err(|error| aws::fault("lambda:Invoke", error))?;
    if let Some(thrown) = answer.function_error() {
        return Err(Fault::bug(format!("the function threw: {thrown}")));
    }
    let answer = answer.payload().map(Blob::as_ref).unwrap_or_default();
    serde_json::from_slice(answer).map_err(|error| Fault::bug(error.to_string()))
}
