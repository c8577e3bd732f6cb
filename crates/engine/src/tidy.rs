//! Tidying up after a change: what a resource was before it has left something behind that nobody needs any more, and
//! what the spec before asked for and this one does not is still there.
//!
//! It comes when every step is done, for until then the way back may need it. Nothing here makes a change fail: the
//! environment is as it should be by now. What cannot be put away is told in the log; the next change tries again, and
//! the delete takes it at the latest.
//!
//! The crash story. What is to go is nowhere listed: it is what is recorded, not gone, and in the catalogue of a spec
//! that a change may have led here from. So whatever was broken off, whichever way it went, is found by the next turn
//! that tidies or removes, and a change that is taken back puts away what it had made by then.

use crate::{
    call::{Answer, Outcome},
    resource::Group,
    turn::{Turn, pause},
};
use environment::{Entry, Fault};
use futures::future::join_all;

impl<G: Group> Turn<'_, G> {
    /// Puts away what this step's resources have left of what they were.
    pub(crate) async fn tidy(&mut self) -> Result<Answer, Fault> {
        self.read_catalogue();
        if !self.has_time() {
            return Ok(Answer::waiting(None, 0));
        }
        let of_step = self.entries.iter().filter(|entry| entry.step == self.call.step);
        let stays = of_step.filter(|entry| !self.leftovers.contains(&entry.key));
        let tidied = join_all(stays.map(|entry| self.tidy_one(entry))).await;
        for fault in tidied.into_iter().filter_map(Result::err) {
            tracing::warn!(?fault, "what was before could not be put away");
            if fault.code.is_retryable() && !self.is_overdue() {
                return Ok(Answer::waiting(fault.resource.clone(), pause(&fault)));
            }
        }
        let answer = self.take_down().await?;
        if answer.outcome == Outcome::Failed {
            tracing::warn!(fault = ?answer.error, "what is not wanted any more could not be removed");
            return Ok(Answer::done());
        }
        Ok(answer)
    }

    async fn tidy_one(&self, entry: &Entry) -> Result<(), Fault> {
        let Some(resource) = self.engine.group.resource(entry.kind) else {
            return Err(Fault::bug(format!("{} is not this function's", entry.kind)));
        };
        let item = self.item(entry);
        let site = self.site(entry, &item)?;
        resource.tidy(&site).await.map_err(|fault| fault.of(&entry.key))
    }
}
