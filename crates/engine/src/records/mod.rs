//! Records: what the table holds, and every way in which it changes.
//!
//! Every access is a key look-up or a query; there is no scan. A conditional write asks for the old item on
//! failure, so that its own write seen again (the SDK repeated a call whose reply was lost) is success.

mod change;
mod create;
mod due;
mod durations;
mod end;
mod history;
mod items;
mod key;
mod lease;
mod list;
mod observation;
mod outbox;
mod revision;
#[cfg(test)]
pub(crate) mod samples;
mod secret;
mod strays;
mod take_over;
mod team;
mod transitions;
mod update;
mod verdict;
mod wishes;

pub use create::{Created, Idempotency, NewEnvironment};
pub use due::Due;
pub use end::{Closed, Turn, Turning};
pub use history::HistoryPage;
pub use items::*;
pub use lease::{Lease, Taken};
pub use list::{Filter, ListPage, ListQuery, Scope, Summary};
pub use revision::{Landmarks, Revision};
pub use strays::{Findings, SURVEYOR, TakenBack};
pub use team::{LimitReached, Share, TeamLimit, TeamLimits};
pub use transitions::{Activated, Begun};
pub use update::{NewSpec, Update};
pub use wishes::{Asked, Asking, Delete, Repair};

use crate::{
    aws,
    observe::{STATUS, UNKNOWN},
};
use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    types::{AttributeValue, Put, TransactWriteItem},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use environment::{
    Entry, EnvironmentId, Fault, Key, Place, Step, Subject, catalogue, keys, predecessors, properties::Reference,
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

type Item = HashMap<String, AttributeValue>;

/// The table.
#[derive(Clone, Debug)]
pub struct Records {
    client: Client,
    table: String,
    /// Whether every transaction is tried and none carried out.
    only_rehearses: bool,
}

/// Everything in an environment's partition (of its operations the newest).
#[derive(Clone, Debug)]
pub struct Environment {
    /// The record.
    pub record: Record,
    /// The resources, by key.
    pub resources: BTreeMap<Key, ResourceItem>,
    /// The steps that were ever begun.
    pub steps: BTreeMap<Step, StepItem>,
    /// The operations, newest first.
    pub operations: Vec<Operation>,
    /// What the watch has last seen of its workers.
    pub observation: Option<ObservationItem>,
}

impl Environment {
    /// What it consists of by its spec, in the zones that are chosen by now.
    pub fn catalogue(&self, place: &Place) -> Vec<Entry> {
        let Record { id, spec, zones, .. } = &self.record;
        catalogue(&Subject { id: *id, spec, zones, place })
    }

    /// What is recorded of another spec that it had before, and is to go.
    pub fn leftovers(&self, place: &Place) -> Vec<Entry> {
        let Record { id, spec, zones, .. } = &self.record;
        let mut entries = predecessors(&Subject { id: *id, spec, zones, place });
        entries.retain(|entry| self.resources.contains_key(&entry.key));
        entries
    }

    /// How its workers were when that could last be seen, by the watch or, before that has looked, by a turn.
    pub fn last_worker_status(&self) -> Option<String> {
        let by_the_watch = self.observation.as_ref().and_then(|item| item.last_status.clone());
        let by_a_turn = || self.resources.get(&keys::online())?.attributes.get(STATUS).cloned();
        by_the_watch.or_else(|| by_a_turn().filter(|status| status != UNKNOWN))
    }

    /// What a reference stands for, as far as it is recorded.
    pub fn lookup(&self, reference: &Reference) -> Option<String> {
        let referred = self.resources.get(reference.key())?;
        match reference {
            Reference::Id(_) => referred.id.clone(),
            Reference::Attribute(_, name) if name == "Arn" => referred.arn.clone(),
            Reference::Attribute(_, name) => referred.attributes.get(name).cloned(),
        }
    }
}

impl Records {
    /// The table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Records { client, table: table.into(), only_rehearses: false }
    }

    /// The same table, for finding out what asking for something would come to: every transaction is put to DynamoDB
    /// whole, with one more condition that never holds. So it is refused for the very reasons for which it would be
    /// refused, and where there are none it is not carried out either. For what is asked for in one transaction only.
    pub fn rehearsal(&self) -> Self {
        Records { only_rehearses: true, ..self.clone() }
    }

    /// Reads an environment's partition with one consistent query, newest operations first.
    pub async fn load(&self, id: EnvironmentId) -> Result<Option<Environment>, Fault> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(environment_pk(id)))
            .scan_index_forward(false)
            .limit(100)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| aws::fault("dynamodb:Query", error))?;
        let (mut record, mut resources, mut steps, mut operations) = (None, BTreeMap::new(), BTreeMap::new(), vec![]);
        let mut observation = None;
        for item in answer.items.unwrap_or_default() {
            let sk = item.get("sk").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
            match sk.split('#').next() {
                Some("RECORD") => record = Some(read::<Record>(item)?),
                Some("RESOURCE") => {
                    let item: ResourceItem = read(item)?;
                    resources.insert(item.key.clone(), item);
                }
                Some("STEP") => {
                    let item: StepItem = read(item)?;
                    steps.insert(item.step, item);
                }
                Some("OPERATION") => operations.push(read::<Operation>(item)?),
                Some(observation::SORT_KEY) => observation = Some(read::<ObservationItem>(item)?),
                _ => {}
            }
        }
        Ok(record.map(|record| Environment { record, resources, steps, operations, observation }))
    }

    /// Writes a resource. Only under its step's lease.
    pub async fn save_resource(&self, id: EnvironmentId, resource: &ResourceItem) -> Result<(), Fault> {
        let item = write(resource, environment_pk(id), resource_sk(&resource.key))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| aws::fault("dynamodb:PutItem", error))
    }
}

