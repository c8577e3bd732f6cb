//! Strays: what is found of an environment that has ended, or that has no record.
//!
//! An environment that has ended is taken up again: what was found stands in its resources once more, and a new
//! operation removes it and proves that it is gone, as any other. It ends again as what it had ended as. It had
//! given back its name, its work pool and its share of the team's limits; the share is gone from the record and
//! cannot be given back twice. The name is reserved anew for the removal, where it is free: things that go by a name
//! are removed only under their reservation. Where the name is another environment's by now and something under it is
//! among what was found, nothing is taken back until the name is free; what AWS has given ids of its own can go.
//!
//! An environment without a record is adopted only by an operator's explicit command: it gets a record anew, from
//! what its things say, and goes the same way.

use super::{
    AskedBy, AttributeValue, Desired, Environment, Item, Operation, OperationKind, Record, Records, Removal,
    Reservation, ResourceItem, ResourceState, SCHEMA, Status, Transacted,
    change::{Change, Decision},
    create::{name_pk, operation_sk},
    environment_pk, read, resource_sk,
    take_over::hand_to_removal,
    text,
    transitions::{LOOK_AGAIN, expect_known},
    write,
};
use crate::{aws, survey::Sighting};
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use environment::{Code, Entry, EnvironmentId, Fault, Key, OperationId, Place, Spec, Subject, catalogue};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// For so long after an environment's end AWS's lists may still show what is gone.
const LISTS_LAG: SignedDuration = SignedDuration::from_mins(15);

/// The name under which the survey asks for operations.
pub const SURVEYOR: &str = "survey";

/// What was found of one environment, and who wants it gone.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// The environment.
    pub environment: EnvironmentId,
    /// The things.
    pub things: &'a [Sighting],
    /// The account, region and stack.
    pub place: &'a Place,
    /// The operation that is to remove them.
    pub next: OperationId,
    /// Who asks.
    pub asked_by: &'a AskedBy,
    /// Whether to say only what would be done.
    pub dry_run: bool,
}

/// What taking them back came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenBack {
    /// The environment has no record.
    Unknown,
    /// It has not ended, or only a moment ago.
    Alive,
    /// These are taken back.
    Yes {
        /// The fence of the operation that removes them. None where there is nothing to remove, or nothing was to
        /// be done.
        fence: Option<u64>,
        /// What is removed.
        taken: Vec<Sighting>,
        /// What is not: unknown to the environment, under a name that is another's by now, or still there after the
        /// survey has had it removed before.
        left: Vec<Sighting>,
    },
}

impl Record {
    /// Whether the environment has ended so long ago that AWS's lists must show it.
    pub fn has_ended_for_good(&self, now: Timestamp) -> bool {
        self.status.is_ended() && self.operation.is_none() && now.duration_since(self.updated_at) >= LISTS_LAG
    }
}

impl Records {
    /// An environment's record alone, read consistently.
    pub async fn record(&self, id: EnvironmentId) -> Result<Option<Record>, Fault> {
        self.one(environment_pk(id), "RECORD").await?.map(read).transpose()
    }

    /// Who holds a reservation.
    pub(super) async fn holder(&self, pk: &str, sk: &str) -> Result<Option<EnvironmentId>, Fault> {
        let reservation: Option<Reservation> = self.one(pk.to_owned(), sk).await?.map(read).transpose()?;
        Ok(reservation.map(|reservation| reservation.environment_id))
    }

