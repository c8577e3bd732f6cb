//! Removing a step's resources, as far as dependencies allow.
//!
//! A removal does not stop at its first failure. It drives everything that nothing else holds any more, waits
//! for what is on its way out, and only when nothing is left to do or to wait for says what failed. What goes by
//! a name is looked at before it is touched: it may be somebody else's by now. What is left of a spec that the
//! environment had before goes like the rest.

use crate::{
    call::{Action, Answer},
    ensure::look,
    records::{ResourceItem, ResourceState},
    resource::{Departure, Group, Owner, State},
    turn::{Progress, Trouble, Turn, Waves},
};
use environment::{Code, Entry, Fault, Key, Kind};
use futures::future::join_all;
use jiff::SignedDuration;
use std::collections::BTreeMap;

/// For so long a Prefect server that cannot be reached is tried in a removal.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

impl<G: Group> Turn<'_, G> {
    /// Drives the removal of every resource of the step as far as it goes now.
    pub(crate) async fn remove(&mut self) -> Result<Answer, Fault> {
        self.read_catalogue();
        self.take_down().await
    }

    /// Drives the removal of what is to go of the step: everything, or in a tidying what is left of another spec.
    pub(crate) async fn take_down(&mut self) -> Result<Answer, Fault> {
        let mut waves = Waves::default();
        loop {
            // First: a turn may have died when their holder was recorded as gone, and they were not.
            self.let_parts_go().await?;
            let left: Vec<&Entry> = self.left().filter(|entry| !waves.tried.contains(&entry.key)).collect();
            let (wave, held): (Vec<&Entry>, Vec<&Entry>) =
                left.into_iter().partition(|entry| self.holders(entry).next().is_none());
            if wave.is_empty() {
                let mut stuck = Vec::new();
                for entry in held {
                    match self.holders(entry).find(|holder| self.is_being_removed_elsewhere(holder)) {
                        Some(holder) => waves.waits.add_other_step(&holder.key, self.lease.attempt()),
                        None => stuck.push((self.item(entry), self.held(entry))),
                    }
                }
                for (item, fault) in stuck {
                    self.note_held(item, fault, &mut waves.faults).await?;
                }
                break;
            }
            if !self.has_time() {
                return Ok(Answer::waiting(None, 0));
            }
            let outcomes = join_all(wave.into_iter().map(|entry| self.remove_one(entry))).await;
            self.take_in(outcomes, &mut waves)?;
        }
        if self.is_overdue()
            && let Some(late) = waves.late("It did not go within the operation's time.")
        {
            let fault = late.resource.as_ref().and_then(|key| waves.faults.remove(key));
            return Ok(Answer::failed(fault.unwrap_or(late)));
        }
        let first = waves.faults.into_values().next();
        Ok(waves.waits.answer().or(first.map(Answer::failed)).unwrap_or_else(Answer::done))
    }

    /// The step's entries that are still there and go by a call of their own.
    fn left(&self) -> impl Iterator<Item = &Entry> {
        let own = self.entries.iter().filter(|entry| entry.step == self.call.step && entry.part_of.is_none());
        own.filter(|entry| self.action_on(&entry.key) == Action::Remove && !self.is_gone(&entry.key))
    }

    fn is_gone(&self, key: &Key) -> bool {
        matches!(self.state(key), ResourceState::Gone | ResourceState::Retained)
    }

    /// What keeps an entry from going: what comes after it and is still there, its own parts aside.
    fn holders<'s>(&'s self, entry: &'s Entry) -> impl Iterator<Item = &'s Entry> {
        self.entries.iter().filter(move |other| {
            other.after.contains(&entry.key)
                && other.kind.holds(entry.kind)
                && other.part_of.as_ref() != Some(&entry.key)
                && !self.is_gone(&other.key)
        })
    }

    /// Whether another step, or the removal of what it is part of, may still make it go.
    fn is_being_removed_elsewhere(&self, holder: &Entry) -> bool {
        let goer = holder.part_of.as_ref().and_then(|key| self.entries.iter().find(|entry| entry.key == *key));
        let step = goer.unwrap_or(holder).step;
        // What is tidied up goes step by step, and what is not removed beside this step is at rest by now.
        if self.call.action != Action::Remove
            || step == self.call.step
            || !(step.runs_beside_others() && self.call.step.runs_beside_others())
        {
            return false;
        }
        let report = self.environment.steps.get(&step).and_then(|it| it.report(self.call.operation_id, Action::Remove));
        report.is_none_or(|report| report.ended_at.is_none())
    }

    /// Why an entry cannot go.
    fn held(&self, entry: &Entry) -> Fault {
        let holder = self.holders(entry).next().map_or("Something", |holder| holder.key.as_str());
        Fault::new(Code::Conflict, format!("{holder} holds it and is still there.")).of(&entry.key)
    }

    /// Records why a resource cannot go: should it be left behind, its owner reads what holds it.
    async fn note_held(
        &mut self,
        mut item: ResourceItem,
        fault: Fault,
        faults: &mut BTreeMap<Key, Fault>,
    ) -> Result<(), Fault> {
        if item.error.as_ref().is_none_or(|noted| noted.message != fault.message) {
            item.error = Some(fault.clone());
            let saved = self.save(&item).await;
            saved.map_err(|(Trouble::Lost(fault) | Trouble::Of(fault))| fault)?;
            self.environment.resources.insert(item.key.clone(), item.clone());
        }
        faults.entry(item.key).or_insert(fault);
        Ok(())
    }

    async fn remove_one(&self, entry: &Entry) -> (ResourceItem, Result<Progress, Trouble>) {
        let mut item = self.item(entry);
        let result = match self.take_away(entry, &mut item).await {
            Err(Trouble::Of(fault)) if self.is_let_be(entry, &fault) => self.note_retained(&mut item, fault).await,
            result => result,
        };
        let result = self.note_fault(&mut item, result).await;
        (item, result)
    }

    /// Whether what lies in Prefect is left there, because Prefect does not let us at it: a server that is no more, or
    /// a key that was withdrawn, must not keep everything else from going. One that cannot be reached is tried for a
    /// while.
    fn is_let_be(&self, entry: &Entry, fault: &Fault) -> bool {
        entry.kind.is_in_prefect()
            && match fault.code {
                Code::PrefectUnauthorized
                | Code::PrefectForbidden
                | Code::PrefectWorkspaceNotFound
                | Code::SecretMissing => true,
                Code::PrefectUnreachable => self.now().duration_since(self.lease.since()) > PATIENCE,
                _ => false,
            }
    }

    async fn note_retained(&self, item: &mut ResourceItem, why: Fault) -> Result<Progress, Trouble> {
        tracing::warn!(resource = %item.key, fault = ?why, "it is left on purpose");
        item.become_retained(&why.message, self.now());
        item.error = Some(why.of(&item.key));
        self.save(item).await?;
        Ok(Progress::Done)
    }

    /// Notes that it stays because its owner wants it so, which is no fault.
    async fn note_kept(&self, item: &mut ResourceItem, reason: &str) -> Result<Progress, Trouble> {
        item.become_retained(reason, self.now());
        self.save(item).await?;
        Ok(Progress::Done)
    }

    async fn take_away(&self, entry: &Entry, item: &mut ResourceItem) -> Result<Progress, Trouble> {
        let never_made = item.state == ResourceState::Planned && item.id.is_none() && !self.lease.unclean;
        if never_made && !entry.kind.is_made_by_the_request() {
            return self.note_gone(item, "NEVER_MADE").await;
        }
        let Some(resource) = self.engine.group.resource(entry.kind) else {
            return Err(Fault::bug(format!("{} is not this function's", entry.kind)).into());
        };
        let before = item.clone();
        let site = self.site(entry, &before)?;
        let known = before.id.as_deref().filter(|_| !entry.kind.is_addressed_by_name());
        let id = match known.filter(|_| item.state != ResourceState::Leaving) {
            // AWS never uses its ids again: this one is ours, or gone.
            Some(id) => id.to_owned(),
            None => match look(resource, &site).await? {
                Some(found) if found.owner == Owner::Foreign => return self.note_gone(item, "FOREIGN").await,
                Some(found) => {
                    item.id = Some(found.id.clone());
                    if matches!(found.state, State::Leaving) {
                        return self.note_leaving(item).await;
                    }
                    if self.environment.record.removal.retain_logs && entry.kind == Kind::LogGroup {
                        return self.note_kept(item, "The delete asked to keep the logs.").await;
                    }
                    found.id
                }
                None if !never_made => return self.note_absent(item).await,
                None => return self.note_gone(item, "NOT_FOUND").await,
            },
        };
        if !self.has_time() {
            return Ok(Progress::OutOfTime);
        }
        match resource.remove(&site, &id).await {
            Ok(Departure::Gone) => self.note_gone(item, "NOT_FOUND").await,
            Ok(Departure::Leaving) => self.note_leaving(item).await,
            Ok(Departure::Retained(why)) => self.note_retained(item, Fault::new(Code::Conflict, why)).await,
            Err(fault) if fault.code == Code::NotFound => self.note_absent(item).await,
            Err(fault) => Err(fault.into()),
        }
    }

    /// Notes that a look or a removal did not find it. Absence right after a create proves nothing: what was made
    /// a moment ago, or may have been, is looked for again a read's lag later.
    async fn note_absent(&self, item: &mut ResourceItem) -> Result<Progress, Trouble> {
        let may_be_unseen = match item.state {
            ResourceState::Leaving => false,
            _ => item.id.is_none() || self.is_young(item),
        };
        if may_be_unseen && !self.was_missed_long_enough(item) {
            self.save(item).await?;
            return Ok(Progress::UnderWay);
        }
        self.note_gone(item, "NOT_FOUND").await
    }

    async fn note_gone(&self, item: &mut ResourceItem, code: &str) -> Result<Progress, Trouble> {
        item.become_gone(code, self.now());
        self.save(item).await?;
        Ok(Progress::Done)
    }

    async fn note_leaving(&self, item: &mut ResourceItem) -> Result<Progress, Trouble> {
        item.become_(ResourceState::Leaving, self.now());
        item.error = None;
        self.save(item).await?;
        Ok(Progress::UnderWay)
    }

    /// Records what went with what it was part of.
    async fn let_parts_go(&mut self) -> Result<(), Fault> {
        let parts: Vec<ResourceItem> = self
            .entries
            .iter()
            .filter(|entry| entry.part_of.as_ref().is_some_and(|holder| self.is_gone(holder)))
            .filter(|entry| !self.is_gone(&entry.key))
            .map(|entry| self.item(entry))
            .collect();
        let saved = join_all(parts.into_iter().map(async |mut item| {
            let made = item.state != ResourceState::Planned;
            let noted = self.note_gone(&mut item, if made { "HOLDER_GONE" } else { "NEVER_MADE" }).await;
            (item, noted)
        }))
        .await;
        for (item, noted) in saved {
            if let Err(Trouble::Lost(fault) | Trouble::Of(fault)) = noted {
                return Err(fault);
            }
            self.environment.resources.insert(item.key.clone(), item);
        }
        Ok(())
    }
}
