//! A client of the service's API, and an environment as the API shows it.

use crate::{
    service::Service,
    signing::{Reply, Sender},
    waiting::until,
};
use aws_credential_types::Credentials;
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use std::sync::Mutex;

/// Statuses of an environment that somebody is working on.
const WORKING: [&str; 5] = ["PENDING", "CREATING", "UPDATING", "ROLLING_BACK", "DELETING"];

const MERGE_PATCH: &[(&str, &str)] = &[("content-type", "application/merge-patch+json")];

/// The API, called as an IAM principal that may call it.
#[derive(Debug, Default)]
pub struct Api {
    sender: Sender,
    heard: Mutex<Vec<String>>,
}

impl Api {
    /// The API, called with this key.
    pub fn of(credentials: Credentials) -> Api {
        Api { sender: Sender::of(credentials), ..Api::default() }
    }

    /// `POST /environments`.
    pub async fn create(&self, body: &Value) -> Answer {
        self.send(Method::POST, "/environments", &[], body.to_string()).await
    }

    /// `POST /environments` with an `Idempotency-Key`.
    pub async fn create_with_key(&self, body: &Value, key: &str) -> Answer {
        self.send(Method::POST, "/environments", &[("idempotency-key", key)], body.to_string()).await
    }

    /// `POST /environments?validate_only=true`.
    pub async fn plan(&self, body: &Value) -> Answer {
        self.send(Method::POST, "/environments?validate_only=true", &[], body.to_string()).await
    }

    /// `GET` of a path and query.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], String::new()).await
    }

    /// `GET /environments/{id}`, which must answer 200.
    pub async fn read(&self, id: &str) -> Environment {
        Environment(self.get(&format!("/environments/{id}")).await.expect(200))
    }

    /// `DELETE /environments/{id}`.
    pub async fn delete(&self, id: &str) -> Answer {
        self.send(Method::DELETE, &format!("/environments/{id}"), &[], String::new()).await
    }

    /// `DELETE /environments/{id}` with an `Idempotency-Key`.
    pub async fn delete_with_key(&self, id: &str, key: &str) -> Answer {
        self.send(Method::DELETE, &format!("/environments/{id}"), &[("idempotency-key", key)], String::new()).await
    }

    /// `PATCH /environments/{id}`.
    pub async fn update(&self, id: &str, patch: &Value) -> Answer {
        self.send(Method::PATCH, &format!("/environments/{id}"), MERGE_PATCH, patch.to_string()).await
    }

    /// `PATCH /environments/{id}` with an `Idempotency-Key`.
    pub async fn update_with_key(&self, id: &str, patch: &Value, key: &str) -> Answer {
        let headers = [MERGE_PATCH, &[("idempotency-key", key)]].concat();
        self.send(Method::PATCH, &format!("/environments/{id}"), &headers, patch.to_string()).await
    }

    /// `POST /environments/{id}/repair`.
    pub async fn repair(&self, id: &str) -> Answer {
        self.send(Method::POST, &format!("/environments/{id}/repair"), &[], String::new()).await
    }

    /// `POST /environments/{id}/repair` with an `Idempotency-Key`.
    pub async fn repair_with_key(&self, id: &str, key: &str) -> Answer {
        let path = format!("/environments/{id}/repair");
        self.send(Method::POST, &path, &[("idempotency-key", key)], String::new()).await
    }

    /// Any signed request. A body is JSON unless a header says otherwise.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
        let request = request(method, path, headers, body.into());
        self.answer(format!("{} {path}", request.method()), self.sender.send_signed("execute-api", request).await)
    }

    /// Any request without a signature.
    pub async fn send_unsigned(&self, method: Method, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        let request = request(method, path, &[], body.into());
        self.answer(format!("unsigned {} {path}", request.method()), self.sender.send(request).await)
    }

    fn answer(&self, to: String, reply: Reply) -> Answer {
        let heard = format!("{to}: {} {:?}\n{}", reply.status, reply.headers, reply.text);
        self.heard.lock().expect("no test panics in here").push(heard);
        Answer { to, status: reply.status, headers: reply.headers, text: reply.text }
    }

    /// Every answer that came so far: status, headers and body.
    pub fn everything_heard(&self) -> Vec<String> {
        self.heard.lock().expect("no test panics in here").clone()
    }

    /// Waits until nobody works on the environment any more, however that ended.
    pub async fn at_rest(&self, id: &str) -> Environment {
        self.until(id, "nobody works on it", |environment| !WORKING.contains(&environment.status())).await
    }

    /// Waits until the environment is as wanted.
    pub async fn until(&self, id: &str, what: &str, is_so: impl Fn(&Environment) -> bool) -> Environment {
        until(&format!("{id}: {what}"), || async {
            let environment = self.read(id).await;
            if is_so(&environment) { Ok(environment) } else { Err(environment.to_string()) }
        })
        .await
    }
}

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Request<Vec<u8>> {
    let mut request = Request::builder().method(method).uri(format!("{}{path}", Service::under_test().api_url));
    if !body.is_empty() && headers.iter().all(|(name, _)| *name != "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).expect("a request")
}

/// What the API answered.
#[derive(Clone, Debug)]
pub struct Answer {
    to: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body, where the status is this one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{} answered {}, not {status}: {}", self.to, self.status, self.text);
        self.json()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} did not answer JSON: {}", self.to, self.text))
    }

    /// A header's text, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().expect("a text header")).unwrap_or_default()
    }

    /// The problem (RFC 9457) that the request was refused with, where it is this one.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}: a refusal is a problem: {}",
            self.to,
            self.text
        );
        assert_eq!(problem["code"], code, "{}: refused for another reason: {}", self.to, self.text);
        assert_eq!(problem["status"], status, "{}: the body repeats the status: {}", self.to, self.text);
        for field in ["type", "title", "detail", "request_id"] {
            let text = problem[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{}: the problem has no {field}: {}", self.to, self.text);
        }
        problem
    }

    /// The violations of a refused request, as `pointer code`, sorted.
    #[track_caller]
    pub fn violations(&self) -> Vec<String> {
        self.violations_of("INVALID_REQUEST")
    }

    /// The violations of a request that was refused with this code, as `pointer code`, sorted.
    #[track_caller]
    pub fn violations_of(&self, code: &str) -> Vec<String> {
        let problem = self.problem(422, code);
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors: {}", self.text));
        let mut violations: Vec<String> = errors
            .iter()
            .map(|error| {
                assert!(!text(&error["detail"]).is_empty(), "a violation without a detail: {error}");
                format!("{} {}", text(&error["pointer"]), text(&error["code"]))
            })
            .collect();
        violations.sort();
        violations
    }
}

