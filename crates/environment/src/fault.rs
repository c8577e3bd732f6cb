//! Faults: what went wrong with a resource, in words that every part of the product shares.
//!
//! A fault has two sides of different types. [`Fault`] is what a caller and the execution's history
//! may see: our code, our message, the resource, AWS's code and request id. [`Internal`] is what only
//! the function's log sees: AWS's own words. The internal side has no `Serialize`, so it cannot leak
//! through a record, an answer or a response.

use crate::{diagnosis::Diagnosis, key::Key};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What kind of thing went wrong, in the spirit of CloudControl's `HandlerErrorCode`. The state machine,
/// records, responses and docs use these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// AWS refused the call for lack of a right.
    AccessDenied,
    /// A thing of that name exists and is not this environment's.
    AlreadyExists,
    /// A quota of the account is used up.
    QuotaExceeded,
    /// AWS refused the call's content.
    InvalidRequest,
    /// Something the call refers to is not there, or not there yet.
    NotFound,
    /// Something else holds the resource at the moment.
    Conflict,
    /// AWS asked to slow down.
    Throttled,
    /// AWS answered with a server error: the outcome is unknown.
    ServiceUnavailable,
    /// No answer came: the outcome is unknown.
    NetworkFailure,
    /// It did not become ready, or go away, within the operation's time.
    NotStabilized,
    /// AWS says that the resource has failed.
    ResourceFailed,
    /// Something that is not this environment's stands in its network and keeps it from going.
    ForeignDependent,
    /// The API key never arrived: the request that carried it broke off.
    SecretNotReceived,
    /// The environment's secret was deleted, and nobody here has the key that was in it.
    SecretMissing,
    /// The secret is not the team's to use.
    SecretNotShared,
    /// Prefect does not accept the credential.
    PrefectUnauthorized,
    /// Prefect accepts the credential and refuses it what is needed.
    PrefectForbidden,
    /// There is no Prefect API at the URL: the account, the workspace or the path is wrong.
    PrefectWorkspaceNotFound,
    /// Prefect could not be reached, or is in trouble: the outcome is unknown.
    PrefectUnreachable,
    /// No worker came online in Prefect in time.
    WorkerOffline,
    /// Flow runs are still at work in an environment that is to go.
    FlowRunsAtWork,
    /// The operation was stopped from outside.
    Stopped,
    /// A bug of this service.
    Internal,
}

impl Code {
    /// Every code.
    pub const ALL: [Code; 23] = [
        Code::AccessDenied,
        Code::AlreadyExists,
        Code::QuotaExceeded,
        Code::InvalidRequest,
        Code::NotFound,
        Code::Conflict,
        Code::Throttled,
        Code::ServiceUnavailable,
        Code::NetworkFailure,
        Code::NotStabilized,
        Code::ResourceFailed,
        Code::ForeignDependent,
        Code::SecretNotReceived,
        Code::SecretMissing,
        Code::SecretNotShared,
        Code::PrefectUnauthorized,
        Code::PrefectForbidden,
        Code::PrefectWorkspaceNotFound,
        Code::PrefectUnreachable,
        Code::WorkerOffline,
        Code::FlowRunsAtWork,
        Code::Stopped,
        Code::Internal,
    ];

    /// Whether the same turn may succeed later without anybody changing anything.
    pub fn is_retryable(self) -> bool {
        match self {
            Code::NotFound
            | Code::Conflict
            | Code::Throttled
            | Code::ServiceUnavailable
            | Code::NetworkFailure
            | Code::PrefectUnreachable
            | Code::FlowRunsAtWork => true,
            Code::AccessDenied
            | Code::AlreadyExists
            | Code::QuotaExceeded
            | Code::InvalidRequest
            | Code::NotStabilized
            | Code::ResourceFailed
            | Code::ForeignDependent
            | Code::SecretNotReceived
            | Code::SecretMissing
            | Code::SecretNotShared
            | Code::PrefectUnauthorized
            | Code::PrefectForbidden
            | Code::PrefectWorkspaceNotFound
            | Code::WorkerOffline
            | Code::Stopped
            | Code::Internal => false,
        }
    }

    /// Whether the call may have been carried out although it was answered with this code.
    pub fn leaves_the_outcome_unknown(self) -> bool {
        matches!(self, Code::ServiceUnavailable | Code::NetworkFailure | Code::PrefectUnreachable | Code::Internal)
    }

