//! The shape of an environment: everything that is there of it, with what differs from run to run left out.
//!
//! An environment is whole when it has the shape that it has after a create without any fault: every thing once,
//! each as it should be, and no twin.

use end_to_end::Inventory;
use regex_lite::{Captures, Regex};
use std::{collections::BTreeMap, sync::OnceLock};

/// The lines of an inventory without anything that differs from run to run, sorted.
pub fn shape(inventory: &Inventory, account: &str) -> Vec<String> {
    let lines = inventory.lines();
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for line in &lines {
        let id = line.split(' ').nth(1).unwrap_or_default();
        if let Some((_, tagged)) = line.split_once("\"prefect-environments:resource\": \"") {
            names.insert(id, tagged.split('"').next().unwrap_or_default());
        }
    }
    let mut shape: Vec<String> = lines.iter().map(|line| plain(line, &names, account)).collect();
    shape.sort();
    shape
}

fn plain(line: &str, names: &BTreeMap<&str, &str>, account: &str) -> String {
    let line = ids().replace_all(line, |id: &Captures<'_>| {
        let id = &id[0];
        match names.get(id) {
            Some(name) => format!("<{name}>"),
            None => format!("<{} of AWS>", id.split('-').next().unwrap_or_default()),
        }
    });
    let line = line.replace(account, "<account>");
    let line = noise().replace_all(&line, |noise: &Captures<'_>| {
        if noise.name("environment").is_some() {
            "<environment>".to_owned()
        } else if noise.name("address").is_some() {
            "<address>".to_owned()
        } else {
            format!("{}<n>", noise.name("before").map_or("", |it| it.as_str()))
        }
    });
    sorted(&line)
}

/// The line with its lists of names sorted: they were in the order of ids.
fn sorted(line: &str) -> String {
    static LIST: OnceLock<Regex> = OnceLock::new();
    let list = LIST.get_or_init(|| Regex::new(r#"\["<[^\]]*>"\]"#).expect("a pattern"));
    let line = list.replace_all(line, |list: &Captures<'_>| {
        let mut items: Vec<&str> = list[0].trim_matches(['[', ']']).split(", ").collect();
        items.sort_unstable();
        format!("[{}]", items.join(", "))
    });
    line.into_owned()
}

fn ids() -> &'static Regex {
    static IDS: OnceLock<Regex> = OnceLock::new();
    IDS.get_or_init(|| {
        Regex::new(r"\b(vpc|subnet|igw|rtb|sg|eipalloc|nat|ns|eni|rtbassoc)-[0-9a-z]{8,}\b").expect("a pattern")
    })
}

/// The environment's id; public addresses; revisions, suffixes of secrets, ids of tasks.
fn noise() -> &'static Regex {
    static NOISE: OnceLock<Regex> = OnceLock::new();
    NOISE.get_or_init(|| {
        let environment = r"(?P<environment>\benv-[0-9a-hjkmnp-tv-zA-Z]{20,}\b)";
        let address = r"(?P<address>^address .*? \d+\.\d+\.\d+\.\d+\b)";
        let rest = r"(?P<before>-worker-task:|-api-key-|task/[a-z0-9-]+/)[0-9a-zA-Z-]+";
        Regex::new(&format!("{environment}|{address}|{rest}")).expect("a pattern")
    })
}