/// An environment as the API shows it.
#[derive(Clone, Debug)]
pub struct Environment(pub Value);

/// What was merely observed tells two of them not apart: the watch looks whenever its time comes.
impl PartialEq for Environment {
    fn eq(&self, other: &Self) -> bool {
        let recorded = |environment: &Environment| {
            let mut members = environment.0.as_object().cloned().unwrap_or_default();
            members.remove("worker");
            members
        };
        recorded(self) == recorded(other)
    }
}

impl Environment {
    /// Its id.
    pub fn id(&self) -> &str {
        text(&self.0["id"])
    }

    /// Its status.
    pub fn status(&self) -> &str {
        text(&self.0["status"])
    }

    /// Its outputs.
    pub fn outputs(&self) -> &Value {
        &self.0["outputs"]
    }

    /// Every resource.
    pub fn resources(&self) -> &[Value] {
        list(&self.0["resources"])
    }

    /// The resource of this key.
    #[track_caller]
    pub fn resource(&self, key: &str) -> &Value {
        let resource = self.resources().iter().find(|resource| resource["key"] == key);
        resource.unwrap_or_else(|| panic!("the environment shows no resource {key}: {self}"))
    }

    /// The physical id of the resource of this key.
    #[track_caller]
    pub fn physical(&self, key: &str) -> &str {
        let id = text(&self.resource(key)["id"]);
        assert!(!id.is_empty(), "{key} has no physical id: {self}");
        id
    }

    /// Every operation, the newest first.
    pub fn operations(&self) -> &[Value] {
        list(&self.0["operations"])
    }

    /// The newest operation.
    #[track_caller]
    pub fn operation(&self) -> &Value {
        self.operations().first().unwrap_or_else(|| panic!("the environment shows no operation: {self}"))
    }

    /// The newest operation's verdict.
    #[track_caller]
    pub fn verdict(&self) -> &Value {
        &self.operation()["verdict"]
    }

    /// The outcome of a step of the newest operation, or null while it has none.
    pub fn outcome(&self, step: &str, action: &str) -> Value {
        let steps = self.operations().first().map(|operation| list(&operation["steps"])).unwrap_or_default();
        let step = steps.iter().find(|shown| shown["step"] == step && shown["action"] == action);
        step.map_or(Value::Null, |step| step["outcome"].clone())
    }

    /// The same environment, which must have this status.
    #[track_caller]
    pub fn must_be(self, status: &str) -> Environment {
        assert_eq!(self.status(), status, "the environment ended {} instead of {status}: {self}", self.status());
        self
    }
}

/// For failure messages: the interesting part, readable.
impl std::fmt::Display for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unfinished: Vec<&Value> = self.resources().iter().filter(|resource| resource["state"] != "READY").collect();
        let shown = json!({
            "id": self.0["id"], "name": self.0["name"], "status": self.0["status"],
            "operations": self.0["operations"], "resources that are not READY": unfinished,
        });
        write!(f, "{shown:#}")
    }
}

/// A value's text, or the empty text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A value's items, or none.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
