//! docs/security.md lists every right on `*` with its reason, and no other.

use crate::template::Template;
use std::{collections::BTreeSet, fs};

#[test]
fn every_wildcard_resource_is_documented_with_its_reason() {
    let template = Template::processed("aws");
    assert_eq!(undocumented(&template), BTreeSet::new());
    let left: Vec<_> = documented().difference(&on_everything(&template)).cloned().collect();
    assert!(left.is_empty(), "docs/security.md gives reasons for rights on * that are no more: {left:?}");
}

/// The rights on `*` that docs/security.md gives no reason for.
pub(crate) fn undocumented(template: &Template) -> BTreeSet<String> {
    let documented = documented();
    let on_everything = on_everything(template).into_iter();
    on_everything
        .filter(|action| !documented.contains(action))
        .map(|action| format!("{action} on * has no reason"))
        .collect()
}

fn on_everything(template: &Template) -> BTreeSet<String> {
    let roles = template.roles();
    let statements = roles.values().flat_map(|policies| &policies.statements);
    let wide = statements.filter(|statement| statement.resources.iter().any(|resource| resource == "*"));
    wide.flat_map(|statement| statement.actions.clone()).collect()
}

/// The actions in the first column of the table under the heading "Rights on everything".
fn documented() -> BTreeSet<String> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/security.md");
    let text = fs::read_to_string(file).expect("docs/security.md");
    let section = text.split("\n## ").find(|section| section.starts_with("Rights on everything")).expect("the section");
    let mut documented = BTreeSet::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let (actions, why) = row.rsplit_once("` | ").expect("actions and a reason");
        assert!(why.len() > 10, "a reason: {row}");
        documented.extend(actions.split('`').filter(|word| word.contains(':')).map(str::to_owned));
    }
    documented
}
