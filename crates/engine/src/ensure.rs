//! Making a step's resources what they should be.
//!
//! Resources are driven in waves: everything whose predecessors are ready, at once. Calls that have been started
//! are always awaited, all of them; their outcomes are recorded before the first error is spoken of.
//!
//! A look comes before an act unless nothing can have been attempted: the resource is only planned, the step is
//! clean, and AWS itself keeps twins apart. A create whose reply was lost leaves its resource `SETTLING` without
//! an id: it may exist. It is looked for, at least twice and a read's lag apart, before it is made again.

use crate::{
    call::Answer,
    records::{ResourceItem, ResourceState},
    resource::{Found, Group, Owner, Resource, Site, State},
    turn::{Trouble, Turn, Waits, next_look, pause},
};
use environment::{Code, Entry, Fault, Key, Step, diff, spec::Network};
use futures::future::join_all;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How far a resource came.
enum Progress {
    Ready,
    Settling,
}

impl<G: Group> Turn<'_, G> {
    /// Drives every resource of the step as far as it goes now.
    pub(crate) async fn ensure(&mut self) -> Result<Answer, Fault> {
        if self.another_step_failed() {
            return Ok(Answer::turn());
        }
        if let Err(fault) = self.choose_zones().await? {
            return Ok(if fault.code.is_retryable() && !self.is_overdue() {
                Answer::waiting(None, pause(&fault))
            } else {
                Answer::failed(fault)
            });
        }
        self.read_catalogue();
        let mut faults: BTreeMap<Key, Fault> = BTreeMap::new();
        let mut waits = Waits::default();
        let mut tried: Vec<Key> = Vec::new();
        loop {
            let wave: Vec<&Entry> = self.unready().filter(|entry| !tried.contains(&entry.key)).collect();
            let (wave, later): (Vec<&Entry>, Vec<&Entry>) = wave.into_iter().partition(|entry| self.may_begin(entry));
            if wave.is_empty() {
                for entry in later {
                    let other = entry.after.iter().find(|key| self.is_of_another_step(key));
                    other.inspect(|key| waits.add_other_step(key, self.lease.attempt()));
                }
                break;
            }
            if !self.has_time() {
                return Ok(Answer::waiting(None, 0));
            }
            let outcomes = join_all(wave.into_iter().map(|entry| self.ensure_one(entry))).await;
            for (key, result) in self.take_in(outcomes)? {
                match result {
                    Ok(Progress::Ready) => {}
                    Ok(Progress::Settling) => {
                        let item = &self.environment.resources[&key];
                        waits.add(&key, next_look(item.since, item.kind.usual_seconds(), self.now()));
                    }
                    Err(fault) => {
                        tracing::warn!(resource = %key, fault = ?fault, "the resource met a fault");
                        faults.insert(key.clone(), fault);
                    }
                }
                tried.push(key);
            }
            if let Some(fault) = faults.values().find(|fault| !fault.code.is_retryable()) {
                return Ok(Answer::failed(fault.clone()));
            }
        }
        for (key, fault) in &faults {
            waits.add(key, pause(fault));
        }
        if self.is_overdue()
            && let Some(key) = waits.key()
        {
            let late = Fault::new(Code::NotStabilized, "It did not become ready within the operation's time.").of(key);
            return Ok(Answer::failed(match faults.get(key) {
                Some(fault) => Fault { aws_code: fault.aws_code.clone(), request_id: fault.request_id.clone(), ..late },
                None => late,
            }));
        }
        Ok(waits.answer().unwrap_or_else(Answer::done))
    }

    /// The step's entries that are not ready.
    fn unready(&self) -> impl Iterator<Item = &Entry> {
        let of_step = self.entries.iter().filter(|entry| entry.step == self.call.step);
        of_step.filter(|entry| self.state(&entry.key) != ResourceState::Ready)
    }

    fn may_begin(&self, entry: &Entry) -> bool {
        entry.after.iter().all(|key| self.state(key) == ResourceState::Ready)
    }

    /// Whether another step makes it and has not made it yet.
    fn is_of_another_step(&self, key: &Key) -> bool {
        let other = |entry: &Entry| entry.key == *key && entry.step != self.call.step;
        self.entries.iter().any(other) && self.state(key) != ResourceState::Ready
    }

    /// Chooses the zones of a new network, once, before its subnets are asked for.
    async fn choose_zones(&mut self) -> Result<Result<(), Fault>, Fault> {
        let record = &self.environment.record;
        if self.call.step != Step::Network || !record.zones.is_empty() {
            return Ok(Ok(()));
        }
        let Network::Create { public_subnets, .. } = &record.spec.network;
        let zones = match self.engine.group.choose_zones(public_subnets.len()).await {
            Ok(zones) => zones.unwrap_or_default(),
            Err(fault) => return Ok(Err(fault)),
        };
        let (id, operation, fence) = (record.id, self.call.operation_id, self.call.fence);
        self.environment.record.zones =
            self.engine.records.choose_zones(id, operation, fence, &zones, self.now()).await?;
        Ok(Ok(()))
    }

    async fn ensure_one(&self, entry: &Entry) -> (ResourceItem, Result<Progress, Trouble>) {
        let mut item = self.item(entry);
        let result = self.drive(entry, &mut item).await;
        let result = self.note_fault(&mut item, result).await;
        (item, result)
    }

    async fn drive(&self, entry: &Entry, item: &mut ResourceItem) -> Result<Progress, Trouble> {
        let Some(resource) = self.engine.group.resource(entry.kind) else {
            return Err(Fault::bug(format!("{} is not this function's", entry.kind)).into());
        };
        // What `site` borrows is the item as it was read; the item itself moves on.
        let before = item.clone();
        let site = self.site(entry, &before)?;
        let found = if self.must_look(entry, item) { look(resource, &site).await? } else { None };
        let found = match found {
            Some(found) => found,
            // What goes by a name has no twin: AWS refuses the second, and then it is found.
            None if self.may_have_been_made(item)
                && !entry.kind.is_addressed_by_name()
                && !self.was_missed_long_enough(item) =>
            {
                self.save(item).await?;
                return Ok(Progress::Settling);
            }
            None => {
                if item.missed_at.take().is_some() {
                    // If this turn dies in the create, the misses before it must not count against what it made.
                    self.save(item).await?;
                }
                match make(resource, &site).await {
                    Ok(found) => found,
                    Err(fault) => {
                        note_attempt(item, fault.code, self.now());
                        return Err(fault.into());
                    }
                }
            }
        };
        if found.owner == Owner::Foreign {
            return Err(not_ours(entry, &found).into());
        }
        item.id = Some(found.id.clone());
        item.arn.clone_from(&found.arn);
        item.attributes.clone_from(&found.attributes);
        item.missed_at = None;
        item.error = None;
        if item.state == ResourceState::Planned {
            // It exists: whatever is wrong with it, a removal must not take it for never made.
            item.become_(ResourceState::Settling, self.now());
        }
        match &found.state {
            State::Failed(fault) => Err(fault.clone().into()),
            State::Settling | State::Leaving => {
                item.become_(ResourceState::Settling, self.now());
                self.save(item).await?;
                Ok(Progress::Settling)
            }
            State::Ready => {
                self.correct(resource, &site, &found, item).await?;
                item.become_(ResourceState::Ready, self.now());
                self.save(item).await?;
                Ok(Progress::Ready)
            }
        }
    }

    /// Makes a found resource as it should be. Its id is recorded first.
    async fn correct(
        &self,
        resource: &dyn Resource,
        site: &Site<'_>,
        found: &Found,
        item: &mut ResourceItem,
    ) -> Result<(), Trouble> {
        let changes = diff(&site.wanted, &found.seen);
        if changes.is_empty() {
            return Ok(());
        }
        if let Some(change) = changes.iter().find(|change| !item.kind.mutable().contains(&change.property.as_str())) {
            let message = format!("Its {} is not as it should be and cannot be changed.", change.property);
            return Err(Fault::new(Code::ResourceFailed, message).into());
        }
        item.become_(ResourceState::Settling, self.now());
        self.save(item).await?;
        resource.correct(site, found, &changes).await.map_err(Trouble::Of)
    }

    fn must_look(&self, entry: &Entry, item: &ResourceItem) -> bool {
        item.state != ResourceState::Planned || self.lease.unclean || entry.kind.is_looked_for_before_create()
    }

    fn may_have_been_made(&self, item: &ResourceItem) -> bool {
        item.state != ResourceState::Planned || self.lease.unclean
    }

    /// Notes the first look that did not find what may exist; says whether that was long enough ago for this
    /// one to mean that it does not.
    pub(crate) fn was_missed_long_enough(&self, item: &mut ResourceItem) -> bool {
        let first = *item.missed_at.get_or_insert_with(|| self.now());
        self.now().duration_since(first) >= self.engine.read_lag
    }
}