fn environment_pk(id: EnvironmentId) -> String {
    format!("ENV#{id}")
}

fn resource_sk(key: &Key) -> String {
    format!("RESOURCE#{key}")
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Seconds since 1970, `days` from now: the table's TTL attribute.
fn in_days(now: Timestamp, days: i64) -> i64 {
    now.as_second() + days * 86_400
}

/// An item with its keys.
fn write(value: &impl Serialize, pk: impl Into<String>, sk: impl Into<String>) -> Result<Item, Fault> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|error| Fault::bug(error.to_string()))?;
    item.insert("pk".into(), text(pk));
    item.insert("sk".into(), text(sk));
    Ok(item)
}

/// A value as an attribute.
fn attribute(value: &impl Serialize) -> Result<AttributeValue, Fault> {
    serde_dynamo::to_attribute_value(value).map_err(|error| Fault::bug(error.to_string()))
}

/// An item of a shape that this code knows.
fn read<T: DeserializeOwned>(item: Item) -> Result<T, Fault> {
    let schema = item.get("schema").and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    if schema.unwrap_or(0) > SCHEMA {
        return Err(Fault::bug("an item was written by a newer version of this service"));
    }
    serde_dynamo::from_item(item).map_err(|error| Fault::bug(error.to_string()))
}

/// How a transaction ended.
enum Transacted {
    /// It was carried out.
    Done,
    /// Some conditions did not hold: for every part its old item, where its condition was the reason.
    Refused(Vec<Option<Item>>),
}

impl Records {
    /// Carries out a transaction. The SDK's own token makes its repeated call answer what the first one came
    /// to; a conflict with another transaction is tried again a few times.
    async fn transact(&self, mut parts: Vec<TransactWriteItem>) -> Result<Transacted, Fault> {
        use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as Refusal;
        let mut attempt = 0;
        let asked_for = parts.len();
        if self.only_rehearses {
            parts.push(self.never()?);
        }
        loop {
            let call = self.client.transact_write_items().set_transact_items(Some(parts.clone()));
            let error = match call.send().await {
                Ok(_) if self.only_rehearses => return Err(Fault::bug("a rehearsal was carried out")),
                Ok(_) => return Ok(Transacted::Done),
                Err(error) => error,
            };
            if let SdkError::ServiceError(refused) = &error
                && let Refusal::TransactionCanceledException(canceled) = refused.err()
            {
                let reasons = canceled.cancellation_reasons();
                if reasons.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                    let failed = |reason: &aws_sdk_dynamodb::types::CancellationReason| {
                        (reason.code() == Some("ConditionalCheckFailed"))
                            .then(|| reason.item().cloned().unwrap_or_default())
                    };
                    let refused: Vec<Option<Item>> = reasons.iter().take(asked_for).map(failed).collect();
                    let nothing_else = self.only_rehearses && refused.iter().all(Option::is_none);
                    return Ok(if nothing_else { Transacted::Done } else { Transacted::Refused(refused) });
                }
                if reasons.iter().any(|reason| reason.code() == Some("TransactionConflict")) && attempt < 8 {
                    conflict_pause(attempt).await;
                    attempt += 1;
                    continue;
                }
            }
            return Err(aws::fault("dynamodb:TransactWriteItems", error));
        }
    }
}

impl Records {
    /// A part whose condition never holds: nothing was ever written under that key. No two rehearsals share one, so
    /// that they do not meet.
    fn never(&self) -> Result<TransactWriteItem, Fault> {
        let key = text(format!("REHEARSAL#{}", Uuid::new_v4()));
        let put = Put::builder().table_name(&self.table).item("pk", key.clone()).item("sk", key);
        let put = put.condition_expression("attribute_exists(pk)").build();
        let put = put.map_err(|error| Fault::bug(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// The pause before a transaction that met another one is tried again: 10 ms, doubling to 320 ms, and by chance up
/// to half as long again, so that requests of one team that met once do not meet each time. Short against a
/// function's time, and DynamoDB gives no other sign of when the other one is through.
async fn conflict_pause(attempt: u32) {
    let pause = 10_u64 << attempt.min(5);
    let chance = u64::from(Uuid::new_v4().as_bytes()[0]);
    tokio::time::sleep(std::time::Duration::from_millis(pause + pause * chance / 512)).await;
}

/// The old item of a conditional write that was refused; `None` for any other error.
fn refused<E>(error: &SdkError<E, HttpResponse>, item: impl FnOnce(&E) -> Option<&Item>) -> Option<Item>
where
    E: ProvideErrorMetadata,
{
    let error = error.as_service_error()?;
    (error.code() == Some("ConditionalCheckFailedException")).then(|| item(error).cloned().unwrap_or_default())
}
