//! Making a step's resources what they should be.
//!
//! Resources are driven in waves: everything whose predecessors are ready, at once. Calls that have been started
//! are always awaited, all of them; their outcomes are recorded before the first error is spoken of.
//!
//! A look comes before an act unless nothing can have been attempted: the resource is only planned, the step is
//! clean, and AWS itself keeps twins apart. A create whose reply was lost leaves its resource `SETTLING` without
//! an id: it may exist. It is looked for, at least twice and a read's lag apart, before it is made again.
//!
//! A new generation looks at everything anew. What an earlier one had made and is not there any more, somebody has
//! taken away: its recorded id is forgotten and it is made anew, and what is in it or refers to it follows, since
//! that is gone with it or leads to the old one. What is found to have failed is given one more try. What an earlier
//! one wrote to a moment ago is not believed to be as wanted: a read may show what it was before that.

use crate::{
    call::Answer,
    records::{Missed, ResourceItem, ResourceState},
    resource::{Found, Group, Owner, Resource, Site, State},
    turn::{Progress, Trouble, Turn, Waves, pause},
};
use environment::{Change, Code, Entry, Fault, Key, Step, diff, kind::TAGS, spec::Network};
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::Value;
use std::future::Future;

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
        let mut waves = Waves::default();
        loop {
            let wave: Vec<&Entry> = self.unready().filter(|entry| !waves.tried.contains(&entry.key)).collect();
            let (wave, later): (Vec<&Entry>, Vec<&Entry>) = wave.into_iter().partition(|entry| self.may_begin(entry));
            if wave.is_empty() {
                for entry in later {
                    let other = entry.after.iter().find(|key| self.is_of_another_step(key));
                    other.inspect(|key| waves.waits.add_other_step(key, self.lease.attempt()));
                }
                break;
            }
            if !self.has_time() {
                return Ok(Answer::waiting(None, 0));
            }
            let outcomes = join_all(wave.into_iter().map(|entry| self.ensure_one(entry))).await;
            self.take_in(outcomes, &mut waves)?;
            if let Some(fault) = waves.faults.values().find(|fault| !fault.code.is_retryable()) {
                return Ok(Answer::failed(fault.clone()));
            }
        }
        if self.is_overdue()
            && let Some(late) = waves.late("It did not become ready within the operation's time.")
        {
            return Ok(Answer::failed(late));
        }
        match waves.waits.answer() {
            Some(answer) => Ok(answer),
            None => Ok(self.remove_twins().await?.unwrap_or_else(Answer::done)),
        }
    }

    /// The step's entries that are not ready.
    fn unready(&self) -> impl Iterator<Item = &Entry> {
        let of_step = self.entries.iter().filter(|entry| entry.step == self.call.step);
        of_step.filter(|entry| !self.is_ready(&entry.key))
    }

    fn may_begin(&self, entry: &Entry) -> bool {
        entry.after.iter().all(|key| self.is_ready(key))
    }

    /// Whether another step makes it and has not made it yet.
    fn is_of_another_step(&self, key: &Key) -> bool {
        let other = |entry: &Entry| entry.key == *key && entry.step != self.call.step;
        self.entries.iter().any(other) && !self.is_ready(key)
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
        let mut site = self.site(entry, &before)?;
        let mut found = if self.must_look(entry, item) { look(resource, &site).await? } else { None };
        if found.is_none() && self.is_of_an_earlier_generation(item) {
            if self.is_young(item) && !self.was_missed_long_enough(item) {
                self.save(item).await?;
                return Ok(Progress::UnderWay);
            }
            tracing::warn!(resource = %entry.key, id = ?item.id, "it is gone, and made anew");
            item.start_over(self.now());
            self.save(item).await?;
            site.id = None;
            // An earlier turn may have come as far as this and died, or somebody put another in its place.
            found = look(resource, &site).await?;
        }
        let found = match found {
            Some(found) => found,
            None if self.may_have_been_made(item)
                && !entry.kind.has_no_twin()
                && !self.was_missed_long_enough(item) =>
            {
                self.save(item).await?;
                return Ok(Progress::UnderWay);
            }
            None if !self.has_time() => return Ok(Progress::OutOfTime),
            None => {
                if item.missed.take().is_some() {
                    // If this turn dies in the create, the misses before it must not count against what it made.
                    self.save(item).await?;
                }
                match make(resource, &site).await {
                    Ok(found) => {
                        item.worked_on = self.generation();
                        found
                    }
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
        note_found(item, &found, self.now());
        match &found.state {
            State::Failed(failure) if item.worked_on < self.generation() => {
                let failure = failure.clone();
                self.work_on(item, resource.try_again(&site, found, failure)).await
            }
            State::Failed(failure) => Err(failure.clone().into()),
            State::Settling | State::Leaving => {
                item.become_(ResourceState::Settling, self.now());
                self.save(item).await?;
                Ok(Progress::UnderWay)
            }
            State::Ready => {
                let changes = diff(&site.wanted, &found.seen);
                if changes.is_empty() {
                    return if self.may_show_the_past(&before) {
                        Ok(Progress::TooSoon)
                    } else {
                        self.note_ready(item).await
                    };
                }
                must_be_mutable(item, &changes)?;
                self.work_on(item, correct(resource, &site, found, &changes)).await
            }
        }
    }

    /// Corrects a resource or starts it anew. Its id is recorded first; what has to settle is looked at again.
    async fn work_on(
        &self,
        item: &mut ResourceItem,
        work: impl Future<Output = Result<Found, Fault>>,
    ) -> Result<Progress, Trouble> {
        item.become_(ResourceState::Settling, self.now());
        self.save(item).await?;
        if !self.has_time() {
            return Ok(Progress::OutOfTime);
        }
        let after = work.await?;
        item.worked_on = self.generation();
        note_found(item, &after, self.now());
        match after.state {
            State::Ready => self.note_ready(item).await,
            State::Failed(failure) => Err(failure.into()),
            State::Settling | State::Leaving => {
                self.save(item).await?;
                Ok(Progress::UnderWay)
            }
        }
    }

    async fn note_ready(&self, item: &mut ResourceItem) -> Result<Progress, Trouble> {
        let took = self.took(item);
        item.become_(ResourceState::Ready, self.now());
        item.generation = self.generation();
        self.save(item).await?;
        // An ETA is told from it and nothing else: without it the work is done all the same.
        if let Some(seconds) = took
            && self.has_time()
            && let Err(fault) = self.engine.records.note_duration(item.kind, seconds).await
        {
            tracing::warn!(resource = %item.key, ?fault, "how long it took is not remembered");
        }
        Ok(Progress::Done)
    }

    /// How long it took to become ready, where it is of a kind that is waited for and was worked on now.
    fn took(&self, item: &ResourceItem) -> Option<u32> {
        let was_waited_for = item.kind.is_waited_for() && item.state == ResourceState::Settling;
        let is_of_now = was_waited_for && item.worked_on == self.generation();
        is_of_now.then(|| u32::try_from(self.now().duration_since(item.since).as_secs()).ok()).flatten()
    }

    /// Whether nothing of this generation can have been made under its recorded id: if that is not there, somebody
    /// has taken it away.
    fn is_of_an_earlier_generation(&self, item: &ResourceItem) -> bool {
        item.id.is_some() && item.worked_on < self.generation()
    }

    /// Whether a look may show what was there before an earlier generation wrote to it. That one may have wanted
    /// something else: what it changed a moment ago would be taken for what it was, and is now wanted again.
    fn may_show_the_past(&self, before: &ResourceItem) -> bool {
        (1..self.generation()).contains(&before.generation) && self.is_young(before)
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
        match *item.missed.get_or_insert_with(|| Missed::Since(self.now())) {
            Missed::Refused => true,
            Missed::Since(first) => self.now().duration_since(first) >= self.engine.read_lag,
        }
    }
}

/// Notes what was found or made.
fn note_found(item: &mut ResourceItem, found: &Found, now: Timestamp) {
    item.id = Some(found.id.clone());
    item.arn.clone_from(&found.arn);
    item.attributes.clone_from(&found.attributes);
    item.missed = None;
    item.error = None;
    if item.state == ResourceState::Planned {
        // It exists: whatever is wrong with it, a removal must not take it for never made.
        item.become_(ResourceState::Settling, now);
    }
}

/// Notes what a create that was not answered with success may have left. What AWS refused left nothing by itself; but
/// the SDK sends a create with a token again, and the answer that was lost may have been another one. One look tells.
fn note_attempt(item: &mut ResourceItem, code: Code, now: Timestamp) {
    item.become_(ResourceState::Settling, now);
    let for_good = !code.is_retryable() && !code.leaves_the_outcome_unknown();
    let refused = for_good || matches!(code, Code::Throttled | Code::NotFound);
    item.missed = refused.then_some(Missed::Refused);
}

fn must_be_mutable(item: &ResourceItem, changes: &[Change]) -> Result<(), Fault> {
    match changes.iter().find(|change| !item.kind.can_change(&change.property)) {
        None => Ok(()),
        Some(change) => {
            let message = format!("Its {} is not as it should be and cannot be changed.", change.property);
            Err(Fault::new(Code::ResourceFailed, message))
        }
    }
}

/// Makes it as it should be, its tags last.
async fn correct(resource: &dyn Resource, site: &Site<'_>, found: Found, changes: &[Change]) -> Result<Found, Fault> {
    let (tags, others): (Vec<Change>, Vec<Change>) =
        changes.iter().cloned().partition(|change| change.property == TAGS);
    let before = found.id.clone();
    let found = if others.is_empty() { found } else { resource.correct(site, found, &others).await? };
    // What took another one's place was made with the tags that are wanted.
    if let [Change { seen, .. }] = tags.as_slice()
        && found.id == before
    {
        resource.retag(site, &found, &site.tag_change(pairs(seen))).await?;
    }
    Ok(found)
}

fn pairs(tags: &Value) -> impl Iterator<Item = (&str, &str)> {
    let tags = tags.as_array().into_iter().flatten();
    tags.filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str()?)))
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
        crate::records::samples::planned(Kind::Vpc)
    }

    #[test]
    fn what_may_have_been_made_is_looked_for_before_it_is_made_again_or_declared_absent() {
        for code in [Code::NetworkFailure, Code::ServiceUnavailable, Code::Conflict] {
            let mut item = planned();
            item.missed = Some(Missed::Since(Timestamp::UNIX_EPOCH));
            note_attempt(&mut item, code, Timestamp::UNIX_EPOCH);
            assert_eq!((item.state, item.missed), (ResourceState::Settling, None), "{code}");
        }
    }

    #[test]
    fn what_aws_refused_needs_one_look_only() {
        let for_good = [Code::AccessDenied, Code::QuotaExceeded, Code::AlreadyExists, Code::InvalidRequest];
        for code in for_good.into_iter().chain([Code::Throttled, Code::NotFound]) {
            let mut item = planned();
            note_attempt(&mut item, code, Timestamp::UNIX_EPOCH);
            assert_eq!((item.state, item.missed), (ResourceState::Settling, Some(Missed::Refused)), "{code}");
        }
    }

    #[test]
    fn what_cannot_be_changed_fails_by_its_property() {
        let change = |property: &str| Change { property: property.into(), wanted: Value::Null, seen: Value::Null };
        let mut item = planned();
        note_found(&mut item, &Found::ready("vpc-1"), Timestamp::UNIX_EPOCH);
        assert!(must_be_mutable(&item, &[change("EnableDnsSupport")]).is_ok());
        let refused = must_be_mutable(&item, &[change("EnableDnsSupport"), change("CidrBlock")]);
        assert!(refused.is_err_and(|fault| fault.message.contains("CidrBlock")));
    }
}
