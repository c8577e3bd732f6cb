//! The local clouds that `make test` has started for this, and the way to them.

use async_trait::async_trait;
use rules::{LocalCloud, Request, Response};
use std::{
    env, io,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

/// The clouds' addresses.
pub fn clouds() -> &'static [String] {
    static CLOUDS: OnceLock<Vec<String>> = OnceLock::new();
    CLOUDS.get_or_init(|| {
        let clouds = env::var("FAULTS_CLOUDS").expect(
            "FAULTS_CLOUDS is not set. These runs need local clouds of their own: run `make test` or `make faults`.",
        );
        clouds.split(',').map(str::to_owned).collect()
    })
}

/// A number of an account that nobody has had, on these clouds or in an earlier run on them.
pub fn new_account(count: u64) -> String {
    static START: OnceLock<u64> = OnceLock::new();
    let seconds = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let start = START.get_or_init(|| (seconds() % 8_000_000) * 100_000);
    format!("{:012}", 100_000_000_000 + start + count)
}

/// The way to one cloud.
#[derive(Debug)]
pub struct Upstream {
    client: reqwest::Client,
    url: String,
}

impl Upstream {
    /// The way to this cloud.
    pub fn to(url: &str) -> Upstream {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build();
        Upstream { client: client.expect("a client needs nothing"), url: url.to_owned() }
    }

    /// Lets the cloud forget everything of an account: it would look through it in every later run.
    pub async fn close(&self, account: &str) {
        let closed = self.client.delete(format!("{}/accounts/{account}", self.url)).send().await;
        let closed = closed.and_then(reqwest::Response::error_for_status);
        closed.expect("a cloud that is started for the faults can close an account");
    }
}

#[async_trait]
impl LocalCloud for Upstream {
    async fn carry_out(&self, request: &Request) -> io::Result<Response> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(io::Error::other)?;
        let mut call = self.client.request(method, format!("{}{}", self.url, request.target));
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "content-length") {
            call = call.header(name, value);
        }
        let response = call.body(request.body.clone()).send().await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers = response.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
        let headers = headers.filter(|(name, _)| !["content-length", "transfer-encoding"].contains(&name.as_str()));
        let headers = headers.collect();
        Ok(Response { status, headers, body: response.bytes().await.map_err(io::Error::other)?.to_vec() })
    }
}
