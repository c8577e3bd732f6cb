//! Proving that nothing is left of a step's resources.
//!
//! Every recorded resource is looked up again and everything that carries the environment's tag is listed,
//! recorded or not. Reads lag behind writes in this direction, too: what is still seen right after its removal
//! is looked at again for a while before it is called left behind. What is found gets (back) into the records,
//! so that the next delete removes it.

use crate::{
    call::Answer,
    ensure::look,
    records::{Evidence, ResourceItem, ResourceState},
    resource::{Group, Owner, State},
    survey::Whose,
    turn::{Trouble, Turn, pause},
};
use environment::{Code, Entry, Fault, Key, Kind};
use futures::future::{join, join_all};
use std::collections::BTreeSet;

/// How soon to look again at what should be gone.
const LOOK_AGAIN: u32 = 5;

impl<G: Group> Turn<'_, G> {
    /// Looks for anything that is left.
    pub(crate) async fn prove(&mut self) -> Result<Answer, Fault> {
        self.read_catalogue();
        let of_step = self.entries.iter().filter(|entry| entry.step == self.call.step && entry.kind.is_tagged());
        let kinds: BTreeSet<Kind> = of_step.clone().map(|entry| entry.kind).collect();
        let looks = join_all(of_step.map(|entry| self.look_for(entry)));
        let whose = Whose::Environment(self.call.environment_id);
        let lists = join_all(kinds.into_iter().map(|kind| self.engine.group.list_tagged(whose, kind)));
        let (looks, lists) = join(looks, lists).await;
        let mut still_there: Vec<(Key, String)> = Vec::new();
        let mut fault = None;
        for (item, result) in looks {
            match result {
                Ok(None) => {}
                Ok(Some(id)) => still_there.push((item.key, id)),
                Err(Trouble::Of(trouble)) => fault = fault.or(Some(trouble)),
                Err(Trouble::Lost(lost)) => return Err(lost),
            }
        }
        for list in lists {
            match list {
                Ok(seen) => still_there.extend(seen.into_iter().map(|one| {
                    let key = one.resource.unwrap_or_else(|| one.kind.to_string());
                    (Key::new(key), one.id)
                })),
                Err(trouble) => fault = fault.or(Some(trouble)),
            }
        }
        if let Some(fault) = fault {
            let retry = fault.code.is_retryable() && !self.is_overdue();
            return Ok(if retry { Answer::waiting(None, pause(&fault)) } else { Answer::failed(fault) });
        }
        let Some((key, id)) = still_there.first() else { return Ok(Answer::done()) };
        if self.now().duration_since(self.lease.since()) < self.engine.read_lag * 2 {
            return Ok(Answer::waiting(Some(key.clone()), LOOK_AGAIN));
        }
        tracing::error!(left = ?still_there, "resources are left behind");
        for (key, id) in &still_there {
            self.take_back(key, id).await?;
        }
        let message = format!("{id} still exists.");
        Ok(Answer::failed(Fault::new(Code::NotStabilized, message).of(key)))
    }

    /// Records what was found although its resource is recorded as gone: a twin, say, of a create that was
    /// carried out twice. The next removal then removes it.
    async fn take_back(&self, key: &Key, id: &str) -> Result<(), Fault> {
        let Some(recorded) = self.environment.resources.get(key).filter(|it| it.state == ResourceState::Gone) else {
            return Ok(());
        };
        let mut item = recorded.clone();
        item.become_(ResourceState::Ready, self.now());
        item.id = Some(id.to_owned());
        item.evidence = None;
        self.engine.records.save_resource(self.call.environment_id, &item).await
    }

    /// Looks for one resource; answers the id under which it still exists.
    async fn look_for(&self, entry: &Entry) -> (ResourceItem, Result<Option<String>, Trouble>) {
        let mut item = self.item(entry);
        let result = self.note(entry, &mut item).await;
        (item, result)
    }

    async fn note(&self, entry: &Entry, item: &mut ResourceItem) -> Result<Option<String>, Trouble> {
        let Some(resource) = self.engine.group.resource(entry.kind) else {
            return Err(Fault::bug(format!("{} is not this function's", entry.kind)).into());
        };
        if item.state == ResourceState::Retained {
            return Ok(None);
        }
        let before = item.clone();
        let found = look(resource, &self.site(entry, &before)?).await.map_err(|fault| fault.of(&entry.key))?;
        match found {
            Some(found) if found.owner == Owner::Ours && item.state == ResourceState::Gone => {
                let leaving = matches!(found.state, State::Leaving);
                item.become_(if leaving { ResourceState::Leaving } else { ResourceState::Ready }, self.now());
                item.id = Some(found.id.clone());
                item.evidence = None;
                self.save(item).await?;
                Ok(Some(found.id))
            }
            Some(found) if found.owner == Owner::Ours => Ok(Some(found.id)),
            _ => {
                let never_made = item.evidence.as_ref().is_some_and(|evidence| evidence.code == "NEVER_MADE");
                // Also where a removal had failed, of something that is gone all the same.
                if item.state != ResourceState::Gone || !never_made {
                    let code = if found.is_some() { "FOREIGN" } else { "NOT_FOUND" };
                    item.become_(ResourceState::Gone, self.now());
                    item.error = None;
                    item.evidence = Some(Evidence { code: code.to_owned(), looked_at: self.now() });
                    self.save(item).await?;
                }
                Ok(None)
            }
        }
    }
}
