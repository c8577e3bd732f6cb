//! An environment's record.

use super::{Status, the_first};
use crate::records::Share;
use environment::{
    EnvironmentId, OperationId, Spec,
    lifetime::{Expiry, Lifetime},
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the owner wants of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Desired {
    /// To be there.
    Present,
    /// To be gone.
    Absent,
}

/// Who asked for something, for whom and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AskedBy {
    /// The role's or user's name.
    pub name: String,
    /// The role session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<String>,
    /// The whole ARN, as AWS authenticated it.
    pub arn: String,
    /// Whom it was asked for, in the caller's own words: nobody has checked them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf_of: Option<String>,
    /// Why, in the caller's own words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

impl AskedBy {
    /// The role or user of this name, without a session.
    pub fn principal(name: impl Into<String>, arn: impl Into<String>) -> Self {
        AskedBy { name: name.into(), session: None, arn: arn.into(), on_behalf_of: None, reason: None }
    }
}

/// What keeps an environment from being deleted until somebody takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Protection {
    /// Why, in the words of who protects it.
    pub reason: String,
    /// Who protects it.
    pub by: AskedBy,
    /// Since when.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
}

/// An environment's record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The item's version of shape.
    pub schema: u32,
    /// The environment.
    pub id: EnvironmentId,
    /// Its name.
    pub name: String,
    /// The team that owns it.
    pub team: String,
    /// What it has of the team's limits, until it ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub share: Option<Share>,
    /// How it is.
    pub status: Status,
    /// What its owner wants.
    pub desired: Desired,
    /// The operation that has it, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub operation: Option<OperationId>,
    /// Raised whenever an operation takes the environment.
    pub fence: u64,
    /// Raised by every write of the record.
    pub version: u64,
    /// Which making of it this is, from 1. Raised whenever an apply begins that must look at everything anew.
    #[serde(default = "the_first")]
    pub generation: u64,
    /// What is wanted.
    pub spec: Spec,
    /// Keys of the team's tags that were wanted before and that something may still carry. Other tags are others'.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub former_tags: BTreeSet<String>,
    /// The last spec that became active.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub applied_spec: Option<Spec>,
    /// The availability zones, by zone id. Chosen once.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Until when the request may still be writing the secret.
    pub intake_until: Timestamp,
    /// Who asked for the environment.
    pub created_by: AskedBy,
    /// Who asked for it to be gone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deleted_by: Option<AskedBy>,
    /// How its owner wants it to go.
    #[serde(default)]
    pub removal: Removal,
    /// How many removals in a row have left something. Decides when the next one is tried.
    #[serde(default)]
    pub removals_in_vain: u32,
    /// Why it must not be deleted, while that is so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deletion_protection: Option<Protection>,
    /// When it is deleted by itself, if ever.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it first ended. From then on its name and its work pool are free, whatever is found of it later.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended_at: Option<Timestamp>,
    /// When the record was last written.
    pub updated_at: Timestamp,
}

impl Record {
    /// Whether a delete is refused. What is already being deleted goes on, and where nothing exists there is nothing
    /// to protect.
    pub fn is_protected(&self) -> bool {
        self.deletion_protection.is_some() && self.desired == Desired::Present && !self.status.is_ended()
    }

    /// What a request would say of its lifetime to leave it as it is.
    pub fn lifetime(&self) -> Lifetime {
        Lifetime {
            deletion_protection: self.deletion_protection.as_ref().map(|protection| protection.reason.clone()),
            expiry: self.expires_at.map(Expiry::At),
        }
    }

    /// It is to live so long from now on. Who protects it for the same reason as before changes nothing.
    pub fn live(&mut self, lifetime: &Lifetime, asked_by: &AskedBy, now: Timestamp) {
        if self.lifetime().deletion_protection != lifetime.deletion_protection {
            let protect = |reason: &String| Protection { reason: reason.clone(), by: asked_by.clone(), since: now };
            self.deletion_protection = lifetime.deletion_protection.as_ref().map(protect);
        }
        self.expires_at = lifetime.expiry.map(|expiry| expiry.of_a_request(now));
    }

    /// When it is to be deleted by itself. Protection goes before expiry.
    pub fn expires(&self) -> Option<Timestamp> {
        let may_expire = self.desired == Desired::Present && !self.status.is_ended() && !self.is_protected();
        self.expires_at.filter(|_| may_expire)
    }

    /// Something else is wanted from now on.
    pub fn want(&mut self, spec: Spec) {
        let former = std::mem::take(&mut self.former_tags);
        let all = former.into_iter().chain(self.spec.tags.keys().cloned());
        self.former_tags = all.filter(|key| !spec.tags.contains_key(key)).collect();
        self.spec = spec;
    }
}

/// How an environment is to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Flow runs that are at work are stopped, and not waited for.
    pub force: bool,
    /// The log groups stay.
    pub retain_logs: bool,
}

impl Removal {
    /// What was asked for before, and what is asked for now. Neither can be taken back: it may have happened.
    pub fn and(self, more: Removal) -> Removal {
        Removal { force: self.force || more.force, retain_logs: self.retain_logs || more.retain_logs }
    }
}
