//! The catalogue: what an environment consists of, as a pure function of its spec.
//!
//! Everything that makes, shows, corrects, removes or documents resources reads this one list.

mod cluster;
mod events;
pub mod identity;
mod network;
pub mod scaling;
pub mod worker;

pub use cluster::{CLUSTER_SUFFIX, LOG_GROUP_PREFIX};
pub use events::{DEAD_LETTER_QUEUE_SUFFIX, QUEUE_SUFFIX, RULE_SUFFIX};
pub use worker::FAMILY_SUFFIX;

use crate::{
    id::EnvironmentId,
    key::Key,
    kind::Kind,
    place::Place,
    properties::{Properties, Reference, reference, references_of},
    spec::Spec,
    step::Step,
    tags,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One resource of an environment.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How the environment calls it.
    pub key: Key,
    /// Its kind.
    pub kind: Kind,
    /// The step that makes and removes it.
    pub step: Step,
    /// What must be ready before it is made, and may go only after it where it
    /// [holds](Kind::holds) that.
    pub after: BTreeSet<Key>,
    /// What it is part of: it goes when that goes, without a call of its own.
    pub part_of: Option<Key>,
    /// Its properties. They may refer to other resources.
    pub wanted: Properties,
}

/// Whose catalogue it is, and where.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The environment.
    pub id: EnvironmentId,
    /// Its spec.
    pub spec: &'a Spec,
    /// The availability zones, by zone id, chosen once at the environment's first step. Empty before.
    pub zones: &'a [String],
    /// The account, region and stack.
    pub place: &'a Place,
}

/// Every resource of the environment, each after what it needs.
pub fn catalogue(subject: &Subject<'_>) -> Vec<Entry> {
    let mut entries = network::entries(subject);
    entries.extend(identity::entries(subject));
    entries.extend(cluster::entries(subject));
    entries.extend(events::entries(subject));
    entries.extend(worker::entries(subject));
    entries.extend(scaling::entries(subject));
    entries
}

/// What the environment may still have of another spec that it had before a change, and is not in its catalogue. Of
/// these there is what is recorded.
pub fn predecessors(subject: &Subject<'_>) -> Vec<Entry> {
    let mut known: BTreeSet<Key> = catalogue(subject).into_iter().map(|entry| entry.key).collect();
    let before = subject.spec.predecessors();
    let entries = before.iter().flat_map(|spec| catalogue(&Subject { spec, ..*subject }));
    entries.filter(|entry| known.insert(entry.key.clone())).collect()
}

impl Entry {
    /// An entry that comes after everything its properties refer to.
    fn new(step: Step, kind: Kind, key: Key, wanted: Value) -> Entry {
        let after = references_of(&wanted).into_iter().map(Reference::into_key).collect();
        let wanted = match wanted {
            Value::Object(properties) => properties,
            _ => Properties::new(),
        };
        Entry { key, kind, step, after, part_of: None, wanted }
    }

    /// The same entry, after these as well.
    fn after(mut self, keys: impl IntoIterator<Item = Key>) -> Entry {
        self.after.extend(keys);
        self
    }

    /// The same entry, going when that goes.
    fn part_of(mut self, key: Key) -> Entry {
        self.part_of = Some(key);
        self
    }

    /// The same entry with the tags that everything carries, the team's own among them.
    fn tagged(mut self, subject: &Subject<'_>, name: &str) -> Entry {
        let mut tags = vec![
            json!({"Key": "Name", "Value": name}),
            json!({"Key": tags::ID, "Value": subject.id}),
            json!({"Key": tags::RESOURCE, "Value": self.key}),
            json!({"Key": tags::STACK, "Value": subject.place.stack}),
            json!({"Key": tags::TEAM, "Value": subject.spec.team}),
        ];
        tags.extend(subject.spec.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})));
        self.wanted.insert("Tags".to_owned(), Value::Array(tags));
        self
    }
}

