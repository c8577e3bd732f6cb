//! The inventory: everything that is there, as an auditor would list it.
//!
//! Each thing is one line of text with all that matters about it, so that two inventories can be compared
//! and their difference read. What is made or removed by others while the list is drawn up is left out.

mod containers;
mod events;
mod identity;
mod network;
mod scaling;

pub use identity::decoded;

use crate::cloud::Cloud;
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// Everything that was there at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory(BTreeMap<String, Thing>);

/// One thing.
#[derive(Clone, Debug, Default, PartialEq)]
struct Thing {
    /// The name it goes by or is shown under, without which it can only be told by tag or VPC.
    name: String,
    /// The VPC it is in, or is.
    vpc: String,
    /// The value of its tag `prefect-environments:id`.
    environment: String,
    /// All that matters about it.
    detail: String,
}

/// What makes a thing one environment's: its tag, its VPC or its name.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// The environment's name.
    pub name: String,
    /// The environment's id, once it is known.
    pub id: String,
    /// The environment's VPC, once it is known.
    pub vpc: String,
}

impl Marks {
    /// An environment of which only the name is known.
    pub fn name(name: &str) -> Marks {
        Marks { name: name.to_owned(), ..Marks::default() }
    }

    fn are_on(&self, thing: &Thing) -> bool {
        let Marks { name, id, vpc } = self;
        let begins = |prefix: String| thing.name.starts_with(&prefix);
        begins(format!("{name}-"))
            || begins(format!("{name}/"))
            || begins(format!("/ecs/{name}-"))
            || thing.name == format!("default.{name}.local")
            || (!id.is_empty() && thing.environment == *id)
            || (!vpc.is_empty() && thing.vpc == *vpc)
    }
}

impl Inventory {
    /// Everything that is there now: the service's own things among it.
    pub async fn take(cloud: &Cloud) -> Inventory {
        let mut inventory = Inventory::default();
        network::list(&cloud.ec2, &mut inventory).await;
        identity::list(cloud, &mut inventory).await;
        containers::list(cloud, &mut inventory).await;
        events::list(cloud, &mut inventory).await;
        scaling::list(cloud, &mut inventory).await;
        inventory
    }

    /// What carries an environment's marks.
    pub fn of(&self, marks: &Marks) -> Inventory {
        Inventory(
            self.0
                .iter()
                .filter(|(_, thing)| marks.are_on(thing))
                .map(|(id, thing)| (id.clone(), thing.clone()))
                .collect(),
        )
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a thing of this kind and id is there.
    pub fn has(&self, kind: &str, id: &str) -> bool {
        self.0.contains_key(&format!("{kind} {id}"))
    }

    /// How many things there are of each kind.
    pub fn count(&self, kind: &str) -> usize {
        self.0.keys().filter(|id| id.split(' ').next() == Some(kind)).count()
    }

    /// Fails unless nothing is there.
    #[track_caller]
    pub fn must_be_empty(&self, when: &str) {
        assert!(self.is_empty(), "something is left {when}:\n{self}");
    }

    /// Fails unless the same things are there as before, each as it was.
    #[track_caller]
    pub fn must_be_as(&self, before: &Inventory, when: &str) {
        let difference = self.difference_from(before);
        assert!(difference.is_empty(), "the inventory is not the same {when}:\n{}", difference.join("\n"));
    }

    /// What is there and was not before.
    pub fn since(&self, before: &Inventory) -> Inventory {
        let new = self.0.iter().filter(|(id, _)| !before.0.contains_key(*id));
        Inventory(new.map(|(id, thing)| (id.clone(), thing.clone())).collect())
    }

    /// Takes in all of another one.
    pub fn add_all(&mut self, other: &Inventory) {
        self.0.extend(other.0.iter().map(|(id, thing)| (id.clone(), thing.clone())));
    }

    /// Every thing, as a line that begins with its kind and id.
    pub fn lines(&self) -> Vec<String> {
        self.0.iter().map(|(id, thing)| format!("{id} {thing}")).collect()
    }

    /// What went, what came and what changed, a line each.
    pub fn difference_from(&self, before: &Inventory) -> Vec<String> {
        let mut lines = Vec::new();
        for (id, thing) in &before.0 {
            match self.0.get(id) {
                None => lines.push(format!("- {id} {thing}")),
                Some(now) if now != thing => lines.push(format!("- {id} {thing}\n+ {id} {now}")),
                Some(_) => {}
            }
        }
        let new = self.0.iter().filter(|(id, _)| !before.0.contains_key(*id));
        lines.extend(new.map(|(id, thing)| format!("+ {id} {thing}")));
        lines
    }

    /// The same with these work pools, as Prefect's stand-in has them.
    pub fn with_work_pools(mut self, pools: &[Value]) -> Inventory {
        for pool in pools {
            let name = pool["name"].as_str().unwrap_or_default();
            let mut defaults = pool["base_job_template"]["variables"]["properties"].clone();
            if let Some(variables) = defaults.as_object_mut() {
                variables.retain(|_, variable| !variable["default"].is_null());
                variables.values_mut().for_each(|variable| *variable = variable["default"].take());
            }
            let told = |value: &Value| value.to_string().replace(',', ", ");
            let (description, is_paused) = (told(&pool["description"]), &pool["is_paused"]);
            let detail = format!("description={description} paused={is_paused} defaults={}", told(&defaults));
            self.add("work-pool", name, Thing::new(name, detail));
        }
        self
    }

    fn add(&mut self, kind: &str, id: &str, thing: Thing) {
        self.0.insert(format!("{kind} {id}"), thing);
    }
}

impl Thing {
    fn new(name: impl Into<String>, detail: String) -> Thing {
        Thing { name: name.into(), detail, ..Thing::default() }
    }

