//! The plan: what becomes of each resource, said before anything is done.
//!
//! A plan compares two catalogues by key: that of what was applied and that of what is wanted. It is the same
//! [`diff`] by which a turn corrects and a look for drift judges, so that what is told is what is done. Both sides
//! are known whole here: a property that only one of them has is a difference, too.

use crate::{
    catalogue::Entry,
    key::Key,
    kind::{Kind, TAGS},
    properties::{Properties, Reference, diff, references_of},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of every resource of an environment.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Plan {
    /// How many resources are made.
    pub create: usize,
    /// How many are changed where they are.
    pub change: usize,
    /// How many are made anew, because AWS cannot change them so.
    pub replace: usize,
    /// How many are removed.
    pub delete: usize,
    /// How many stay as they are.
    pub keep: usize,
    /// Each of them: first what is wanted, in the order in which it is made, then what is not wanted any more.
    pub resources: Vec<Planned>,
}

/// What becomes of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Planned {
    /// The resource.
    pub key: Key,
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// What becomes of it.
    pub action: Fate,
    /// Which of its properties change. Only of what is changed or replaced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PlannedChange>,
}

/// What becomes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is made.
    Create,
    /// It is changed where it is.
    Change,
    /// It is made anew.
    Replace,
    /// It is removed.
    Delete,
    /// It stays as it is.
    Keep,
}

/// A property that changes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PlannedChange {
    /// Its name.
    pub property: String,
    /// What it is. Null where it is not set.
    pub from: Value,
    /// What it becomes. References to other resources stand for ids, as in CloudFormation.
    pub to: Value,
    /// The resource that is made anew and that this property refers to: it reads as before and means another id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<Key>,
}

impl Plan {
    /// What becomes of everything when one catalogue takes the other's place. Nothing was applied before a create,
    /// and nothing is wanted of what is deleted.
    pub fn between(applied: &[Entry], wanted: &[Entry]) -> Plan {
        let before: BTreeMap<&Key, &Entry> = applied.iter().map(|entry| (&entry.key, entry)).collect();
        let mut anew = BTreeSet::new();
        let mut resources: Vec<Planned> = Vec::new();
        // Each entry comes after what it refers to, so that whatever is made anew is known by then.
        for entry in wanted {
            let planned = match before.get(&entry.key) {
                None => Planned::of(entry, Fate::Create, Vec::new()),
                Some(before) => becomes(before, entry, &anew),
            };
            let has_another_id = match planned.action {
                Fate::Create | Fate::Replace => true,
                Fate::Change => entry.kind.has_another_id_after_a_change(),
                Fate::Delete | Fate::Keep => false,
            };
            if has_another_id {
                anew.insert(entry.key.clone());
            }
            resources.push(planned);
        }
        let is_wanted: BTreeSet<&Key> = wanted.iter().map(|entry| &entry.key).collect();
        let unwanted = applied.iter().filter(|entry| !is_wanted.contains(&entry.key));
        resources.extend(unwanted.map(|entry| Planned::of(entry, Fate::Delete, Vec::new())));
        Plan::of(resources)
    }

    fn of(resources: Vec<Planned>) -> Plan {
        let count = |fate| resources.iter().filter(|planned| planned.action == fate).count();
        Plan {
            create: count(Fate::Create),
            change: count(Fate::Change),
            replace: count(Fate::Replace),
            delete: count(Fate::Delete),
            keep: count(Fate::Keep),
            resources,
        }
    }

    /// Whether a resource stays as it is, but for its tags: that is nothing to wait for.
    pub fn keeps(&self, key: &Key) -> bool {
        let planned = self.resources.iter().find(|planned| planned.key == *key);
        planned.is_some_and(|it| match it.action {
            Fate::Keep => true,
            Fate::Change => it.changes.iter().all(|change| change.property == TAGS),
            Fate::Create | Fate::Replace | Fate::Delete => false,
        })
    }

    /// What becomes of a resource.
    pub fn fate(&self, key: &Key) -> Option<Fate> {
        self.resources.iter().find(|planned| planned.key == *key).map(|planned| planned.action)
    }
}

impl Planned {
    fn of(entry: &Entry, action: Fate, changes: Vec<PlannedChange>) -> Planned {
        Planned { key: entry.key.clone(), kind: entry.kind, action, changes }
    }
}

