//! Limits of a team: how many environments, how many vCPU; and of an environment: how many workers.
//!
//! The test deployment allows a team 1000 environments and 1000 vCPU, so that the other tests never meet a limit.
//! Here a team has most of that already: its count is written, its environments are not made.

use crate::own_request;
use end_to_end::{Environment, Stage, Team, requests::unique, table::written};
use futures::future::join_all;
use serde_json::{Value, json};

const ENVIRONMENTS: i64 = 1000;
const CPU: i64 = 1000 * 1024;

#[tokio::test]
async fn ten_requests_at_once_are_three_environments_where_three_are_left() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let before = (ENVIRONMENTS - 3, 0);
    stage.table.count(&team.name, before.0, before.1).await;

    let bodies: Vec<Value> = (0..10).map(|_| own_request(&unique("race"))).collect();
    let answers = join_all(bodies.iter().map(|body| team.api.create(body))).await;

    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!((accepted.len(), refused.len()), (3, 7), "{answers:#?}");
    for answer in refused {
        let problem = answer.problem(409, "TEAM_LIMIT_REACHED");
        assert_eq!(problem["limit"], "environments", "{problem}");
    }
    assert_eq!(stage.table.counted(&team.name).await, (ENVIRONMENTS, 3 * 512), "the count is the limit");
    let of_accepted: Vec<Environment> = accepted.iter().map(|answer| Environment(answer.expect(202))).collect();
    let items: Vec<String> = stage.table.everything().await.iter().map(written).collect();
    for body in &bodies {
        let name = body["name"].as_str().expect("a name");
        let is_there = of_accepted.iter().any(|environment| environment.0["name"] == name);
        let is_recorded = items.iter().any(|item| item.contains(name));
        assert_eq!(is_recorded, is_there, "a refused request leaves nothing: {name}");
    }

    for environment in &of_accepted {
        team.api.delete(environment.id()).await.expect(202);
    }
    for environment in &of_accepted {
        team.api.at_rest(environment.id()).await.must_be("DELETED");
    }
    assert_eq!(stage.table.counted(&team.name).await, before, "each gave back what it took");
    team.dissolve(&stage).await;
}

#[tokio::test]
async fn a_team_is_counted_from_nothing_to_nothing() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let mut body = own_request(&unique("count"));
    body["worker"] = json!({"cpu": 1024, "memory": 2048, "desired_count": 2});
    let key = unique("key");

    let id = Environment(team.api.create_with_key(&body, &key).await.expect(202)).id().to_owned();
    assert_eq!(stage.table.counted(&team.name).await, (1, 2048), "one environment, two vCPU");
    team.api.create_with_key(&body, &key).await.expect(202);
    team.api.create(&body).await.problem(409, "NAME_TAKEN");
    assert_eq!(stage.table.counted(&team.name).await, (1, 2048), "asking again takes nothing");

    team.api.at_rest(&id).await.must_be("ACTIVE");
    team.api.delete(&id).await.expect(202);
    team.api.at_rest(&id).await.must_be("DELETED");
    team.api.delete(&id).await.expect(200);
    assert_eq!(stage.table.counted(&team.name).await, (0, 0), "and gives it back once");
    team.dissolve(&stage).await;
}

#[tokio::test]
async fn a_create_that_failed_gives_back_once_also_when_it_is_deleted_afterwards() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let (lost, kept) = (unique("lost"), unique("kept"));
    let foreign = format!("{lost}-cluster");
    stage.cloud.ecs.create_cluster().cluster_name(&foreign).send().await.expect("a cluster of somebody else");

    let kept = Environment(team.api.create(&own_request(&kept)).await.expect(202)).id().to_owned();
    let lost = Environment(team.api.create(&own_request(&lost)).await.expect(202)).id().to_owned();
    team.api.at_rest(&lost).await.must_be("FAILED");
    assert_eq!(stage.table.counted(&team.name).await, (1, 512), "the failed one has given back");
    for _ in 0..2 {
        assert_eq!(Environment(team.api.delete(&lost).await.expect(200)).status(), "DELETED");
        assert_eq!(stage.table.counted(&team.name).await, (1, 512), "and does not do so again");
    }

    // A delete during the create ends it, too.
    team.api.delete(&kept).await.expect(202);
    team.api.at_rest(&kept).await.must_be("DELETED");
    assert_eq!(stage.table.counted(&team.name).await, (0, 0));
    stage.cloud.ecs.delete_cluster().cluster(&foreign).send().await.expect("remove the cluster");
    team.dissolve(&stage).await;
}

#[tokio::test]
async fn the_workers_of_a_team_have_no_more_vcpu_than_they_may() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    stage.table.count(&team.name, 5, CPU - 1024).await;
    let workers = |count: u32| {
        let mut body = own_request(&unique("cpu"));
        body["worker"] = json!({"cpu": 512, "memory": 1024, "desired_count": count});
        body
    };
    let problem = team.api.create(&workers(3)).await.problem(409, "TEAM_LIMIT_REACHED");
    assert_eq!(problem["limit"], "vcpu", "{problem}");
    let id = Environment(team.api.create(&workers(2)).await.expect(202)).id().to_owned();
    assert_eq!(stage.table.counted(&team.name).await, (6, CPU));
    team.api.create(&workers(1)).await.problem(409, "TEAM_LIMIT_REACHED");
    let idle = Environment(team.api.create(&workers(0)).await.expect(202)).id().to_owned();

    for id in [&id, &idle] {
        team.api.delete(id).await.expect(202);
        team.api.at_rest(id).await.must_be("DELETED");
    }
    assert_eq!(stage.table.counted(&team.name).await, (5, CPU - 1024));
    team.dissolve(&stage).await;
}

/// The deployment keeps the template's own limit of 20 workers.
#[tokio::test]
async fn an_environment_has_no_more_workers_than_it_may() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let mut body = own_request(&unique("many"));
    body["worker"] = json!({"desired_count": 21});
    let problem = team.api.create(&body).await.problem(403, "LIMIT_EXCEEDED");
    assert_eq!(problem["errors"][0]["pointer"], "/worker/desired_count", "{problem}");
    assert_eq!(stage.table.counted(&team.name).await, (0, 0), "nothing is counted");
    team.dissolve(&stage).await;
}
