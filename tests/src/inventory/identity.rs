//! What is there in IAM and Secrets Manager.

use super::{Inventory, Thing};
use crate::cloud::Cloud;
use aws_sdk_iam::Client;

pub(super) async fn list(cloud: &Cloud, into: &mut Inventory) {
    let roles = cloud.iam.list_roles().into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    for role in roles.expect("list roles") {
        if let Some(thing) = role_in_full(&cloud.iam, role.role_name()).await {
            into.add("role", role.role_name(), thing);
        }
    }
    let pages = cloud.secrets.list_secrets().into_paginator().send().collect::<Result<Vec<_>, _>>().await;
    for secret in pages.expect("list secrets").iter().flat_map(|page| page.secret_list()) {
        let name = secret.name().unwrap_or_default();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let tags = secret.tags().iter().map(|tag| (text(tag.key()), text(tag.value())));
        into.add("secret", secret.arn().unwrap_or_default(), Thing::new(name, String::new()).tagged(tags));
    }
}

/// The role with its trust, its policies and its tags, unless it went while we looked.
async fn role_in_full(iam: &Client, name: &str) -> Option<Thing> {
    let role = iam.get_role().role_name(name).send().await.ok()?.role?;
    let attached = iam.list_attached_role_policies().role_name(name).send().await.ok()?;
    let mut policies: Vec<String> =
        attached.attached_policies().iter().filter_map(|policy| Some(policy.policy_arn()?.to_owned())).collect();
    for policy in iam.list_role_policies().role_name(name).send().await.ok()?.policy_names() {
        let policy = iam.get_role_policy().role_name(name).policy_name(policy).send().await.ok()?;
        policies.push(format!("{} {}", policy.policy_name(), policy.policy_document()));
    }
    policies.sort();
    let detail = format!("trusts={} policies={policies:?}", role.assume_role_policy_document().unwrap_or_default());
    let tags = role.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned()));
    Some(Thing::new(name, detail).tagged(tags))
}