/// What becomes of a resource that is wanted as before or otherwise, while these others are made anew.
fn becomes(before: &Entry, after: &Entry, anew: &BTreeSet<Key>) -> Planned {
    let mut changes: Vec<PlannedChange> =
        diff(&whole(&after.wanted, &before.wanted), &whole(&before.wanted, &after.wanted))
            .into_iter()
            .map(|change| PlannedChange {
                property: change.property,
                from: change.seen,
                to: change.wanted,
                follows: None,
            })
            .collect();
    for (property, value) in &after.wanted {
        let follows = references_of(value).into_iter().map(Reference::into_key).find(|key| anew.contains(key));
        if follows.is_some() && changes.iter().all(|change| change.property != *property) {
            changes.push(PlannedChange { property: property.clone(), from: value.clone(), to: value.clone(), follows });
        }
    }
    let is_changed = |change: &PlannedChange| {
        after.kind.can_change(&change.property) && !after.kind.is_replaced_by(&change.property)
    };
    let fate = match changes.as_slice() {
        [] => Fate::Keep,
        changes if changes.iter().all(is_changed) => Fate::Change,
        _ => Fate::Replace,
    };
    Planned::of(after, fate, changes)
}

/// The properties, with null for those that only the other side has.
fn whole(properties: &Properties, other: &Properties) -> Properties {
    let mut whole: Properties = other.keys().map(|name| (name.clone(), Value::Null)).collect();
    whole.extend(properties.clone());
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalogue::{
            keys,
            tests::{entries, scaled, spec},
        },
        spec::{Autoscaling, Capacity, Count, Nat, Network, Spec},
    };
    use serde_json::json;

    fn plan(from: &Spec, to: &Spec) -> Plan {
        Plan::between(&entries(from), &entries(to))
    }

    /// What does not stay as it is, as `fate key: properties`.
    fn told(plan: &Plan) -> Vec<String> {
        let moved = plan.resources.iter().filter(|planned| planned.action != Fate::Keep);
        let told = moved.map(|planned| {
            let properties: Vec<&str> = planned.changes.iter().map(|change| change.property.as_str()).collect();
            let fate = json!(planned.action);
            format!("{} {} {}", fate.as_str().unwrap_or_default(), planned.key, properties.join(" "))
                .trim_end()
                .to_owned()
        });
        told.collect()
    }

    #[test]
    fn a_create_makes_everything_and_a_delete_removes_it() {
        let all = entries(&spec(Nat::Single));
        let create = Plan::between(&[], &all);
        assert_eq!((create.create, create.resources.len()), (all.len(), all.len()));
        let delete = Plan::between(&all, &[]);
        assert_eq!((delete.delete, delete.resources.len()), (all.len(), all.len()));
    }

    #[test]
    fn what_is_wanted_as_before_stays() {
        let plan = plan(&spec(Nat::Single), &spec(Nat::Single));
        assert_eq!((told(&plan), plan.keep), (vec![], entries(&spec(Nat::Single)).len()));
    }

    #[test]
    fn what_aws_can_change_is_changed_by_its_property() {
        let mut more = spec(Nat::Single);
        more.worker.count = Count::Fixed { desired_count: 3 };
        more.log_retention_days = 90;
        let plan = plan(&spec(Nat::Single), &more);
        assert_eq!(
            told(&plan),
            [
                "change cluster/worker-log-group RetentionInDays",
                "change cluster/flows-log-group RetentionInDays",
                "change worker/service DesiredCount",
            ]
        );
        let service = plan.resources.iter().find(|planned| planned.key == keys::service()).expect("the service");
        let change = PlannedChange { property: "DesiredCount".into(), from: json!(1), to: json!(3), follows: None };
        assert_eq!(service.changes, [change]);
    }

    #[test]
    fn other_bounds_change_the_target_and_autoscaling_comes_and_goes_beside_the_service() {
        let (fixed, scaled) = (spec(Nat::Single), scaled(Nat::Single));
        let mut wider = scaled.clone();
        wider.worker.count = Count::Scaled { autoscaling: Autoscaling { min: 2, max: 9, cpu_target: 50 } };
        let service = "change worker/service DesiredCount";
        let target = "change worker/scalable-target MaxCapacity";
        let policy = "change worker/scaling-policy TargetTrackingScalingPolicyConfiguration";
        assert_eq!(told(&plan(&scaled, &wider)), [service, target, policy]);
        let comes = ["create worker/scalable-target", "create worker/scaling-policy"];
        assert_eq!(told(&plan(&fixed, &scaled)), [service, comes[0], comes[1]]);
        let goes = ["delete worker/scalable-target", "delete worker/scaling-policy"];
        assert_eq!(told(&plan(&scaled, &fixed)), [service, goes[0], goes[1]]);
    }

    #[test]
    fn other_tags_change_everything_that_carries_tags_and_make_nothing_anew() {
        let mut tagged = spec(Nat::Single);
        tagged.tags.insert("cost".into(), "1".into());
        let plan = plan(&spec(Nat::Single), &tagged);
        let carrying = entries(&tagged).iter().filter(|entry| entry.kind.is_tagged()).count();
        assert_eq!((plan.change, plan.replace, plan.create), (carrying, 0, 0));
        let mut changes = plan.resources.iter().flat_map(|planned| &planned.changes);
        assert!(changes.all(|change| change.property == TAGS), "nothing follows anything");
        assert!(entries(&tagged).iter().all(|entry| plan.keeps(&entry.key)), "nothing is waited for");
    }

    #[test]
    fn another_key_is_another_revision_that_the_service_rolls_out_to() {
        let mut rotated = spec(Nat::Single);
        rotated.prefect.key_version = Some(uuid::Uuid::from_u128(3));
        assert_eq!(
            told(&plan(&spec(Nat::Single), &rotated)),
            [
                "change identity/secret VersionId",
                "replace worker/task-definition ContainerDefinitions",
                "change worker/service TaskDefinition",
            ]
        );
    }

    #[test]
    fn a_key_of_the_workers_own_is_one_more_secret_that_its_roles_read_instead() {
        let mut own = spec(Nat::Single);
        own.prefect.worker_key = Some(crate::spec::WorkerKey { version: Some(uuid::Uuid::from_u128(3)) });
        let pool = "change worker/work-pool Defaults";
        assert_eq!(
            told(&plan(&spec(Nat::Single), &own)),
            [
                "create identity/worker-secret",
                "change identity/task-execution-role Policies",
                "change identity/flow-execution-role Policies",
                "replace worker/task-definition ContainerDefinitions",
                "change worker/service TaskDefinition",
                pool,
            ]
        );
        let gone = plan(&own, &spec(Nat::Single));
        assert_eq!((gone.create, gone.delete, gone.replace), (0, 1, 1));
    }

    #[test]
    fn what_refers_to_something_made_anew_follows_it() {
        let mut larger = spec(Nat::Single);
        larger.worker.memory = 2048;
        let plan = plan(&spec(Nat::Single), &larger);
        let definition = "replace worker/task-definition ContainerDefinitions Memory";
        assert_eq!(told(&plan), [definition, "change worker/service TaskDefinition"]);
        let service = plan.resources.iter().find(|planned| planned.key == keys::service()).expect("the service");
        assert_eq!(service.changes[0].follows, Some(keys::task_definition()));
    }

    #[test]
    fn what_refers_to_something_that_is_missing_follows_what_is_made_in_its_place() {
        let all = entries(&spec(Nat::Single));
        let mut there = all.clone();
        there.retain(|entry| entry.key != Key::new("network/nat-gateway"));
        assert_eq!(
            told(&Plan::between(&there, &all)),
            ["create network/nat-gateway", "change network/private-route NatGatewayId"]
        );
    }

    #[test]
    fn a_network_of_another_range_takes_everything_in_it_along() {
        let mut wider = spec(Nat::Single);
        let Network::Create { vpc_cidr, .. } = &mut wider.network;
        *vpc_cidr = "10.0.0.0/12".parse().expect("a range");
        let plan = plan(&spec(Nat::Single), &wider);
        let in_it = |planned: &&Planned| planned.key.as_str().starts_with("network/");
        for planned in plan.resources.iter().filter(in_it) {
            // The gateway and the addresses stand by themselves.
            let stands_alone = [Kind::InternetGateway, Kind::Eip].contains(&planned.kind);
            let fate = if stands_alone { Fate::Keep } else { Fate::Replace };
            // A route in a new table and an association of a new subnet are new, too.
            assert_eq!(planned.action, fate, "{}", planned.key);
        }
        assert_eq!(plan.fate(&keys::namespace()), Some(Fate::Replace));
        assert_eq!(plan.fate(&keys::cluster()), Some(Fate::Keep));
    }

    #[test]
    fn what_only_one_side_has_is_made_or_removed() {
        let plan = plan(&spec(Nat::Single), &spec(Nat::PerAz));
        let fates = ["network/nat-gateway", "network/nat-gateway-2", "network/private-association-1"]
            .map(|key| plan.fate(&Key::new(key)));
        assert_eq!(fates, [Some(Fate::Delete), Some(Fate::Create), Some(Fate::Change)]);
        assert_eq!(plan.resources.last().map(|planned| planned.action), Some(Fate::Delete));
    }

    #[test]
    fn a_property_that_only_one_side_has_is_a_change() {
        let mut spot = spec(Nat::Single);
        spot.worker.capacity = Capacity::FargateSpot;
        let plan = plan(&spec(Nat::Single), &spot);
        assert_eq!(
            told(&plan),
            ["change worker/service CapacityProviderStrategy LaunchType", "change worker/work-pool Defaults"]
        );
    }
}
