//! Names in `prefect.api_url` that resolve to what no server may be.

use super::{Answer, calls::AwsCalls, post, send_to, service_with};
use crate::resolution::Resolver;
use async_trait::async_trait;
use serde_json::json;
use std::{net::IpAddr, sync::Arc};

/// Every name has these addresses.
#[derive(Debug)]
pub(super) struct Always(pub(super) Vec<IpAddr>);

#[async_trait]
impl Resolver for Always {
    async fn addresses(&self, _: &str) -> Vec<IpAddr> {
        self.0.clone()
    }
}

/// What a request is told whose server's name has these addresses, and the calls that it caused.
async fn told(addresses: &[&str], local_cloud: bool) -> (Answer, Vec<String>) {
    let calls = AwsCalls::default();
    let mut service = service_with(&calls, local_cloud);
    service.resolver = Arc::new(Always(addresses.iter().map(|it| it.parse().expect("an address")).collect()));
    let body = json!({"name": "prefect", "team": "data", "prefect": {"api_url": "https://prefect.example.com/api"}});
    (send_to(service, post(body.to_string())).await, calls.taken())
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_refused() {
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["0.0.0.0"],
        &["169.254.169.254"],
        &["169.254.170.2"],
        &["fd00:ec2::254"],
        &["::ffff:169.254.169.254"],
        &["64:ff9b::a9fe:a9fe"],
        &["2002:7f00:1::"],
        &["fe80::1"],
        &["224.0.0.1"],
        &["255.255.255.255"],
        // One among many is enough: which one is taken is not for us to choose.
        &["93.184.216.34", "10.0.0.1", "169.254.169.254"],
    ] {
        let (answer, calls) = told(addresses, false).await;
        let problem = answer.problem(422, "INVALID_REQUEST");
        assert_eq!(problem["errors"][0]["pointer"], "/prefect/api_url", "{addresses:?}");
        assert_eq!(problem["errors"][0]["code"], "NOT_ALLOWED");
        assert!(!problem.to_string().contains(addresses[0]), "the answer tells what the name means");
        assert_eq!(calls, [""; 0], "{addresses:?}");
    }
}

#[tokio::test]
async fn public_private_and_unknown_names_are_accepted() {
    for addresses in [&["93.184.216.34", "2600:1f18::1"][..], &["10.0.0.1"], &[]] {
        assert_eq!(told(addresses, false).await.0.status, 202, "{addresses:?}");
    }
}

#[tokio::test]
async fn on_the_local_cloud_a_server_may_be_on_this_machine_and_nowhere_worse() {
    assert_eq!(told(&["127.0.0.1", "::1"], true).await.0.status, 202);
    told(&["169.254.169.254"], true).await.0.problem(422, "INVALID_REQUEST");
}

#[tokio::test]
async fn the_machines_own_resolver_knows_the_machine() {
    let addresses = crate::resolution::SystemResolver.addresses("localhost").await;
    assert!(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
    assert_eq!(crate::resolution::SystemResolver.addresses("no such name").await, [] as [IpAddr; 0]);
}
