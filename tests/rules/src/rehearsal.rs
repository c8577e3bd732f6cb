//! A stage for the rules' tests: calls against a local cloud that answers what it is told.

use crate::{Answer, Aws, LocalCloud, Request, Response, Settings};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::io;
use url::form_urlencoded;

/// An account, its time, and how the local cloud answers.
pub(crate) struct Rehearsal {
    aws: Aws,
    now: Timestamp,
}

struct Saying(Response);

#[async_trait]
impl LocalCloud for Saying {
    async fn carry_out(&self, _request: &Request) -> io::Result<Response> {
        Ok(self.0.clone())
    }
}

impl Rehearsal {
    pub(crate) fn new(settings: Settings) -> Rehearsal {
        Rehearsal { aws: Aws::new(settings), now: Timestamp::UNIX_EPOCH }
    }

    pub(crate) fn let_reads_lag(&self, lag: bool) {
        self.aws.let_reads_lag(lag);
    }

    /// Lets time pass.
    pub(crate) fn later(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// An EC2 or IAM call; `said` is the local cloud's answer, an XML document.
    pub(crate) async fn form(&self, service: &str, action: &str, parameters: &[(&str, &str)], said: &str) -> Answer {
        let pairs = [("Action", action)].into_iter().chain(parameters.iter().copied());
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.send(service, None, body.into_bytes(), said).await
    }

    /// A call of a JSON service; `said` is the local cloud's answer.
    pub(crate) async fn json(&self, service: &str, action: &str, parameters: &Value, said: &Value) -> Answer {
        let target = format!("Service.{action}");
        self.send(service, Some(target), parameters.to_string().into_bytes(), &said.to_string()).await
    }

    /// A call of Prefect's API; answers its status and what it says.
    pub(crate) async fn prefect(&self, method: &str, target: &str, authorization: &str, body: &Value) -> (u16, Value) {
        let headers = vec![("authorization".to_owned(), authorization.to_owned())];
        let body = body.to_string().into_bytes();
        let request = Request { method: method.to_owned(), target: target.to_owned(), headers, body };
        let response = self.aws.answer(&request, &Saying(Response::default()), self.now).await;
        let response = response.expect("the rehearsal's cloud always answers");
        (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
    }

    async fn send(&self, service: &str, target: Option<String>, body: Vec<u8>, said: &str) -> Answer {
        let credential = format!("AWS4-HMAC-SHA256 Credential=k/20260101/r/{service}/aws4_request, SignedHeaders=x");
        let mut headers = vec![("authorization".to_owned(), credential)];
        headers.extend(target.map(|target| ("x-amz-target".to_owned(), target)));
        let request = Request { method: "POST".to_owned(), target: "/".to_owned(), headers, body };
        let status = if said.contains("<Errors>") { 400 } else { 200 };
        let said = Response { status, headers: Vec::new(), body: said.as_bytes().to_vec() };
        let response = self.aws.answer(&request, &Saying(said), self.now).await;
        Answer::read(&response.expect("the rehearsal's cloud always answers"))
    }
}

impl Answer {
    /// AWS's code of a refusal, or the empty text.
    pub(crate) fn code(&self) -> String {
        match &self.body {
            crate::Body::Json(value) => value["__type"].as_str().unwrap_or_default().to_owned(),
            crate::Body::Xml(root) => {
                let error = root.get_child("Errors").unwrap_or(root).get_child("Error");
                error.map(|error| crate::answer::text(error, "Code")).unwrap_or_default()
            }
            crate::Body::Other(_) => String::new(),
        }
    }
}
