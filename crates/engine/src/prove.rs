//! Proving that nothing is left of a step's resources.
//!
//! Every recorded resource is looked up again and everything that carries the environment's tag is listed,
//! recorded or not. Reads lag behind writes in this direction, too: what is still seen right after its removal
//! is looked at again for a while before it is believed. What comes to light then although it was taken for gone (a
//! twin, say, of a create that was carried out twice) is removed here and now. What cannot be removed gets back into
//! the records, so that the next delete removes it.

use crate::{
    call::Answer,
    ensure::look,
    records::{ResourceItem, ResourceState},
    resource::{Departure, Group, Owner, Site, State},
    survey::Whose,
    turn::{Trouble, Turn, pause},
};
use environment::{Code, Entry, Fault, Key, Kind};
use futures::future::{join, join_all};
use std::collections::BTreeSet;

/// How soon to look again at what should be gone.
const LOOK_AGAIN: u32 = 5;

/// Something that is still there.
#[derive(Debug)]
struct Remnant {
    key: Key,
    id: String,
    /// It was taken for gone, or never known: no removal has failed on it.
    is_news: bool,
    /// It is on its way out.
    is_leaving: bool,
}

impl<G: Group> Turn<'_, G> {
    /// Looks for anything that is left.
    pub(crate) async fn prove(&mut self) -> Result<Answer, Fault> {
        self.read_catalogue();
        let left = match self.remnants().await? {
            Ok(left) => left,
            Err(fault) if fault.code.is_retryable() && !self.is_overdue() => {
                return Ok(Answer::waiting(None, pause(&fault)));
            }
            Err(fault) => return Ok(Answer::failed(fault)),
        };
        let Some(first) = left.first() else { return Ok(Answer::done()) };
        let again = Answer::waiting(Some(first.key.clone()), LOOK_AGAIN);
        if self.now().duration_since(self.lease.since()) < self.engine.read_lag * 2 {
            return Ok(again);
        }
        tracing::warn!(?left, "something is still there");
        if left.iter().all(|one| one.is_news || one.is_leaving) && !self.is_overdue() {
            if !self.has_time() {
                return Ok(Answer::waiting(None, 0));
            }
            let removals =
                left.iter().filter(|one| !one.is_leaving).map(|one| self.remove_unrecorded(&one.key, &one.id));
            let failed = join_all(removals).await.into_iter().find_map(Result::err);
            match failed {
                None => return Ok(again),
                Some(fault) if fault.code.is_retryable() => {
                    return Ok(Answer::waiting(fault.resource.clone(), pause(&fault)));
                }
                Some(fault) => tracing::error!(?fault, "what came to light cannot be removed"),
            }
        }
        tracing::error!(?left, "resources are left behind");
        for one in left.iter().filter(|one| one.is_news) {
            self.take_back(one).await?;
        }
        let message = format!("{} still exists.", first.id);
        Ok(Answer::failed(Fault::new(Code::NotStabilized, message).of(&first.key)))
    }

    /// Everything of this step that is still there; the inner fault is that of a look.
    async fn remnants(&self) -> Result<Result<Vec<Remnant>, Fault>, Fault> {
        let of_step =
            self.entries.iter().filter(|entry| entry.step == self.call.step && entry.kind.is_looked_for_in_the_end());
        let kinds: BTreeSet<Kind> = of_step.clone().map(|entry| entry.kind).collect();
        let looks = join_all(of_step.map(|entry| self.look_for(entry)));
        let whose = Whose::Environment(self.call.environment_id);
        let lists = join_all(kinds.into_iter().map(|kind| self.engine.group.list_tagged(whose, kind)));
        let (looks, lists) = join(looks, lists).await;
        let mut left: Vec<Remnant> = Vec::new();
        let mut fault = None;
        for look in looks {
            match look {
                Ok(remnant) => left.extend(remnant),
                Err(Trouble::Of(trouble)) => fault = fault.or(Some(trouble)),
                Err(Trouble::Lost(lost)) => return Err(lost),
            }
        }
        for list in lists {
            match list {
                Ok(seen) => {
                    for one in seen {
                        if left.iter().any(|known| known.id == one.id) {
                            continue;
                        }
                        let key = Key::new(one.resource.unwrap_or_else(|| one.kind.to_string()));
                        let recorded = self.environment.resources.get(&key).and_then(|item| item.id.as_deref());
                        let is_recorded = recorded == Some(one.id.as_str());
                        if is_recorded && self.state(&key) == ResourceState::Retained {
                            continue;
                        }
                        let is_news = !is_recorded || self.state(&key) == ResourceState::Gone;
                        left.push(Remnant { key, id: one.id, is_news, is_leaving: false });
                    }
                }
                Err(trouble) => fault = fault.or(Some(trouble)),
            }
        }
        Ok(fault.map_or(Ok(left), Err))
    }

    /// Looks for one resource.
    async fn look_for(&self, entry: &Entry) -> Result<Option<Remnant>, Trouble> {
        let Some(resource) = self.engine.group.resource(entry.kind) else {
            return Err(Fault::bug(format!("{} is not this function's", entry.kind)).into());
        };
        let mut item = self.item(entry);
        if item.state == ResourceState::Retained {
            return Ok(None);
        }
        if entry.kind.is_in_prefect() {
            // The credential is gone by now: what Prefect answered to the removal is the proof.
            let is_left = item.state != ResourceState::Gone;
            let id = item.id.clone().unwrap_or_else(|| entry.key.to_string());
            return Ok(is_left.then(|| Remnant { key: entry.key.clone(), id, is_news: false, is_leaving: false }));
        }
        let found = look(resource, &self.site(entry, &item)?).await.map_err(|fault| fault.of(&entry.key))?;
        if let Some(found) = found.as_ref().filter(|found| found.owner == Owner::Ours) {
            return Ok(Some(Remnant {
                key: entry.key.clone(),
                id: found.id.clone(),
                is_news: item.state == ResourceState::Gone,
                is_leaving: matches!(found.state, State::Leaving),
            }));
        }
        let never_made = item.evidence.as_ref().is_some_and(|evidence| evidence.code == "NEVER_MADE");
        // Also where a removal had failed, of something that is gone all the same.
        if item.state != ResourceState::Gone || !never_made {
            item.become_gone(if found.is_some() { "FOREIGN" } else { "NOT_FOUND" }, self.now());
            self.save(&item).await?;
        }
        Ok(None)
    }

    /// Removes something that carries this resource's tags under an id that is not recorded, or not any more.
    pub(crate) async fn remove_unrecorded(&self, key: &Key, id: &str) -> Result<(), Fault> {
        let entry = self.entries.iter().find(|entry| entry.key == *key);
        let Some((entry, resource)) = entry.and_then(|it| Some((it, self.engine.group.resource(it.kind)?))) else {
            let message = format!("{id} is no resource that this environment knows.");
            return Err(Fault::new(Code::NotStabilized, message).of(key));
        };
        let item = ResourceItem { id: Some(id.to_owned()), ..self.item(entry) };
        let site: Site<'_> = self.site(entry, &item)?;
        tracing::warn!(resource = %key, id, "removing what came to light");
        match resource.remove(&site, id).await {
            Ok(Departure::Gone | Departure::Leaving | Departure::Retained(_)) => Ok(()),
            Err(fault) if fault.code == Code::NotFound => Ok(()),
            Err(fault) => Err(fault.of(key)),
        }
    }

    /// Records what is there although its resource is recorded as gone. The next removal then removes it.
    async fn take_back(&self, news: &Remnant) -> Result<(), Fault> {
        let Some(recorded) = self.environment.resources.get(&news.key) else { return Ok(()) };
        if recorded.state != ResourceState::Gone {
            return Ok(());
        }
        let mut item = recorded.clone();
        let state = if news.is_leaving { ResourceState::Leaving } else { ResourceState::Ready };
        item.come_back(&news.id, state, self.now());
        self.engine.records.save_resource(self.call.environment_id, &item).await
    }
}
