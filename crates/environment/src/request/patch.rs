//! From a patch of an environment to the spec that it asks for.
//!
//! A JSON merge patch (RFC 7396) is merged into the [`document`] of the current spec, and what comes out is read by
//! the very parser that reads requests: there is one set of rules. What cannot be changed is told besides, by name.
//! What the operator has taken off the lists since may stay as it is, and is not given anew.

use super::{
    Credentials, Defaults,
    document::document,
    fields::Field,
    fingerprint, read,
    violation::{Report, Violation, ViolationCode, member},
};
use crate::{
    lifetime::{Expiry, Lifetime},
    spec::{Count, Credential, Spec, WorkerKey},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A patch that breaks no rule.
#[derive(Debug)]
pub struct Patch {
    /// What the environment is to be. Which version of its secret a new credential is, is for [`Patch::spec_of`] to say.
    pub spec: Spec,
    /// How long it is to live.
    pub lifetime: Lifetime,
    /// The new credentials that came with it, for the environment's own secrets.
    pub credentials: Credentials,
}

impl Patch {
    /// The spec with the new credentials as the versions that a change of this id brings.
    pub fn spec_of(&self, change: Uuid) -> Spec {
        let mut spec = self.spec.clone();
        if self.credentials.prefect.is_some() {
            spec.prefect.key_version = Some(change);
        }
        if self.credentials.worker.is_some() {
            spec.prefect.worker_key = Some(WorkerKey { version: Some(change) });
        }
        spec
    }
}

/// What stands in the document for a credential that the environment keeps, so that the rule that there must be one
/// holds. It is read and never used.
const KEPT: [(&str, &str); 3] = [("api_key", "kept"), ("auth_string", "kept:kept"), (WORKER_KEY, "kept")];
const WORKER_KEY: &str = "worker_api_key";

/// What an environment is for ever. Its resources are made of these, or named after them.
const IMMUTABLE: &[&str] = &[
    "/name",
    "/team",
    "/network/mode",
    "/network/vpc_cidr",
    "/network/public_subnets",
    "/network/private_subnets",
    NAT,
    "/prefect/account_id",
    "/prefect/workspace_id",
    "/prefect/api_url",
    "/prefect/work_pool",
    "/prefect/adopt_pool",
    "/prefect/verify",
    "/worker/name",
];

/// How many NAT gateways lead out can be changed; whether any does cannot: the private subnets hang on it.
const NAT: &str = "/network/nat";

/// The objects whose members' names are the caller's.
const MAPS: &[&str] = &["/tags", "/worker/environment", "/worker/secrets"];

/// Reads a patch of an environment that is to be as `current` so far.
pub fn read_patch(
    current: &Spec,
    lifetime: &Lifetime,
    patch: &Value,
    defaults: &Defaults<'_>,
) -> Result<Patch, Vec<Violation>> {
    let before = document(current);
    let mut after = before.clone();
    keep_lifetime(&mut after, lifetime, patch);
    keep_credentials(&mut after, current, patch);
    keep_count(&mut after, &current.worker.count, patch);
    merge(&mut after, patch, "");
    let (mut spec, lifetime, mut credentials) = match read_changed(current, &after, defaults) {
        // It counts what was meant and not how it is written: a range, or a URL, has more than one spelling.
        Ok(read) => {
            let changed: Vec<_> = changed(&before, &document(&read.0)).map(immutable).collect();
            if changed.is_empty() { read } else { return Err(changed) }
        }
        Err(violations) if !patch.is_object() => return Err(violations),
        Err(_) => return Err(violations_beside_the_immutable(current, &before, after, defaults)),
    };
    if kind_of(&spec.prefect.credential) != kind_of(&current.prefect.credential) {
        let detail = "Whether there is a credential, and in whose secret it is kept, cannot be changed.";
        return Err(vec![Violation::new(credential_in(patch), ViolationCode::Immutable, detail)]);
    }
    let is_new = |name: &str| patch["prefect"][name].is_string();
    credentials.prefect = credentials.prefect.filter(|_| is_new("api_key") || is_new("auth_string"));
    credentials.worker = credentials.worker.filter(|_| is_new(WORKER_KEY));
    spec.prefect.key_version = current.prefect.key_version;
    // One that was there stays as it is, or goes.
    spec.prefect.worker_key = spec.prefect.worker_key.map(|new| current.prefect.worker_key.clone().unwrap_or(new));
    Ok(Patch { spec, lifetime, credentials })
}

/// Tells whether another patch asks for the same. It knows nothing of a credential but that there is one.
pub fn fingerprint_of_patch(patch: &Value) -> String {
    let mut patch = patch.clone();
    for (name, kept) in KEPT {
        if let Some(credential) = patch.pointer_mut(&format!("/prefect/{name}")).filter(|value| value.is_string()) {
            *credential = Value::from(kept);
        }
    }
    fingerprint::of_value(&patch)
}

/// The places at which something is other than before and must not be.
fn changed(before: &Value, after: &Value) -> impl Iterator<Item = &'static str> {
    let at = |document: &Value, pointer| match document.pointer(pointer)? {
        Value::Null => None,
        nat if pointer == NAT => Some(Value::from(nat != "none")),
        value => Some(value.clone()),
    };
    IMMUTABLE.iter().copied().filter(move |pointer| at(before, pointer) != at(after, pointer))
}

