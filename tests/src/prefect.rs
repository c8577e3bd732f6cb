//! Prefect as somebody with a key of their own sees it: its stand-in behind the proxy.

use crate::{
    requests::{ACCOUNT, WORKSPACE},
    service::Service,
};
use serde_json::{Value, json};

/// The workspace of every request.
pub fn url() -> String {
    format!("{}/api/accounts/{ACCOUNT}/workspaces/{WORKSPACE}", Service::under_test().aws_endpoint)
}

/// A call in that workspace; answers the status and what Prefect says.
pub async fn ask(method: &str, path: &str, body: &Value) -> (u16, Value) {
    let method = method.parse().expect("a method");
    let request = reqwest::Client::new().request(method, format!("{}{path}", url())).bearer_auth("pnu_of_a_person");
    let answer = request.json(body).send().await.expect("the proxy answers");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

/// The pool of this name, if there is one.
pub async fn work_pool(name: &str) -> Option<Value> {
    let named = json!({"work_pools": {"name": {"any_": [name]}}, "limit": 1});
    let (_, pools) = ask("POST", "/work_pools/filter", &named).await;
    pools.get(0).cloned()
}
