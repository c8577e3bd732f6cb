//! Requests and responses, and the local cloud that takes the ones and gives the others.

use async_trait::async_trait;
use std::io;

/// An HTTP request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An HTTP response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A header's text, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }
}

impl Response {
    /// A header's text, or the empty text.
    pub fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// The local cloud.
#[async_trait]
pub trait LocalCloud: Send + Sync {
    /// Carries a request out.
    async fn carry_out(&self, request: &Request) -> io::Result<Response>;
}
