//! A turn: one invocation of a group's function on a step.
//!
//! Take the step's lease, load the record, do what can be done now, record each id the moment it is known,
//! release, answer. Waiting is the state machine's.
//!
//! The crash story. A turn may die anywhere: then its lease is not released but expires, just after Lambda has
//! killed the function, and the next turn of the step finds it `unclean` and looks before it acts. A turn that
//! loses the table throws: its lease expires, too. An older operation's turn finds a newer fence and touches
//! nothing.

use crate::{
    call::{Action, Answer, Call},
    clock::Clock,
    records::{Desired, Environment, Lease, Records, ResourceItem, ResourceState, Status, Taken},
    resource::{Group, Site},
};
use environment::{
    Code, Entry, Fault, Key, Place, Properties,
    properties::{Reference, resolve},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What a group's function is made of.
#[derive(Debug)]
pub struct Engine<G> {
    /// The behaviour of the group's resources.
    pub group: G,
    /// The table.
    pub records: Records,
    /// The account, region and stack.
    pub place: Place,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long a read may lag behind a write.
    pub read_lag: SignedDuration,
}

/// One invocation of the function.
#[derive(Debug)]
pub struct Invocation {
    /// Its request id.
    pub id: String,
    /// When Lambda ends it.
    pub deadline: Timestamp,
}

/// A lease outlives its function by this much.
const GRACE: SignedDuration = SignedDuration::from_secs(5);
/// Nothing is made, corrected or removed with less time left: a call may take 8 s ([`crate::aws::CALL_LIMIT`]), and
/// its outcome must be recorded. What takes several slow calls may still outlive its function; the next turn then
/// finds the step unclean.
const A_CALL: SignedDuration = SignedDuration::from_secs(12);
/// How soon to look again at what another step is working on: 2 s, and 2 s more with every turn.
const OTHER_STEP: u32 = 2;

impl<G: Group> Engine<G> {
    /// Takes a turn. A fault is thrown for bugs and lost infrastructure only.
    pub async fn turn(&self, call: &Call, invocation: &Invocation) -> Result<Answer, Fault> {
        let mut lease =
            match self.records.take_lease(call, &invocation.id, self.clock.now(), invocation.deadline + GRACE).await? {
                Taken::Yes(lease) => lease,
                Taken::Busy(seconds) => return Ok(Answer::waiting(None, seconds)),
                Taken::Superseded => return Ok(Answer::superseded()),
            };
        let answer = self.work(call, &mut lease, invocation).await?;
        self.records.release_lease(&lease, &answer, self.clock.now()).await?;
        Ok(answer)
    }

    async fn work(&self, call: &Call, lease: &mut Lease, invocation: &Invocation) -> Result<Answer, Fault> {
        let Some(environment) = self.records.load(call.environment_id).await? else {
            // A lost table must not cost anybody anything: what has no record is not touched.
            return Ok(Answer::superseded());
        };
        let record = &environment.record;
        lease.generation = record.generation;
        if record.operation != Some(call.operation_id) || record.fence != call.fence {
            return Ok(Answer::superseded());
        }
        match call.action {
            Action::Ensure | Action::Tidy if record.desired == Desired::Absent => return Ok(Answer::turn()),
            Action::Ensure | Action::Tidy if !record.status.allows_ensure() => return Ok(Answer::superseded()),
            Action::Remove | Action::Prove if !record.status.allows_remove() => return Ok(Answer::superseded()),
            Action::Ensure | Action::Remove | Action::Prove | Action::Tidy => {}
        }
        let mut turn = Turn {
            engine: self,
            call,
            lease,
            invocation,
            environment,
            entries: Vec::new(),
            leftovers: BTreeSet::new(),
        };
        match call.action {
            Action::Ensure => turn.ensure().await,
            Action::Remove => turn.remove().await,
            Action::Prove => turn.prove().await,
            Action::Tidy => turn.tidy().await,
        }
    }
}

/// A turn under its lease.
pub(crate) struct Turn<'a, G> {
    pub(crate) engine: &'a Engine<G>,
    pub(crate) call: &'a Call,
    pub(crate) lease: &'a Lease,
    invocation: &'a Invocation,
    /// The partition, kept up to date with what this turn writes.
    pub(crate) environment: Environment,
    /// The catalogue, every step's; where something is removed, what is left of another spec besides.
    pub(crate) entries: Vec<Entry>,
    /// What of it is left of another spec, and is to go.
    pub(crate) leftovers: BTreeSet<Key>,
}

/// Why something could not be done.
pub(crate) enum Trouble {
    /// The resource's fault.
    Of(Fault),
    /// The table is lost: the turn must not be answered as if all were recorded.
    Lost(Fault),
}

/// How far a resource came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It is as wanted.
    Done,
    /// It is on its way: look again.
    UnderWay,
    /// What was seen may be older than what was written last.
    TooSoon,
    /// This turn has no time left for its next call.
    OutOfTime,
}