    async fn one(&self, pk: String, sk: &str) -> Result<Option<Item>, Fault> {
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":sk", text(sk))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| aws::fault("dynamodb:Query", error))?;
        Ok(answer.items.unwrap_or_default().into_iter().next())
    }

    /// Takes up an environment that has ended, to remove what was found of it.
    pub async fn take_back(&self, findings: &Findings<'_>, now: Timestamp) -> Result<TakenBack, Fault> {
        let Some(record) = self.record(findings.environment).await? else { return Ok(TakenBack::Unknown) };
        let reserves_name = self.is_free_for(&record.name, findings.environment).await?;
        let changed = self.change(findings.environment, now, |environment| {
            let mut record = environment.record.clone();
            if !record.has_ended_for_good(now) {
                return Ok(Decision::Nothing(TakenBack::Alive));
            }
            let entries = entries(&record, findings.place);
            let Sorted { resources, taken, left } = sort(environment, &entries, findings, reserves_name, now);
            let Some(old) = environment.operations.first().filter(|_| !resources.is_empty() && !findings.dry_run)
            else {
                return Ok(Decision::Nothing(TakenBack::Yes { fence: None, taken, left }));
            };
            record.ended_at = record.ended_at.or(Some(record.updated_at));
            let next = hand_to_removal(&mut record, old, findings.next, now);
            let next = Operation { asked_by: findings.asked_by.clone(), ..next };
            let fence = Some(record.fence);
            let change = Change::of(record, Some(now + LOOK_AGAIN), vec![next]);
            let change = Change { resources, reserves_name, ..change };
            Ok(Decision::Write(Box::new(change), TakenBack::Yes { fence, taken, left }))
        });
        expect_known(changed.await?, TakenBack::Unknown)
    }

    /// Writes a record for an environment that has none, to remove what was found of it. `spec` is what the things
    /// say of it.
    pub async fn adopt(&self, findings: &Findings<'_>, spec: Spec, now: Timestamp) -> Result<TakenBack, Fault> {
        let reserves_name = self.is_free_for(&spec.name, findings.environment).await?;
        let record = adopted(findings, spec, now);
        let entries = entries(&record, findings.place);
        let planned = entries.iter().map(|entry| (entry.key.clone(), ResourceItem::planned(entry, now)));
        let resources: BTreeMap<Key, ResourceItem> = planned.collect();
        let mut environment =
            Environment { record, resources, steps: BTreeMap::new(), operations: Vec::new(), observation: None };
        let Sorted { resources, taken, left } = sort(&environment, &entries, findings, reserves_name, now);
        if resources.is_empty() || findings.dry_run {
            return Ok(TakenBack::Yes { fence: None, taken, left });
        }
        environment.resources.extend(resources.into_iter().map(|item| (item.key.clone(), item)));
        let Environment { record, resources, .. } = environment;
        let (id, asked_by) = (record.id, findings.asked_by.clone());
        let operation = Operation::new(findings.next, OperationKind::Delete, record.fence, asked_by, now);
        let mut parts = self.put_record(None, &record, Some(now + LOOK_AGAIN), None)?;
        parts.push(self.put_new(&operation, environment_pk(id), &operation_sk(operation.id))?);
        for resource in resources.values() {
            parts.push(self.put_new(resource, environment_pk(id), &resource_sk(&resource.key))?);
        }
        if reserves_name {
            parts.push(self.reserve_name(&record)?);
        }
        match self.transact(parts).await? {
            Transacted::Done => Ok(TakenBack::Yes { fence: Some(record.fence), taken, left }),
            Transacted::Refused(_) => Err(Fault::new(Code::Conflict, "Its record or its name was written meanwhile.")),
        }
    }

    async fn is_free_for(&self, name: &str, id: EnvironmentId) -> Result<bool, Fault> {
        Ok(self.holder(&name_pk(name), "NAME").await?.is_none_or(|holder| holder == id))
    }

    /// The part of a transaction that reserves the name of an environment that is taken up again.
    pub(super) fn reserve_name(&self, record: &Record) -> Result<TransactWriteItem, Fault> {
        let reservation = Reservation { schema: SCHEMA, environment_id: record.id, team: record.team.clone() };
        let put = Put::builder()
            .set_item(Some(write(&reservation, name_pk(&record.name), "NAME")?))
            .condition_expression("attribute_not_exists(pk) OR environment_id = :id")
            .set_expression_attribute_values(Some(HashMap::from([(
                ":id".to_owned(),
                AttributeValue::S(record.id.to_string()),
            )])));
        self.conditional(put)
    }
}

fn entries(record: &Record, place: &Place) -> Vec<Entry> {
    catalogue(&Subject { id: record.id, spec: &record.spec, zones: &record.zones, place })
}

/// The record of an environment that is being removed and of which nothing else is known.
fn adopted(findings: &Findings<'_>, spec: Spec, now: Timestamp) -> Record {
    Record {
        schema: SCHEMA,
        id: findings.environment,
        name: spec.name.clone(),
        team: spec.team.clone(),
        // It was never counted, or nobody knows: nothing is given back.
        share: None,
        status: Status::Deleting,
        desired: Desired::Absent,
        operation: Some(findings.next),
        fence: 1,
        generation: 1,
        version: 1,
        spec,
        former_tags: BTreeSet::new(),
        applied_spec: None,
        zones: Vec::new(),
        intake_until: now,
        created_by: findings.asked_by.clone(),
        deleted_by: Some(findings.asked_by.clone()),
        // Whoever has it removed wants it gone.
        removal: Removal { force: true, retain_logs: false },
        removals_in_vain: 0,
        deletion_protection: None,
        expires_at: None,
        created_at: i64::try_from(findings.environment.milliseconds())
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or(now),
        // Its name is reserved for the removal alone, and only where it is free.
        ended_at: Some(now),
        updated_at: now,
    }
}

/// The things, sorted.
#[derive(Default)]
struct Sorted {
    /// The resources with what was found of them.
    resources: Vec<ResourceItem>,
    taken: Vec<Sighting>,
    left: Vec<Sighting>,
}

