//! A spec as the request that would ask for it: the document that a patch is merged into.
//!
//! Everything is spelled out, the defaults too, so that a patch changes what it names and nothing else: not even where
//! the operator's defaults have become others since. It holds no credential, for the spec has none.

use crate::spec::{Autoscaling, Capacity, Count, Credential, Flows, Nat, Network, Prefect, Server, Spec, Worker};
use serde_json::{Value, json};

/// The request, without its credential and without what it says of the environment's lifetime.
pub fn document(spec: &Spec) -> Value {
    let Spec { name, team, network, prefect, worker, flows, log_retention_days, tags } = spec;
    // Each field by its name, so that one that is new does not compile until it has its place here.
    let Prefect { server, credential, key_version: _, worker_key: _, work_pool, adopt_pool, verify } = prefect;
    let Worker { name: service, image, cpu, memory, count, command, environment, secrets, capacity } = worker;
    let Flows { policy_arns } = flows;
    let mut prefect = match server {
        Server::Cloud { account_id, workspace_id } => json!({"account_id": account_id, "workspace_id": workspace_id}),
        Server::SelfHosted { api_url } => json!({"api_url": api_url}),
    };
    prefect["work_pool"] = json!(work_pool);
    prefect["adopt_pool"] = json!(adopt_pool);
    prefect["verify"] = json!(verify);
    if let Credential::SharedApiKey { secret_arn } = credential {
        prefect["api_key_secret_arn"] = json!(secret_arn);
    }
    let mut document = json!({
        "name": name,
        "team": team,
        "prefect": prefect,
        "network": network_section(network),
        "worker": {
            "name": service,
            "image": image,
            "cpu": cpu,
            "memory": memory,
            "command": command,
            "environment": environment,
            "secrets": secrets,
            "capacity": match capacity {
                Capacity::Fargate => "FARGATE",
                Capacity::FargateSpot => "FARGATE_SPOT",
            },
        },
        "flows": {"policy_arns": policy_arns},
        "log_retention_days": log_retention_days,
        "tags": tags,
    });
    match count {
        Count::Fixed { desired_count } => document["worker"]["desired_count"] = json!(desired_count),
        Count::Scaled { autoscaling: Autoscaling { min, max, cpu_target } } => {
            document["worker"]["autoscaling"] = json!({"min": min, "max": max, "cpu_target": cpu_target});
        }
    }
    document
}

fn network_section(network: &Network) -> Value {
    let Network::Create { vpc_cidr, public_subnets, private_subnets, nat } = network;
    let mut section = json!({
        "mode": "create",
        "vpc_cidr": vpc_cidr,
        "public_subnets": public_subnets,
        "nat": match nat {
            Nat::Single => "single",
            Nat::PerAz => "per-az",
            Nat::None => "none",
        },
    });
    if *nat != Nat::None {
        section["private_subnets"] = json!(private_subnets);
    }
    section
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, defaults};
    use super::super::{Defaults, parse};
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    #[test]
    fn it_holds_no_credential() {
        let mut body = super::super::tests::minimal();
        body["prefect"]["worker_api_key"] = json!("pnu_of_the_worker");
        let request = accepted(&body);
        assert_eq!(request.credentials.by_secret().count(), 2);
        for (_, credential) in request.credentials.by_secret() {
            assert!(!document(&request.spec).to_string().contains(credential.expose_secret()));
        }
    }

    proptest! {
        /// Every field of a request has its place in the document: a field that is new in one of them only fails here.
        #[test]
        fn asked_for_again_it_is_the_same_spec(body in request_bodies::valid()) {
            let policies = request_bodies::POLICIES.map(String::from);
            let defaults = Defaults {
                account: request_bodies::ACCOUNT,
                region: request_bodies::REGION,
                flow_policy_arns: &policies,
                ..defaults()
            };
            let spec = parse(&body, &defaults).expect("a valid body").spec;
            let mut again = document(&spec);
            for credential in ["api_key", "auth_string", "worker_api_key"] {
                again["prefect"][credential] = body["prefect"][credential].clone();
            }
            prop_assert_eq!(parse(&again, &defaults).expect("the document is a request").spec, spec);
        }
    }
}