/// What a step's waves have come to so far.
#[derive(Default)]
pub(crate) struct Waves {
    /// What was driven in this turn.
    pub(crate) tried: Vec<Key>,
    /// What met a fault.
    pub(crate) faults: BTreeMap<Key, Fault>,
    /// What is waited for.
    pub(crate) waits: Waits,
}

impl Waves {
    /// The fault of what is still waited for when the operation's time is over.
    pub(crate) fn late(&self, message: &str) -> Option<Fault> {
        let key = self.waits.key()?;
        let late = Fault::new(Code::NotStabilized, message).of(key);
        Some(match self.faults.get(key) {
            Some(fault) => Fault { aws_code: fault.aws_code.clone(), request_id: fault.request_id.clone(), ..late },
            None => late,
        })
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::Of(fault)
    }
}

impl<G: Group> Turn<'_, G> {
    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    /// The catalogue with the zones that are recorded by now.
    pub(crate) fn read_catalogue(&mut self) {
        self.entries = self.environment.catalogue(&self.engine.place);
        if self.call.action != Action::Ensure {
            let leftovers = self.environment.leftovers(&self.engine.place);
            self.leftovers = leftovers.iter().map(|entry| entry.key.clone()).collect();
            self.entries.extend(leftovers);
        }
    }

    /// What is done with a resource: what is left of another spec is removed, whatever becomes of the rest.
    pub(crate) fn action_on(&self, key: &Key) -> Action {
        match self.call.action {
            Action::Tidy if self.leftovers.contains(key) => Action::Remove,
            action => action,
        }
    }

    /// A resource as recorded, or as planned where a newer catalogue knows one more.
    pub(crate) fn item(&self, entry: &Entry) -> ResourceItem {
        self.environment.resources.get(&entry.key).cloned().unwrap_or_else(|| ResourceItem::planned(entry, self.now()))
    }

    /// The state of a resource.
    pub(crate) fn state(&self, key: &Key) -> ResourceState {
        self.environment.resources.get(key).map_or(ResourceState::Planned, |item| item.state)
    }

    /// The environment's generation.
    pub(crate) fn generation(&self) -> u64 {
        self.environment.record.generation
    }

    /// Whether a resource is as wanted in this generation.
    pub(crate) fn is_ready(&self, key: &Key) -> bool {
        self.environment.resources.get(key).is_some_and(|item| item.is_ready(self.generation()))
    }

    /// Whether what is recorded of a resource is so recent that a read may not show it yet.
    pub(crate) fn is_young(&self, item: &ResourceItem) -> bool {
        self.now().duration_since(item.since) < self.engine.read_lag
    }

    /// In how many seconds it will not be young any more, at least one.
    fn until_it_is_old(&self, item: &ResourceItem) -> u32 {
        let left = self.engine.read_lag - self.now().duration_since(item.since);
        u32::try_from(left.as_secs()).map_or(1, |seconds| seconds + 1)
    }

    /// Whether there is time for a call that makes, corrects or removes something.
    pub(crate) fn has_time(&self) -> bool {
        self.invocation.deadline.duration_since(self.now()) > A_CALL
    }

    /// Whether the operation's own time is over.
    pub(crate) fn is_overdue(&self) -> bool {
        let operation = self.environment.operations.iter().find(|one| one.id == self.call.operation_id);
        operation.and_then(|operation| operation.deadline).is_some_and(|deadline| deadline < self.now())
    }

    /// Whether another step has already failed under this operation: then the rest is work in vain.
    pub(crate) fn another_step_failed(&self) -> bool {
        let operation = self.call.operation_id;
        let others = self.environment.steps.values().filter(|step| step.step != self.call.step);
        others.into_iter().any(|step| step.failed(operation, self.generation()))
    }

    /// A resource's site. In a removal, references to what is gone are null; otherwise they must be known.
    pub(crate) fn site<'s>(&'s self, entry: &'s Entry, item: &'s ResourceItem) -> Result<Site<'s>, Fault> {
        let lookup = |reference: &Reference| self.environment.lookup(reference);
        let wanted = match self.action_on(&entry.key) {
            Action::Ensure | Action::Tidy => {
                entry.wanted.iter().map(|(name, value)| Ok((name.clone(), resolve(value, &lookup)?)))
            }
            Action::Remove | Action::Prove => {
                return Ok(self.site_of(entry, item, lenient(&entry.wanted, &lookup)));
            }
        };
        let wanted: Result<Properties, Reference> = wanted.collect();
        let wanted = wanted.map_err(|unknown| Fault::bug(format!("{} needs {unknown:?}", entry.key)))?;
        Ok(self.site_of(entry, item, wanted))
    }

    fn site_of<'s>(&'s self, entry: &'s Entry, item: &'s ResourceItem, wanted: Properties) -> Site<'s> {
        let record = &self.environment.record;
        Site {
            environment: self.call.environment_id,
            operation: self.call.operation_id,
            generation: self.generation(),
            action: self.action_on(&entry.key),
            place: &self.engine.place,
            entry,
            wanted,
            // A create that is undone has nothing to lose.
            force: record.removal.force || record.status == Status::RollingBack,
            id: item.id.as_deref(),
            former_tags: &self.environment.record.former_tags,
            attributes: &item.attributes,
            intake_until: record.intake_until,
            now: self.now(),
        }
    }

    /// Records a resource's fault with the resource.
    pub(crate) async fn note_fault<T>(
        &self,
        item: &mut ResourceItem,
        result: Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let Err(Trouble::Of(fault)) = result else { return result };
        let fault = fault.of(&item.key);
        item.error = Some(fault.clone());
        self.save(item).await?;
        Err(Trouble::Of(fault))
    }

    /// Takes in what a wave came to. Every outcome is kept before a loss of the table is spoken of.
    pub(crate) fn take_in(
        &mut self,
        outcomes: Vec<(ResourceItem, Result<Progress, Trouble>)>,
        waves: &mut Waves,
    ) -> Result<(), Fault> {
        let mut lost = None;
        for (item, result) in outcomes {
            let key = item.key.clone();
            match result {
                Ok(Progress::Done) => {}
                Ok(Progress::UnderWay) => waves.waits.add(&key, self.next_look(&item)),
                Ok(Progress::TooSoon) => waves.waits.add(&key, self.until_it_is_old(&item)),
                Ok(Progress::OutOfTime) => waves.waits.add(&key, 0),
                Err(Trouble::Of(fault)) => {
                    tracing::warn!(resource = %key, fault = ?fault, "the resource met a fault");
                    if fault.code.is_retryable() {
                        waves.waits.add(&key, pause(&fault));
                    }
                    waves.faults.insert(key.clone(), fault);
                }
                Err(Trouble::Lost(fault)) => lost = Some(fault),
            }
            self.environment.resources.insert(key.clone(), item);
            waves.tried.push(key);
        }
        lost.map_or(Ok(()), Err)
    }

    /// When to look again at what is on its way.
    fn next_look(&self, item: &ResourceItem) -> u32 {
        let usual = match self.action_on(&item.key) {
            Action::Ensure | Action::Tidy => item.kind.usual_seconds(),
            Action::Remove | Action::Prove => item.kind.usual_removal_seconds(),
        };
        next_look(item.since, usual, self.now())
    }

    /// Records a resource.
    pub(crate) async fn save(&self, item: &ResourceItem) -> Result<(), Trouble> {
        self.engine.records.save_resource(self.call.environment_id, item).await.map_err(Trouble::Lost)
    }
}

