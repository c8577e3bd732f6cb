//! A role with its policies.
//!
//! A role is found by its name, which is unique in the account whatever its path. CreateRole makes it without
//! policies; they come by `correct`, so that a create that broke off half-way goes on where it stopped. A
//! role can be deleted only when nothing is attached to it; what is attached is known from the catalogue, and
//! IAM is asked for it only where that was not all.

use crate::document;
use async_trait::async_trait;
use aws_sdk_iam::{Client, types::Tag};
use engine::{Action, Departure, Found, Owner, Resource, Sighting, Site, TagChange, Whose, absence_is_fine, aws};
use environment::{Change, Code, Fault, Kind};
use serde_json::{Value, json};

pub(crate) struct Role {
    pub(crate) client: Client,
    /// Without retries: CreateRole has no client token.
    pub(crate) once: Client,
}

#[async_trait]
impl Resource for Role {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        let name = at.text("RoleName")?;
        let answer = self.client.get_role().role_name(name).send().await;
        let Some(role) = answer.map_err(|error| aws::fault("iam:GetRole", error))?.role else { return Ok(None) };
        let found = Found::ready(name).arn(role.arn());
        // Names are unique whatever the path, and whatever their case.
        if role.path() != at.text("Path")? || role.role_name() != name {
            return Ok(Some(found.owner(Owner::Foreign)));
        }
        if at.owner(role.tags().iter().map(|tag| (tag.key(), tag.value()))) == Owner::Foreign {
            return Ok(Some(found.owner(Owner::Foreign)));
        }
        if at.action != Action::Ensure {
            return Ok(Some(found));
        }
        let trust = role.assume_role_policy_document().map(document::parse).transpose()?;
        let managed = self.attached(name).await?.into_iter().map(Value::String).collect();
        let inline = self.inline(name).await?;
        let found = found.tagged(at, role.tags().iter().map(|tag| (tag.key(), tag.value())));
        Ok(Some(
            found
                .seen("AssumeRolePolicyDocument", trust)
                .seen("ManagedPolicyArns", in_wanted_order(&at.wanted["ManagedPolicyArns"], managed))
                .seen("Policies", in_wanted_order(&at.wanted["Policies"], inline)),
        ))
    }

    async fn create(&self, at: &Site<'_>) -> Result<Found, Fault> {
        let name = at.text("RoleName")?;
        let create = self
            .once
            .create_role()
            .role_name(name)
            .path(at.text("Path")?)
            .assume_role_policy_document(at.wanted["AssumeRolePolicyDocument"].to_string())
            .set_permissions_boundary(at.wanted.get("PermissionsBoundary").and_then(Value::as_str).map(str::to_owned))
            .set_tags(Some(tags(at)?));
        let answer = create.send().await.map_err(|error| aws::fault("iam:CreateRole", error))?;
        let role = answer.role.ok_or_else(|| Fault::bug("CreateRole answered no role"))?;
        Ok(Found::ready(name).arn(role.arn()).seen("ManagedPolicyArns", json!([])).seen("Policies", json!([])))
    }

    async fn correct(&self, at: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
        let role = &found.id;
        for change in changes {
            match change.property.as_str() {
                "AssumeRolePolicyDocument" => self.trust(role, &change.wanted).await?,
                "ManagedPolicyArns" => {
                    let (missing, extra) = difference(change);
                    for arn in extra.iter().filter_map(|arn| arn.as_str()) {
                        absence_is_fine(self.detach(role, arn).await)?;
                    }
                    for arn in missing.iter().filter_map(|arn| arn.as_str()) {
                        self.attach(role, arn).await?;
                    }
                }
                "Policies" => {
                    let (missing, extra) = difference(change);
                    let wanted = change.wanted.as_array().into_iter().flatten();
                    let kept: Vec<&str> = wanted.filter_map(policy_name).collect();
                    // One that merely reads differently is written over.
                    for name in extra.into_iter().filter_map(policy_name).filter(|name| !kept.contains(name)) {
                        absence_is_fine(self.delete_inline(role, name).await)?;
                    }
                    for policy in missing {
                        self.put_inline(role, policy).await?;
                    }
                }
                other => return Err(Fault::bug(format!("{}: a role's {other} cannot be corrected", at.entry.key))),
            }
        }
        Ok(found)
    }

    async fn retag(&self, _at: &Site<'_>, found: &Found, change: &TagChange) -> Result<(), Fault> {
        let role = &found.id;
        if !change.drop.is_empty() {
            let untag = self.client.untag_role().role_name(role).set_tag_keys(Some(change.drop.clone()));
            untag.send().await.map_err(|error| aws::fault("iam:UntagRole", error))?;
        }
        if !change.put.is_empty() {
            let tags = pairs_of(change.put.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
            let tag = self.client.tag_role().role_name(role).set_tags(Some(tags));
            tag.send().await.map_err(|error| aws::fault("iam:TagRole", error))?;
        }
        Ok(())
    }

    async fn remove(&self, at: &Site<'_>, id: &str) -> Result<Departure, Fault> {
        let listed = |property: &str| at.wanted.get(property).and_then(Value::as_array).into_iter().flatten();
        for arn in listed("ManagedPolicyArns").filter_map(Value::as_str) {
            absence_is_fine(self.detach(id, arn).await)?;
        }
        for name in listed("Policies").filter_map(policy_name) {
            absence_is_fine(self.delete_inline(id, name).await)?;
        }
        match self.delete(id).await {
            Err(fault) if fault.code == Code::Conflict => {}
            other => return other.map(|()| Departure::Gone),
        }
        // Somebody attached more to our role. It goes with the role.
        for arn in self.attached(id).await? {
            absence_is_fine(self.detach(id, &arn).await)?;
        }
        for name in self.inline_names(id).await? {
            absence_is_fine(self.delete_inline(id, &name).await)?;
        }
        self.delete(id).await.map(|()| Departure::Gone)
    }
}

