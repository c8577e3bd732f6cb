//! Many environments on one Prefect server, each with a worker of its own.

use crate::{request, server::Server};
use end_to_end::{Inventory, Stage, api::text};
use futures::future::join_all;
use serde_json::json;

/// How many.
const CROWD: usize = 20;

#[tokio::test]
#[ignore = "it takes minutes: the second part of `make crowd`"]
async fn twenty_environments_share_a_server_and_leave_nothing_there() {
    let (stage, server) = (Stage::set().await, Server::real());
    let before = Inventory::take(&stage.cloud).await;
    let mut bodies: Vec<_> = (0..CROWD).map(|_| request(&server, "many")).collect();
    // They share two cores as well: they need not look for work every second.
    bodies.iter_mut().for_each(|body| body["worker"]["environment"] = json!({"PREFECT_WORKER_QUERY_SECONDS": "10"}));
    let pools: Vec<&str> = bodies.iter().map(|body| text(&body["prefect"]["work_pool"])).collect();

    let ids = join_all(bodies.iter().map(|body| stage.request(body))).await;
    stage.all_become(&ids, "ACTIVE").await;
    for pool in &pools {
        let workers = server.workers(pool).await;
        let statuses: Vec<&str> = workers.iter().map(|worker| text(&worker["status"])).collect();
        assert_eq!(statuses, ["ONLINE"], "an ACTIVE environment has a worker in {pool}: {workers:?}");
    }

    let deletes = join_all(ids.iter().map(|id| stage.api.delete(id))).await;
    deletes.iter().for_each(|answer| drop(answer.expect(202)));
    stage.all_become(&ids, "DELETED").await;
    for pool in &pools {
        assert_eq!(server.pool(pool).await, None, "no pool is left, and so no worker");
    }
    // Queues, rules, services and definitions among it.
    Inventory::take(&stage.cloud).await.must_be_as(&before, "after twenty environments came and went");
}
