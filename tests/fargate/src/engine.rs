//! The Docker Engine: what the local cloud's ECS asks of it. <https://docs.docker.com/reference/api/engine/>

use crate::{
    aws::{Aws, Refusal, Service, root},
    container::{Container, State},
    containers::Containers,
    launch::{Host, Launch, Unable, clear},
    log::Log,
    pace::Pace,
    task::Task,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use uuid::Uuid;

/// A task that ran for so long and ends has not failed to start.
const STEADY: Duration = Duration::from_secs(60);

/// Everything that the stand-in has.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) aws: Aws,
    pub(crate) host: Host,
    pub(crate) containers: Containers,
    pub(crate) pace: Pace,
}

/// A container as `POST /containers/create` wants it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Wanted {
    image: String,
    #[serde(default)]
    cmd: Option<Vec<String>>,
    #[serde(default)]
    env: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
}

impl Engine {
    pub(crate) fn create(&self, name: &str, wanted: Wanted) -> Arc<Container> {
        let container = Arc::new(Container {
            id: [Uuid::new_v4(), Uuid::new_v4()].map(|part| part.simple().to_string()).concat(),
            name: name.to_owned(),
            image: wanted.image,
            command: wanted.cmd.unwrap_or_default(),
            environment: wanted.env.unwrap_or_default(),
            labels: wanted.labels.unwrap_or_default(),
            made: Timestamp::now(),
            log: Arc::new(Log::default()),
            state: watch::Sender::new(State::Created),
        });
        self.containers.add(Arc::clone(&container));
        container
    }

    /// Starts a container of a task, at the pace of ECS.
    pub(crate) async fn start(self: &Arc<Self>, container: &Arc<Container>) -> Result<(), Unable> {
        let task = Task::of(&self.aws, &container.labels).await?;
        tokio::time::sleep(self.pace.pause(&task.family)).await;
        let started = match Launch::prepare(&self.aws, &self.host, container, &task).await {
            Ok(launch) => self.begin(container, launch, &task).await,
            Err(unable) => Err(unable),
        };
        if started.is_err() {
            self.pace.failed(&task.family);
        }
        started
    }

    async fn begin(self: &Arc<Self>, container: &Arc<Container>, launch: Launch, task: &Task) -> Result<(), Unable> {
        if let Err(error) = container.start(&launch) {
            let program = launch.command.first().cloned().unwrap_or_default();
            clear(&self.aws, launch).await;
            return Err(Unable(format!("CannotStartContainerError: exec: {program:?}: {error}")));
        }
        let (engine, container, family) = (Arc::clone(self), Arc::clone(container), task.family.clone());
        tokio::spawn(async move {
            container.ended().await;
            engine.judge(&container, &family);
            clear(&engine.aws, launch).await;
        });
        Ok(())
    }

    /// Stops a container because ECS says so. A service whose task was stopped by somebody else starts another one,
    /// which the local cloud does only when it is asked about the service.
    pub(crate) async fn stop(self: &Arc<Self>, container: &Arc<Container>) {
        container.stop(None).await;
        let (engine, container) = (Arc::clone(self), Arc::clone(container));
        tokio::spawn(async move {
            if let Err(refusal) = engine.replace(&container).await {
                eprintln!("a stopped task may not be replaced: {refusal}");
            }
        });
    }

    async fn replace(&self, container: &Container) -> Result<(), Refusal> {
        let Some(cluster) = container.labels.get("com.amazonaws.ecs.cluster") else { return Ok(()) };
        let Some(task) = container.labels.get("com.amazonaws.ecs.task-arn") else { return Ok(()) };
        let root = root();
        let ecs = |action, input| self.aws.json(&root, Service::Ecs, action, input);
        let tasks = ecs("DescribeTasks", json!({"cluster": cluster, "tasks": [task]})).await?;
        let group = tasks["tasks"][0]["group"].as_str().unwrap_or_default();
        let Some(name) = group.strip_prefix("service:") else { return Ok(()) };
        let found = ecs("DescribeServices", json!({"cluster": cluster, "services": [name]})).await?;
        let service = &found["services"][0];
        let count = |member: &str| service[member].as_u64().unwrap_or_default();
        let desired = count("desiredCount");
        if service["status"] == "ACTIVE" && count("runningCount") + count("pendingCount") < desired {
            ecs("UpdateService", json!({"cluster": cluster, "service": name, "desiredCount": desired})).await?;
        }
        Ok(())
    }

    /// What the next task of the family can be told from the end of this one.
    fn judge(&self, container: &Container, family: &str) {
        let State::Exited { code, since, at } = *container.state.borrow() else { return };
        let ran = Duration::try_from(at.duration_since(since)).unwrap_or_default();
        if code == 0 || ran >= STEADY { self.pace.went_well(family) } else { self.pace.failed(family) }
    }
}