/// The keys that other groups' entries and the outputs refer to.
pub mod keys {
    use super::Key;

    macro_rules! keys {
        ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
            $($(#[$doc])* pub fn $name() -> Key { Key::new($text) })*
        };
    }

    keys! {
        /// The VPC.
        vpc = "network/vpc";
        /// The internet gateway.
        internet_gateway = "network/internet-gateway";
        /// Its attachment.
        internet_gateway_attachment = "network/internet-gateway-attachment";
        /// The public subnets' route table.
        public_route_table = "network/public-route-table";
        /// The worker's security group.
        security_group = "network/security-group";
        /// The secret with the credential for Prefect.
        secret = "identity/secret";
        /// The secret with the worker's own API key.
        worker_secret = "identity/worker-secret";
        /// The worker's execution role.
        execution_role = "identity/task-execution-role";
        /// The worker's task role.
        worker_task_role = "identity/worker-task-role";
        /// The flow runs' execution role.
        flow_execution_role = "identity/flow-execution-role";
        /// The flow runs' task role.
        flow_task_role = "identity/flow-task-role";
        /// The ECS cluster.
        cluster = "cluster/cluster";
        /// The namespace.
        namespace = "cluster/namespace";
        /// The worker's log group.
        worker_log_group = "cluster/worker-log-group";
        /// The flow runs' log group.
        flows_log_group = "cluster/flows-log-group";
        /// The queue of ECS task events.
        events_queue = "worker/events-queue";
        /// The queue of the events that the worker could not handle.
        events_dead_letter_queue = "worker/events-dead-letter-queue";
        /// The rule that sends ECS task events to the queue.
        task_events_rule = "worker/task-events-rule";
        /// The worker's task definition.
        task_definition = "worker/task-definition";
        /// What the worker registers for its flows.
        flow_definitions = "worker/flow-definitions";
        /// The worker's service.
        service = "worker/service";
        /// The bounds within which AWS sets the service's number of tasks.
        scalable_target = "worker/scalable-target";
        /// What AWS sets it by.
        scaling_policy = "worker/scaling-policy";
        /// The work pool, in Prefect.
        work_pool = "worker/work-pool";
        /// The service's workers, in Prefect.
        online = "worker/online";
    }

    /// The public subnet of this number, counted from 1.
    pub fn public_subnet(number: usize) -> Key {
        Key::new(format!("network/public-subnet-{number}"))
    }

    /// The private subnet of this number, counted from 1.
    pub fn private_subnet(number: usize) -> Key {
        Key::new(format!("network/private-subnet-{number}"))
    }
}

fn references(keys: impl IntoIterator<Item = Key>) -> Value {
    keys.into_iter().map(|key| reference(&key)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::spec::*;

    pub(crate) fn place() -> Place {
        Place {
            partition: "aws".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            stack: "prefect-environments".into(),
            role_path: "/prefect-environments/prefect-environments/".into(),
            permissions_boundary: None,
            worker_image: "prefecthq/prefect-aws:0.7-python3.12".into(),
            prefect_cloud_url: crate::place::PREFECT_CLOUD_URL.to_owned(),
        }
    }

    pub(crate) fn spec(nat: Nat) -> Spec {
        let range = |third: u8| format!("10.0.{third}.0/24").parse().expect("a range");
        Spec {
            name: "prefect".into(),
            team: "data".into(),
            network: Network::Create {
                vpc_cidr: "10.0.0.0/16".parse().expect("a range"),
                public_subnets: (1..=3).map(range).collect(),
                private_subnets: if nat == Nat::None { vec![] } else { (4..=6).map(range).collect() },
                nat,
            },
            prefect: Prefect {
                server: Server::Cloud { account_id: uuid::Uuid::from_u128(1), workspace_id: uuid::Uuid::from_u128(2) },
                credential: Credential::ApiKey,
                key_version: None,
                worker_key: None,
                work_pool: "ecs-work-pool".into(),
                adopt_pool: false,
                verify: true,
            },
            worker: Worker {
                name: "dev-worker".into(),
                image: "prefecthq/prefect-aws:0.7-python3.12".into(),
                cpu: 512,
                memory: 1024,
                count: Count::Fixed { desired_count: 1 },
                command: ["prefect", "worker", "start"].map(String::from).to_vec(),
                environment: Default::default(),
                secrets: Default::default(),
                capacity: Capacity::Fargate,
            },
            flows: Flows { policy_arns: vec![] },
            log_retention_days: 30,
            tags: Default::default(),
        }
    }

    /// The same, whose number of workers AWS sets.
    pub(crate) fn scaled(nat: Nat) -> Spec {
        let mut spec = spec(nat);
        spec.worker.count = Count::Scaled { autoscaling: Autoscaling { min: 2, max: 5, cpu_target: 70 } };
        spec
    }

    pub(crate) fn entries(spec: &Spec) -> Vec<Entry> {
        let place = place();
        let zones = ["euw1-az1", "euw1-az2", "euw1-az3"].map(String::from);
        catalogue(&Subject { id: EnvironmentId::new(1, 1), spec, zones: &zones, place: &place })
    }

    #[test]
    fn every_entry_comes_after_what_it_needs_and_nothing_has_two_entries() {
        for nat in [Nat::Single, Nat::PerAz, Nat::None] {
            let mut before = BTreeSet::new();
            for entry in entries(&scaled(nat)) {
                for key in &entry.after {
                    assert!(before.contains(key), "{} comes before {key}, which it needs", entry.key);
                }
                assert!(before.insert(entry.key.clone()), "{} is there twice", entry.key);
            }
        }
    }

    /// The keys of what there may be of another spec.
    fn left_of_before(nat: Nat) -> Vec<String> {
        let (spec, place) = (spec(nat), place());
        let subject = Subject { id: EnvironmentId::new(1, 1), spec: &spec, zones: &[], place: &place };
        predecessors(&subject).into_iter().map(|entry| entry.key.to_string()).collect()
    }

    const WHATEVER_THE_NETWORK: [&str; 3] =
        ["worker/scalable-target", "worker/scaling-policy", "identity/worker-secret"];

    #[test]
    fn what_a_change_leaves_behind_is_known_from_the_spec_alone() {
        let keys = |suffix: &str| {
            ["route-table", "nat-address", "nat-gateway", "route"].map(|what| {
                let private = if what.contains("nat") { "" } else { "private-" };
                format!("network/{private}{what}{suffix}")
            })
        };
        let and_others = |keys: &[String]| [keys, &WHATEVER_THE_NETWORK.map(str::to_owned)].concat();
        assert_eq!(left_of_before(Nat::PerAz), and_others(&keys("")));
        assert_eq!(left_of_before(Nat::Single), and_others(&["-1", "-2", "-3"].map(keys).concat()));
        assert_eq!(left_of_before(Nat::None), WHATEVER_THE_NETWORK, "no other way out leads from or to none");
    }

    #[test]
    fn what_is_tagged_carries_its_owner_and_what_is_not_is_part_of_something() {
        for entry in entries(&scaled(Nat::PerAz)) {
            let tags = entry.wanted.get("Tags").map(Value::to_string).unwrap_or_default();
            if entry.kind.is_tagged() {
                for tag in ["\"Name\"", tags::ID, tags::RESOURCE, tags::STACK, tags::TEAM] {
                    assert!(tags.contains(tag), "{} has no tag {tag}", entry.key);
                }
            } else {
                assert!(tags.is_empty(), "{} cannot carry tags", entry.key);
            }
        }
    }

    #[test]
    fn a_request_fits_into_one_transaction() {
        // 100 items at most: the resources, the record, the operation, three reservations and the key.
        assert!(entries(&scaled(Nat::PerAz)).len() + 6 <= 100);
    }
}
