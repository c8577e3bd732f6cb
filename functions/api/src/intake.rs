//! The effects of an accepted request, after its record is written: the secrets, then the execution.
//!
//! The crash story. Whatever breaks off here, the record says what was accepted. The caller's next try with the
//! same Idempotency-Key goes on with the same ids, token and names, and the sweep starts what nobody started. A
//! secret can arrive only until `intake_until`: after that nothing is written any more, so that a removal never
//! misses one that is still on its way, and an environment without its secret ends as SECRET_NOT_RECEIVED.

use crate::service::Service;
use aws_sdk_secretsmanager::{config::AsyncSleep, error::ProvideErrorMetadata};
use engine::{
    aws,
    records::{Record, ResourceItem, ResourceState},
};
use environment::{Code, Entry, Fault, Key, OperationId, catalogue::identity::NEXT_KEY, request::Credentials};
use executions::Execution;
use futures::future::{join, join_all};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// A call takes at most this long ([`aws::CALL_LIMIT`]): one that starts later could end after `intake_until`.
const LAST_CALL: SignedDuration = SignedDuration::from_secs(8);

/// Carries out what a recorded request still lacks. Nothing here can refuse the request any more: what goes
/// wrong is logged, and the execution finds out.
pub(crate) async fn go_on(
    service: &Service,
    record: &Record,
    operation: OperationId,
    entries: &[Entry],
    credentials: &Credentials,
) {
    let execution = Execution { environment: record.id, operation, fence: record.fence };
    let made = bring(service, record, operation, entries, &BTreeMap::new(), credentials).await;
    let (started, ()) = join(service.executions.start(&execution), note(service, record, &made)).await;
    if let Err(fault) = started {
        tracing::error!(?fault, "the execution was not started: the sweep will");
    }
}

/// Writes each credential of a recorded request: the first one of a secret makes it, a further one is another version
/// of it, which nothing reads until the identity step has made it the current one. Answers the ARNs of those that it
/// made, to be [noted](note). What goes wrong is logged, and that step finds out.
pub(crate) async fn bring(
    service: &Service,
    record: &Record,
    operation: OperationId,
    entries: &[Entry],
    before: &BTreeMap<Key, ResourceItem>,
    credentials: &Credentials,
) -> Vec<(Key, String)> {
    if !may_still_arrive(record, service.clock.now()) {
        return Vec::new();
    }
    let made = join_all(credentials.by_secret().map(|(key, credential)| async move {
        let there = before.get(&key).filter(|item| item.state != ResourceState::Gone);
        let entry = entries.iter().find(|entry| entry.key == key)?;
        let arrived = match there.and_then(|item| item.id.as_deref()) {
            None => create_secret(service, record, entry, operation, credential).await,
            Some(id) => match put_version(service, id, operation, credential).await {
                // Somebody has deleted it by hand: this is the key to make it anew with.
                Err(fault) if fault.code == Code::NotFound => {
                    create_secret(service, record, entry, operation, credential).await
                }
                put => put.map(|()| None),
            },
        };
        match arrived {
            Ok(arn) => Some((key, arn?)),
            // Unknown or refused: the identity step looks for it and says what came of it.
            Err(fault) => {
                tracing::warn!(secret = %key, ?fault, "the secret's arrival is unknown");
                None
            }
        }
    }));
    made.await.into_iter().flatten().collect()
}

/// Notes the ARNs of secrets that were made.
pub(crate) async fn note(service: &Service, record: &Record, made: &[(Key, String)]) {
    join_all(made.iter().map(|(key, arn)| async move {
        if let Err(fault) = service.records.note_secret(record.id, key, arn).await {
            tracing::warn!(secret = %key, ?fault, "its ARN was not recorded: the identity step finds it by name");
        }
    }))
    .await;
}

/// Adds a version to a secret.
async fn put_version(
    service: &Service,
    id: &str,
    operation: OperationId,
    credential: &SecretString,
) -> Result<(), Fault> {
    let put = service
        .secrets
        .put_secret_value()
        .secret_id(id)
        // The version's id, and the same for every try of this request.
        .client_request_token(operation.uuid().to_string())
        .version_stages(NEXT_KEY)
        .secret_string(credential.expose_secret());
    put.send().await.map(|_| ()).map_err(|error| aws::fault("secretsmanager:PutSecretValue", error))
}

fn may_still_arrive(record: &Record, now: Timestamp) -> bool {
    now < record.intake_until - LAST_CALL
}

/// Answers the new secret's ARN; `None` where a secret of the name exists. Whether that is this environment's own
/// (an earlier try made it) or somebody else's is for the identity step to judge.
async fn create_secret(
    service: &Service,
    record: &Record,
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
        // The same for every try of this request: a repeated create answers the first one's secret. The first version
        // is called so, too, by which a change knows its own.
        .client_request_token(operation.uuid().to_string())
        .secret_string(credential.expose_secret());
    loop {
        let error = match call.clone().send().await {
            Ok(secret) => return Ok(secret.arn),
            Err(error) => error,
        };
        if error.as_service_error().is_some_and(|it| it.is_resource_exists_exception()) {
            return Ok(None);
        }
        let is_on_its_way_out = error.code() == Some("InvalidRequestException");
        if !is_on_its_way_out || !pause(service).await || !may_still_arrive(record, service.clock.now()) {
            return Err(aws::fault("secretsmanager:CreateSecret", error));
        }
    }
}

/// A moment, in which Secrets Manager may be through with deleting the secret that had the name before: it does so in the
/// background, and says nothing when it is.
async fn pause(service: &Service) -> bool {
    match service.secrets.config().sleep_impl() {
        Some(sleep) => sleep.sleep(Duration::from_secs(1)).await,
        None => return false,
    }
    true
}