/// Properties with every reference to something unknown replaced by null.
fn lenient(wanted: &Properties, lookup: &impl Fn(&Reference) -> Option<String>) -> Properties {
    wanted.iter().map(|(name, value)| (name.clone(), resolve(value, lookup).unwrap_or(Value::Null))).collect()
}

/// How long to wait for what has been under way since `since` and usually takes `usual` seconds: what is left of
/// that, at most 30 s at a time, and then a look every 10 s (every 2 s for what is usually quick).
fn next_look(since: Timestamp, usual: u32, now: Timestamp) -> u32 {
    let elapsed = u32::try_from(now.duration_since(since).as_secs().max(0)).unwrap_or(u32::MAX);
    let rhythm = usual.clamp(2, 10);
    usual.saturating_sub(elapsed).clamp(rhythm, 30)
}

/// How long to wait before a retryable fault is met again.
pub(crate) fn pause(fault: &Fault) -> u32 {
    match fault.code {
        Code::NotFound => 2,
        Code::Throttled => 10,
        // They may take hours.
        Code::FlowRunsAtWork => 20,
        _ => 5,
    }
}

/// What a step is waiting for, the soonest of all.
#[derive(Default)]
pub(crate) struct Waits(Option<(u32, Key)>);

impl Waits {
    /// One more thing to wait for.
    pub(crate) fn add(&mut self, key: &Key, seconds: u32) {
        if self.0.as_ref().is_none_or(|(soonest, _)| seconds < *soonest) {
            self.0 = Some((seconds, key.clone()));
        }
    }

    /// What another step is working on.
    pub(crate) fn add_other_step(&mut self, key: &Key, attempt: u32) {
        self.add(key, OTHER_STEP.saturating_mul(attempt).min(30));
    }

    /// The answer, if there is anything to wait for.
    pub(crate) fn answer(self) -> Option<Answer> {
        self.0.map(|(seconds, key)| Answer::waiting(Some(key), seconds))
    }

    /// The resource that is waited for.
    pub(crate) fn key(&self) -> Option<&Key> {
        self.0.as_ref().map(|(_, key)| key)
    }
}
