//! A new environment: one transaction writes its record, its first operation, its plan and its reservations,
//! or nothing.

use super::{
    AskedBy, Desired, IdempotencyItem, LimitReached, Operation, OperationKind, OperationStatus, Protection, Record,
    Records, Removal, Reservation, ResourceItem, SCHEMA, Share, Status, TeamLimits, Transacted, environment_pk,
    in_days, number, read, resource_sk, write,
};
use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, builders::PutBuilder};
use environment::{Entry, EnvironmentId, Fault, OperationId, Spec, lifetime::Lifetime};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;

/// How long after the request its secret may still be arriving.
pub const INTAKE: SignedDuration = SignedDuration::from_secs(15);
/// How long after the request the sweep looks whether its execution was started.
pub(super) const UNSTARTED: SignedDuration = SignedDuration::from_mins(2);
/// How long an idempotency key is kept.
const KEY_DAYS: i64 = 1;

/// An environment to be recorded.
#[derive(Debug)]
pub struct NewEnvironment<'a> {
    /// Its id.
    pub id: EnvironmentId,
    /// Its first operation.
    pub operation: OperationId,
    /// What is wanted.
    pub spec: Spec,
    /// How long it is to live.
    pub lifetime: Lifetime,
    /// Its resources.
    pub entries: &'a [Entry],
    /// What its team may have.
    pub limits: TeamLimits,
    /// Who asks.
    pub asked_by: AskedBy,
    /// The time of the request.
    pub now: Timestamp,
    /// The request's idempotency key.
    pub idempotency: Option<Idempotency>,
}

/// A request's idempotency key.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// What makes the key one caller's for one route: a hash of team, method, route and key.
    pub key: String,
    /// What the request is, without its secrets.
    pub fingerprint: String,
}

/// What recording a new environment came to.
#[derive(Debug)]
pub enum Created {
    /// It is recorded.
    New(Box<Record>),
    /// The key was used for the same request before: these are the environment and the operation of then.
    Replayed(EnvironmentId, OperationId),
    /// The key was used for another request before.
    KeyReused,
    /// The name is taken.
    NameTaken(Reservation),
    /// The work pool is taken.
    PoolTaken(Reservation),
    /// The team has all that it may have.
    LimitReached(LimitReached),
}

impl Records {
    /// Records a new environment.
    pub async fn create(&self, new: NewEnvironment<'_>) -> Result<Created, Fault> {
        let share = Share::of(&new.spec);
        let record = Record {
            schema: SCHEMA,
            id: new.id,
            name: new.spec.name.clone(),
            team: new.spec.team.clone(),
            share: Some(share),
            status: Status::Pending,
            desired: Desired::Present,
            operation: Some(new.operation),
            fence: 1,
            version: 1,
            generation: 1,
            spec: new.spec,
            former_tags: BTreeSet::new(),
            applied_spec: None,
            zones: Vec::new(),
            intake_until: new.now + INTAKE,
            created_by: new.asked_by.clone(),
            deleted_by: None,
            removal: Removal::default(),
            removals_in_vain: 0,
            deletion_protection: new.lifetime.deletion_protection.map(|reason| Protection {
                reason,
                by: new.asked_by.clone(),
                since: new.now,
            }),
            expires_at: new.lifetime.expiry.map(|expiry| expiry.of_a_request(new.now)),
            created_at: new.now,
            ended_at: None,
            updated_at: new.now,
        };
        let operation = Operation::new(new.operation, OperationKind::Apply, 1, new.asked_by, new.now);
        let reservation = Reservation { schema: SCHEMA, environment_id: new.id, team: record.team.clone() };

        let mut parts = vec![
            self.put_new(&reservation, name_pk(&record.name), "NAME")?,
            self.put_new(&reservation, pool_pk(&record.spec.prefect.work_pool), "POOL")?,
            self.take_share(&record.team, share, &new.limits)?,
            self.put_new(&operation, environment_pk(new.id), &operation_sk(operation.id))?,
        ];
        parts.extend(self.put_record(None, &record, Some(new.now + UNSTARTED), None)?);
        for entry in new.entries {
            let planned = ResourceItem::planned(entry, new.now);
            parts.push(self.put_new(&planned, environment_pk(new.id), &resource_sk(&entry.key))?);
        }
        if let Some(idempotency) = &new.idempotency {
            parts.insert(0, self.take_key(idempotency, new.id, Some(new.operation), new.now)?);
        }

        let refused = match self.transact(parts).await? {
            Transacted::Done => return Ok(Created::New(Box::new(record))),
            Transacted::Refused(refused) => refused,
        };
        let mut refused = refused.into_iter();
        if let Some(idempotency) = &new.idempotency
            && let Some(used) = refused.next().flatten()
        {
            let used: IdempotencyItem = read(used)?;
            return Ok(match used.operation_id {
                Some(operation) if used.fingerprint == idempotency.fingerprint => {
                    Created::Replayed(used.environment_id, operation)
                }
                _ => Created::KeyReused,
            });
        }
        // A name that is taken is told first: who sends a request twice learns which environment it has.
        match [refused.next().flatten(), refused.next().flatten(), refused.next().flatten()] {
            [Some(name), ..] => Ok(Created::NameTaken(read(name)?)),
            [None, Some(pool), _] => Ok(Created::PoolTaken(read(pool)?)),
            [None, None, Some(team)] => Ok(Created::LimitReached(new.limits.reached(share, team)?)),
            [None, None, None] => Err(Fault::bug("a fresh environment id is in use")),
        }
    }
}