    /// Whether the caller may expect the same request to succeed later.
    pub fn is_worth_repeating(self) -> bool {
        let is_luck = matches!(self, Code::NotStabilized | Code::ResourceFailed | Code::WorkerOffline | Code::Stopped);
        self.is_retryable() || is_luck
    }

    /// The code's name as records, answers and responses carry it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::AccessDenied => "ACCESS_DENIED",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::QuotaExceeded => "QUOTA_EXCEEDED",
            Code::InvalidRequest => "INVALID_REQUEST",
            Code::NotFound => "NOT_FOUND",
            Code::Conflict => "CONFLICT",
            Code::Throttled => "THROTTLED",
            Code::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Code::NetworkFailure => "NETWORK_FAILURE",
            Code::NotStabilized => "NOT_STABILIZED",
            Code::ResourceFailed => "RESOURCE_FAILED",
            Code::ForeignDependent => "FOREIGN_DEPENDENT",
            Code::SecretNotReceived => "SECRET_NOT_RECEIVED",
            Code::SecretMissing => "SECRET_MISSING",
            Code::SecretNotShared => "SECRET_NOT_SHARED",
            Code::PrefectUnauthorized => "PREFECT_UNAUTHORIZED",
            Code::PrefectForbidden => "PREFECT_FORBIDDEN",
            Code::PrefectWorkspaceNotFound => "PREFECT_WORKSPACE_NOT_FOUND",
            Code::PrefectUnreachable => "PREFECT_UNREACHABLE",
            Code::WorkerOffline => "WORKER_OFFLINE",
            Code::FlowRunsAtWork => "FLOW_RUNS_AT_WORK",
            Code::Stopped => "STOPPED",
            Code::Internal => "INTERNAL",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// AWS's own words about a fault. For the log only.
#[derive(Clone, Default)]
pub struct Internal(pub String);

/// Something that went wrong with a resource.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// What kind of thing went wrong.
    pub code: Code,
    /// What happened, in our own words.
    pub message: String,
    /// The resource it happened to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub resource: Option<Key>,
    /// AWS's error code, where AWS refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aws_code: Option<String>,
    /// AWS's request id, for a support case.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// Why a worker does not run, where that could be told. In records and answers, and not in an execution's
    /// history.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub diagnosis: Option<Box<Diagnosis>>,
    /// AWS's own words, for the log only.
    #[serde(skip)]
    pub internal: Internal,
}

impl Fault {
    /// A fault with a message of our own. The message goes to callers: no secret, no AWS text.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Fault {
            code,
            message: message.into(),
            resource: None,
            aws_code: None,
            request_id: None,
            diagnosis: None,
            internal: Internal::default(),
        }
    }

    /// A bug of ours. What exactly is wrong stays in the log.
    pub fn bug(what: impl Into<String>) -> Self {
        Fault {
            internal: Internal(what.into()),
            ..Fault::new(Code::Internal, "This service made a mistake. Its log says more.")
        }
    }

    /// The same fault without what a worker's log says: for where it is kept elsewhere.
    pub fn in_short(self) -> Self {
        Fault { diagnosis: None, ..self }
    }

    /// The same fault, said of this resource.
    pub fn of(mut self, key: &Key) -> Self {
        self.resource.get_or_insert_with(|| key.clone());
        self
    }
}

/// For logs: both sides.
impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if let Some(key) = &self.resource {
            write!(f, " [{key}]")?;
        }
        if let Some(code) = &self.aws_code {
            write!(f, " [{code}]")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " [request {id}]")?;
        }
        if !self.internal.0.is_empty() {
            write!(f, " ({})", self.internal.0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_called() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).ok(), Some(code.as_str().into()));
        }
    }

    #[test]
    fn what_aws_said_never_leaves_through_a_record_or_an_answer() {
        let mut fault = Fault::new(Code::AccessDenied, "The function may not create a VPC.");
        fault.internal = Internal("arn:aws:sts::… is not authorized".into());
        let written = serde_json::to_string(&fault).unwrap_or_default();
        assert!(!written.contains("authorized"), "{written}");
        assert!(format!("{fault:?}").contains("authorized"), "the log must show it");
    }
}
