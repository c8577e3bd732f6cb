//! How a record changes: read, decide, write if nobody wrote in between.
//!
//! Every transition is a pure decision over what was read. The write is one transaction on the condition that
//! the record's version is still the one that the decision was made on; otherwise it is decided anew.

use super::{
    AttributeValue, Environment, Event, Idempotency, Item, LimitReached, Operation, Record, Records, ResourceItem,
    Share, Status, StatusChange, TeamLimits, Transacted, attribute,
    create::{name_pk, operation_sk, pool_pk},
    environment_pk, in_days, number, read, resource_sk, text, write,
};
use crate::records::IdempotencyItem;
use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem, Update};
use environment::{EnvironmentId, Fault, Key};
use jiff::Timestamp;

/// How long an ended environment's record and history are kept.
const HISTORY_DAYS: i64 = 400;

/// How often a transition is decided anew before the caller is told to come again.
const ATTEMPTS: usize = 5;

/// What was decided.
pub(super) enum Decision<T> {
    /// Nothing is to be written.
    Nothing(T),
    /// The record is to become this.
    Write(Box<Change>, T),
}

/// What a transition writes, all of it or nothing.
pub(super) struct Change {
    /// The record as it shall be. Version and time of writing are filled in.
    pub record: Record,
    /// When somebody must look next.
    pub due: Option<Timestamp>,
    /// Operations as they shall be.
    pub operations: Vec<Operation>,
    /// The idempotency key of the request that asks for it.
    pub idempotency: Option<Idempotency>,
    /// Resources as they shall be. Only where no step is at work: else they are their steps'.
    pub resources: Vec<ResourceItem>,
    /// Whether the environment's name is to be reserved anew, if it is free.
    pub reserves_name: bool,
    /// What the environment has of its team's limits from now on, where that is to be counted anew.
    pub share: Option<ShareChange>,
}

/// Another share of the team's limits.
#[derive(Clone, Copy)]
pub(super) struct ShareChange {
    /// The share.
    pub to: Share,
    /// What the team may have.
    pub limits: TeamLimits,
}

impl Change {
    /// A change of the record and of operations.
    pub fn of(record: Record, due: Option<Timestamp>, operations: Vec<Operation>) -> Self {
        Change { record, due, operations, idempotency: None, resources: Vec::new(), reserves_name: false, share: None }
    }
}

/// What a change came to.
pub(super) enum Changed<T> {
    /// It was made, or there was nothing to make.
    Yes(T),
    /// There is no such environment.
    Unknown,
    /// The idempotency key was used before, for this.
    KeyUsed(IdempotencyItem),
    /// The team has all that it may have.
    LimitReached(LimitReached),
}

impl Records {
    /// Reads, decides and writes.
    pub(super) async fn change<T>(
        &self,
        id: EnvironmentId,
        now: Timestamp,
        decide: impl Fn(&Environment) -> Result<Decision<T>, Fault>,
    ) -> Result<Changed<T>, Fault> {
        for _ in 0..ATTEMPTS {
            let Some(environment) = self.load(id).await? else { return Ok(Changed::Unknown) };
            let (change, answer) = match decide(&environment)? {
                Decision::Nothing(answer) => return Ok(Changed::Yes(answer)),
                Decision::Write(change, answer) => (change, answer),
            };
            let held = self.held(&environment, &change).await?;
            let refused = match self.transact(self.parts(&environment, &change, held, now)?).await? {
                Transacted::Done => return Ok(Changed::Yes(answer)),
                Transacted::Refused(refused) => refused,
            };
            let mut refused = refused.into_iter();
            if change.idempotency.is_some()
                && let Some(used) = refused.next().flatten()
            {
                return Ok(Changed::KeyUsed(read(used)?));
            }
            // What is taken of the team's share comes next, see `parts`.
            if let Some((from, change)) = share_change(&environment, &change)
                && let Some(team) = refused.next().flatten()
            {
                return Ok(Changed::LimitReached(change.limits.reached(change.to.beyond(from), team)?));
            }
        }
        Err(Fault::new(environment::Code::Conflict, "The environment's record is being written by too many at once."))
    }

    /// The reservations that an environment gives back with its end. One that had ended before has given its own
    /// back then: they may be another's by now. What a look shows to be its own stays its own until it is given back.
    async fn held(&self, before: &Environment, change: &Change) -> Result<Vec<(String, &'static str)>, Fault> {
        let Record { id, name, spec, ended_at, status, .. } = &before.record;
        let reservations = [(name_pk(name), "NAME"), (pool_pk(&spec.prefect.work_pool), "POOL")];
        if !change.record.status.is_ended() || status.is_ended() {
            return Ok(Vec::new());
        }
        if ended_at.is_none() {
            return Ok(reservations.into());
        }
        let mut held = Vec::new();
        for (pk, sk) in reservations {
            if self.holder(&pk, sk).await? == Some(*id) {
                held.push((pk, sk));
            }
        }
        Ok(held)
    }

