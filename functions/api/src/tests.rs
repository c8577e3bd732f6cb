//! The router, called in-process: every refusal that needs nobody else. Nothing listens where the clients would
//! call, so that a refused request that called anybody would fail.

mod calls;
mod generated;
mod lists;
mod names;
mod paths;
mod prefect;
mod quotas;
mod validating;
mod worker;

use crate::{Limits, Service, Settings, router, settings::team_pattern};
use axum::{body::Body, response::Response};
use engine::{Records, SystemClock};
use environment::{
    Entry, EnvironmentId, Place, Subject, catalogue,
    request::{Defaults, parse},
};
use http::{Method, Request, StatusCode, header};
use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpRequestContext, request::RequestContext};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use tower::ServiceExt;

pub(crate) fn settings(pattern: &str) -> Settings {
    Settings {
        place: Place {
            partition: "aws".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            stack: "prefect-environments".into(),
            role_path: "/".into(),
            permissions_boundary: None,
            worker_image: "prefecthq/prefect-aws:0.7-python3.12".into(),
            prefect_cloud_url: environment::place::PREFECT_CLOUD_URL.to_owned(),
        },
        state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:prefect-environments".into(),
        network_function_arn: function("network"),
        identity_function_arn: function("identity"),
        cluster_function_arn: function("cluster"),
        worker_function_arn: function("worker"),
        team_pattern: team_pattern(pattern).expect("a pattern"),
        administrator_pattern: None,
        limits: Limits::default(),
        worker_images: vec![],
        flow_policy_arns: vec![],
        local_cloud: false,
    }
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:eu-west-1:123456789012:function:prefect-environments-{name}")
}

fn config() -> aws_config::SdkConfig {
    aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new("eu-west-1"))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(
            aws_credential_types::Credentials::from_keys("test", "test", None),
        ))
        // The discard port of this machine: nobody listens.
        .endpoint_url("http://127.0.0.1:9")
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build()
}

fn service(pattern: &str) -> Service {
    let config = config();
    let records = Records::new(aws_sdk_dynamodb::Client::new(&config), "table");
    Service::with(&config, records, settings(pattern), Arc::new(SystemClock))
}

/// A request without mistakes.
pub(crate) fn whole_body() -> Value {
    json!({
        "name": "prefect", "team": "data",
        "prefect": {
            "account_id": "00000000-0000-0000-0000-000000000001",
            "workspace_id": "00000000-0000-0000-0000-000000000002",
            "api_key": "pnu_x",
        },
    })
}

/// Every resource of an environment that was asked for with that.
pub(crate) fn entries(place: &Place) -> Vec<Entry> {
    let defaults = Defaults {
        partition: &place.partition,
        account: &place.account,
        region: &place.region,
        worker_image: &place.worker_image,
        worker_images: &[],
        flow_policy_arns: &[],
        caller_team: None,
        allow_local_api_url: false,
    };
    let spec = parse(&whole_body(), &defaults).expect("the request breaks no rule").spec;
    catalogue(&Subject { id: EnvironmentId::new(1, 1), spec: &spec, zones: &[], place })
}

const CALLER: &str = "arn:aws:sts::123456789012:assumed-role/team-data/ada";

fn signed(arn: &str) -> RequestContext {
    let context: ApiGatewayV2httpRequestContext = serde_json::from_value(json!({
        "requestId": "request-1",
        "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
        "authorizer": {"iam": {"userArn": arn}}
    }))
    .expect("a request context");
    RequestContext::ApiGatewayV2(context)
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
}

impl Answer {
    /// The problem that the request was refused with, where it is this one.
    #[track_caller]
    fn problem(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["request_id"], "request-1");
        assert!(self.body["title"].is_string() && self.body["detail"].is_string() && self.body["type"].is_string());
        &self.body
    }
}

/// A service whose calls to AWS all succeed.
fn service_with(calls: &calls::AwsCalls, local_cloud: bool) -> Service {
    let service = service("");
    let config = config().into_builder().http_client(calls.clone()).build();
    let records = Records::new(aws_sdk_dynamodb::Client::new(&config), "table");
    let settings = Settings { local_cloud, ..Settings::clone(&service.settings) };
    Service::with(&config, records, settings, Arc::new(SystemClock))
}

async fn send(pattern: &str, request: Request<Body>) -> Answer {
    send_to(service(pattern), request).await
}

async fn send_to(service: Service, request: Request<Body>) -> Answer {
    let response: Response = router(service).oneshot(request).await.expect("the router always answers");
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, body }
}

fn request(method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).body(body.into()).expect("a request");
    request.extensions_mut().insert(signed(CALLER));
    request
}

fn post(body: impl Into<Body>) -> Request<Body> {
    let mut request = request(Method::POST, "/environments", body);
    request.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    request
}

/// The methods that a path has, as its refusal of another one says.
pub(crate) async fn methods_of(path: &str) -> BTreeSet<String> {
    let answer = send("", request(Method::PUT, path, "")).await;
    answer.problem(405, "METHOD_NOT_ALLOWED");
    let allowed = answer.headers[header::ALLOW].to_str().expect("text");
    allowed.split(',').map(|method| method.trim().to_owned()).collect()
}