fn immutable(pointer: &str) -> Violation {
    Violation::new(pointer, ViolationCode::Immutable, "This cannot be changed.")
}

/// Everything that is wrong with a patch: what it must not change, and the rules that the rest of it breaks. What
/// would only follow from such a change is not told: it will not be.
fn violations_beside_the_immutable(
    current: &Spec,
    before: &Value,
    mut after: Value,
    defaults: &Defaults<'_>,
) -> Vec<Violation> {
    let changed: Vec<&'static str> = changed(before, &after).collect();
    for pointer in &changed {
        let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
        let Some(Value::Object(members)) = after.pointer_mut(parent) else { continue };
        match before.pointer(pointer) {
            Some(value) => members.insert(name.to_owned(), value.clone()),
            None => members.remove(name),
        };
    }
    let others = read_changed(current, &after, defaults).err().unwrap_or_default();
    let told: BTreeSet<String> = others.iter().map(|violation| violation.pointer.clone()).collect();
    // Where a whole section is no object, that is said once.
    let is_told = |pointer: &str| pointer.rsplit_once('/').is_some_and(|(parent, _)| told.contains(parent));
    changed.into_iter().filter(|pointer| !is_told(pointer)).map(immutable).chain(others).collect()
}

/// Reads the document with the images and policies that the environment has among those that are allowed.
fn read_changed(
    current: &Spec,
    after: &Value,
    defaults: &Defaults<'_>,
) -> Result<(Spec, Lifetime, Credentials), Vec<Violation>> {
    let mut images = defaults.worker_images.to_vec();
    // Without patterns every image is allowed; one pattern would shut the others out.
    if !images.is_empty() {
        images.push(current.worker.image.clone());
    }
    let policies = [defaults.flow_policy_arns, &current.flows.policy_arns].concat();
    let defaults = Defaults { worker_images: &images, flow_policy_arns: &policies, ..*defaults };
    let report = Report::default();
    let reading = read(&Field::root(&report, after), &defaults);
    let violations = report.into_violations();
    reading.filter(|_| violations.is_empty()).ok_or(violations)
}

/// Puts the stand-ins for credentials into the document, unless the patch says where else to take one from.
fn keep_credentials(document: &mut Value, current: &Spec, patch: &Value) {
    let [(api_key, key), (auth_string, auth), (worker_key, own)] = KEPT;
    let prefect = &mut document["prefect"];
    if current.prefect.worker_key.is_some() {
        prefect[worker_key] = own.into();
    }
    match current.prefect.credential {
        Credential::ApiKey if !patch["prefect"]["api_key_secret_arn"].is_string() => prefect[api_key] = key.into(),
        Credential::AuthString => prefect[auth_string] = auth.into(),
        _ => {}
    }
}

/// Puts what is known of the lifetime into the document. A time and a duration are two names of one thing.
fn keep_lifetime(document: &mut Value, lifetime: &Lifetime, patch: &Value) {
    if let Some(reason) = &lifetime.deletion_protection {
        document["deletion_protection"] = json!({"reason": reason});
    }
    if let Some(Expiry::At(time)) = lifetime.expiry.filter(|_| !patch["ttl"].is_string()) {
        document["expires_at"] = json!(time);
    }
}