/// Sorts what was found into what its environment knows and may remove, and the rest.
fn sort(
    environment: &Environment,
    entries: &[Entry],
    findings: &Findings<'_>,
    reserves_name: bool,
    now: Timestamp,
) -> Sorted {
    let newest = environment.operations.first();
    let was_here = newest.is_some_and(|newest| newest.asked_by.name == SURVEYOR);
    // What is still there after the survey has had it removed once would be removed in vain every hour.
    let in_vain = |item: &ResourceItem, thing: &Sighting| {
        was_here && findings.asked_by.name == SURVEYOR && item.id.as_deref() == Some(thing.id.as_str())
    };
    // The proof would remove what it finds under the name, too.
    let is_anothers = !reserves_name && findings.things.iter().any(|thing| thing.kind.is_addressed_by_name());
    let mut resources: BTreeMap<Key, ResourceItem> = BTreeMap::new();
    let mut sorted = Sorted::default();
    for thing in findings.things {
        let known = thing.key().filter(|key| entries.iter().any(|entry| entry.key == *key));
        let item = known.and_then(|key| environment.resources.get(&key)).filter(|item| {
            item.kind == thing.kind
                && matches!(item.state, ResourceState::Gone | ResourceState::Planned)
                && !is_anothers
                && !in_vain(item, thing)
        });
        let Some(item) = item else {
            sorted.left.push(thing.clone());
            continue;
        };
        // Of twins the second is found by the proof, which lists by tag.
        resources.entry(item.key.clone()).or_insert_with(|| found(item, ResourceState::Ready, Some(&thing.id), now));
        sorted.taken.push(thing.clone());
    }
    // What carries no tag and must go before its holders can.
    let is_held = |entry: &&Entry| !entry.kind.is_tagged() && !entry.kind.is_in_prefect() && entry.part_of.is_none();
    let untagged = entries.iter().filter(is_held);
    let held: Vec<ResourceItem> = untagged
        .filter(|entry| entry.after.iter().any(|key| resources.contains_key(key)))
        .filter_map(|entry| environment.resources.get(&entry.key))
        .map(|item| found(item, ResourceState::Settling, None, now))
        .collect();
    sorted.resources = resources.into_values().chain(held).collect();
    sorted
}

