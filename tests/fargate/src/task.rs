//! What ECS knows of the task that a container belongs to.

use crate::aws::{Aws, Refusal, Service, root};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};

/// What Fargate gives a container that says nothing of `stopTimeout`.
const STOP_TIMEOUT: u64 = 30;

/// A container's part in a task.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Task {
    pub(crate) arn: String,
    /// The task definition's family.
    pub(crate) family: String,
    /// The container's definition.
    pub(crate) container: Value,
    pub(crate) execution_role: Option<String>,
    pub(crate) task_role: Option<String>,
}

impl Task {
    /// The task that the labels name, which the local cloud puts on each container.
    pub(crate) async fn of(aws: &Aws, labels: &HashMap<String, String>) -> Result<Task, Refusal> {
        let label = |name: &str| labels.get(&format!("com.amazonaws.ecs.{name}")).cloned().unwrap_or_default();
        let (arn, family) = (label("task-arn"), label("task-definition-family"));
        let revision = format!("{family}:{}", label("task-definition-version"));
        let definition =
            aws.json(&root(), Service::Ecs, "DescribeTaskDefinition", json!({"taskDefinition": revision})).await?;
        let input = json!({"cluster": label("cluster"), "tasks": [arn]});
        let tasks = aws.json(&root(), Service::Ecs, "DescribeTasks", input).await?;
        let (definition, task) = (&definition["taskDefinition"], &tasks["tasks"][0]);
        // A task may be run with other roles than its definition's.
        let role = |name: &str| [&task["overrides"][name], &definition[name]].into_iter().find_map(text);
        let name = label("container-name");
        let containers = definition["containerDefinitions"].as_array();
        let container = containers.into_iter().flatten().find(|container| container["name"] == name.as_str());
        Ok(Task {
            execution_role: role("executionRoleArn"),
            task_role: role("taskRoleArn"),
            container: container.cloned().unwrap_or_default(),
            arn,
            family,
        })
    }

    /// The task's id.
    pub(crate) fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or(&self.arn)
    }

    /// How long the container has between SIGTERM and SIGKILL.
    pub(crate) fn stop_timeout(&self) -> Duration {
        Duration::from_secs(self.container["stopTimeout"].as_u64().unwrap_or(STOP_TIMEOUT))
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
