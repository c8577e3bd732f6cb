//! An AWS that agrees to everything and remembers what it was asked for.

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// Every call so far, by its action, and what some of them are answered with.
#[derive(Clone, Debug, Default)]
pub(super) struct AwsCalls {
    taken: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl AwsCalls {
    /// The calls since the last time this was asked.
    pub(super) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.taken.lock().expect("no call panicked"))
    }

    /// From now on the call is answered so: with an error where the answer has a `__type`. The call of a function
    /// is called `Invoke <name>`; null lets it never answer.
    pub(super) fn answer(&self, action: &str, answer: Value) {
        self.answers.lock().expect("no call panicked").insert(action.to_owned(), answer);
    }
}

impl HttpClient for AwsCalls {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for AwsCalls {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let action = action(&request);
        let body = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
        let told = self.answers.lock().expect("no call panicked").get(&action).cloned();
        let answer = told.unwrap_or_else(|| match action.as_str() {
            "CreateSecret" => json!({"ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbC123"}),
            // Every secret is shared with the team `data`.
            "DescribeSecret" => json!({
                "ARN": body["SecretId"],
                "Tags": [{"Key": "prefect-environments:team", "Value": "data"}]
            }),
            "StartExecution" => json!({"executionArn": "arn:aws:states:x", "startDate": 1}),
            "Invoke network" | "Invoke identity" | "Invoke worker" => json!({"quotas": []}),
            // Prefect lets everybody in, and no pool is there.
            "prefect" => json!([]),
            _ => json!({}),
        });
        self.taken.lock().expect("no call panicked").push(action);
        if answer.is_null() {
            return HttpConnectorFuture::new(std::future::pending());
        }
        // Prefect says by the status alone what is wrong.
        let status = answer["status"].as_u64().and_then(|status| status.try_into().ok());
        let status = status.unwrap_or(if answer["__type"].is_string() { 400 } else { 200 });
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer.to_string()))))
    }
}

/// The action in the header; of Lambda, which names it in the path, the function that is invoked.
fn action(request: &HttpRequest) -> String {
    match request.headers().get("x-amz-target") {
        Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
        None if request.uri().ends_with("/work_pools/filter") => "prefect".to_owned(),
        None => {
            let function = request.uri().split("/functions/").nth(1).unwrap_or_default();
            let name = function.split("/invocations").next().unwrap_or_default().rsplit('-').next();
            format!("Invoke {}", name.unwrap_or_default())
        }
    }
}
