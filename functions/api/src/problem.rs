//! Problems: every refusal and failure, as `application/problem+json` (RFC 9457).
//!
//! `code` is for programs and never changes; `title` and `detail` are for people. A detail is our own words: no
//! AWS message, no value of a request, no secret. [`crate::log`] writes the body, where the request id is known.

use crate::limits::VCPU;
use axum::response::{IntoResponse, Response};
use engine::{
    Quota,
    records::{LimitReached, Status, TeamLimit},
};
use environment::{
    Code, EnvironmentId, Fault,
    request::{Violation, ViolationCode},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

/// A refusal or a failure.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    title: &'static str,
    detail: String,
    errors: Errors,
    environment_id: Option<EnvironmentId>,
    limit: Option<TeamLimit>,
    retry_after: Option<u32>,
}

/// What is wrong, one by one. Boxed: a problem is answered as an error, and stays small.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Errors {
    /// With the request.
    #[schemars(with = "Vec<Violation>")]
    Violations(Box<[Violation]>),
    /// With the account.
    #[schemars(with = "Vec<Quota>")]
    Quotas(Box<[Quota]>),
}

impl Errors {
    fn is_empty(&self) -> bool {
        match self {
            Errors::Violations(violations) => violations.is_empty(),
            Errors::Quotas(quotas) => quotas.is_empty(),
        }
    }
}

impl From<Vec<Violation>> for Errors {
    fn from(violations: Vec<Violation>) -> Self {
        Errors::Violations(violations.into())
    }
}

/// A refusal or a failure, as RFC 9457 has it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct Body<'a> {
    /// `/problems/` and the code in small letters.
    r#type: String,
    /// What it is, for people.
    title: &'a str,
    /// The status of the answer.
    status: u16,
    /// What it is in this case, for people.
    detail: &'a str,
    /// What it is, for programs: this never changes.
    code: &'a str,
    /// What is wrong, one by one: with the request, or which quotas of the account have no room.
    #[serde(skip_serializing_if = "Errors::is_empty")]
    errors: &'a Errors,
    /// The environment that is in the way, where the caller may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    environment_id: Option<EnvironmentId>,
    /// The team's limit that is reached: `environments` or `vcpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'a str>,
    /// The log of this service has its lines under this id.
    request_id: &'a str,
}

/// The type of the problems of a code.
pub(crate) fn type_of(code: &str) -> String {
    format!("/problems/{}", code.to_ascii_lowercase().replace('_', "-"))
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Problem {
            status,
            code,
            title,
            detail: detail.into(),
            errors: Errors::Violations(Box::default()),
            environment_id: None,
            limit: None,
            retry_after: None,
        }
    }

    /// The answer, for the request of this id.
    pub(crate) fn answer(&self, request_id: &str) -> Response {
        let body = Body {
            r#type: type_of(self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
            environment_id: self.environment_id,
            limit: self.limit.map(name_of),
            request_id,
        };
        let json = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Leaves the problem in the response's extensions; [`crate::log`] makes the body of it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What went wrong inside is logged whole and told to nobody. What another try may mend is 503, a mistake of
/// this service 500: the two are never mixed.
impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        if fault.code.is_retryable() {
            tracing::warn!(?fault, "AWS did not carry out a call of the API");
            return Problem {
                retry_after: Some(2),
                ..Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "UNAVAILABLE",
                    "The service cannot answer now",
                    "Send the same request again; with an Idempotency-Key it is carried out once.",
                )
            };
        }
        tracing::error!(?fault, "the API failed");
        internal()
    }
}

/// A mistake of this service, told without details.
pub(crate) fn internal() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "INTERNAL",
        "This service made a mistake",
        "Its log says more under the request id.",
    )
}

/// The body is not JSON. `at` is the parser's position; its words hold nothing of the body.
pub(crate) fn malformed_json(at: impl std::fmt::Display) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "MALFORMED_JSON",
        "The body is not JSON",
        format!("The parser stopped: {at}."),
    )
}