/// A resource that is there, or may be.
fn found(item: &ResourceItem, state: ResourceState, id: Option<&str>, now: Timestamp) -> ResourceItem {
    let mut item = ResourceItem { id: id.map(str::to_owned), arn: None, ..item.clone() };
    item.become_(state, now);
    (item.error, item.evidence, item.missed) = (None, None, None);
    item
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::Whose;
    use environment::{Kind, keys, tags};
    use serde_json::json;

    fn place() -> Place {
        Place {
            partition: "aws".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            stack: "prefect-environments".into(),
            role_path: "/".into(),
            permissions_boundary: None,
            worker_image: "image".into(),
            prefect_cloud_url: environment::place::PREFECT_CLOUD_URL.to_owned(),
        }
    }

    fn asked_by(name: &str) -> AskedBy {
        AskedBy::principal(name, "arn")
    }

    fn id() -> EnvironmentId {
        EnvironmentId::new(1, 1)
    }

    fn thing(kind: Kind, key: &Key, thing: &str) -> Sighting {
        let id = id().to_string();
        let tags = [(tags::ID, id.as_str()), (tags::RESOURCE, key.as_str())];
        Whose::Environment(EnvironmentId::new(1, 1)).sighting(kind, thing, tags).expect("a sighting")
    }

    /// An environment that has ended, all of whose resources are gone.
    fn ended(last_asked_by: &str) -> Environment {
        let uuid = "00000000-0000-0000-0000-000000000000";
        let spec: Spec = serde_json::from_value(json!({
            "name": "blue", "team": "data",
            "network": {
                "mode": "create", "vpc_cidr": "10.0.0.0/16", "public_subnets": ["10.0.0.0/24"],
                "private_subnets": [], "nat": "none",
            },
            "prefect": {
                "account_id": uuid, "workspace_id": uuid, "credential": {"kind": "api_key"}, "work_pool": "pool",
            },
            "worker": {
                "name": "worker", "image": "image", "cpu": 256, "memory": 512, "desired_count": 1, "command": [],
                "environment": {}, "secrets": {}, "capacity": "FARGATE",
            },
            "flows": {"policy_arns": []}, "log_retention_days": 30, "tags": {},
        }))
        .expect("a spec");
        let (asked_by, now) = (asked_by(last_asked_by), Timestamp::UNIX_EPOCH);
        let (place, next) = (place(), OperationId::new(1, 1));
        let findings =
            Findings { environment: id(), things: &[], place: &place, next, asked_by: &asked_by, dry_run: false };
        let record = Record { status: Status::Deleted, operation: None, ..adopted(&findings, spec, now) };
        let gone = entries(&record, &place).into_iter().map(|entry| {
            let mut item = ResourceItem::planned(&entry, now);
            item.become_(ResourceState::Gone, now);
            item.id = Some("old".to_owned());
            (entry.key, item)
        });
        let resources = gone.collect();
        let operations = vec![Operation::new(next, OperationKind::Delete, 1, asked_by, now)];
        Environment { record, resources, steps: BTreeMap::new(), operations, observation: None }
    }

    fn sorted(environment: &Environment, asked_by_name: &str, things: &[Sighting], reserves_name: bool) -> Sorted {
        let (place, asked_by) = (place(), asked_by(asked_by_name));
        let next = OperationId::new(2, 2);
        let findings = Findings { environment: id(), things, place: &place, next, asked_by: &asked_by, dry_run: false };
        sort(environment, &entries(&environment.record, &place), &findings, reserves_name, Timestamp::UNIX_EPOCH)
    }

    fn states(sorted: &Sorted) -> Vec<(&str, ResourceState, Option<&str>)> {
        sorted.resources.iter().map(|item| (item.key.as_str(), item.state, item.id.as_deref())).collect()
    }

    #[test]
    fn what_was_found_is_there_again_and_what_holds_it_may_be() {
        let things = [
            thing(Kind::Vpc, &keys::vpc(), "vpc-1"),
            thing(Kind::Vpc, &keys::vpc(), "vpc-2"),
            thing(Kind::Cluster, &keys::cluster(), "blue-cluster"),
        ];
        let sorted = sorted(&ended("somebody"), SURVEYOR, &things, true);
        assert_eq!(
            states(&sorted),
            [
                ("cluster/cluster", ResourceState::Ready, Some("blue-cluster")),
                ("network/vpc", ResourceState::Ready, Some("vpc-1")),
                // Without a tag it is not found by itself, and nothing of the VPC goes before it.
                ("network/internet-gateway-attachment", ResourceState::Settling, None),
            ]
        );
        assert_eq!((sorted.taken.len(), sorted.left.len()), (3, 0), "of twins the proof finds the second");
        assert!(sorted.resources.iter().all(|item| item.evidence.is_none()), "the evidence has been refuted");
    }

    #[test]
    fn under_a_name_that_is_anothers_nothing_is_taken() {
        let things = [
            thing(Kind::Vpc, &keys::vpc(), "vpc-1"),
            thing(Kind::Cluster, &keys::cluster(), "blue-cluster"),
            thing(Kind::Role, &keys::execution_role(), "blue-task-execution-role"),
            thing(Kind::Secret, &keys::secret(), "arn"),
        ];
        let all = sorted(&ended("somebody"), SURVEYOR, &things, false);
        assert_eq!((all.taken.as_slice(), all.left.as_slice()), ([].as_slice(), things.as_slice()));
        let without_names = sorted(&ended("somebody"), SURVEYOR, &things[..1], false);
        assert_eq!((without_names.taken.as_slice(), without_names.left.len()), (&things[..1], 0));
    }

    #[test]
    fn what_the_environment_does_not_know_is_left() {
        let things = [
            thing(Kind::Vpc, &Key::new("network/vpc-2"), "vpc-1"),
            thing(Kind::Subnet, &keys::vpc(), "subnet-1"),
            Sighting { resource: None, ..thing(Kind::Vpc, &keys::vpc(), "vpc-1") },
        ];
        let sorted = sorted(&ended("somebody"), SURVEYOR, &things, true);
        assert_eq!((states(&sorted), sorted.left.as_slice()), (vec![], things.as_slice()));
    }

    #[test]
    fn the_survey_does_not_remove_in_vain_every_hour_but_an_operator_may_try_again() {
        let things = [thing(Kind::Cluster, &keys::cluster(), "old")];
        let taken = |last: &str, now: &str| sorted(&ended(last), now, &things, true).taken.len();
        assert_eq!(taken("somebody", SURVEYOR), 1, "the first time");
        assert_eq!(taken(SURVEYOR, SURVEYOR), 0, "it is still there after that");
        assert_eq!(taken(SURVEYOR, "operator"), 1, "an operator knows why");
    }

    #[test]
    fn an_end_counts_when_lists_have_had_time_to_show_it() {
        let Environment { record, .. } = ended("somebody");
        let later = |minutes| record.updated_at + SignedDuration::from_mins(minutes);
        assert!(!record.has_ended_for_good(later(14)) && record.has_ended_for_good(later(15)));
        for status in Status::ALL.into_iter().filter(|status| !status.is_ended()) {
            let record = Record { status, ..record.clone() };
            assert!(!record.has_ended_for_good(later(10_000)), "{status:?}");
        }
        let taken_up = Record { operation: Some(OperationId::new(3, 3)), ..record.clone() };
        assert!(!taken_up.has_ended_for_good(later(10_000)), "an operation has it");
    }
}
