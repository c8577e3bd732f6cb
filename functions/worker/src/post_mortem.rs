//! What a service's tasks have left behind, read for the one who asks why the worker does not run.
//!
//! Looks only, and never the reason for a failure itself: what cannot be read is left out. The end of the log is kept
//! only when every secret of the container could be read, so that it can be taken out of it; a log that may hold one
//! that nobody knows is withheld.

use crate::{
    container_log::{ContainerLog, Part, id_of},
    tasks,
};
use aws_sdk_ecs::{
    Client,
    types::{Container, ContainerDefinition, DesiredStatus, Task},
};
use environment::{
    Fault,
    catalogue::worker::CONTAINER,
    diagnosis::{Diagnosis, LINES, Remains, Scrubber, diagnose},
};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// Reads what tasks have left.
#[derive(Clone)]
pub(crate) struct PostMortem {
    pub(crate) client: Client,
    pub(crate) log: ContainerLog,
}

/// A turn has other things to do, and whoever asks for the drift waits four seconds for each look: what is not read by
/// then is left out.
const LIMIT: Duration = Duration::from_secs(3);

impl PostMortem {
    /// The fault with what its service's latest task tells, as far as that can be read.
    pub(crate) async fn of(&self, fault: Fault, cluster: &str, service: &str) -> Fault {
        match tokio::time::timeout(LIMIT, self.diagnosis(cluster, service)).await {
            Ok(Ok(Some(diagnosis))) => {
                let message = format!("{} {}", fault.message, diagnosis.meaning);
                Fault { message, diagnosis: Some(Box::new(diagnosis)), ..fault }
            }
            Ok(Ok(None)) => fault,
            Ok(Err(unread)) => {
                tracing::warn!(fault = ?unread, "the worker's tasks could not be read");
                fault
            }
            Err(_) => {
                tracing::warn!("the worker's tasks could not be read in time");
                fault
            }
        }
    }

    async fn diagnosis(&self, cluster: &str, service: &str) -> Result<Option<Diagnosis>, Fault> {
        let Some(task) = self.latest_task(cluster, service).await? else { return Ok(None) };
        let container = task.containers().iter().find(|container| container.name() == Some(CONTAINER));
        let mut remains = Remains {
            reason: reason(&task, container),
            exit_code: container.and_then(Container::exit_code),
            task: id_of(&task).to_owned(),
            log: Vec::new(),
        };
        let definition = self.log.definition(&task).await?;
        let (secrets, log) = match self.log_of(&definition, &task).await {
            Ok(both) => both,
            Err(fault) => {
                tracing::warn!(?fault, "the worker's log is withheld");
                (Vec::new(), Vec::new())
            }
        };
        remains.log = log;
        let scrubber = Scrubber::of(secrets.iter().map(ExposeSecret::expose_secret));
        Ok(Some(diagnose(remains, &scrubber)))
    }

    /// The values of the container's secrets, and the end of the log from which they must be taken.
    async fn log_of(
        &self,
        definition: &ContainerDefinition,
        task: &Task,
    ) -> Result<(Vec<SecretString>, Vec<String>), Fault> {
        let secrets = self.log.secrets_of(definition, task.started_at().is_some()).await?;
        let read = self.log.read(definition, id_of(task), Part::Last, LINES).await?;
        Ok((secrets, read.events.into_iter().filter_map(|event| event.message).collect()))
    }

    /// The task that stopped last; where none has stopped, the one that was started last.
    async fn latest_task(&self, cluster: &str, service: &str) -> Result<Option<Task>, Fault> {
        for status in [DesiredStatus::Stopped, DesiredStatus::Running] {
            let tasks = tasks::of(&self.client, cluster, service, status).await?;
            let at = |task: &Task| task.stopped_at().or(task.stopping_at()).or(task.created_at()).map(|at| at.secs());
            if let Some(latest) = tasks.into_iter().max_by_key(at) {
                return Ok(Some(latest));
            }
        }
        Ok(None)
    }
}

/// Why ECS stopped a task, and what it says of the worker's container.
fn reason(task: &Task, container: Option<&Container>) -> Option<String> {
    let both = [task.stopped_reason(), container.and_then(Container::reason)];
    let said: Vec<&str> = both.into_iter().flatten().filter(|words| !words.is_empty()).collect();
    (!said.is_empty()).then(|| said.join(" | "))
}

#[cfg(test)]
mod tests;
