//! The tasks that run in the environment's cluster: the worker's own and the flow runs it has started.
//!
//! The cluster belongs to the environment alone. What Prefect's worker starts there is of families that begin
//! with `prefect_`; the worker's role lets it run no others. These tasks go with the environment: they hold
//! network interfaces in its subnets. Anything else was started by hand and is not touched.

use crate::task_definition::family_of;
use aws_sdk_ecs::{
    Client,
    error::ProvideErrorMetadata,
    types::{DesiredStatus, Task, TaskStopCode},
};
use engine::aws;
use environment::Fault;
use futures::future::{join_all, try_join};
use jiff::Timestamp;

/// What the families of flow runs begin with.
const FLOW_RUNS: &str = "prefect_";
/// DescribeTasks takes so many at once.
const DESCRIBED_AT_ONCE: usize = 100;
/// StopTask calls at once, and in one turn: the rest is for the next turn.
const STOPPED_AT_ONCE: usize = 10;
const STOPPED_IN_A_TURN: usize = 50;

/// Every task of a cluster that has not stopped yet.
pub(crate) async fn living(client: &Client, cluster: &str) -> Result<Vec<Task>, Fault> {
    let mut arns = Vec::new();
    // A task that was told to stop is listed as STOPPED at once, and has yet to stop.
    for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
        let list = client.list_tasks().cluster(cluster).desired_status(status);
        let listed = list.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        arns.extend(listed.map_err(|error| aws::fault("ecs:ListTasks", error))?);
    }
    let mut tasks = described(client, cluster, &arns).await?;
    tasks.retain(|task| task.last_status() != Some("STOPPED"));
    Ok(tasks)
}

/// The tasks of a service that run, or are about to.
pub(crate) async fn running_of(client: &Client, cluster: &str, service: &str) -> Result<Vec<Task>, Fault> {
    of(client, cluster, service, DesiredStatus::Running).await
}

/// The tasks of a service that are to be so. Of those that have stopped ECS knows for about an hour.
pub(crate) async fn of(
    client: &Client,
    cluster: &str,
    service: &str,
    status: DesiredStatus,
) -> Result<Vec<Task>, Fault> {
    let list = client.list_tasks().cluster(cluster).service_name(service).desired_status(status).into_paginator();
    let arns = list.items().send().collect::<Result<Vec<_>, _>>().await;
    described(client, cluster, &arns.map_err(|error| aws::fault("ecs:ListTasks", error))?).await
}

/// The tasks of a service that ECS knows.
pub(crate) async fn known_of(client: &Client, cluster: &str, service: &str) -> Result<Vec<Task>, Fault> {
    let [running, stopped] =
        [DesiredStatus::Running, DesiredStatus::Stopped].map(|it| of(client, cluster, service, it));
    let (running, stopped) = try_join(running, stopped).await?;
    Ok(running.into_iter().chain(stopped).collect())
}

/// How many tasks of a service have crashed since then. ECS tells of a stopped task for an hour at least.
pub(crate) async fn crashed_of(
    client: &Client,
    cluster: &str,
    service: &str,
    since: Timestamp,
) -> Result<usize, Fault> {
    let tasks = of(client, cluster, service, DesiredStatus::Stopped).await?;
    Ok(tasks.iter().filter(|task| has_crashed(task, since)).count())
}

/// Whether a task has ended by itself, or could not start, since then. The service stops tasks, too, and so do AWS and
/// people: that is no crash.
fn has_crashed(task: &Task, since: Timestamp) -> bool {
    let by_itself =
        matches!(task.stop_code(), Some(TaskStopCode::EssentialContainerExited | TaskStopCode::TaskFailedToStart));
    let ended = task.stopped_at().or(task.stopping_at()).map(|time| time.secs());
    by_itself && ended.is_some_and(|ended| ended >= since.as_second())
}

async fn described(client: &Client, cluster: &str, arns: &[String]) -> Result<Vec<Task>, Fault> {
    let mut tasks = Vec::new();
    for arns in arns.chunks(DESCRIBED_AT_ONCE) {
        let answer = client.describe_tasks().cluster(cluster).set_tasks(Some(arns.to_vec())).send().await;
        tasks.extend(answer.map_err(|error| aws::fault("ecs:DescribeTasks", error))?.tasks.unwrap_or_default());
    }
    Ok(tasks)
}

