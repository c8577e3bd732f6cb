//! Whether the service's workers are online in Prefect: what an environment is for.
//!
//! Nothing here makes a worker: the service does, and this looks. A green service proves little: a worker that does
//! not reach its server goes on trying, and its health check stays green. So an environment is ready when Prefect has
//! heard of a worker of the service's latest deployment, and its pool is ready for flow runs. Where it has not in time,
//! what the worker has left behind tells why.
//!
//! The removal, which comes before the service's, pauses a pool of ours, so that no flow run is submitted any more
//! while the tasks stop. That is a courtesy: a pool that cannot be paused keeps nothing from going.

use crate::{
    post_mortem::PostMortem,
    queue,
    server::{Servers, is_ours},
    tasks,
};
use async_trait::async_trait;
use aws_sdk_ecs::{
    Client,
    primitives::DateTime,
    types::{Container, Deployment, Service},
};
use engine::{
    Action, Departure, Found, Resource, Site, State, aws,
    observe::{CRASHED_TASKS, DEAD_LETTERS, OFFLINE, Observation, PAUSED, STATUS, UNKNOWN},
};
use environment::{Code, Fault, catalogue::worker::CONTAINER};
use futures::future::join4;
use jiff::{SignedDuration, Timestamp};
use prefect::{WorkPoolChange, WorkPoolStatus, Worker, WorkerStatus};
use std::collections::BTreeMap;

/// A worker that has not come online so long after its deployment began will not come by itself.
const LIMIT: SignedDuration = SignedDuration::from_mins(5);
/// A worker of an earlier deployment is gone, and its last heartbeat sent, so long after the next one began.
const OVERLAP: SignedDuration = SignedDuration::from_mins(3);

/// ECS tells of a stopped task for an hour at least, so that all who have crashed in it are counted, however seldom
/// somebody looks.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

pub(crate) struct Online {
    pub(crate) client: Client,
    pub(crate) queues: aws_sdk_sqs::Client,
    pub(crate) servers: Servers,
    pub(crate) post_mortem: PostMortem,
}

#[async_trait]
impl Resource for Online {
    async fn find(&self, at: &Site<'_>) -> Result<Option<Found>, Fault> {
        if at.action != Action::Ensure {
            return Ok(None);
        }
        let Some(running) = self.in_ecs(at).await? else { return Ok(None) };
        let found = self.in_prefect(at, &running).await?;
        // Where no worker came, its task may tell why.
        let is_offline = found.attributes.get(STATUS).is_some_and(|status| status == OFFLINE);
        Ok(Some(match found.state.clone() {
            State::Failed(fault) if is_offline => {
                let why = self.post_mortem.of(fault, at.text("Cluster")?, at.text("ServiceName")?);
                found.state(State::Failed(why.await))
            }
            _ => found,
        }))
    }

    /// The service makes workers, and it is there before this is looked for.
    async fn create(&self, _at: &Site<'_>) -> Result<Found, Fault> {
        Err(Fault::new(Code::NotFound, "The service has no deployment yet."))
    }

    /// What kept the worker from its server may be mended by now: its tasks are replaced.
    async fn try_again(&self, at: &Site<'_>, found: Found, _failure: Fault) -> Result<Found, Fault> {
        let update = self.client.update_service().cluster(at.text("Cluster")?).service(at.text("ServiceName")?);
        let updated = update.force_new_deployment(true).send().await;
        updated.map_err(|error| aws::fault("ecs:UpdateService", error))?;
        Ok(found.state(State::Settling))
    }

    async fn remove(&self, at: &Site<'_>, _id: &str) -> Result<Departure, Fault> {
        if let Err(fault) = self.pause(at).await {
            tracing::warn!(?fault, "the work pool was not paused");
        }
        Ok(Departure::Gone)
    }
}

