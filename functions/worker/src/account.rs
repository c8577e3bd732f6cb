//! An AWS account that answers what a test tells it to.

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use engine::{SdkConfig, aws};
use serde_json::Value;
use std::{fmt, sync::Arc};

/// What an action with that input is answered with.
type Answers = dyn Fn(&str, &Value) -> (u16, Value) + Send + Sync;

#[derive(Clone)]
pub(crate) struct Account(Arc<Answers>);

impl Account {
    /// The way to an account that answers so.
    pub(crate) fn config(answers: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static) -> SdkConfig {
        let config = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .region(aws_config::Region::new("eu-west-1"))
            .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
                aws_credential_types::Credentials::from_keys("k", "s", None),
            ))
            .http_client(Account(Arc::new(answers)))
            .build();
        aws::without_retries(&config)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an account")
    }
}

impl HttpClient for Account {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Account {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let action = request.headers().get("x-amz-target").and_then(|it| it.rsplit('.').next()).unwrap_or_default();
        let input = request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        let (status, body) = (self.0)(action, &input);
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body.to_string()))))
    }
}