/// Stops these tasks, as many as one turn may.
pub(crate) async fn stop<'t>(
    client: &Client,
    cluster: &str,
    tasks: impl Iterator<Item = &'t Task>,
) -> Result<(), Fault> {
    let arns: Vec<&str> = tasks.filter_map(|task| task.task_arn()).take(STOPPED_IN_A_TURN).collect();
    for arns in arns.chunks(STOPPED_AT_ONCE) {
        let stops = arns.iter().map(|arn| stop_one(client, cluster, arn));
        join_all(stops).await.into_iter().collect::<Result<(), Fault>>()?;
    }
    Ok(())
}

async fn stop_one(client: &Client, cluster: &str, arn: &str) -> Result<(), Fault> {
    let stop = client.stop_task().cluster(cluster).task(arn).reason("The Prefect environment is being deleted.");
    match stop.send().await {
        Ok(_) => Ok(()),
        // InvalidParameterException, "The referenced task was not found.": it stopped by itself.
        Err(error) if error.message().is_some_and(|message| message.contains("not found")) => Ok(()),
        Err(error) => Err(aws::fault("ecs:StopTask", error)),
    }
}

/// Whether a task is the service's.
pub(crate) fn is_of_service(task: &Task, service: &str) -> bool {
    task.group().and_then(|group| group.strip_prefix("service:")) == Some(service)
}

/// Whether a task is the environment's: its worker, or a flow run.
pub(crate) fn is_ours(task: &Task, service: &str, worker_family: Option<&str>) -> bool {
    let family = task.task_definition_arn().and_then(family_of);
    is_of_service(task, service)
        || family.is_some_and(|family| family.starts_with(FLOW_RUNS) || Some(family) == worker_family)
}

/// Whether a task is a flow run's.
pub(crate) fn is_flow_run(task: &Task, service: &str) -> bool {
    let family = task.task_definition_arn().and_then(family_of);
    !is_of_service(task, service) && family.is_some_and(|family| family.starts_with(FLOW_RUNS))
}

/// Whether a task is yet to be told to stop.
pub(crate) fn is_to_be_stopped(task: &Task) -> bool {
    task.desired_status() != Some("STOPPED")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(family: &str, group: &str) -> Task {
        let arn = format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{family}:1");
        Task::builder().task_definition_arn(arn).group(group).build()
    }

    #[test]
    fn a_task_that_was_stopped_has_not_crashed() {
        let since = Timestamp::from_second(1000).expect("a time");
        let ended = |code: TaskStopCode, at: i64| {
            let task = Task::builder().stop_code(code).stopped_at(aws_sdk_ecs::primitives::DateTime::from_secs(at));
            has_crashed(&task.build(), since)
        };
        assert!(ended(TaskStopCode::EssentialContainerExited, 1000), "its container has exited");
        assert!(ended(TaskStopCode::TaskFailedToStart, 1001), "its image was not to be had, say");
        assert!(!ended(TaskStopCode::EssentialContainerExited, 999), "that is long ago");
        for code in
            [TaskStopCode::ServiceSchedulerInitiated, TaskStopCode::SpotInterruption, TaskStopCode::UserInitiated]
        {
            assert!(!ended(code.clone(), 1001), "{code:?}");
        }
        let stopping = Task::builder().stop_code(TaskStopCode::EssentialContainerExited);
        assert!(!has_crashed(&stopping.build(), since), "nobody knows when");
    }

    #[test]
    fn the_worker_and_its_flow_runs_are_ours() {
        let ours = |task: &Task| is_ours(task, "dev-worker", Some("prefect-worker-task"));
        assert!(ours(&task("older-worker-task", "service:dev-worker")), "a task of the service");
        assert!(ours(&task("prefect-worker-task", "")), "a task of the worker's family");
        assert!(ours(&task("prefect_ecs-work-pool_0e5d", "family:prefect_ecs-work-pool_0e5d")), "a flow run");
        assert!(is_flow_run(&task("prefect_ecs-work-pool_0e5d", "family:prefect_ecs-work-pool_0e5d"), "dev-worker"));
        assert!(!is_flow_run(&task("prefect-worker-task", "service:dev-worker"), "dev-worker"));
        assert!(!ours(&task("by-hand", "family:by-hand")), "a task started by hand");
        assert!(!ours(&task("by-hand", "service:another")), "another service's task");
    }
}