impl Online {
    /// How the workers are now: what ECS says of them, and what Prefect says, or why it does not.
    pub(crate) async fn observe(&self, at: &Site<'_>) -> Result<Option<Observation>, Fault> {
        let Some(running) = self.in_ecs(at).await? else { return Ok(None) };
        let looks = join4(self.in_prefect(at, &running), self.image(at), self.crashed(at), self.dead_letters(at));
        let (found, image, crashed, dead_letters) = looks.await;
        let mut found = match found {
            Ok(found) => found,
            Err(fault) => observed(at, &running)?.attribute(STATUS, UNKNOWN).state(State::Failed(fault)),
        };
        let mut not_seen = None;
        for look in [image, crashed, dead_letters] {
            match look {
                Ok(attributes) => found.attributes.extend(attributes),
                Err(fault) => drop(not_seen.get_or_insert(fault)),
            }
        }
        let error = match found.state {
            State::Failed(fault) => Some(fault),
            State::Ready | State::Settling | State::Leaving => not_seen,
        };
        Ok(Some(Observation { attributes: found.attributes, error }))
    }

    /// What ECS runs; `None` before the first deployment.
    async fn in_ecs(&self, at: &Site<'_>) -> Result<Option<Running>, Fault> {
        let service = self.service(at).await?;
        let deployment = service.deployments().iter().find(|one| one.status() == Some("PRIMARY")).cloned();
        Ok(deployment.map(|deployment| Running { service, deployment }))
    }

    /// What Prefect says of it.
    async fn in_prefect(&self, at: &Site<'_>, running: &Running) -> Result<Found, Fault> {
        let found = observed(at, running)?;
        if running.service.desired_count() == 0 {
            return Ok(found.attribute(STATUS, PAUSED));
        }
        let Some(api) = self.servers.api(at).await? else {
            return Ok(found.attribute(STATUS, UNKNOWN));
        };
        let name = at.text("WorkPool")?;
        let workers = api.workers(name).await?;
        let began = running.deployment.created_at().and_then(time).unwrap_or(at.now);
        let newest = workers.iter().filter(|worker| is_of(worker, began)).max_by_key(|one| one.last_heartbeat_time);
        let pool = api.work_pool(name).await?;
        // Whether somebody else's pool is paused is for its owner to say.
        let is_held = pool.is_some_and(|pool| is_ours(at, &pool) && pool.status == Some(WorkPoolStatus::Paused));
        let mut found = found;
        if let Some(worker) = newest {
            let heartbeat = worker.last_heartbeat_time.map(|time| ("LastHeartbeat".to_owned(), time.to_string()));
            let version = worker.client_version.clone().map(|version| ("Version".to_owned(), version));
            found.attributes.extend(heartbeat.into_iter().chain(version));
        }
        let is_online = newest.is_some_and(|worker| worker.status == WorkerStatus::Online);
        let status = if is_online { "ONLINE" } else { OFFLINE };
        let found = found.attribute(STATUS, status);
        Ok(match (is_online, is_held) {
            (true, false) => found,
            _ if at.now.duration_since(began) < LIMIT => found.state(State::Settling),
            (true, true) => {
                found.state(State::Failed(offline("The work pool is paused: no flow run is taken from it.")))
            }
            (false, _) => found.state(State::Failed(offline(&format!(
                "No worker of the service came online in the work pool {name} within {} minutes.",
                LIMIT.as_mins()
            )))),
        })
    }

    /// The image that the worker's newest task runs, and its digest: a tag may mean another one by now.
    async fn image(&self, at: &Site<'_>) -> Result<BTreeMap<String, String>, Fault> {
        let (cluster, service) = (at.text("Cluster")?, at.text("ServiceName")?);
        let tasks = tasks::running_of(&self.client, cluster, service).await?;
        let newest = tasks.iter().max_by_key(|task| task.created_at().and_then(time));
        let container = newest.and_then(|task| task.containers().iter().find(|one| one.name() == Some(CONTAINER)));
        let image = [
            ("Image", container.and_then(Container::image)),
            ("ImageDigest", container.and_then(Container::image_digest)),
        ];
        Ok(image.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect())
    }