/// A number of workers and bounds for it are two names of one thing: the one that a patch brings takes the other's place.
/// Where it takes the bounds away and names no number, as many run as did at the least.
fn keep_count(document: &mut Value, count: &Count, patch: &Value) {
    let patch = &patch["worker"];
    if !patch["desired_count"].is_null() {
        return;
    }
    let worker = &mut document["worker"];
    match count {
        Count::Fixed { .. } if patch["autoscaling"].is_object() => worker["desired_count"] = Value::Null,
        Count::Scaled { autoscaling } if patch.get("autoscaling").is_some_and(Value::is_null) => {
            worker["desired_count"] = autoscaling.min.into();
        }
        Count::Fixed { .. } | Count::Scaled { .. } => {}
    }
}

fn kind_of(credential: &Credential) -> std::mem::Discriminant<Credential> {
    std::mem::discriminant(credential)
}

/// Where a patch speaks of a credential.
fn credential_in(patch: &Value) -> &'static str {
    let places = ["/prefect/api_key_secret_arn", "/prefect/api_key", "/prefect/auth_string"];
    places.into_iter().find(|place| patch.pointer(place).is_some()).unwrap_or("/prefect")
}

/// Merges a patch into a value, as RFC 7396 has it. One thing is kept that it would drop: null for a field that is
/// not there, so that the parser refuses a name that it does not know.
fn merge(target: &mut Value, patch: &Value, pointer: &str) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (name, change) in patch {
        if !change.is_null() {
            merge(members.entry(name.clone()).or_insert(Value::Null), change, &member(pointer, name));
        } else if members.remove(name).is_none() && !MAPS.contains(&pointer) {
            members.insert(name.clone(), Value::Null);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, defaults, minimal};
    use super::*;
    use crate::spec::{Autoscaling, Capacity, Nat, Network};
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    fn current() -> Spec {
        let mut body = minimal();
        body["worker"] = json!({"environment": {"A": "1", "B": "2"}, "desired_count": 2});
        body["tags"] = json!({"cost": "1"});
        accepted(&body).spec
    }

    fn patched(patch: Value) -> Spec {
        read_patch(&current(), &Lifetime::default(), &patch, &defaults()).expect("the patch breaks no rule").spec
    }

    fn codes(patch: Value) -> Vec<(String, ViolationCode)> {
        let violations = read_patch(&current(), &Lifetime::default(), &patch, &defaults()).err().unwrap_or_default();
        violations.into_iter().map(|violation| (violation.pointer, violation.code)).collect()
    }

    #[test]
    fn what_a_patch_does_not_name_stays() {
        assert_eq!(patched(json!({})), current());
        let mut wanted = current();
        wanted.worker.count = Count::Fixed { desired_count: 0 };
        wanted.worker.capacity = Capacity::FargateSpot;
        assert_eq!(patched(json!({"worker": {"desired_count": 0, "capacity": "FARGATE_SPOT"}})), wanted);
    }

    #[test]
    fn null_takes_away_and_what_has_a_default_has_it_again() {
        let spec = patched(json!({"worker": {"environment": {"A": null}, "desired_count": null}, "tags": null}));
        assert_eq!(spec.worker.environment.keys().collect::<Vec<_>>(), ["B"]);
        assert_eq!((spec.worker.count, spec.tags.len()), (Count::Fixed { desired_count: 1 }, 0));
        assert_eq!(patched(json!({"tags": {"never there": null}})), current(), "taken away twice is taken away");
    }

    #[test]
    fn autoscaling_comes_changes_and_goes_and_the_number_with_it() {
        let scaled = patched(json!({"worker": {"autoscaling": {"min": 3, "max": 5}}}));
        let autoscaling = Autoscaling { min: 3, max: 5, cpu_target: 60 };
        assert_eq!(scaled.worker.count, Count::Scaled { autoscaling });
        let then = |patch: Value| read_patch(&scaled, &Lifetime::default(), &patch, &defaults());
        let count = |patch: Value| then(patch).expect("the patch breaks no rule").spec.worker.count;
        let wider = Autoscaling { max: 9, ..autoscaling };
        assert_eq!(count(json!({"worker": {"autoscaling": {"max": 9}}})), Count::Scaled { autoscaling: wider });
        assert_eq!(count(json!({"tags": {"a": "b"}})), scaled.worker.count, "what is not named stays");
        let taken_away = json!({"worker": {"autoscaling": null}});
        assert_eq!(count(taken_away), Count::Fixed { desired_count: 3 }, "as many as there were at the least");
        let paused = json!({"worker": {"autoscaling": null, "desired_count": 0}});
        assert_eq!(count(paused), Count::Fixed { desired_count: 0 });
        let told = then(json!({"worker": {"desired_count": 2}})).expect_err("AWS sets the number");
        assert_eq!((told[0].pointer.as_str(), told[0].code), ("/worker/desired_count", ViolationCode::Conflict));
        let both = codes(json!({"worker": {"desired_count": 2, "autoscaling": {"max": 5}}}));
        assert_eq!(both, [("/worker/desired_count".to_owned(), ViolationCode::Conflict)]);
        assert_eq!(patched(json!({"worker": {"autoscaling": null}})), current(), "taken away twice is taken away");
    }

    #[test]
    fn what_cannot_be_changed_is_refused_by_name_and_may_be_named_as_it_is() {
        assert_eq!(
            codes(json!({"name": "other", "network": {"nat": "none"}, "prefect": {"work_pool": "x"}})),
            ["/name", "/network/nat", "/prefect/work_pool"]
                .map(|pointer| (pointer.to_owned(), ViolationCode::Immutable))
        );
        let as_it_is =
            json!({"name": "prefect", "network": {"vpc_cidr": "10.0.0.0/16"}, "worker": {"name": "dev-worker"}});
        assert_eq!(patched(as_it_is), current());
    }

    #[test]
    fn how_many_gateways_lead_out_can_be_changed_and_nothing_else_of_the_network() {
        let mut wanted = current();
        let Network::Create { nat, .. } = &mut wanted.network;
        *nat = Nat::PerAz;
        assert_eq!(patched(json!({"network": {"nat": "per-az"}})), wanted);
        let told = codes(json!({"network": {"nat": "per-az", "vpc_cidr": "10.1.0.0/16"}}));
        assert!(told.contains(&("/network/vpc_cidr".to_owned(), ViolationCode::Immutable)), "{told:?}");
    }

    #[test]
    fn every_violation_is_told_at_once() {
        let patch = json!({
            "name": "Other", "team": "finance", "worker": {"cpu": 1, "sice": null}, "log_retention_days": 2, "x": 1
        });
        let mut told = codes(patch);
        told.sort();
        assert_eq!(
            told,
            [
                ("/log_retention_days", ViolationCode::NotAllowed),
                ("/name", ViolationCode::Immutable),
                ("/team", ViolationCode::Immutable),
                ("/worker/cpu", ViolationCode::NotAllowed),
                ("/worker/sice", ViolationCode::UnknownField),
                ("/x", ViolationCode::UnknownField),
            ]
            .map(|(pointer, code)| (pointer.to_owned(), code))
        );
        assert_eq!(codes(json!([1])), [(String::new(), ViolationCode::WrongType)]);
    }

    #[test]
    fn a_new_key_comes_out_and_the_one_that_is_kept_does_not() {
        let read = |patch| {
            read_patch(&current(), &Lifetime::default(), &patch, &defaults()).expect("the patch breaks no rule")
        };
        assert!(read(json!({"tags": {"a": "b"}})).credentials.is_empty());
        let new = read(json!({"prefect": {"api_key": "pnu_new"}}));
        assert_eq!(new.credentials.prefect.as_ref().expect("a key").expose_secret(), "pnu_new");
        assert_eq!(new.spec, current(), "the spec says nothing of a key");
        assert_eq!(new.spec_of(Uuid::from_u128(3)).prefect.key_version, Some(Uuid::from_u128(3)));
        assert_eq!(
            codes(json!({"prefect": {"api_key": "with a blank"}})),
            [("/prefect/api_key".into(), ViolationCode::Invalid)]
        );
        assert_eq!(
            codes(json!({"prefect": {"api_key": null}})),
            [("/prefect/api_key".into(), ViolationCode::Required)]
        );
    }

    #[test]
    fn a_key_of_the_workers_own_comes_changes_and_goes() {
        let read = |current: &Spec, patch: Value| {
            read_patch(current, &Lifetime::default(), &patch, &defaults()).expect("the patch breaks no rule")
        };
        let (first, second) = (Uuid::from_u128(3), Uuid::from_u128(4));
        let given = json!({"prefect": {"worker_api_key": "pnu_w"}});
        let new = read(&current(), given.clone());
        assert_eq!(new.credentials.worker.as_ref().expect("a key").expose_secret(), "pnu_w");
        assert!(new.credentials.prefect.is_none(), "the other one stays");
        let own = new.spec_of(first);
        assert_eq!(own.prefect.worker_key, Some(WorkerKey { version: Some(first) }));
        assert!(own.prefect.has_key_of(first) && own.prefect.key_version.is_none());

        let another = read(&own, given);
        assert_eq!(another.spec, own, "the spec says nothing of a key");
        assert_eq!(another.spec_of(second).prefect.worker_key, Some(WorkerKey { version: Some(second) }));
        assert_eq!(read(&own, json!({"tags": {"a": "b"}})).spec.prefect, own.prefect, "what is not named stays");
        let without = read(&own, json!({"prefect": {"worker_api_key": null}}));
        assert_eq!((without.spec, without.credentials.is_empty()), (current(), true));
        let nothing = read(&current(), json!({"prefect": {"worker_api_key": null}}));
        assert_eq!(nothing.spec, current(), "taken away twice is taken away");
    }

    #[test]
    fn where_the_credential_is_kept_is_for_ever() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team-key-AbC123";
        assert_eq!(
            codes(json!({"prefect": {"api_key_secret_arn": arn}})),
            [("/prefect/api_key_secret_arn".into(), ViolationCode::Immutable)]
        );
        let mut body = minimal();
        body["prefect"]["api_key"] = Value::Null;
        body["prefect"]["api_key_secret_arn"] = json!(arn);
        let shared = accepted(&body).spec;
        let other = json!({"prefect": {"api_key_secret_arn": arn.replace("AbC123", "DeF456")}});
        let read =
            read_patch(&shared, &Lifetime::default(), &other, &defaults()).expect("another of the team's own secrets");
        assert!(read.credentials.is_empty() && read.spec != shared);
    }

    #[test]
    fn a_lifetime_stays_unless_the_patch_says_otherwise() {
        let time = |text: &str| Some(Expiry::At(text.parse().expect("a time")));
        let now = Lifetime { deletion_protection: Some("in use".into()), expiry: time("2030-01-01T00:00:00Z") };
        let read = |patch| read_patch(&current(), &now, &patch, &defaults()).map(|patch| patch.lifetime);
        assert_eq!(read(json!({"tags": {"a": "b"}})), Ok(now.clone()));
        let later = Lifetime { expiry: time("2031-01-01T00:00:00Z"), ..now.clone() };
        assert_eq!(read(json!({"expires_at": "2031-01-01T00:00:00Z"})), Ok(later));
        let free = Lifetime { deletion_protection: None, expiry: None };
        assert_eq!(read(json!({"expires_at": null, "deletion_protection": null})), Ok(free));
        let ttl = read(json!({"ttl": "PT2H"})).expect("a duration instead of a time");
        assert!(matches!(ttl.expiry, Some(Expiry::In(_))), "{ttl:?}");
    }

    #[test]
    fn what_the_operator_no_longer_allows_may_stay_and_not_come_back() {
        let patterns = ["mirror.example.com/*".to_owned()];
        let strict = Defaults { worker_images: &patterns, flow_policy_arns: &[], ..defaults() };
        let mut current = current();
        current.flows.policy_arns = vec!["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess".into()];
        let read = |patch| read_patch(&current, &Lifetime::default(), &patch, &strict);
        assert!(read(json!({"worker": {"cpu": 1024, "memory": 2048}})).is_ok());
        assert!(read(json!({"worker": {"image": "mirror.example.com/a"}})).is_ok());
        assert!(read(json!({"worker": {"image": "busybox"}})).is_err());
    }

    #[test]
    fn a_fingerprint_tells_patches_apart_and_knows_no_key() {
        let of = |patch| fingerprint_of_patch(&patch);
        assert_ne!(of(json!({"tags": {"a": "1"}})), of(json!({"tags": {"a": null}})));
        assert_eq!(of(json!({"prefect": {"api_key": "a"}})), of(json!({"prefect": {"api_key": "b"}})));
        assert_ne!(of(json!({"prefect": {"api_key": "a"}})), of(json!({"prefect": {}})));
    }

    proptest! {
        #[test]
        fn no_json_at_all_makes_it_panic(patch in super::super::tests::any_json()) {
            let _ = read_patch(&current(), &Lifetime::default(), &patch, &defaults());
            let _ = fingerprint_of_patch(&patch);
        }
    }
}
