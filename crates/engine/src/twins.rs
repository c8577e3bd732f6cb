//! Twins: a create without a client token that AWS has carried out twice, although it answered once.
//!
//! The SDK never sends such a create again, but whatever lies between it and AWS may. Nothing else would notice: the
//! id of one is recorded, and the other lives on beside it, unused and paid for. So a step that is done lists what
//! carries the environment's tag, once, and removes what stands in a recorded resource's place. A twin that a read
//! does not see yet at that time is found by the proof after a delete.

use crate::{
    call::Answer,
    resource::Group,
    survey::Whose,
    turn::{Turn, pause},
};
use environment::{Fault, Key, Kind};
use futures::future::join_all;
use std::collections::BTreeSet;

impl<G: Group> Turn<'_, G> {
    /// Removes the twins of this step's resources. Answers what is to be waited for because of one, if anything.
    pub(crate) async fn remove_twins(&self) -> Result<Option<Answer>, Fault> {
        let of_step = self.entries.iter().filter(|entry| entry.step == self.call.step);
        let kinds: BTreeSet<Kind> = of_step.map(|entry| entry.kind).filter(|kind| kind.may_have_a_twin()).collect();
        let whose = Whose::Environment(self.call.environment_id);
        let lists = join_all(kinds.into_iter().map(|kind| self.engine.group.list_tagged(whose, kind))).await;
        let mut twins: Vec<(Key, String)> = Vec::new();
        for list in lists {
            match list {
                Ok(seen) => twins.extend(seen.into_iter().filter_map(|one| {
                    let (key, id) = (one.key()?, one.id);
                    let recorded = self.environment.resources.get(&key)?.id.as_deref()?;
                    (recorded != id).then_some((key, id))
                })),
                Err(fault) if fault.code.is_retryable() => return Ok(Some(Answer::waiting(None, pause(&fault)))),
                Err(fault) => return Ok(Some(Answer::failed(fault))),
            }
        }
        if twins.is_empty() {
            return Ok(None);
        }
        if !self.has_time() {
            return Ok(Some(Answer::waiting(None, 0)));
        }
        let removals = twins.iter().map(|(key, id)| self.remove_unrecorded(key, id));
        let fault = join_all(removals).await.into_iter().find_map(Result::err);
        let key = twins.into_iter().next().map(|(key, _)| key);
        Ok(Some(match fault {
            // Looked at once more: only what is gone is done.
            None => Answer::waiting(key, LOOK_AGAIN),
            Some(fault) if fault.code.is_retryable() && !self.is_overdue() => Answer::waiting(key, pause(&fault)),
            Some(fault) => Answer::failed(fault),
        }))
    }
}

/// How soon to look again at what was removed.
const LOOK_AGAIN: u32 = 5;
