//! The effects of an accepted request, after its record is written: the secret, then the execution.
//!
//! The crash story. Whatever breaks off here, the record says what was accepted. The caller's next try with the
//! same Idempotency-Key goes on with the same ids, token and names, and the sweep starts what nobody started. The
//! secret can arrive only until `intake_until`: after that nothing is written any more, so that a removal never
//! misses one that is still on its way, and an environment without its secret ends as SECRET_NOT_RECEIVED.

use crate::service::Service;
use engine::{
    aws,
    records::{Record, ResourceItem},
};
use environment::{Entry, Fault, OperationId, catalogue::identity::NEXT_KEY, keys};
use executions::Execution;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// A call takes at most this long ([`aws::CALL_LIMIT`]): one that starts later could end after `intake_until`.
const LAST_CALL: SignedDuration = SignedDuration::from_secs(8);

/// Carries out what a recorded request still lacks. Nothing here can refuse the request any more: what goes
/// wrong is logged, and the execution finds out.
pub(crate) async fn go_on(
    service: &Service,
    record: &Record,
    operation: OperationId,
    entries: &[Entry],
    credential: Option<&SecretString>,
) {
    let secret = entries.iter().find(|entry| entry.key == keys::secret()).zip(credential);
    let mut arrived = None;
    if let Some((entry, credential)) = secret
        && may_still_arrive(record, service.clock.now())
    {
        match create_secret(service, entry, operation, credential).await {
            Ok(arn) => arrived = arn,
            // Unknown or refused: the identity step looks for it and says what came of it.
            Err(fault) => tracing::warn!(?fault, "the secret's arrival is unknown"),
        }
    }
    let execution = Execution { environment: record.id, operation, fence: record.fence };
    let start = service.executions.start(&execution);
    let note = async {
        match &arrived {
            Some(arn) => service.records.note_secret(record.id, &keys::secret(), arn).await,
            None => Ok(()),
        }
    };
    let (started, noted) = futures::join!(start, note);
    if let Err(fault) = started {
        tracing::error!(?fault, "the execution was not started: the sweep will");
    }
    if let Err(fault) = noted {
        tracing::warn!(?fault, "the secret's ARN was not recorded: the identity step finds it by name");
    }
}

/// Writes the new key of a recorded change as another version of the environment's secret. Nothing reads it until the
/// identity step has made it the current one. What goes wrong is logged, and that step finds out.
pub(crate) async fn bring_key(
    service: &Service,
    record: &Record,
    operation: OperationId,
    secret: Option<&ResourceItem>,
    credential: &SecretString,
) {
    if !may_still_arrive(record, service.clock.now()) {
        return;
    }
    let Some(id) = secret.and_then(|secret| secret.id.as_deref()) else { return };
    let put = service
        .secrets
        .put_secret_value()
        .secret_id(id)
        // The version's id, and the same for every try of this request.
        .client_request_token(operation.uuid().to_string())
        .version_stages(NEXT_KEY)
        .secret_string(credential.expose_secret());
    if let Err(error) = put.send().await {
        let fault = aws::fault("secretsmanager:PutSecretValue", error);
        tracing::warn!(?fault, "the new key's arrival is unknown");
    }
}

fn may_still_arrive(record: &Record, now: Timestamp) -> bool {
    now < record.intake_until - LAST_CALL
}

/// Answers the new secret's ARN; `None` where a secret of the name exists. Whether that is this environment's own
/// (an earlier try made it) or somebody else's is for the identity step to judge.
async fn create_secret(
    service: &Service,
    entry: &Entry,
    operation: OperationId,
    credential: &SecretString,
) -> Result<Option<String>, Fault> {
    let name = entry.wanted.get("Name").and_then(Value::as_str).ok_or_else(|| Fault::bug("a secret without a name"))?;
    let tags = entry.wanted.get("Tags").and_then(Value::as_array).into_iter().flatten();
    let tags = tags.map(|tag| {
        aws_sdk_secretsmanager::types::Tag::builder()
            .key(tag["Key"].as_str().unwrap_or_default())
            .value(tag["Value"].as_str().unwrap_or_default())
            .build()
    });
    let call = service
        .secrets
        .create_secret()
        .name(name)
        .set_tags(Some(tags.collect()))
        // The same for every try of this request: a repeated create answers the first one's secret.
        .client_request_token(operation.uuid().to_string())
        .secret_string(credential.expose_secret());
    match call.send().await {
        Ok(secret) => Ok(secret.arn),
        Err(error) if error.as_service_error().is_some_and(|it| it.is_resource_exists_exception()) => Ok(None),
        Err(error) => Err(aws::fault("secretsmanager:CreateSecret", error)),
    }
}
