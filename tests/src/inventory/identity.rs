//! What is there in IAM and Secrets Manager.

use super::{Inventory, Thing};
use crate::cloud::Cloud;
use aws_sdk_iam::Client;
use serde_json::Value;

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

/// A policy document as IAM hands it out, which on AWS is percent-encoded.
pub fn decoded(document: &str) -> Value {
    let mut bytes = Vec::new();
    let mut rest = document.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(byte) => (bytes.push(byte), rest = &after[2..]),
            None => (bytes.push(*first), rest = after),
        };
    }
    serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("a policy document is JSON: {document}"))
}
