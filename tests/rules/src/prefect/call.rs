//! A call to Prefect, as its request tells it.

use crate::{Call, Request, call::function};
use serde_json::{Value, json};

/// Where Prefect's own part of a path begins.
const PARTS: [&str; 3] = ["/work_pools", "/deployments", "/flow_runs"];

/// The call, if the request is one to Prefect. AWS's are signed; these have a key or nothing.
pub(crate) fn read(request: &Request) -> Option<Call> {
    let authorization = request.header("authorization");
    if authorization.contains("Credential=") {
        return None;
    }
    let path = request.target.split('?').next().unwrap_or_default();
    let (api, own) = path.split_at(PARTS.iter().find_map(|part| path.find(part))?);
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let segments: Vec<&str> = own.split('/').filter(|segment| !segment.is_empty()).collect();
    let filtered = body["work_pools"]["name"]["any_"][0].as_str();
    let (action, name) = match (request.method.as_str(), segments.as_slice()) {
        ("POST", ["work_pools", "filter"]) => ("ListWorkPools", filtered),
        ("POST", ["work_pools"]) => ("CreateWorkPool", body["name"].as_str()),
        ("PATCH", ["work_pools", pool]) => ("UpdateWorkPool", Some(*pool)),
        ("DELETE", ["work_pools", pool]) => ("DeleteWorkPool", Some(*pool)),
        ("POST", ["work_pools", pool, "workers", "filter"]) => ("ListWorkers", Some(*pool)),
        ("POST", ["deployments"]) => ("CreateDeployment", body["work_pool_name"].as_str()),
        ("POST", ["deployments", "count"]) => ("GetDeploymentCount", filtered),
        ("POST", ["flow_runs", "count"]) => ("GetFlowRunCount", filtered),
        _ => ("Unknown", None),
    };
    let credential = ["revoked", "forbidden"].into_iter().find(|word| authorization.contains(word));
    Some(Call {
        function: function(request).to_owned(),
        service: "prefect".to_owned(),
        action: action.to_owned(),
        // Never the key itself: parameters are written down.
        parameters: json!({"api": api, "name": name, "credential": credential, "body": body}),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, authorization: &str) -> Request {
        let headers = [("authorization", authorization), ("user-agent", "x app/prefect-environments-worker")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Request { method: "PATCH".into(), target: target.into(), headers, body: b"{\"is_paused\": true}".to_vec() }
    }

    #[test]
    fn a_call_says_who_asks_what_of_which_pool_and_never_the_key() {
        let call = read(&request("/api/accounts/a/workspaces/w/work_pools/p", "Bearer pnu_1")).expect("Prefect's");
        let told = [call.function.as_str(), call.service.as_str(), call.action.as_str(), call.text("name")];
        assert_eq!(told, ["worker", "prefect", "UpdateWorkPool", "p"]);
        assert_eq!(call.text("api"), "/api/accounts/a/workspaces/w");
        assert!(!call.parameters.to_string().contains("pnu_1"));
    }

    #[test]
    fn what_is_signed_is_for_aws() {
        assert_eq!(read(&request("/work_pools/p", "AWS4-HMAC-SHA256 Credential=k/d/r/ecs/aws4_request")), None);
        assert_eq!(read(&request("/2015-03-31/functions/x/invocations", "")), None);
    }
}