/// The body could not be read to its end.
pub(crate) fn unreadable_body() -> Problem {
    let detail = "The body could not be read to its end.";
    Problem::new(StatusCode::BAD_REQUEST, "UNREADABLE_BODY", "The body is incomplete", detail)
}

pub(crate) fn unsupported_media_type(supported: &[&str]) -> Problem {
    let detail = format!("Send the body with Content-Type: {}.", supported.join(" or "));
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "UNSUPPORTED_MEDIA_TYPE",
        "The body's media type is not supported",
        detail,
    )
}

pub(crate) fn body_too_large(limit: usize) -> Problem {
    let detail = format!("A body has at most {limit} bytes.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", "The body is too large", detail)
}

/// The body breaks rules: every one of them is told.
pub(crate) fn invalid_request(errors: Vec<Violation>) -> Problem {
    if errors.iter().all(|error| error.code == ViolationCode::SecretNotShared) {
        return secrets_not_shared(errors);
    }
    let detail = match errors.len() {
        1 => "One field of the body breaks a rule.".to_owned(),
        many => format!("The body breaks rules in {many} places."),
    };
    Problem {
        errors: errors.into(),
        ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "INVALID_REQUEST", "The request breaks rules", detail)
    }
}

/// A query parameter is unknown or wrong. An error's pointer names the parameter.
pub(crate) fn invalid_query(errors: Vec<Violation>) -> Problem {
    let detail = "A query parameter is unknown or has a value that it cannot have.";
    Problem {
        errors: errors.into(),
        ..Problem::new(StatusCode::BAD_REQUEST, "INVALID_QUERY", "The query breaks rules", detail)
    }
}

pub(crate) fn invalid_idempotency_key() -> Problem {
    let detail = "Give one Idempotency-Key of 1 to 255 visible ASCII characters, with or without quotes.";
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_IDEMPOTENCY_KEY", "The Idempotency-Key cannot be used", detail)
}

/// A header has a value that it cannot have.
pub(crate) fn invalid_header(name: &HeaderName) -> Problem {
    let detail = format!("The header {name} is given twice, or has a value that it cannot have.");
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_HEADER", "A header cannot be used", detail)
}

/// The environment is not as the caller has seen it: nothing was changed.
pub(crate) fn precondition_failed() -> Problem {
    let detail = "The environment has changed since the ETag of If-Match. Look at it again, and decide anew.";
    Problem::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", "The environment has changed", detail)
}

pub(crate) fn idempotency_key_reused() -> Problem {
    let detail = "This Idempotency-Key was used for a request with other content. Take a new key for a new request.";
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "IDEMPOTENCY_KEY_REUSED",
        "The Idempotency-Key belongs to another request",
        detail,
    )
}

/// Nobody is known to have signed the request, or not with credentials of this account.
pub(crate) fn unknown_caller() -> Problem {
    let detail = "Sign the request (AWS Signature Version 4) with credentials of this account.";
    Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", "The caller is not known", detail)
}

/// The operator maps roles to teams, and the caller's role is none of them.
pub(crate) fn caller_without_team() -> Problem {
    let detail = "What you call with belongs to no team here and is no administrator.";
    Problem::new(StatusCode::FORBIDDEN, "FORBIDDEN", "The caller has no team", detail)
}

pub(crate) fn team_not_yours() -> Problem {
    let detail = "This is not the team of the role that you call with.";
    Problem::new(StatusCode::FORBIDDEN, "TEAM_NOT_YOURS", "The team is not the caller's", detail)
}

/// There is no such environment, or it is another team's: who may not see it learns nothing of it.
pub(crate) fn no_such_environment() -> Problem {
    let detail = "There is no environment of this id that you may see.";
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such environment", detail)
}

/// The environment has no such operation, or there is no such environment.
pub(crate) fn no_such_operation() -> Problem {
    let detail = "There is no operation of this id that you may see.";
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is no such operation", detail)
}

pub(crate) fn no_such_route() -> Problem {
    let detail = "GET /openapi.json says which paths this API has.";
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing at this path", detail)
}

