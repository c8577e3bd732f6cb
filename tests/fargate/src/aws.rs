//! Calls to the local cloud, signed by whoever makes them: its root, or a role.

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{Method, Request};
use serde_json::Value;
use std::{error::Error, fmt, time::SystemTime};
use url::form_urlencoded;

/// The local cloud.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    endpoint: String,
    region: String,
    http: reqwest::Client,
}

/// A service that speaks JSON, and how it names its operations.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    Ecs,
    Events,
    Logs,
    Secrets,
    Sqs,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Service::Ecs => "ecs",
            Service::Events => "events",
            Service::Logs => "logs",
            Service::Secrets => "secretsmanager",
            Service::Sqs => "sqs",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Service::Ecs => "AmazonEC2ContainerServiceV20141113",
            Service::Events => "AWSEvents",
            Service::Logs => "Logs_20140328",
            Service::Secrets => "secretsmanager",
            Service::Sqs => "AmazonSQS",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Service::Sqs => "application/x-amz-json-1.0",
            _ => "application/x-amz-json-1.1",
        }
    }
}

/// Why a call has no result.
#[derive(Debug)]
pub(crate) struct Refusal {
    call: String,
    reason: String,
}

impl Refusal {
    pub(crate) fn new(call: &str, reason: String) -> Refusal {
        Refusal { call: call.to_owned(), reason }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.reason)
    }
}

impl Error for Refusal {}

/// The cloud's root user. It is known to nothing else in the world.
pub(crate) fn root() -> Credentials {
    Credentials::new("test", "test", None, None, "fargate")
}

impl Aws {
    pub(crate) fn new(endpoint: &str, region: &str) -> Result<Aws, reqwest::Error> {
        // A proxy of the person at the keyboard has no business here.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Aws { endpoint: endpoint.trim_end_matches('/').to_owned(), region: region.to_owned(), http })
    }

    /// An operation of a service that speaks JSON.
    pub(crate) async fn json(&self, who: &Credentials, service: Service, action: &str, input: Value) -> Answer {
        let request = Request::post(&self.endpoint)
            .header("content-type", service.content_type())
            .header("x-amz-target", format!("{}.{action}", service.target()));
        let call = format!("{}:{action}", service.name());
        let text = self.send(who, service.name(), &call, request, input.to_string()).await?;
        parsed(&call, &text)
    }

    /// An operation of a service that is asked with a form and answers XML.
    pub(crate) async fn form(
        &self,
        who: &Credentials,
        service: &str,
        version: &str,
        action: &str,
        input: &[(&str, &str)],
    ) -> Text {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", version)
            .extend_pairs(input)
            .finish();
        let request = Request::post(&self.endpoint).header("content-type", "application/x-www-form-urlencoded");
        self.send(who, service, &format!("{service}:{action}"), request, form).await
    }

    /// An operation that the path names, called by root.
    pub(crate) async fn path(&self, service: &str, method: Method, path: &str, input: &Value) -> Answer {
        let call = format!("{service}:{method} {path}");
        let request = Request::builder().method(method).uri(format!("{}{path}", self.endpoint));
        let request = request.header("content-type", "application/json");
        let body = if input.is_null() { String::new() } else { input.to_string() };
        let text = self.send(&root(), service, &call, request, body).await?;
        if text.is_empty() { Ok(Value::Null) } else { parsed(&call, &text) }
    }

    async fn send(
        &self,
        who: &Credentials,
        service: &str,
        call: &str,
        request: http::request::Builder,
        body: String,
    ) -> Text {
        let refusal = |reason: String| Refusal { call: call.to_owned(), reason };
        let mut request = request.body(body.into_bytes()).map_err(|error| refusal(error.to_string()))?;
        self.sign(who, service, &mut request).map_err(|error| refusal(error.to_string()))?;
        let request = reqwest::Request::try_from(request).map_err(|error| refusal(error.to_string()))?;
        let reply = self.http.execute(request).await.map_err(|error| refusal(error.to_string()))?;
        let status = reply.status();
        let text = reply.text().await.map_err(|error| refusal(error.to_string()))?;
        if status.is_success() { Ok(text) } else { Err(refusal(format!("{status}: {text}"))) }
    }

    fn sign(
        &self,
        who: &Credentials,
        service: &str,
        request: &mut Request<Vec<u8>>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let identity = who.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers: Vec<(&str, &str)> =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let body = SignableBody::Bytes(request.body());
        let signable =
            SignableRequest::new(request.method().as_str(), request.uri().to_string(), headers.into_iter(), body)?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        instructions.apply_to_request_http1x(request);
        Ok(())
    }
}

pub(crate) type Answer = Result<Value, Refusal>;
pub(crate) type Text = Result<String, Refusal>;

fn parsed(call: &str, text: &str) -> Answer {
    serde_json::from_str(text).map_err(|error| Refusal { call: call.to_owned(), reason: error.to_string() })
}
