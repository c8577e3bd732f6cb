//! Tidying up after a change: what a resource was before it has left something behind that nobody needs any more.
//!
//! It comes when every step is done, for until then the way back may need it. Nothing here makes a change fail: the
//! environment is as it should be by now. What cannot be put away is told in the log; the next change tries again, and
//! the delete takes it at the latest.

use crate::{
    call::Answer,
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
        let tidied = join_all(of_step.map(|entry| self.tidy_one(entry))).await;
        for fault in tidied.into_iter().filter_map(Result::err) {
            tracing::warn!(?fault, "what was before could not be put away");
            if fault.code.is_retryable() && !self.is_overdue() {
                return Ok(Answer::waiting(fault.resource.clone(), pause(&fault)));
            }
        }
        Ok(Answer::done())
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
