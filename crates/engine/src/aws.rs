//! AWS's errors, told apart; and clients that keep to their time.
//!
//! The SDK's own classes are not enough: it takes `LimitExceededException` for throttling and would repeat
//! a create without a client token after a lost reply, which makes a second VPC.

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_runtime_api::{
    client::{orchestrator::HttpResponse, result::SdkError},
    http::StatusCode,
};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use environment::{Code, Fault, Internal};
use std::{error::Error, time::Duration};

/// The longest that one call may take, the SDK's own retries included.
pub const CALL_LIMIT: Duration = Duration::from_secs(8);

/// The configuration of every client: three attempts within [`CALL_LIMIT`].
pub async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(CALL_LIMIT)
        .build();
    aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .load()
        .await
}

/// The same without retries, for creates that have no client token: a lost reply is looked up, not repeated.
pub fn without_retries(config: &SdkConfig) -> SdkConfig {
    config.to_builder().retry_config(RetryConfig::disabled()).build()
}

/// What an AWS call's error means. `call` is the operation's name, as in `ec2:CreateVpc`.
pub fn fault<E>(call: &str, error: SdkError<E, HttpResponse>) -> Fault
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let aws_code = error.code().map(str::to_owned);
    let status = error.raw_response().map(HttpResponse::status);
    let request_id = request_id(&error);
    let code = match &error {
        SdkError::ConstructionFailure(_) => Code::Internal,
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Code::NetworkFailure,
        _ => code(aws_code.as_deref().unwrap_or_default(), status),
    };
    let message = match &aws_code {
        Some(aws_code) => format!("{call} answered {aws_code}."),
        None => format!("{call} gave no answer that can be understood."),
    };
    Fault { aws_code, request_id, internal: Internal(words(&error)), ..Fault::new(code, message) }
}

/// AWS's own words, for the log. A service's error says enough by its code and message; the response around it
/// is long, and no function should log what it has not chosen.
fn words<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match error.as_service_error() {
        Some(said) => format!("{}: {}", said.code().unwrap_or("no code"), said.message().unwrap_or("no message")),
        None => DisplayErrorContext(error).to_string(),
    }
}

/// AWS's request id: in a header, or (EC2) in the body only.
fn request_id<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let headers = error.raw_response()?.headers();
    let of_header = headers.get("x-amzn-requestid").or_else(|| headers.get("x-amz-request-id"));
    let of_body = || error.as_service_error()?.meta().extra("aws_request_id");
    of_header.or_else(of_body).map(str::to_owned)
}

/// Our code for AWS's. Sources: the API models of each service; the EC2 API reference's list of error codes.
fn code(aws_code: &str, status: Option<StatusCode>) -> Code {
    match aws_code {
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthFailure"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "OptInRequired" => Code::AccessDenied,

        "EntityAlreadyExists"
        | "ResourceExistsException"
        | "ResourceAlreadyExistsException"
        | "NamespaceAlreadyExists"
        | "DuplicateRequest"
        | "InvalidGroup.Duplicate"
        | "RouteAlreadyExists"
        | "Resource.AlreadyAssociated"
        | "QueueAlreadyExists"
        | "QueueNameExists"
        | "InvalidSubnet.Conflict" => Code::AlreadyExists,

        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "SlowDown"
        | "ProvisionedThroughputExceededException" => Code::Throttled,

        "LimitExceeded" | "LimitExceededException" | "ServiceQuotaExceededException" => Code::QuotaExceeded,
        _ if aws_code.ends_with("LimitExceeded") => Code::QuotaExceeded,

        "NoSuchEntity"
        | "NoSuchEntityException"
        | "NamespaceNotFound"
        | "OperationNotFound"
        | "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue" => Code::NotFound,
        _ if aws_code.ends_with("NotFound") || aws_code.ends_with("NotFoundException") => Code::NotFound,

        "DependencyViolation"
        | "DeleteConflict"
        | "ResourceInUse"
        | "ResourceInUseException"
        | "InvalidIPAddress.InUse"
        | "InvalidGroup.InUse"
        | "IncorrectState"
        | "InvalidState"
        | "ClusterContainsServicesException"
        | "ClusterContainsTasksException"
        | "UpdateInProgressException"
        | "ConcurrentUpdateException"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "OperationAbortedException"
        | "ConflictException"
        | "TransactionConflictException"
        | "EntityTemporarilyUnmodifiable"
        | "QueueDeletedRecently"
        | "AWS.SimpleQueueService.QueueDeletedRecently"
        | "TransactionCanceledException"
        | "TransactionInProgressException" => Code::Conflict,

        "RequestTimeout" | "PriorRequestNotComplete" => Code::ServiceUnavailable,
        _ if status.is_none_or(|status| status.as_u16() >= 500) => Code::ServiceUnavailable,
        _ if status.is_some_and(|status| status.as_u16() == 429) => Code::Throttled,
        _ => Code::InvalidRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(aws_code: &str, status: u16) -> Code {
        code(aws_code, StatusCode::try_from(status).ok())
    }

    #[test]
    fn a_quota_is_not_taken_for_throttling() {
        for quota in ["VpcLimitExceeded", "AddressLimitExceeded", "LimitExceeded", "LimitExceededException"] {
            assert_eq!(of(quota, 400), Code::QuotaExceeded, "{quota}");
        }
        assert_eq!(of("RequestLimitExceeded", 503), Code::Throttled);
    }

    #[test]
    fn a_transaction_that_met_another_one_may_be_tried_again() {
        for canceled in ["TransactionCanceledException", "TransactionInProgressException"] {
            assert_eq!(of(canceled, 400), Code::Conflict, "{canceled}");
        }
    }

    #[test]
    fn absence_is_known_in_every_services_words() {
        for absent in [
            "InvalidVpcID.NotFound",
            "NatGatewayNotFound",
            "NoSuchEntity",
            "ResourceNotFoundException",
            "AWS.SimpleQueueService.NonExistentQueue",
        ] {
            assert_eq!(of(absent, 400), Code::NotFound, "{absent}");
        }
    }

    #[test]
    fn a_name_that_is_not_free_yet_is_waited_for() {
        assert_eq!(of("AWS.SimpleQueueService.QueueDeletedRecently", 400), Code::Conflict);
    }

    #[test]
    fn an_unknown_code_is_judged_by_its_status() {
        assert_eq!(of("Surprise", 500), Code::ServiceUnavailable);
        assert_eq!(of("Surprise", 400), Code::InvalidRequest);
        assert_eq!(of("Surprise", 429), Code::Throttled);
    }
}
