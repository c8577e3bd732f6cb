//! What the workers have written, for the environment's owner: the last lines of the tasks that were started last, and
//! what comes after them.
//!
//! ECS says which tasks there are, and keeps those that stopped for about an hour. CloudWatch's own list of streams
//! would not do: it may know of a stream's newest lines only after an hour.

use crate::{
    container_log::{ContainerLog, Part, id_of},
    tasks,
};
use aws_sdk_ecs::{Client, types::Task};
use engine::logs::{LogLine, LogPage, LogPosition};
use environment::{
    Fault,
    diagnosis::{Scrubber, cut},
};
use futures::future::{join_all, try_join_all};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, BTreeSet};

/// So many tasks are read, those that were started last: CloudWatch answers an account's GetLogEvents 25 times a second.
const TASKS: usize = 5;
/// So much of a line is told, in characters.
const LINE: usize = 4000;

/// Reads the workers' logs.
pub(crate) struct WorkerLog {
    pub(crate) client: Client,
    pub(crate) log: ContainerLog,
}

impl WorkerLog {
    /// So many lines at most of a service's tasks, after a position or last.
    pub(crate) async fn read(
        &self,
        cluster: &str,
        service: &str,
        now: Timestamp,
        limit: usize,
        after: Option<&LogPosition>,
    ) -> Result<LogPage, Fault> {
        let mut tasks = tasks::known_of(&self.client, cluster, service).await?;
        tasks.sort_by_key(|task| std::cmp::Reverse(task.created_at().map(|time| time.as_nanos())));
        tasks.truncate(TASKS.min(limit));
        // A position names the tasks that ECS still knows: it must not grow for ever.
        let mut end = after.cloned().unwrap_or(LogPosition { since: now, tasks: BTreeMap::new() });
        end.tasks.retain(|id, _| tasks.iter().any(|task| id_of(task) == id));
        match self.lines(&tasks, limit, after).await {
            Ok((lines, places, withheld)) => {
                end.tasks.extend(places);
                Ok(LogPage { lines, end, error: withheld })
            }
            // Nothing was told, so that the next page begins where this one did.
            Err(fault) => Ok(LogPage { lines: Vec::new(), end, error: Some(fault) }),
        }
    }

    /// The lines of these tasks, oldest first, CloudWatch's place after those of each, and why others are withheld: a
    /// secret of theirs cannot be read, and so not be taken out.
    async fn lines(
        &self,
        tasks: &[Task],
        limit: usize,
        after: Option<&LogPosition>,
    ) -> Result<(Vec<LogLine>, BTreeMap<String, String>, Option<Fault>), Fault> {
        let definitions = try_join_all(tasks.iter().map(|task| self.log.definition(task))).await?;
        let mut different: BTreeMap<_, (_, bool)> = BTreeMap::new();
        for (task, definition) in tasks.iter().zip(&definitions) {
            let (_, has_started) = different.entry(task.task_definition_arn()).or_insert((definition, false));
            *has_started |= task.started_at().is_some();
        }
        let looks = different.into_iter().map(|(arn, (definition, has_started))| async move {
            (arn, self.log.secrets_of(definition, has_started).await)
        });
        let (mut secrets, mut withheld, mut unread) = (Vec::new(), BTreeSet::new(), None);
        for (arn, values) in join_all(looks).await {
            match values {
                Ok(values) => secrets.extend(values),
                Err(fault) => {
                    withheld.insert(arn);
                    unread = Some(fault);
                }
            }
        }
        let scrubber = Scrubber::of(secrets.iter().map(ExposeSecret::expose_secret));
        let told =
            || tasks.iter().zip(&definitions).filter(|(task, _)| !withheld.contains(&task.task_definition_arn()));

        // The end of one log may be all of the last lines. What comes after a position is told whole, by all together.
        let of_each = if after.is_none() { limit } else { limit / tasks.len().max(1) };
        let reads = told().map(|(task, definition)| {
            let part = match after {
                None => Part::Last,
                Some(position) => match position.tasks.get(id_of(task)) {
                    Some(place) => Part::After(place),
                    None => Part::Since(position.since.as_millisecond()),
                },
            };
            self.log.read(definition, id_of(task), part, of_each)
        });
        let reads = join_all(reads).await.into_iter().collect::<Result<Vec<_>, _>>()?;

        let (mut lines, mut places) = (Vec::new(), BTreeMap::new());
        for ((task, _), read) in told().zip(reads) {
            let id = id_of(task).to_owned();
            lines.extend(read.events.iter().map(|event| LogLine {
                time: event.timestamp().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default(),
                task: id.clone(),
                message: cut(scrubber.scrub(event.message().unwrap_or_default()), LINE),
            }));
            places.extend(read.end.map(|place| (id, place)));
        }
        // Stable: a task's lines of the same millisecond stay as they were written.
        lines.sort_by_key(|line| line.time);
        lines.drain(..lines.len().saturating_sub(limit));
        Ok((lines, places, unread))
    }
}

#[cfg(test)]
mod tests;