pub(crate) fn method_not_allowed() -> Problem {
    let detail = "The header Allow says which methods this path has.";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "The path does not have this method", detail)
}

/// While an operation is at work, everything differs from what it shall be.
pub(crate) fn not_comparable(status: Status) -> Problem {
    let detail = format!(
        "An environment can be compared with its spec when it is ACTIVE or UPDATE_FAILED. It is {}.",
        status.as_str()
    );
    Problem::new(StatusCode::CONFLICT, "NOT_COMPARABLE", "The environment cannot be compared now", detail)
}

/// There is nothing to look at: not yet, or not any more.
pub(crate) fn no_worker(status: Status) -> Problem {
    let detail = format!("The environment has no worker service now. It is {}.", status.as_str());
    Problem::new(StatusCode::CONFLICT, "NO_WORKER", "There is no worker to look at", detail)
}

/// Only what was made once, and is not being removed, can be made whole again.
pub(crate) fn not_repairable(status: Status) -> Problem {
    let detail =
        format!("An environment can be repaired when it is ACTIVE or UPDATE_FAILED. It is {}.", status.as_str());
    Problem::new(StatusCode::CONFLICT, "NOT_REPAIRABLE", "The environment cannot be repaired now", detail)
}

/// Somebody has protected the environment, and said why: it is shown with the environment.
pub(crate) fn deletion_protected(id: EnvironmentId) -> Problem {
    let detail = "Its deletion_protection says why. It can be deleted when that has been taken back.";
    Problem {
        environment_id: Some(id),
        ..Problem::new(StatusCode::CONFLICT, "DELETION_PROTECTED", "The environment is protected", detail)
    }
}

/// Only what was made once, and what nobody works on, can be changed.
pub(crate) fn not_changeable(status: Status) -> Problem {
    let detail =
        format!("An environment can be changed when it is ACTIVE or UPDATE_FAILED. It is {}.", status.as_str());
    Problem::new(StatusCode::CONFLICT, "NOT_CHANGEABLE", "The environment cannot be changed now", detail)
}

/// Others change the environment in the same moment, again and again.
pub(crate) fn changed_meanwhile() -> Problem {
    let detail =
        "The environment was changed while this request was carried out. Look at it, and send the request again.";
    Problem::new(StatusCode::CONFLICT, "CHANGED_MEANWHILE", "The environment was changed meanwhile", detail)
}

/// The name is taken; by which environment, is for its own team to know.
pub(crate) fn name_taken(holder: Option<EnvironmentId>) -> Problem {
    let detail = "An environment of this name exists. Choose another name, or delete that environment first.";
    Problem { environment_id: holder, ..Problem::new(StatusCode::CONFLICT, "NAME_TAKEN", "The name is taken", detail) }
}

/// The work pool is taken; by which environment, is for its own team to know.
pub(crate) fn work_pool_in_use(holder: Option<EnvironmentId>) -> Problem {
    let detail = "Another environment of this account and region serves this work pool, and a pool is served by one \
                  environment only. Choose another prefect.work_pool, or delete that environment first.";
    Problem {
        environment_id: holder,
        ..Problem::new(StatusCode::CONFLICT, "WORK_POOL_IN_USE", "The work pool is in use", detail)
    }
}

/// Prefect does not let the environment in. Nothing was made.
pub(crate) fn refused_by_prefect(fault: &Fault) -> Problem {
    let (code, title, hint) = match fault.code {
        Code::PrefectUnauthorized => ("PREFECT_UNAUTHORIZED", "Prefect does not accept the credential", ""),
        Code::PrefectForbidden => (
            "PREFECT_FORBIDDEN",
            "The credential may not do what is needed",
            " It needs the role that the documentation names.",
        ),
        Code::PrefectWorkspaceNotFound => ("PREFECT_WORKSPACE_NOT_FOUND", "There is no such workspace", ""),
        Code::SecretNotShared => ("SECRET_NOT_SHARED", "A secret is not the team's to use", ""),
        Code::AlreadyExists => ("ALREADY_EXISTS", "The work pool is somebody else's", ""),
        _ => (
            "PREFECT_UNREACHABLE",
            "Prefect cannot be reached",
            " If only the environment's own network reaches the server, send prefect.verify: false.",
        ),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, format!("{}{hint}", fault.message))
}