/// Notes what a create that was not answered with success may have left. What AWS refused for good left nothing.
fn note_attempt(item: &mut ResourceItem, code: Code, now: Timestamp) {
    if !code.is_retryable() && !code.leaves_the_outcome_unknown() {
        return;
    }
    item.become_(ResourceState::Settling, now);
    // Refused for now, so that one look is enough; otherwise it may exist and not be seen yet.
    let refused = matches!(code, Code::Throttled | Code::NotFound);
    item.missed_at = refused.then_some(Timestamp::UNIX_EPOCH);
}

/// Looks; what AWS calls not found is absent.
pub(crate) async fn look(resource: &dyn Resource, site: &Site<'_>) -> Result<Option<Found>, Fault> {
    match resource.find(site).await {
        Err(fault) if fault.code == Code::NotFound => Ok(None),
        other => other,
    }
}

/// Creates; where that name is taken, looks whose it is.
async fn make(resource: &dyn Resource, site: &Site<'_>) -> Result<Found, Fault> {
    let taken = match resource.create(site).await {
        Err(fault) if fault.code == Code::AlreadyExists => fault,
        other => return other,
    };
    match look(resource, site).await? {
        Some(found) if found.owner == Owner::Ours => Ok(found),
        Some(found) => Err(not_ours(site.entry, &found.state(State::Failed(taken)))),
        // It is there, but a read does not see it yet.
        None => Err(Fault { code: Code::Conflict, ..taken }),
    }
}

