//! What the name in `prefect.api_url` resolves to: every address must be one that a server may have.
//!
//! The text of the URL was judged before; a name says nothing by itself. One that does not resolve here, or not in
//! time, is accepted: a server may live in a private zone that only the environment's network sees. What a name
//! resolves to may change, too. So this keeps mistakes and the simple attacks out; whoever connects must judge the
//! address that it connects to by the same rule, [`may_be_a_server`], and follow no redirect: the client of
//! Prefect's API does.

use crate::{problem, problem::Problem};
use async_trait::async_trait;
use environment::{
    Spec,
    request::{Violation, ViolationCode, may_be_a_server, name_in},
    spec::Server,
};
use std::{fmt::Debug, net::IpAddr, time::Duration};

/// A name that exists answers within milliseconds; the caller waits no longer for one that does not.
const LIMIT: Duration = Duration::from_secs(2);

/// Knows the addresses of names.
#[async_trait]
pub(crate) trait Resolver: Debug + Send + Sync {
    /// Every address of the name; none where nobody knows it.
    async fn addresses(&self, name: &str) -> Vec<IpAddr>;
}

/// The resolver of the machine that this runs on.
#[derive(Debug)]
pub(crate) struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        // The port is for the signature only.
        let found = tokio::time::timeout(LIMIT, tokio::net::lookup_host((name, 443))).await;
        found.ok().and_then(Result::ok).into_iter().flatten().map(|address| address.ip()).collect()
    }
}

/// Refuses the request where its server's name leads to an address that no server may have.
pub(crate) async fn check(resolver: &dyn Resolver, spec: &Spec, allow_loopback: bool) -> Result<(), Problem> {
    let Server::SelfHosted { api_url } = &spec.prefect.server else { return Ok(()) };
    let Some(name) = name_in(api_url) else { return Ok(()) };
    let addresses = resolver.addresses(&name).await;
    if addresses.into_iter().all(|address| may_be_a_server(address, allow_loopback)) {
        return Ok(());
    }
    // Without the address: nobody shall ask this service what names mean inside its network.
    let detail = "The URL must not lead to the machine that opens it: its name has an address that no server may have.";
    Err(problem::invalid_request(vec![Violation::new("/prefect/api_url", ViolationCode::NotAllowed, detail)]))
}
