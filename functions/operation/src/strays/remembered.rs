//! What the things of an environment say of it, where its record is lost.
//!
//! A removal needs to know what an environment consists of and what its things are called. Their tags say both: the
//! keys of the resources tell the shape, the tags `Name` the name. Of all shapes that an environment can have, the
//! smallest one that knows most of the things is taken. The rest of such a spec stands for nothing.

use engine::Sighting;
use environment::{Code, Entry, EnvironmentId, Fault, Kind, Place, Spec, Subject, catalogue, request::SUBNETS};
use serde_json::{Value, json};
use std::{cmp::Reverse, collections::BTreeSet};

/// Stands for the name while that is not known. No name has such a letter.
const NAMELESS: &str = "\u{fffc}";

/// The spec of an environment of which there are these things.
pub(super) fn spec(id: EnvironmentId, things: &[Sighting], place: &Place) -> Result<Spec, Fault> {
    if things.is_empty() {
        return Err(Fault::new(Code::InvalidRequest, "Nothing was found of it."));
    }
    let team = only("team", things.iter().filter_map(|thing| thing.team.clone()))?;
    let services = things.iter().filter(|thing| thing.kind == Kind::Service);
    // `arn:…:service/<cluster>/<service>`
    let worker = services.filter_map(|service| service.id.rsplit('/').next()).next().unwrap_or("worker");
    let shapes = shapes(&team, worker, place)?.into_iter().map(|spec| (entries(id, &spec, place), spec));
    let knows = |entries: &[Entry]| things.iter().filter(|thing| known(entries, thing).is_some()).count();
    // The first of those that know most.
    let best = shapes.min_by_key(|(entries, _)| (Reverse(knows(entries)), entries.len()));
    let (entries, spec) = best.ok_or_else(|| Fault::bug("an environment has no shape"))?;
    let names = things.iter().filter_map(|thing| name(known(&entries, thing)?, thing.name.as_deref()?));
    Ok(Spec { name: only("name", names)?, ..spec })
}

/// Every shape that an environment can have.
fn shapes(team: &str, worker: &str, place: &Place) -> Result<Vec<Spec>, Fault> {
    let natures = ["none", "single", "per-az"];
    let networks = natures.into_iter().flat_map(|nat| SUBNETS.map(move |subnets| (nat, subnets)));
    let shapes = networks.flat_map(|(nat, subnets)| [false, true].map(|is_scaled| (nat, subnets, is_scaled)));
    shapes.map(|(nat, subnets, is_scaled)| shape(team, worker, nat, subnets, is_scaled, place)).collect()
}

fn shape(team: &str, worker: &str, nat: &str, subnets: usize, is_scaled: bool, place: &Place) -> Result<Spec, Fault> {
    let ranges = |first: usize, count: usize| -> Vec<Value> {
        (first..first + count).map(|number| json!(format!("10.0.{number}.0/24"))).collect()
    };
    let private = if nat == "none" { 0 } else { subnets };
    let unknown = "00000000-0000-0000-0000-000000000000";
    let mut spec = json!({
        "name": NAMELESS,
        "team": team,
        "network": {
            "mode": "create",
            "vpc_cidr": "10.0.0.0/16",
            "public_subnets": ranges(0, subnets),
            "private_subnets": ranges(subnets, private),
            "nat": nat,
        },
        "prefect": {
            "account_id": unknown,
            "workspace_id": unknown,
            "credential": {"kind": "api_key"},
            "work_pool": "unknown",
        },
        "worker": {
            "name": worker,
            "image": place.worker_image,
            "cpu": 256,
            "memory": 512,
            "command": [],
            "environment": {},
            "secrets": {},
            "capacity": "FARGATE",
        },
        "flows": {"policy_arns": []},
        "log_retention_days": 30,
        "tags": {},
    });
    match is_scaled {
        true => spec["worker"]["autoscaling"] = json!({"min": 1, "max": 1, "cpu_target": 50}),
        false => spec["worker"]["desired_count"] = json!(0),
    }
    serde_json::from_value(spec).map_err(|error| Fault::bug(error.to_string()))
}

fn entries(id: EnvironmentId, spec: &Spec, place: &Place) -> Vec<Entry> {
    catalogue(&Subject { id, spec, zones: &[], place })
}

