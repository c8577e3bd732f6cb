//! Which addresses a call to Prefect may connect to.
//!
//! Callers name the server. Without this they could name the functions' own machine, or the metadata service that
//! hands out the functions' rights. A URL's text is judged when a request is read; a name is judged again here, where
//! it is resolved for the connection: between the two it may have come to mean something else.

use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    dns::{DnsFuture, ResolveDns, ResolveDnsError},
    http::SharedHttpClient,
};
use environment::request::may_be_a_server;
use std::{io, net::IpAddr, time::Duration};

/// A name that exists answers within milliseconds.
const LIMIT: Duration = Duration::from_secs(2);

/// The way to Prefect. `allow_loopback` is for the local cloud, whose servers are on this machine.
pub fn http_client(allow_loopback: bool) -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_with_resolver(Guard { allow_loopback })
}

/// Resolves names as the machine does, and refuses those that lead to an address that no server may have.
#[derive(Clone, Copy, Debug)]
struct Guard {
    allow_loopback: bool,
}

impl ResolveDns for Guard {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            // The port is for the signature only.
            let found = tokio::time::timeout(LIMIT, tokio::net::lookup_host((name, 443))).await;
            let found = found.map_err(ResolveDnsError::new)?.map_err(ResolveDnsError::new)?;
            self.judge(found.map(|address| address.ip()).collect()).map_err(ResolveDnsError::new)
        })
    }
}

impl Guard {
    /// All of them or none: a name that leads there and elsewhere has no honest meaning.
    fn judge(self, addresses: Vec<IpAddr>) -> io::Result<Vec<IpAddr>> {
        if addresses.iter().all(|address| may_be_a_server(*address, self.allow_loopback)) {
            return Ok(addresses);
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name leads to an address that no server may have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_resolved_on_the_local_cloud_only() {
        let resolve = async |allow_loopback| Guard { allow_loopback }.resolve_dns("localhost").await;
        assert!(resolve(true).await.is_ok());
        let refused = resolve(false).await.expect_err("localhost is this machine");
        let source = std::error::Error::source(&refused).expect("it says why").to_string();
        assert!(source.contains("no server may have"), "{source}");
    }

    #[test]
    fn one_bad_address_spoils_a_name() {
        let addresses = ["93.184.216.34", "169.254.169.254"].map(|address| address.parse().expect("an address"));
        assert!(Guard { allow_loopback: true }.judge(addresses.to_vec()).is_err());
        assert!(Guard { allow_loopback: false }.judge(addresses[..1].to_vec()).is_ok());
    }
}