/// The account has no room for what the request asks for. Nothing was made.
pub(crate) fn quota_exceeded(exceeded: Vec<Quota>) -> Problem {
    let detail = "Quotas of the AWS account have no room for this environment. Delete what is not needed, or ask the \
                  operator to raise them (Service Quotas), and send the request again.";
    Problem {
        errors: Errors::Quotas(exceeded.into()),
        ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "QUOTA_EXCEEDED", "The account is full", detail)
    }
}

/// The request is more than any team may have: nothing that the caller deletes makes room for it.
pub(crate) fn limit_exceeded(errors: Vec<Violation>) -> Problem {
    let detail = "The operator of this service lets no team have that much.";
    Problem {
        errors: errors.into(),
        ..Problem::new(StatusCode::FORBIDDEN, "LIMIT_EXCEEDED", "The request exceeds a limit", detail)
    }
}

/// The team has what it may have.
pub(crate) fn team_limit_reached(reached: LimitReached) -> Problem {
    let LimitReached { limit, allowed, used, asked } = reached;
    let vcpu = |units: u64| units as f64 / VCPU as f64;
    let detail = match limit {
        TeamLimit::Environments => format!(
            "The team has {used} of the {allowed} environments that it may have. Delete one, or ask the operator for \
             more."
        ),
        TeamLimit::Cpu => format!(
            "The team's workers have {} of the {} vCPU that they may have, and this request asks for {} more. Delete \
             an environment, ask for less, or ask the operator for more.",
            vcpu(used),
            vcpu(allowed),
            vcpu(asked)
        ),
    };
    Problem {
        limit: Some(limit),
        ..Problem::new(StatusCode::CONFLICT, "TEAM_LIMIT_REACHED", "The team has all that it may have", detail)
    }
}

fn name_of(limit: TeamLimit) -> &'static str {
    match limit {
        TeamLimit::Environments => "environments",
        TeamLimit::Cpu => "vcpu",
    }
}

/// Secrets that the team may not use. Whether they exist is not told.
pub(crate) fn secret_not_shared(pointers: Vec<String>) -> Problem {
    let told = "There is no such secret with the tag prefect-environments:team of this team.";
    secrets_not_shared(
        pointers.into_iter().map(|at| Violation::new(at, ViolationCode::SecretNotShared, told)).collect(),
    )
}

fn secrets_not_shared(errors: Vec<Violation>) -> Problem {
    let detail = "A secret that a request names must lie in this account and region and carry the tag \
                  prefect-environments:team with the environment's team.";
    Problem {
        errors: errors.into(),
        ..Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "SECRET_NOT_SHARED",
            "A secret is not the team's to use",
            detail,
        )
    }
}

/// A refusal of axum's own that no handler of ours has seen.
pub(crate) fn of_status(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => no_such_route(),
        StatusCode::METHOD_NOT_ALLOWED => method_not_allowed(),
        status if status.is_client_error() => {
            Problem::new(status, "BAD_REQUEST", "The request cannot be understood", "It is not as HTTP wants it.")
        }
        _ => internal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::{Code, Internal};

    #[test]
    fn what_another_try_may_mend_is_told_apart_from_a_mistake() {
        let of = |code| Problem::from(Fault::new(code, "x"));
        assert_eq!(of(Code::Throttled).status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(of(Code::Throttled).retry_after, Some(2));
        assert_eq!(of(Code::AccessDenied).status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(of(Code::Internal).code, "INTERNAL");
    }

    #[test]
    fn what_aws_said_does_not_reach_the_caller() {
        let fault = Fault { internal: Internal("arn:of:somebody".into()), ..Fault::new(Code::AccessDenied, "refused") };
        let problem = Problem::from(fault);
        assert!(!format!("{problem:?}").contains("arn:of:somebody"));
        assert!(!format!("{problem:?}").contains("refused"));
    }
}
