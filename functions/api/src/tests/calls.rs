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
use std::sync::{Arc, Mutex};

/// Every call so far, by its action.
#[derive(Clone, Debug, Default)]
pub(super) struct AwsCalls(Arc<Mutex<Vec<String>>>);

impl AwsCalls {
    /// The calls since the last time this was asked.
    pub(super) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no call panicked"))
    }
}

impl HttpClient for AwsCalls {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for AwsCalls {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let action = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
        let answer = match action.as_str() {
            "CreateSecret" => json!({"ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:x-AbC123"}),
            // Every secret is shared with the team `data`.
            "DescribeSecret" => json!({
                "ARN": body["SecretId"],
                "Tags": [{"Key": "prefect-environments:team", "Value": "data"}]
            }),
            "StartExecution" => json!({"executionArn": "arn:aws:states:x", "startDate": 1}),
            _ => json!({}),
        };
        self.0.lock().expect("no call panicked").push(action);
        let ok = StatusCode::try_from(200).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(ok, SdkBody::from(answer.to_string()))))
    }
}
