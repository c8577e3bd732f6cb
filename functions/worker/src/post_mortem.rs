//! What a service's tasks have left behind, read for the one who asks why the worker does not run.
//!
//! Looks only, and never the reason for a failure itself: what cannot be read is left out. The end of the log is kept
//! only when every secret of the container could be read, so that it can be taken out of it; a log that may hold one
//! that nobody knows is withheld.

use aws_sdk_cloudwatchlogs::Client as Logs;
use aws_sdk_ecs::{
    Client,
    types::{Container, ContainerDefinition, DesiredStatus, Task},
};
use aws_sdk_secretsmanager::Client as Secrets;
use engine::aws;
use environment::{
    Code, Fault,
    catalogue::worker::CONTAINER,
    diagnosis::{Diagnosis, LINES, Remains, Scrubber, diagnose},
};
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use std::{collections::HashMap, time::Duration};

/// Reads what tasks have left.
#[derive(Clone)]
pub(crate) struct PostMortem {
    pub(crate) ecs: Client,
    pub(crate) logs: Logs,
    pub(crate) secrets: Secrets,
}

/// A turn has other things to do, and whoever asks for the drift waits four seconds for each look: what is not read by
/// then is left out.
const LIMIT: Duration = Duration::from_secs(3);
/// DescribeTasks takes so many at once. A service's latest are among them: ECS keeps stopped tasks for an hour.
const DESCRIBED_AT_ONCE: usize = 100;

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
        let id = task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned();
        let mut remains = Remains {
            reason: reason(&task, container),
            exit_code: container.and_then(Container::exit_code),
            task: id,
            log: Vec::new(),
        };
        let definition = self.definition(&task).await?;
        let (secrets, log) = match self.log_of(&definition, &remains.task).await {
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
        task: &str,
    ) -> Result<(Vec<SecretString>, Vec<String>), Fault> {
        let secrets = self.secrets_of(definition).await?;
        let log = match stream(definition, task) {
            Some((group, stream)) => self.end_of_log(group, &stream).await?,
            None => Vec::new(),
        };
        Ok((secrets, log))
    }

    /// The task that stopped last; where none has stopped, the one that was started last.
    async fn latest_task(&self, cluster: &str, service: &str) -> Result<Option<Task>, Fault> {
        for status in [DesiredStatus::Stopped, DesiredStatus::Running] {
            let list = self.ecs.list_tasks().cluster(cluster).service_name(service).desired_status(status);
            let listed = list.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
            let mut arns = listed.map_err(|error| aws::fault("ecs:ListTasks", error))?;
            arns.truncate(DESCRIBED_AT_ONCE);
            if arns.is_empty() {
                continue;
            }
            let answer = self.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns)).send().await;
            let tasks = answer.map_err(|error| aws::fault("ecs:DescribeTasks", error))?.tasks.unwrap_or_default();
            let at = |task: &Task| task.stopped_at().or(task.stopping_at()).or(task.created_at()).map(|at| at.secs());
            if let Some(latest) = tasks.into_iter().max_by_key(at) {
                return Ok(Some(latest));
            }
        }
        Ok(None)
    }

    async fn definition(&self, task: &Task) -> Result<ContainerDefinition, Fault> {
        let look = self.ecs.describe_task_definition().task_definition(task.task_definition_arn().unwrap_or_default());
        let answer = look.send().await.map_err(|error| aws::fault("ecs:DescribeTaskDefinition", error))?;
        let containers = answer.task_definition.and_then(|it| it.container_definitions).unwrap_or_default();
        let ours = containers.into_iter().find(|container| container.name() == Some(CONTAINER));
        ours.ok_or_else(|| Fault::new(Code::NotFound, "The task's definition has no worker."))
    }

    /// The values of the container's secrets. One that does not exist has reached no container.
    async fn secrets_of(&self, definition: &ContainerDefinition) -> Result<Vec<SecretString>, Fault> {
        let values = definition.secrets().iter().map(|secret| self.value(secret.value_from()));
        let values = join_all(values).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(values.into_iter().flatten().collect())
    }

    async fn value(&self, from: &str) -> Result<Option<SecretString>, Fault> {
        let (secret, version) = secret_and_version(from);
        let get = self.secrets.get_secret_value().secret_id(secret).set_version_id(version.map(str::to_owned));
        match get.send().await.map_err(|error| aws::fault("secretsmanager:GetSecretValue", error)) {
            Ok(answer) => Ok(answer.secret_string.map(SecretString::from)),
            Err(fault) if fault.code == Code::NotFound => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn end_of_log(&self, group: &str, stream: &str) -> Result<Vec<String>, Fault> {
        let get = self.logs.get_log_events().log_group_name(group).log_stream_name(stream);
        let get = get.limit(LINES.try_into().unwrap_or(i32::MAX)).start_from_head(false);
        match get.send().await.map_err(|error| aws::fault("logs:GetLogEvents", error)) {
            Ok(answer) => Ok(answer.events().iter().filter_map(|event| event.message().map(str::to_owned)).collect()),
            // It has written nothing.
            Err(fault) if fault.code == Code::NotFound => Ok(Vec::new()),
            Err(fault) => Err(fault),
        }
    }
}

/// Why ECS stopped a task, and what it says of the worker's container.
fn reason(task: &Task, container: Option<&Container>) -> Option<String> {
    let both = [task.stopped_reason(), container.and_then(Container::reason)];
    let said: Vec<&str> = both.into_iter().flatten().filter(|words| !words.is_empty()).collect();
    (!said.is_empty()).then(|| said.join(" | "))
}

/// A task's log group and log stream, as the awslogs driver names it.
fn stream<'d>(definition: &'d ContainerDefinition, task: &str) -> Option<(&'d str, String)> {
    let options: &HashMap<String, String> = definition.log_configuration()?.options()?;
    let (group, prefix) = (options.get("awslogs-group")?, options.get("awslogs-stream-prefix")?);
    Some((group, format!("{prefix}/{CONTAINER}/{task}")))
}

/// The secret in `<arn>:<json key>:<stage>:<version id>`, of which all after the ARN may be missing.
fn secret_and_version(from: &str) -> (&str, Option<&str>) {
    // arn:aws:secretsmanager:<region>:<account>:secret:<name>
    match from.match_indices(':').nth(6) {
        None => (from, None),
        Some((end, _)) => {
            let version = from[end + 1..].split(':').nth(2).filter(|version| !version.is_empty());
            (&from[..end], version)
        }
    }
}

#[cfg(test)]
mod tests;
