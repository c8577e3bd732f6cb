//! What a worker's container has written, and the secrets that must be taken out of it before anybody reads it.
//!
//! The awslogs driver writes one stream for each task. The secrets are those of the definition that the task was
//! started from: a change of the key makes another definition, whose tasks never saw the key of before. Where one of
//! them cannot be read, nothing of that task's log is told: it may hold one that nobody could take out.

use aws_sdk_cloudwatchlogs::{Client as Logs, types::OutputLogEvent};
use aws_sdk_ecs::{
    Client,
    types::{ContainerDefinition, Task},
};
use aws_sdk_secretsmanager::Client as Secrets;
use engine::aws;
use environment::{Code, Fault, catalogue::worker::CONTAINER};
use futures::future::join_all;
use secrecy::SecretString;
use std::collections::HashMap;

/// Reads containers' logs.
#[derive(Clone)]
pub(crate) struct ContainerLog {
    pub(crate) ecs: Client,
    pub(crate) logs: Logs,
    pub(crate) secrets: Secrets,
}

/// Which part of a log is read.
pub(crate) enum Part<'p> {
    /// Its end.
    Last,
    /// What was written since then, in milliseconds since 1970.
    Since(i64),
    /// What comes after this place of CloudWatch's.
    After(&'p str),
}

/// A part of a log.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) events: Vec<OutputLogEvent>,
    /// CloudWatch's place at its end; `None` while nothing was written.
    pub(crate) end: Option<String>,
}

impl ContainerLog {
    /// How the worker's container was defined for a task.
    pub(crate) async fn definition(&self, task: &Task) -> Result<ContainerDefinition, Fault> {
        let look = self.ecs.describe_task_definition().task_definition(task.task_definition_arn().unwrap_or_default());
        let answer = look.send().await.map_err(|error| aws::fault("ecs:DescribeTaskDefinition", error))?;
        let containers = answer.task_definition.and_then(|it| it.container_definitions).unwrap_or_default();
        let ours = containers.into_iter().find(|container| container.name() == Some(CONTAINER));
        ours.ok_or_else(|| Fault::new(Code::ResourceFailed, "The task's definition has no worker."))
    }

    /// The values of the container's secrets. One that does not exist any more may have reached a container before it
    /// went, and none that never started.
    pub(crate) async fn secrets_of(
        &self,
        definition: &ContainerDefinition,
        has_started: bool,
    ) -> Result<Vec<SecretString>, Fault> {
        let values = definition.secrets().iter().map(|secret| async {
            match self.value(secret.value_from()).await {
                Err(fault) if fault.code == Code::NotFound && !has_started => Ok(None),
                read => read,
            }
        });
        let values = join_all(values).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(values.into_iter().flatten().collect())
    }

    async fn value(&self, from: &str) -> Result<Option<SecretString>, Fault> {
        let (secret, version) = secret_and_version(from);
        let get = self.secrets.get_secret_value().secret_id(secret).set_version_id(version.map(str::to_owned));
        let answer = get.send().await.map_err(|error| aws::fault("secretsmanager:GetSecretValue", error))?;
        Ok(answer.secret_string.map(SecretString::from))
    }

    /// A part of what a task has written, so many lines at most.
    pub(crate) async fn read(
        &self,
        definition: &ContainerDefinition,
        task: &str,
        part: Part<'_>,
        limit: usize,
    ) -> Result<Read, Fault> {
        let Some((group, stream)) = stream(definition, task) else { return Ok(Read::default()) };
        let get = self.logs.get_log_events().log_group_name(group).log_stream_name(stream);
        let get = get.limit(limit.try_into().unwrap_or(i32::MAX));
        let get = match part {
            Part::Last => get.start_from_head(false),
            Part::Since(time) => get.start_from_head(true).start_time(time),
            Part::After(place) => get.start_from_head(true).next_token(place),
        };
        match get.send().await.map_err(|error| aws::fault("logs:GetLogEvents", error)) {
            Ok(answer) => Ok(Read { events: answer.events.unwrap_or_default(), end: answer.next_forward_token }),
            // It has written nothing.
            Err(fault) if fault.code == Code::NotFound => Ok(Read::default()),
            Err(fault) => Err(fault),
        }
    }
}

/// The id of a task, which its stream is named after.
pub(crate) fn id_of(task: &Task) -> &str {
    task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default()
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
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_be_named_with_its_version() {
        let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:blue-AbCdEf";
        assert_eq!(secret_and_version(arn), (arn, None));
        assert_eq!(secret_and_version(&format!("{arn}:::v-1")), (arn, Some("v-1")));
        assert_eq!(secret_and_version(&format!("{arn}:field::")), (arn, None));
    }
}
