//! An EC2 (and Service Quotas) that answers each call as it was told to, and everything else with empty lists.

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use environment::{EnvironmentId, tags};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// What each action is answered with: status and body.
#[derive(Clone, Debug, Default)]
pub(super) struct Ec2(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: BTreeMap<String, (u16, String)>,
    asked: Vec<String>,
}

impl Ec2 {
    /// The action is answered with this inside its element.
    pub(super) fn says(self, action: &str, inside: &str) -> Self {
        let body = format!("<{action}Response>{inside}</{action}Response>");
        self.answers(action, 200, &body)
    }

    /// The action is refused with this code.
    pub(super) fn refuses(self, action: &str, code: &str) -> Self {
        let error = format!("<Error><Code>{code}</Code><Message>EC2's words</Message></Error>");
        self.answers(action, 400, &format!("<Response><Errors>{error}</Errors><RequestID>r-1</RequestID></Response>"))
    }

    /// The action is answered with just this.
    pub(super) fn answers(self, action: &str, status: u16, body: &str) -> Self {
        self.0.lock().expect("no call panicked").answers.insert(action.to_owned(), (status, body.to_owned()));
        self
    }

    /// Every action that was asked for.
    pub(super) fn asked(&self) -> Vec<String> {
        self.0.lock().expect("no call panicked").asked.clone()
    }
}

/// A list with these items.
pub(super) fn set(name: &str, items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("<item>{item}</item>")).collect();
    format!("<{name}>{items}</{name}>")
}

/// The tags of something that is this environment's.
pub(super) fn tags_of(environment: EnvironmentId) -> String {
    set("tagSet", &[format!("<key>{}</key><value>{environment}</value>", tags::ID)])
}

impl HttpClient for Ec2 {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Ec2 {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        let action = match request.headers().get("x-amz-target") {
            // Of Service Quotas: the quota is what matters.
            Some(_) => body.split("\"QuotaCode\":\"").nth(1).and_then(|rest| rest.split('"').next()),
            None => body.split('&').find_map(|pair| pair.strip_prefix("Action=")),
        };
        let action = action.unwrap_or_default().to_owned();
        let mut state = self.0.lock().expect("no call panicked");
        let nothing = || (200, format!("<{action}Response></{action}Response>"));
        let (status, answer) = state.answers.get(&action).cloned().unwrap_or_else(nothing);
        state.asked.push(action);
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(answer))))
    }
}