/// The fields that the object has in which this body gives an unknown one, as its refusal says.
pub(crate) async fn fields_of(body: Value) -> BTreeSet<String> {
    let answer = send("", post(body.to_string())).await;
    let errors = answer.problem(422, "INVALID_REQUEST")["errors"].as_array().expect("errors").clone();
    let unknown = errors.iter().find(|error| error["code"] == "UNKNOWN_FIELD").expect("an unknown field");
    let detail = unknown["detail"].as_str().expect("a detail");
    let fields = detail.split("are: ").nth(1).expect("the fields").trim_end_matches('.');
    fields.split(", ").map(str::to_owned).collect()
}

#[tokio::test]
async fn health_needs_no_signature() {
    let request = Request::builder().uri("/health").body(Body::empty()).expect("a request");
    let answer = send("", request).await;
    assert_eq!((answer.status, &answer.body["status"]), (StatusCode::OK, &json!("ok")));
}

#[tokio::test]
async fn everything_else_needs_a_known_caller() {
    for (method, path) in [(Method::GET, "/environments"), (Method::DELETE, "/environments/env-x")] {
        let mut unsigned = request(method, path, "");
        *unsigned.extensions_mut() = http::Extensions::new();
        let answer = send("", unsigned).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (403, &json!("FORBIDDEN")), "{path}");
    }
    let mut stranger = request(Method::GET, "/environments", "");
    stranger.extensions_mut().insert(signed("arn:aws:sts::999999999999:assumed-role/team-data/x"));
    send("", stranger).await.problem(403, "FORBIDDEN");
    send("^finance-(.+)$", request(Method::GET, "/environments", "")).await.problem(403, "FORBIDDEN");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    send("", request(Method::GET, "/nothing", "")).await.problem(404, "NOT_FOUND");
    send("", request(Method::GET, "/environments/", "")).await.problem(404, "NOT_FOUND");
    for id in ["x", "env-x", "%ff", "env-01KAZ0000000000000000000"] {
        send("", request(Method::GET, &format!("/environments/{id}"), "")).await.problem(404, "NOT_FOUND");
    }
    let answer = send("", request(Method::PUT, "/environments", "")).await;
    answer.problem(405, "METHOD_NOT_ALLOWED");
    let allowed = answer.headers[header::ALLOW].to_str().expect("text");
    assert!(allowed.contains("POST") && allowed.contains("GET"), "{allowed}");
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    send("", post("{\"name\": ")).await.problem(400, "MALFORMED_JSON");
    send("", post("")).await.problem(400, "MALFORMED_JSON");
    send("", post("[".repeat(60_000))).await.problem(400, "MALFORMED_JSON");
    send("", request(Method::POST, "/environments", "{}")).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    let mut text = post("{}");
    text.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain"));
    send("", text).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    send("", post(" ".repeat(64 * 1024 + 1))).await.problem(413, "BODY_TOO_LARGE");
}

#[tokio::test]
async fn a_patch_is_sent_as_a_merge_patch_or_as_json() {
    let patch = |media_type: &'static str, body: &'static str| {
        let mut request = request(Method::PATCH, "/environments/env-00000000000000000000000000", body);
        request.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
        send("", request)
    };
    patch("application/json-patch+json", "[]").await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    for media_type in ["application/merge-patch+json", "Application/JSON; charset=utf-8"] {
        patch(media_type, "{").await.problem(400, "MALFORMED_JSON");
        // It was read: now the table is asked, which nobody answers for here.
        patch(media_type, "{}").await.problem(503, "UNAVAILABLE");
    }
    let mut post = post("{}");
    let merge_patch = header::HeaderValue::from_static("application/merge-patch+json");
    post.headers_mut().insert(header::CONTENT_TYPE, merge_patch);
    send("", post).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test]
async fn every_violation_is_told_and_the_secret_is_not() {
    let body = json!({"name": "X", "team": "finance", "prefect": {"api_key": "ca nary"}, "extra": 1});
    let answer = send("^team-(.+)$", post(body.to_string())).await;
    let problem = answer.problem(422, "INVALID_REQUEST");
    let told: Vec<String> = problem["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|error| format!("{} {}", error["pointer"].as_str().unwrap_or(""), error["code"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        [
            "/name OUT_OF_RANGE",
            "/team TEAM_NOT_YOURS",
            "/prefect/account_id REQUIRED",
            "/prefect/workspace_id REQUIRED",
            "/prefect/api_key INVALID",
            "/extra UNKNOWN_FIELD"
        ]
    );
    assert!(!answer.body.to_string().contains("nary"));
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused() {
    for query in [
        "teem=data",
        "status=active",
        "status=ACTIVE&status=happy",
        "team=data&team=data",
        "created_after=yesterday",
        "tag=stage",
        "tag[]=test",
        "tag[stage]=test&tag[stage]=live",
        "page_size=0",
        "page_size=101",
        "page_size=x",
        "page_token=x",
        "team=a%20b",
    ] {
        send("", request(Method::GET, &format!("/environments?{query}"), "")).await.problem(400, "INVALID_QUERY");
    }
    let foreign = request(Method::GET, "/environments?team=finance", "");
    send("^team-(.+)$", foreign).await.problem(403, "TEAM_NOT_YOURS");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let mut wrong = post("{}");
    wrong.headers_mut().insert("idempotency-key", header::HeaderValue::from_static("a b"));
    send("", wrong).await.problem(400, "INVALID_IDEMPOTENCY_KEY");
}

#[tokio::test]
async fn a_table_that_cannot_be_reached_is_no_mistake_of_the_caller() {
    let answer = send("", request(Method::GET, "/environments", "")).await;
    answer.problem(503, "UNAVAILABLE");
    assert_eq!(answer.headers[header::RETRY_AFTER], "2");
}
