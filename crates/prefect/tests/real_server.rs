//! The client against a real Prefect server, where one is named: what it answers is what the client expects.
//!
//! `PREFECT_TEST_API_URL` is its API, `PREFECT_TEST_AUTH_STRING` its `user:password`. A server for it:
//! `PREFECT_SERVER_API_AUTH_STRING=admin:pass prefect server start --host 127.0.0.1`.
#![allow(clippy::expect_used, reason = "a surprise ends the test")]
#![allow(clippy::print_stdout, reason = "says that it was skipped")]

use prefect::{
    Api, BaseJobTemplate, Client, Credential, Error, NewWorkPool, POOL_TYPE, WorkPoolChange, WorkPoolStatus,
};
use secrecy::SecretString;
use serde_json::{Map, json};
use std::env;

fn server() -> Option<(String, String)> {
    let named = env::var("PREFECT_TEST_API_URL").ok().zip(env::var("PREFECT_TEST_AUTH_STRING").ok());
    if named.is_none() {
        println!("skipped: no Prefect server is named");
    }
    named
}

fn api(url: &str, auth: &str) -> Api {
    let credential = Credential::AuthString(SecretString::from(auth.to_owned()));
    Client::new(None, true).api(url, &credential).expect("the URL is fine")
}

fn pool(name: &str) -> NewWorkPool {
    let mut template = BaseJobTemplate::default();
    let network = json!({"subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED"});
    let defaults = [("cluster", json!("arn:cluster")), ("network_configuration", network)];
    template.set(&defaults.map(|(name, value)| (name.to_owned(), value)).into_iter().collect());
    NewWorkPool {
        name: name.to_owned(),
        kind: POOL_TYPE.to_owned(),
        description: "A test's.".to_owned(),
        base_job_template: template.into_json(),
    }
}

#[tokio::test]
async fn a_pool_is_made_read_back_changed_and_removed() {
    let Some((url, auth)) = server() else { return };
    let api = api(&url, &auth);
    let name = format!("test-{}", std::process::id());
    assert_eq!(api.work_pool(&name).await, Ok(None));

    let made = api.create_work_pool(&pool(&name)).await.expect("it is made");
    assert_eq!((made.kind.as_str(), made.status), (POOL_TYPE, Some(WorkPoolStatus::NotReady)));
    let seen = api.work_pool(&name).await.expect("it is found").expect("it is there");
    assert_eq!(seen.base_job_template, pool(&name).base_job_template, "the template is read back as it was sent");
    assert_eq!(api.create_work_pool(&pool(&name)).await, Err(Error::AlreadyExists));

    let mut lent = BaseJobTemplate::from(seen.base_job_template.clone());
    lent.lend(&Map::from_iter([("vpc_id".to_owned(), json!("vpc-1"))]), "env-1");
    let change = WorkPoolChange { is_paused: Some(true), base_job_template: Some(lent.clone().into_json()) };
    api.update_work_pool(&name, &change).await.expect("it is changed");
    let changed = api.work_pool(&name).await.expect("it is found").expect("it is there");
    assert_eq!((changed.status, changed.is_paused), (Some(WorkPoolStatus::Paused), true));
    assert_eq!(changed.base_job_template, lent.into_json(), "Prefect keeps what is written beside a variable");

    assert_eq!(api.workers(&name).await, Ok(vec![]));
    assert_eq!(api.deployments_of(&name).await, Ok(0));
    assert_eq!(api.living_flow_runs_of(&name).await, Ok(0));
    api.delete_work_pool(&name).await.expect("it is deleted");
    assert_eq!(api.delete_work_pool(&name).await, Err(Error::NotFound));
    assert_eq!(api.update_work_pool(&name, &WorkPoolChange::default()).await, Err(Error::NotFound));
    assert_eq!(api.workers(&name).await, Err(Error::NotFound));
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let Some((url, auth)) = server() else { return };
    assert_eq!(api(&url, "admin:wrong").work_pool("p").await, Err(Error::Unauthorized));
    let nobody = Client::new(None, true).api(&url, &Credential::None).expect("the URL is fine");
    assert_eq!(nobody.work_pool("p").await, Err(Error::Unauthorized));
    assert_eq!(api(&url, &auth).create_work_pool(&pool("prefect-pool")).await, Err(Error::Forbidden));
    let elsewhere = format!("{url}/accounts/1/workspaces/2");
    assert_eq!(api(&elsewhere, &auth).work_pool("p").await, Err(Error::WorkspaceNotFound));
    // The user interface answers with a page.
    let page = url.trim_end_matches("/api");
    assert_eq!(api(page, &auth).work_pool("p").await, Err(Error::WorkspaceNotFound));
}