/// The fault of a name that is somebody else's, with AWS's code where AWS said so.
fn not_ours(entry: &Entry, found: &Found) -> Fault {
    let what = found.arn.as_deref().unwrap_or(&found.id);
    let message = format!("{what} exists and is not this environment's. It was not touched.");
    let fault = Fault::new(Code::AlreadyExists, message).of(&entry.key);
    match &found.state {
        State::Failed(said) => Fault { aws_code: said.aws_code.clone(), request_id: said.request_id.clone(), ..fault },
        State::Ready | State::Settling | State::Leaving => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::Kind;

    fn planned() -> ResourceItem {
        let entry = Entry {
            key: Key::new("network/vpc"),
            kind: Kind::Vpc,
            step: Step::Network,
            after: Default::default(),
            part_of: None,
            wanted: Default::default(),
        };
        ResourceItem::planned(&entry, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_aws_refused_for_good_was_never_made() {
        for code in [Code::AccessDenied, Code::QuotaExceeded, Code::AlreadyExists, Code::InvalidRequest] {
            let mut item = planned();
            note_attempt(&mut item, code, Timestamp::UNIX_EPOCH);
            assert_eq!(item.state, ResourceState::Planned, "{code}");
        }
    }

    #[test]
    fn what_may_have_been_made_is_looked_for_before_it_is_made_again_or_declared_absent() {
        for code in [Code::NetworkFailure, Code::ServiceUnavailable, Code::Conflict] {
            let mut item = planned();
            item.missed_at = Some(Timestamp::UNIX_EPOCH);
            note_attempt(&mut item, code, Timestamp::UNIX_EPOCH);
            assert_eq!((item.state, item.missed_at), (ResourceState::Settling, None), "{code}");
        }
    }
}
