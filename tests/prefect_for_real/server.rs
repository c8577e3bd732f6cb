//! The real Prefect server, as a user of it sees it: over its REST API, with the auth string.

use end_to_end::{requests::unique, waiting::until};
use reqwest::Method;
use serde_json::{Value, json};
use std::env;

/// States after which nothing more becomes of a flow run.
const ENDED: [&str; 4] = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"];

/// The server that the tests were started with.
pub struct Server {
    http: reqwest::Client,
    /// Its API's address, as requests for environments name it.
    pub api_url: String,
    /// The auth string that it wants: user and password.
    pub auth_string: String,
}

impl Server {
    /// The server.
    pub fn real() -> Server {
        let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make flows`"));
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Server { http, api_url: variable("PREFECT_SERVER"), auth_string: variable("PREFECT_AUTH_STRING") }
    }

    /// What it answers, where it answers with success; its status otherwise. A server with SQLite that is busy says 503
    /// and has done nothing: it is asked again, as Prefect's own clients do.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, u16> {
        until(&format!("the Prefect server answers {method} {path}"), || async {
            match self.ask_once(method.clone(), path, body.as_ref()).await {
                Err(503) => Err("it is busy (503)".to_owned()),
                answer => Ok(answer),
            }
        })
        .await
    }

    async fn ask_once(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, u16> {
        let (user, password) = self.auth_string.split_once(':').expect("user and password");
        let mut request = self.http.request(method, format!("{}{path}", self.api_url)).basic_auth(user, Some(password));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: the server does not answer: {error}"));
        let status = answer.status();
        if !status.is_success() {
            return Err(status.as_u16());
        }
        let text = answer.text().await.expect("an answer to the end");
        Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("an answer in JSON") })
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None).await.unwrap_or_else(|status| panic!("GET {path}: {status}"))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.ask(Method::POST, path, Some(body)).await.unwrap_or_else(|status| panic!("POST {path}: {status}"))
    }

    /// A work pool, unless there is none of that name.
    pub async fn pool(&self, name: &str) -> Option<Value> {
        match self.ask(Method::GET, &format!("/work_pools/{name}"), None).await {
            Ok(pool) => Some(pool),
            Err(404) => None,
            Err(status) => panic!("GET /work_pools/{name}: {status}"),
        }
    }

    /// The workers of a pool.
    pub async fn workers(&self, pool: &str) -> Vec<Value> {
        let workers = self.post(&format!("/work_pools/{pool}/workers/filter"), json!({})).await;
        workers.as_array().cloned().unwrap_or_default()
    }

    /// Deploys a flow of `flows.py` to a pool, with job variables of its own. Its code is on this machine: nothing is to
    /// be pulled. The deployment's id.
    pub async fn deploy(&self, flow: &str, pool: &str, job_variables: Value) -> String {
        let made = self.post("/flows/", json!({"name": flow})).await;
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/prefect_for_real");
        let deployment = json!({
            "name": unique("run"), "flow_id": made["id"], "work_pool_name": pool, "job_variables": job_variables,
            "entrypoint": format!("flows.py:{flow}"),
            "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": here}}],
        });
        id(&self.post("/deployments/", deployment).await)
    }

    /// Takes a deployment away.
    pub async fn withdraw(&self, deployment: &str) {
        let path = format!("/deployments/{deployment}");
        self.ask(Method::DELETE, &path, None).await.unwrap_or_else(|status| panic!("DELETE {path}: {status}"));
    }

    /// Schedules a run of a deployment for now. The run's id.
    pub async fn schedule(&self, deployment: &str) -> String {
        let now = json!({"state": {"type": "SCHEDULED"}});
        id(&self.post(&format!("/deployments/{deployment}/create_flow_run"), now).await)
    }

    /// Waits until a run has ended, however.
    pub async fn ended(&self, run: &str) -> Value {
        until(&format!("the flow run {run} has ended"), || async {
            let seen = self.get(&format!("/flow_runs/{run}")).await;
            let state = seen["state_type"].as_str().unwrap_or_default();
            if ENDED.contains(&state) { Ok(seen) } else { Err(seen["state"].to_string()) }
        })
        .await
    }

    /// Waits until something is among what a run has logged. Runs hand their lines in now and then.
    pub async fn has_logged(&self, run: &str, words: &str) {
        let filter = json!({"logs": {"flow_run_id": {"any_": [run]}}});
        until(&format!("the flow run {run} has logged {words:?}"), || async {
            let logs = self.post("/logs/filter", filter.clone()).await;
            let lines = logs.as_array().into_iter().flatten().filter_map(|log| log["message"].as_str());
            let lines: Vec<&str> = lines.collect();
            if lines.iter().any(|line| line.contains(words)) { Ok(()) } else { Err(format!("{lines:#?}")) }
        })
        .await;
    }
}

fn id(made: &Value) -> String {
    made["id"].as_str().unwrap_or_else(|| panic!("no id: {made}")).to_owned()
}