    fn in_vpc(mut self, vpc: Option<&str>) -> Thing {
        self.vpc = vpc.unwrap_or_default().to_owned();
        self
    }

    /// The same with its tags, of which `Name` names what has no other name.
    fn tagged(mut self, tags: impl IntoIterator<Item = (String, String)>) -> Thing {
        let tags: BTreeMap<String, String> = tags.into_iter().collect();
        if self.name.is_empty() {
            self.name = tags.get("Name").cloned().unwrap_or_default();
        }
        self.environment = tags.get("prefect-environments:id").cloned().unwrap_or_default();
        self.detail = format!("{} tags={tags:?}", self.detail);
        self
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.vpc, self.detail)
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, thing) in &self.0 {
            writeln!(f, "  {id} {thing}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(things: &[(&str, &str)]) -> Inventory {
        let mut inventory = Inventory::default();
        for (id, detail) in things {
            inventory.add("thing", id, Thing::new("blue-cluster", (*detail).to_owned()));
        }
        inventory
    }

    #[test]
    fn a_difference_names_what_went_what_came_and_what_changed() {
        let (before, after) = (inventory(&[("a", "1"), ("b", "1")]), inventory(&[("b", "2"), ("c", "1")]));
        let difference = after.difference_from(&before).join("\n");
        let lines = [
            "- thing a blue-cluster  1",
            "- thing b blue-cluster  1",
            "+ thing b blue-cluster  2",
            "+ thing c blue-cluster  1",
        ];
        assert_eq!(difference, lines.join("\n"));
    }

    #[test]
    fn the_marks_of_one_environment_are_not_on_another_of_a_similar_name() {
        let marks = Marks { name: "blue".into(), id: "env-1".into(), vpc: "vpc-1".into() };
        let named = |name: &str| Thing::new(name, String::new());
        for ours in [
            named("blue-cluster"),
            named("/ecs/blue-flows"),
            named("default.blue.local"),
            named("").in_vpc(Some("vpc-1")),
        ] {
            assert!(marks.are_on(&ours), "{ours}");
        }
        let tagged = named("").tagged([("prefect-environments:id".to_owned(), "env-1".to_owned())]);
        assert!(marks.are_on(&tagged), "{tagged}");
        for other in [named("bluest-cluster"), named("/ecs/bluest-flows"), named("red-cluster"), named("")] {
            assert!(!marks.are_on(&other), "{other}");
        }
    }
}