    pub(super) fn parts(
        &self,
        before: &Environment,
        change: &Change,
        held: Vec<(String, &'static str)>,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, Fault> {
        let id = before.record.id;
        let mut parts = Vec::new();
        if let Some(idempotency) = &change.idempotency {
            parts.push(self.take_key(idempotency, id, change.record.operation, now)?);
        }
        let mut share = before.record.share;
        if let Some((from, change)) = share_change(before, change) {
            parts.extend(self.change_share(&before.record.team, from, change.to, &change.limits)?);
            share = Some(change.to);
        }
        let ends = change.record.status.is_ended();
        let purge_at = ends.then(|| in_days(now, HISTORY_DAYS));
        let mut record = Record { version: before.record.version + 1, updated_at: now, share, ..change.record.clone() };
        let given_back = if ends { self.give_back(&record)? } else { None };
        if ends {
            record.share = None;
            record.ended_at.get_or_insert(now);
        }
        parts.extend(self.put_record(Some(&before.record), &record, change.due, purge_at)?);
        for operation in &change.operations {
            let mut item = write(operation, environment_pk(id), operation_sk(operation.id))?;
            item.extend(purge_at.map(|at| ("purge_at".to_owned(), number(at))));
            parts.push(self.conditional(Put::builder().set_item(Some(item)))?);
        }
        for resource in &change.resources {
            let item = write(resource, environment_pk(id), resource_sk(&resource.key))?;
            parts.push(self.conditional(Put::builder().set_item(Some(item)))?);
        }
        if change.reserves_name {
            parts.push(self.reserve_name(&record)?);
        }
        for (pk, sk) in held {
            parts.push(self.release(pk, sk, id)?);
        }
        parts.extend(given_back);
        if ends || before.record.status.is_ended() {
            parts.extend(self.purge_parts(before, change, purge_at)?);
        }
        Ok(parts)
    }

    /// The parts that write a record with its index keys, a new one or over what it was before, and tell of its status
    /// where that is another one. No record is written in any other way, so that no status changes unheard.
    pub(super) fn put_record(
        &self,
        before: Option<&Record>,
        record: &Record,
        due: Option<Timestamp>,
        purge_at: Option<i64>,
    ) -> Result<Vec<TransactWriteItem>, Fault> {
        let mut item: Item = write(record, environment_pk(record.id), "RECORD")?;
        // Whoever writes it knows when to look after an operation; that it expires, the record knows.
        let due = [due, record.expires()].into_iter().flatten().min();
        item.extend(index_keys(record, due));
        // A list shows them, and an index has only what lies at the top.
        item.insert("tags".to_owned(), attribute(&record.spec.tags)?);
        item.extend(purge_at.map(|at| ("purge_at".to_owned(), number(at))));
        let put = Put::builder().set_item(Some(item));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("version = :version")
                .expression_attribute_values(":version", number(before.version)),
        };
        let event = StatusChange::between(before, record).map(Event::Status);
        let event = event.map(|event| self.put_event(&event)).transpose()?;
        Ok([self.conditional(put)?].into_iter().chain(event).collect())
    }

    /// The part that gives a reservation back, if it is this environment's.
    fn release(&self, pk: String, sk: &str, id: EnvironmentId) -> Result<TransactWriteItem, Fault> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(pk))
            .key("sk", text(sk))
            // An environment must be able to end, also where its reservation was lost.
            .condition_expression("attribute_not_exists(pk) OR environment_id = :id")
            .expression_attribute_values(":id", text(id.to_string()))
            .build()
            .map_err(|error| Fault::bug(error.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// The parts that let the rest of an ended environment's partition expire with its record, or keep it where the
    /// environment is taken up again.
    fn purge_parts(
        &self,
        before: &Environment,
        change: &Change,
        purge_at: Option<i64>,
    ) -> Result<Vec<TransactWriteItem>, Fault> {
        let rewritten = |key: &Key| change.resources.iter().any(|resource| resource.key == *key);
        let resources = before.resources.keys().filter(|key| !rewritten(key)).map(resource_sk);
        let steps = before.steps.keys().map(|step| format!("STEP#{step}"));
        let written = |id| change.operations.iter().any(|operation| operation.id == id);
        let operations = before.operations.iter().filter(|operation| !written(operation.id));
        let operations = operations.map(|operation| operation_sk(operation.id));
        // A transaction holds 100 parts at most. The oldest operations of a very long history stay.
        let keys = resources.chain(steps).chain(operations).take(100 - 9 - change.resources.len());
        keys.map(|sk| {
            let update = Update::builder()
                .table_name(&self.table)
                .key("pk", text(environment_pk(before.record.id)))
                .key("sk", text(sk));
            let update = match purge_at {
                Some(at) => {
                    update.update_expression("SET purge_at = :at").expression_attribute_values(":at", number(at))
                }
                // One that has expired since it was read must not come back as an empty item.
                None => update.update_expression("REMOVE purge_at").condition_expression("attribute_exists(pk)"),
            };
            let update = update.build().map_err(|error| Fault::bug(error.to_string()))?;
            Ok(TransactWriteItem::builder().update(update).build())
        })
        .collect()
    }
}

/// The share that is counted anew, and what it was, where it is another one.
fn share_change(before: &Environment, change: &Change) -> Option<(Share, ShareChange)> {
    let (from, change) = (before.record.share?, change.share?);
    (from != change.to).then_some((from, change))
}

/// The keys of the indexes: `by_team` and `all` for lists, `due` for the sweep. Sparse: only records have them.
fn index_keys(record: &Record, due: Option<Timestamp>) -> Item {
    let side = if record.status == Status::Deleted { "ENDED" } else { "LIVE" };
    let id = record.id.to_string();
    let mut keys: Vec<(&str, AttributeValue)> = vec![
        ("by_team_pk", text(format!("{}#{side}", record.team))),
        ("by_team_sk", text(&id)),
        ("all_pk", text(side)),
        ("all_sk", text(&id)),
    ];
    if let Some(due) = due {
        keys.push(("due_pk", text("DUE")));
        keys.push(("due_sk", text(format!("{}#{id}", due.strftime("%Y-%m-%dT%H:%M:%SZ")))));
    }
    keys.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