    /// How many of the worker's tasks have crashed in the last hour.
    async fn crashed(&self, at: &Site<'_>) -> Result<BTreeMap<String, String>, Fault> {
        let (cluster, service, since) = (at.text("Cluster")?, at.text("ServiceName")?, at.now - REMEMBERED);
        let crashed = tasks::crashed_of(&self.client, cluster, service, since).await?;
        Ok(BTreeMap::from([(CRASHED_TASKS.to_owned(), crashed.to_string())]))
    }

    /// How many task events the worker could not make anything of.
    async fn dead_letters(&self, at: &Site<'_>) -> Result<BTreeMap<String, String>, Fault> {
        let messages = queue::messages_in(&self.queues, at.text("DeadLetterQueue")?).await?;
        Ok(BTreeMap::from([(DEAD_LETTERS.to_owned(), messages.to_string())]))
    }

    async fn service(&self, at: &Site<'_>) -> Result<Service, Fault> {
        let look = self.client.describe_services().cluster(at.text("Cluster")?).services(at.text("ServiceName")?);
        let answer = look.send().await.map_err(|error| aws::fault("ecs:DescribeServices", error))?;
        let service = answer.services.unwrap_or_default().into_iter().next();
        service.ok_or_else(|| Fault::new(Code::NotFound, "The service is not there."))
    }

    async fn pause(&self, at: &Site<'_>) -> Result<(), Fault> {
        let Some(api) = self.servers.api(at).await? else { return Ok(()) };
        let name = at.text("WorkPool")?;
        match api.work_pool(name).await? {
            Some(pool) if is_ours(at, &pool) && !pool.is_paused => {
                let pause = WorkPoolChange { is_paused: Some(true), ..WorkPoolChange::default() };
                Ok(api.update_work_pool(name, &pause).await?)
            }
            _ => Ok(()),
        }
    }
}

/// The service, and the deployment that is to be or to become its only one.
struct Running {
    service: Service,
    deployment: Deployment,
}

/// What ECS says of the workers, as attributes.
fn observed(at: &Site<'_>, Running { service, deployment }: &Running) -> Result<Found, Fault> {
    let found = Found::ready(format!("{}|{}", at.text("WorkPool")?, at.text("ServiceName")?))
        .attribute("DesiredCount", service.desired_count().to_string())
        .attribute("RunningCount", service.running_count().to_string())
        .attribute("PendingCount", service.pending_count().to_string())
        .attribute("ObservedAt", at.now.to_string());
    Ok(match deployment.rollout_state() {
        Some(state) => found.attribute("RolloutState", state.as_str()),
        None => found,
    })
}

/// Whether a worker is of a deployment that began then. A worker without a name of its own gets a new one with each
/// start; one that has a name is the same worker for Prefect, whose last heartbeat may be of the task before.
fn is_of(worker: &Worker, began: Timestamp) -> bool {
    let heartbeat = worker.last_heartbeat_time.is_some_and(|heartbeat| heartbeat > began);
    let is_new = worker.created.is_some_and(|created| created > began);
    let outlived = worker.last_heartbeat_time.is_some_and(|heartbeat| heartbeat > began + OVERLAP);
    heartbeat && (is_new || outlived)
}

fn offline(why: &str) -> Fault {
    Fault::new(Code::WorkerOffline, why)
}

fn time(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_millisecond(time.to_millis().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(created: i64, heartbeat: i64) -> Worker {
        let at = |second| Timestamp::from_second(second).ok();
        Worker {
            name: "w".into(),
            status: WorkerStatus::Online,
            created: at(created),
            last_heartbeat_time: at(heartbeat),
            client_version: None,
        }
    }

    #[test]
    fn a_worker_of_the_deployment_before_does_not_count() {
        let began = Timestamp::from_second(1000).unwrap();
        assert!(is_of(&worker(1010, 1010), began), "it came with this deployment");
        assert!(!is_of(&worker(500, 1010), began), "it is stopping, and has not heard of it yet");
        assert!(!is_of(&worker(500, 900), began));
        assert!(is_of(&worker(500, 1200), began), "it has the same name as before");
    }
}
