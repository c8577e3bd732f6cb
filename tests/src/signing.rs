//! HTTP requests signed with SigV4, as API Gateway asks for them.

use crate::service::Service;
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use http::{HeaderMap, Request};
use std::time::{Duration, SystemTime};

/// The local cloud's root user. It is known to nothing else in the world.
pub fn root() -> Credentials {
    Credentials::new("test", "test", None, None, "tests")
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

/// Sends requests to the local cloud, signed with somebody's key.
#[derive(Clone, Debug)]
pub struct Sender {
    client: reqwest::Client,
    credentials: Credentials,
}

impl Default for Sender {
    fn default() -> Self {
        Sender::of(root())
    }
}

impl Sender {
    /// Signs with this key.
    pub fn of(credentials: Credentials) -> Self {
        // A proxy of the person at the keyboard has no business here.
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60));
        Sender { client: client.build().expect("an HTTP client"), credentials }
    }

    /// Signs the request for an AWS service and sends it.
    pub async fn send_signed(&self, service: &str, mut request: Request<Vec<u8>>) -> Reply {
        self.sign(service, &mut request);
        self.send(request).await
    }

    /// Signs the request for an AWS service.
    pub fn sign(&self, service: &str, request: &mut Request<Vec<u8>>) {
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&Service::under_test().region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .expect("every parameter is given")
            .into();
        let headers: Vec<(&str, &str)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("tests send text headers")))
            .collect();
        let method = request.method().as_str();
        let signable = SignableRequest::new(
            method,
            request.uri().to_string(),
            headers.into_iter(),
            SignableBody::Bytes(request.body()),
        )
        .expect("the request can be signed");
        let (instructions, _) = sign(signable, &parameters).expect("the request can be signed").into_parts();
        instructions.apply_to_request_http1x(request);
    }

    /// Sends the request as it is.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Reply {
        let what = format!("{} {}", request.method(), request.uri());
        let request = reqwest::Request::try_from(request).expect("a request that reqwest can send");
        let reply = self.client.execute(request).await.unwrap_or_else(|error| panic!("{what}: no reply: {error:?}"));
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let text = reply.text().await.unwrap_or_else(|error| panic!("{what}: the reply broke off: {error:?}"));
        Reply { status, headers, text }
    }
}