impl Role {
    /// The roles under this path that carry that tag. Another stack's have another path.
    pub(crate) async fn list_tagged(&self, whose: Whose<'_>, path: &str) -> Result<Vec<Sighting>, Fault> {
        let pages = self.client.list_roles().path_prefix(path).into_paginator();
        let roles = pages.items().send().collect::<Result<Vec<_>, _>>().await;
        let mut roles = roles.map_err(|error| aws::fault("iam:ListRoles", error))?;
        roles.retain(|role| role.path().starts_with(path));
        let mut sightings = Vec::new();
        for role in whose.portion(roles) {
            let name = role.role_name();
            // The list has no tags (IAM API reference, ListRoles).
            let answer = self.client.get_role().role_name(name).send().await;
            match answer.map_err(|error| aws::fault("iam:GetRole", error)) {
                Ok(answer) => {
                    let role = answer.role.unwrap_or(role.clone());
                    let tags = role.tags().iter().map(|tag| (tag.key(), tag.value()));
                    sightings.extend(whose.sighting(Kind::Role, name, tags));
                }
                Err(fault) if fault.code == Code::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(sightings)
    }
}

/// The calls.
impl Role {
    async fn attached(&self, role: &str) -> Result<Vec<String>, Fault> {
        let pages = self.client.list_attached_role_policies().role_name(role).into_paginator();
        let policies = pages.items().send().collect::<Result<Vec<_>, _>>().await;
        let policies = policies.map_err(|error| aws::fault("iam:ListAttachedRolePolicies", error))?;
        Ok(policies.into_iter().filter_map(|policy| policy.policy_arn).collect())
    }

    async fn inline_names(&self, role: &str) -> Result<Vec<String>, Fault> {
        let pages = self.client.list_role_policies().role_name(role).into_paginator();
        let names = pages.items().send().collect::<Result<Vec<_>, _>>().await;
        names.map_err(|error| aws::fault("iam:ListRolePolicies", error))
    }

    async fn inline(&self, role: &str) -> Result<Vec<Value>, Fault> {
        let mut policies = Vec::new();
        for name in self.inline_names(role).await? {
            let answer = self.client.get_role_policy().role_name(role).policy_name(&name).send().await;
            let answer = answer.map_err(|error| aws::fault("iam:GetRolePolicy", error))?;
            policies.push(json!({"PolicyName": name, "PolicyDocument": document::parse(answer.policy_document())?}));
        }
        Ok(policies)
    }

    async fn trust(&self, role: &str, document: &Value) -> Result<(), Fault> {
        let update = self.client.update_assume_role_policy().role_name(role).policy_document(document.to_string());
        update.send().await.map(drop).map_err(|error| aws::fault("iam:UpdateAssumeRolePolicy", error))
    }

    async fn attach(&self, role: &str, arn: &str) -> Result<(), Fault> {
        let attach = self.client.attach_role_policy().role_name(role).policy_arn(arn);
        attach.send().await.map(drop).map_err(|error| aws::fault("iam:AttachRolePolicy", error))
    }

    async fn detach(&self, role: &str, arn: &str) -> Result<(), Fault> {
        let detach = self.client.detach_role_policy().role_name(role).policy_arn(arn);
        detach.send().await.map(drop).map_err(|error| aws::fault("iam:DetachRolePolicy", error))
    }

    async fn put_inline(&self, role: &str, policy: &Value) -> Result<(), Fault> {
        let name = policy_name(policy).ok_or_else(|| Fault::bug("a policy has no name"))?;
        let put = self.client.put_role_policy().role_name(role).policy_name(name);
        let put = put.policy_document(policy["PolicyDocument"].to_string());
        put.send().await.map(drop).map_err(|error| aws::fault("iam:PutRolePolicy", error))
    }

    async fn delete_inline(&self, role: &str, name: &str) -> Result<(), Fault> {
        let delete = self.client.delete_role_policy().role_name(role).policy_name(name);
        delete.send().await.map(drop).map_err(|error| aws::fault("iam:DeleteRolePolicy", error))
    }

    async fn delete(&self, role: &str) -> Result<(), Fault> {
        let delete = self.client.delete_role().role_name(role);
        delete.send().await.map(drop).map_err(|error| aws::fault("iam:DeleteRole", error))
    }
}

fn tags(at: &Site<'_>) -> Result<Vec<Tag>, Fault> {
    pairs_of(at.tags())
}

fn pairs_of<'t>(tags: impl Iterator<Item = (&'t str, &'t str)>) -> Result<Vec<Tag>, Fault> {
    tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<_, _>>()
        .map_err(|error| Fault::bug(error.to_string()))
}

fn policy_name(policy: &Value) -> Option<&str> {
    policy["PolicyName"].as_str()
}

/// The list as it is wanted, where it holds the same in another order: IAM keeps no order.
fn in_wanted_order(wanted: &Value, seen: Vec<Value>) -> Value {
    let same = wanted
        .as_array()
        .is_some_and(|wanted| wanted.len() == seen.len() && wanted.iter().all(|item| seen.contains(item)));
    if same { wanted.clone() } else { Value::Array(seen) }
}

/// What is wanted and not seen, and what is seen and not wanted.
fn difference(change: &Change) -> (Vec<&Value>, Vec<&Value>) {
    let wanted = change.wanted.as_array().map(Vec::as_slice).unwrap_or_default();
    let seen = change.seen.as_array().map(Vec::as_slice).unwrap_or_default();
    (
        wanted.iter().filter(|item| !seen.contains(item)).collect(),
        seen.iter().filter(|item| !wanted.contains(item)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_policies_is_no_difference() {
        let wanted = json!(["a", "b"]);
        assert_eq!(in_wanted_order(&wanted, vec![json!("b"), json!("a")]), wanted);
        assert_eq!(in_wanted_order(&wanted, vec![json!("b")]), json!(["b"]));
        assert_eq!(in_wanted_order(&wanted, vec![json!("b"), json!("c")]), json!(["b", "c"]));
    }

    #[test]
    fn only_what_differs_is_changed() {
        let change = Change { property: "Policies".into(), wanted: json!([1, 2]), seen: json!([2, 3]) };
        assert_eq!(difference(&change), (vec![&json!(1)], vec![&json!(3)]));
    }
}
