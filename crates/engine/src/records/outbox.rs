//! The outbox: what became of environments and has not been told yet.
//!
//! The transaction that gives an environment another status writes an event beside the record, or neither; so does the
//! one that writes down that its workers are otherwise than they were, beside the observation. The event stays until
//! EventBridge has taken it. Who dies in between leaves it there, and the sweep finds it by the index: an event may be
//! sent twice, under the same id, and none is lost or made up.

use super::{Due, Event, Item, Record, Records, SCHEMA, StatusChange, WorkerChange, environment_pk, read, text, write};
use crate::{aws, clock::new_event_id};
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};
use environment::{EnvironmentId, Fault};
use jiff::Timestamp;

/// How many events EventBridge takes at once, so how many are read at once.
const AT_ONCE: i32 = 10;

impl StatusChange {
    /// What is to be told of a record that is written, new or over what it was before. Nothing where its status stays.
    pub(super) fn between(before: Option<&Record>, record: &Record) -> Option<StatusChange> {
        let previous_status = before.map(|before| before.status);
        (previous_status != Some(record.status)).then(|| StatusChange {
            schema: SCHEMA,
            event_id: new_event_id(record.updated_at),
            environment_id: record.id,
            name: record.name.clone(),
            team: record.team.clone(),
            previous_status,
            status: record.status,
            operation_id: record.operation.or(before.and_then(|before| before.operation)),
            version: record.version,
            time: record.updated_at,
        })
    }
}

impl Records {
    /// The part of a transaction that puts an event into the outbox.
    pub(super) fn put_event(&self, event: &Event) -> Result<TransactWriteItem, Fault> {
        let mut item: Item = write(event, environment_pk(event.environment()), event_sk(event))?;
        let due = format!("{}#{}", event.time().strftime("%Y-%m-%dT%H:%M:%SZ"), event.environment());
        item.insert("due_pk".to_owned(), text("OUTBOX"));
        item.insert("due_sk".to_owned(), text(due));
        self.conditional(Put::builder().set_item(Some(item)).condition_expression("attribute_not_exists(pk)"))
    }

    /// Environments of which something is not told that happened before now, the longest waiting first.
    pub fn untold(&self, now: Timestamp) -> Due<'_> {
        Due::of(self, "OUTBOX", now)
    }

    /// The oldest events of an environment that have not been sent, as many as can be sent at once. Read consistently.
    pub async fn events(&self, id: EnvironmentId) -> Result<Vec<Event>, Fault> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :event)")
            .expression_attribute_values(":pk", text(environment_pk(id)))
            .expression_attribute_values(":event", text("EVENT#"))
            .limit(AT_ONCE)
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| aws::fault("dynamodb:Query", error))?;
        answer.items.unwrap_or_default().into_iter().map(read_event).collect()
    }

    /// These have been sent: they leave the outbox. That somebody else has sent them, too, is no matter.
    pub async fn have_been_sent(&self, events: &[&Event]) -> Result<(), Fault> {
        if events.is_empty() {
            return Ok(());
        }
        let parts = events.iter().map(|event| {
            let delete = Delete::builder()
                .table_name(&self.table)
                .key("pk", text(environment_pk(event.environment())))
                .key("sk", text(event_sk(event)))
                .build()
                .map_err(|error| Fault::bug(error.to_string()))?;
            Ok(TransactWriteItem::builder().delete(delete).build())
        });
        self.transact(parts.collect::<Result<_, Fault>>()?).await.map(drop)
    }
}

/// Events of an environment lie in the order of the writes that they tell of, and no write is told of twice. Between
/// two writes of the record its workers may be seen to change more than once: ids are in the order of their time.
fn event_sk(event: &Event) -> String {
    match event {
        Event::Status(event) => format!("EVENT#{:012}", event.version),
        Event::Worker(event) => format!("EVENT#{:012}#{}", event.version, event.event_id),
    }
}

fn read_event(item: Item) -> Result<Event, Fault> {
    match item.contains_key("worker_status") {
        true => read::<WorkerChange>(item).map(Event::Worker),
        false => read::<StatusChange>(item).map(Event::Status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{
        Status,
        change::Change,
        samples::{NOW, creating},
    };
    use aws_sdk_dynamodb::Client;
    use environment::OperationId;

    fn records() -> Records {
        let config = aws_config::SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        Records::new(Client::new(&config), "table")
    }

    /// The events among the parts that write a record.
    fn told(before: Option<&Record>, record: &Record) -> Vec<Item> {
        let parts = records().put_record(before, record, None, None).expect("parts");
        let items = parts.into_iter().filter_map(|part| part.put).map(|put| put.item);
        items.filter(|item| item["sk"].as_s().is_ok_and(|sk| sk.starts_with("EVENT#"))).collect()
    }

    #[test]
    fn every_other_status_is_told_in_the_transaction_that_writes_it_and_the_same_one_is_not() {
        let before = creating().record;
        for status in Status::ALL {
            let after = Record { status, version: before.version + 1, ..before.clone() };
            let expected = usize::from(status != before.status);
            assert_eq!(told(Some(&before), &after).len(), expected, "{} after {}", status.as_str(), "CREATING");
            assert_eq!(told(None, &after).len(), 1, "a new record that is {}", status.as_str());
        }
    }

    #[test]
    fn an_event_says_what_it_was_and_is_and_nothing_of_the_spec() {
        let before = creating().record;
        let after = Record { status: Status::Active, operation: None, version: 7, updated_at: NOW, ..before.clone() };
        let item = told(Some(&before), &after).remove(0);
        let event: StatusChange = read(item.clone()).expect("an event");
        assert_eq!((event.previous_status, event.status), (Some(Status::Creating), Status::Active));
        assert_eq!(event.operation_id, before.operation, "the operation that has just let it go");
        assert_eq!((event.environment_id, event.version, event.time), (before.id, 7, NOW));
        let keys: std::collections::BTreeSet<&str> = item.keys().map(String::as_str).collect();
        let expected = [
            "due_pk",
            "due_sk",
            "environment_id",
            "event_id",
            "name",
            "operation_id",
            "pk",
            "previous_status",
            "schema",
            "sk",
            "status",
            "team",
            "time",
            "version",
        ];
        assert_eq!(keys, expected.into());
    }

    #[test]
    fn a_change_of_the_status_reaches_the_transaction_of_the_change() {
        let environment = creating();
        let record = Record { status: Status::RollingBack, ..environment.record.clone() };
        let change = Change::of(record, None, Vec::new());
        let parts = records().parts(&environment, &change, Vec::new(), NOW).expect("parts");
        let events = parts.iter().filter_map(|part| part.put.as_ref()?.item["sk"].as_s().ok());
        let events: Vec<&String> = events.filter(|sk| sk.starts_with("EVENT#")).collect();
        assert_eq!(events, ["EVENT#000000000002"], "under the version that is written");
    }

    #[test]
    fn the_sweep_finds_an_event_by_the_time_and_the_environment() {
        let record = creating().record;
        let item = told(None, &record).remove(0);
        assert_eq!(item["due_pk"], text("OUTBOX"));
        assert_eq!(item["due_sk"], text(format!("1970-01-01T00:00:00Z#{}", record.id)));
        assert_eq!(record.operation, Some(OperationId::new(1, 1)));
    }
}