fn known<'e>(entries: &'e [Entry], thing: &Sighting) -> Option<&'e Entry> {
    entries.iter().find(|entry| Some(&entry.key) == thing.key().as_ref() && entry.kind == thing.kind)
}

/// The environment's name in the tag `Name` of a thing that is this entry.
fn name(entry: &Entry, tag: &str) -> Option<String> {
    let tags = entry.wanted.get("Tags")?.as_array()?;
    let pattern = tags.iter().find(|tag| tag["Key"] == "Name")?["Value"].as_str()?;
    let (before, after) = pattern.split_once(NAMELESS)?;
    tag.strip_prefix(before)?.strip_suffix(after).map(str::to_owned)
}

/// The one value that all of them say.
fn only(what: &str, said: impl Iterator<Item = String>) -> Result<String, Fault> {
    let said: BTreeSet<String> = said.collect();
    let mut said = said.into_iter();
    match (said.next(), said.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => {
            Err(Fault::new(Code::InvalidRequest, format!("None of the things tells the environment's {what}.")))
        }
        _ => {
            Err(Fault::new(Code::InvalidRequest, format!("The things tell more than one {what}: look at them first.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> EnvironmentId {
        EnvironmentId::new(1, 1)
    }

    fn place() -> Place {
        Place {
            partition: "aws".into(),
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            stack: "prefect-environments".into(),
            role_path: "/".into(),
            permissions_boundary: None,
            worker_image: "prefect-aws".into(),
            prefect_cloud_url: environment::place::PREFECT_CLOUD_URL.to_owned(),
        }
    }

    /// Everything that an environment of this spec would be seen as.
    fn things(spec: &Spec) -> Vec<Sighting> {
        let tagged = entries(id(), spec, &place()).into_iter().filter(|entry| entry.kind.is_tagged());
        tagged
            .map(|entry| {
                let tag = |key: &str| {
                    let tags = entry.wanted["Tags"].as_array().expect("tags");
                    tags.iter().find(|tag| tag["Key"] == key).and_then(|tag| tag["Value"].as_str()).map(str::to_owned)
                };
                let id = match entry.kind {
                    Kind::Service => "arn:aws:ecs:eu-west-1:123456789012:service/blue-cluster/dev-worker".to_owned(),
                    _ => entry.key.to_string(),
                };
                Sighting {
                    kind: entry.kind,
                    id,
                    environment: Some(EnvironmentId::new(1, 1)),
                    resource: tag(environment::tags::RESOURCE),
                    name: tag("Name"),
                    team: tag(environment::tags::TEAM),
                }
            })
            .collect()
    }

    #[test]
    fn the_things_of_every_environment_tell_its_name_and_its_shape() {
        for nameless in shapes("data", "dev-worker", &place()).expect("shapes") {
            let there = Spec { name: "blue".into(), ..nameless };
            assert_eq!(spec(id(), &things(&there), &place()).ok(), Some(there));
        }
    }

    #[test]
    fn one_thing_is_enough_for_what_is_left() {
        let there = shape("data", "worker", "per-az", 3, true, &place()).expect("a shape");
        let there = Spec { name: "blue-ecs-public-1".into(), ..there };
        for thing in things(&there) {
            let read = spec(id(), std::slice::from_ref(&thing), &place()).expect("a spec");
            assert_eq!((read.name.as_str(), read.team.as_str()), ("blue-ecs-public-1", "data"), "{thing:?}");
            assert!(known(&entries(id(), &read, &place()), &thing).is_some(), "{thing:?} is known");
        }
    }

    #[test]
    fn things_that_disagree_or_say_nothing_are_refused() {
        let there = shape("data", "worker", "none", 2, false, &place()).expect("a shape");
        let mut two = things(&Spec { name: "blue".into(), ..there.clone() });
        two.extend(things(&Spec { name: "red".into(), ..there }));
        assert!(spec(id(), &two, &place()).is_err(), "two names");
        two.iter_mut().for_each(|thing| thing.name = None);
        assert!(spec(id(), &two, &place()).is_err(), "no name");
        assert!(spec(id(), &[], &place()).is_err(), "no things");
    }
}