impl Operation {
    /// An operation that has not begun.
    pub(super) fn new(id: OperationId, kind: OperationKind, fence: u64, asked_by: AskedBy, now: Timestamp) -> Self {
        Operation {
            schema: SCHEMA,
            id,
            kind,
            status: OperationStatus::Pending,
            fence,
            asked_by,
            asked_at: now,
            started_at: None,
            deadline: None,
            turned: None,
            ended_at: None,
            steps: Vec::new(),
            verdict: None,
        }
    }
}

pub(super) fn operation_sk(id: OperationId) -> String {
    format!("OPERATION#{id}")
}

pub(super) fn name_pk(name: &str) -> String {
    format!("NAME#{name}")
}

pub(super) fn pool_pk(pool: &str) -> String {
    format!("POOL#{pool}")
}

impl Records {
    /// The part of a transaction that writes a new item.
    pub(super) fn put_new(&self, value: &impl Serialize, pk: String, sk: &str) -> Result<TransactWriteItem, Fault> {
        let item = write(value, pk, sk)?;
        self.conditional(Put::builder().set_item(Some(item)).condition_expression("attribute_not_exists(pk)"))
    }

    /// The part of a transaction that takes an idempotency key for an environment, for a day.
    pub(super) fn take_key(
        &self,
        idempotency: &Idempotency,
        id: EnvironmentId,
        operation: Option<OperationId>,
        now: Timestamp,
    ) -> Result<TransactWriteItem, Fault> {
        let item = IdempotencyItem {
            schema: SCHEMA,
            environment_id: id,
            operation_id: operation,
            fingerprint: idempotency.fingerprint.clone(),
            purge_at: in_days(now, KEY_DAYS),
        };
        let put = Put::builder()
            .set_item(Some(write(&item, format!("IDEMPOTENCY#{}", idempotency.key), "IDEMPOTENCY")?))
            // TTL deletes late: an expired key that is still there counts for nothing.
            .condition_expression("attribute_not_exists(pk) OR purge_at < :now")
            .expression_attribute_values(":now", number(now.as_second()));
        self.conditional(put)
    }

    /// A conditional put that shows the old item where it is refused.
    pub(super) fn conditional(&self, put: PutBuilder) -> Result<TransactWriteItem, Fault> {
        let put = put
            .table_name(&self.table)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|error| Fault::bug(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
