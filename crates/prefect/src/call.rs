//! One call: where it goes, with which credential, and what its answer means.

use crate::{Error, guard};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::{
    behavior_version::BehaviorVersion,
    http::SharedHttpClient,
    orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
    result::SdkError,
};
use aws_smithy_types::{base64, body::SdkBody, error::display::DisplayErrorContext, timeout::TimeoutConfig};
use environment::request::may_be_a_server;
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use std::{convert::Infallible, net::IpAddr, time::Duration};
use url::{Host, Url};

/// The longest that one call may take: a caller of the API waits for it.
const LIMIT: Duration = Duration::from_secs(5);
/// So much of a refusal is kept for the log.
const SAID: usize = 300;

/// Knows the way to Prefect servers.
#[derive(Clone, Debug)]
pub struct Client {
    http: SharedHttpClient,
    allow_loopback: bool,
}

/// What Prefect asks for at the door.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Prefect Cloud's API key.
    ApiKey(SecretString),
    /// A self-hosted server's `user:password`.
    AuthString(SecretString),
    /// The self-hosted server asks for nothing.
    None,
}

/// The API of a workspace, or of a server of one's own.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    url: String,
    authorization: Option<SecretString>,
}

impl Client {
    /// A client whose calls go over `http`; where that is `None`, past the [`guard`]. `allow_loopback` is for the
    /// local cloud.
    pub fn new(http: Option<SharedHttpClient>, allow_loopback: bool) -> Self {
        Client { http: http.unwrap_or_else(|| guard::http_client(allow_loopback)), allow_loopback }
    }

    /// The API at this URL, which is the value of `PREFECT_API_URL`.
    ///
    /// # Errors
    /// [`Error::Unreachable`], where the URL's own address is one that no server may have: an address is connected to
    /// without being resolved.
    pub fn api(&self, url: &str, credential: &Credential) -> Result<Api, Error> {
        let unreachable = |why: &str| Error::Unreachable { why: why.to_owned() };
        let parsed = Url::parse(url).map_err(|error| unreachable(&error.to_string()))?;
        let address = match parsed.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(unreachable("the URL has no host")),
        };
        if address.is_some_and(|address| !may_be_a_server(address, self.allow_loopback)) {
            return Err(unreachable("the URL has an address that no server may have"));
        }
        let authorization = match credential {
            Credential::ApiKey(key) => Some(format!("Bearer {}", key.expose_secret())),
            Credential::AuthString(pair) => Some(format!("Basic {}", base64::encode(pair.expose_secret()))),
            Credential::None => None,
        };
        Ok(Api {
            client: self.clone(),
            url: url.trim_end_matches('/').to_owned(),
            authorization: authorization.map(SecretString::from),
        })
    }
}

/// What a 404 says: of a thing's own path that it is not there, of any other that this is no Prefect API.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'a> {
    /// A path that every server has.
    Fixed(&'a str),
    /// The path of one work pool, or below it. A pool's name needs no escapes.
    OfPool(&'a str, &'a str),
}

impl Api {
    /// Asks something whose answer is JSON.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, path: Path<'_>, question: &impl Serialize) -> Result<T, Error> {
        let answer = self.call("POST", path, question).await?;
        // Success in another language: a web page, say, of whatever stands there.
        serde_json::from_slice(&answer).map_err(|_| Error::WorkspaceNotFound)
    }

    /// Tells something whose answer is of no interest.
    pub(crate) async fn tell(&self, method: &str, path: Path<'_>, what: &impl Serialize) -> Result<(), Error> {
        self.call(method, path, what).await.map(|_| ())
    }

    async fn call(&self, method: &str, path: Path<'_>, body: &impl Serialize) -> Result<Vec<u8>, Error> {
        let request = self.request(method, path, body).map_err(|why| Error::Unreachable { why })?;
        let (status, answer) = self.send(request).await?;
        let said = || String::from_utf8_lossy(&answer).chars().take(SAID).collect();
        Err(match (status, path) {
            (200..=299, _) => return Ok(answer),
            (401, _) => Error::Unauthorized,
            (403, _) => Error::Forbidden,
            (404, Path::OfPool(..)) => Error::NotFound,
            // A redirect leads away from the URL that was judged.
            (300..=399 | 404 | 405, _) => Error::WorkspaceNotFound,
            (409, _) => Error::AlreadyExists,
            (429, _) => Error::Throttled,
            (500.., _) => Error::Unreachable { why: format!("status {status}: {}", said()) },
            _ => Error::Refused { status, said: said() },
        })
    }

    fn request(&self, method: &str, path: Path<'_>, body: &impl Serialize) -> Result<HttpRequest, String> {
        let path = match path {
            Path::Fixed(path) => path.to_owned(),
            Path::OfPool(pool, below) => format!("/work_pools/{pool}{below}"),
        };
        let body = serde_json::to_vec(body).map_err(|error| error.to_string())?;
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method(method).map_err(|error| error.to_string())?;
        request.set_uri(path).map_err(|error| error.to_string())?;
        let headers = request.headers_mut();
        headers.insert("content-type", "application/json");
        headers.insert("accept", "application/json");
        headers.insert("user-agent", user_agent());
        if let Some(authorization) = &self.authorization {
            headers.try_insert("authorization", authorization.expose_secret().to_owned()).map_err(|_| {
                // Without the value: it is the secret.
                "the credential cannot be written in a header".to_owned()
            })?;
        }
        Ok(request)
    }

    /// Sends a request, once; answers the status and the body, whatever the status is.
    async fn send(&self, request: HttpRequest) -> Result<(u16, Vec<u8>), Error> {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(LIMIT)
            .operation_timeout(LIMIT)
            .build();
        let operation = Operation::builder()
            .service_name("prefect")
            .operation_name("call")
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.client.http.clone())
            .endpoint_url(&self.url)
            .timeout_config(timeouts)
            .no_auth()
            .no_retry()
            .serializer(|request: HttpRequest| Ok(request))
            .deserializer(|response: &HttpResponse| {
                let body = response.body().bytes().unwrap_or_default().to_vec();
                Ok::<_, OrchestratorError<Infallible>>((response.status().as_u16(), body))
            })
            .build();
        operation.invoke(request).await.map_err(|error| match error {
            // Around a response stands the whole of it, and before it the request with its headers.
            SdkError::ResponseError(_) => Error::Unreachable { why: "the answer broke off".to_owned() },
            error => Error::Unreachable { why: DisplayErrorContext(error).to_string() },
        })
    }
}

/// Who calls: as in the calls to AWS, the function's name with it.
fn user_agent() -> String {
    match std::env::var("AWS_SDK_UA_APP_ID") {
        Ok(app) => format!("prefect-environments app/{app}"),
        Err(_) => "prefect-environments".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    };
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    const URL: &str = "https://prefect.example.com/api/accounts/1/workspaces/2/";

    /// A server that always answers the same, or nothing, and remembers what it was asked.
    #[derive(Clone, Debug)]
    struct Server {
        answer: Option<(u16, &'static str)>,
        asked: Arc<Mutex<Vec<(String, String, String)>>>,
    }

    impl HttpClient for Server {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Server {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let authorization = request.headers().get("authorization").unwrap_or_default().to_owned();
            let asked = (request.method().to_owned(), request.uri().to_owned(), authorization);
            self.asked.lock().unwrap().push(asked);
            let Some((status, body)) = self.answer else {
                let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
                return HttpConnectorFuture::ready(Err(ConnectorError::io(refused.into())));
            };
            let status = status.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
        }
    }

    fn server(answer: Option<(u16, &'static str)>) -> (Server, Api) {
        let server = Server { answer, asked: Arc::default() };
        let client = Client::new(Some(SharedHttpClient::new(server.clone())), false);
        let credential = Credential::ApiKey(SecretString::from("pnu_1".to_owned()));
        (server, client.api(URL, &credential).expect("the URL is fine"))
    }

    async fn fixed(status: u16, body: &'static str) -> Error {
        server(Some((status, body))).1.ask::<u64>(Path::Fixed("/x/count"), &()).await.expect_err("a refusal")
    }

    #[tokio::test]
    async fn a_call_goes_below_the_workspaces_url_with_the_key_and_once() {
        let (server, api) = server(Some((500, "")));
        assert!(matches!(api.deployments_of("p").await, Err(Error::Unreachable { .. })));
        let asked = server.asked.lock().unwrap().clone();
        let url = "https://prefect.example.com/api/accounts/1/workspaces/2/deployments/count";
        assert_eq!(asked, [("POST".into(), url.into(), "Bearer pnu_1".into())]);
    }

    #[tokio::test]
    async fn every_status_has_its_meaning() {
        assert_eq!(fixed(401, "").await, Error::Unauthorized);
        assert_eq!(fixed(403, "").await, Error::Forbidden);
        assert_eq!(fixed(404, "").await, Error::WorkspaceNotFound);
        assert_eq!(fixed(307, "").await, Error::WorkspaceNotFound, "no redirect is followed");
        assert_eq!(fixed(200, "<html>").await, Error::WorkspaceNotFound);
        assert_eq!(fixed(409, "").await, Error::AlreadyExists);
        assert_eq!(fixed(429, "").await, Error::Throttled);
        assert_eq!(fixed(422, "no").await, Error::Refused { status: 422, said: "no".into() });
        let of_pool = server(Some((404, ""))).1.delete_work_pool("p").await;
        assert_eq!(of_pool, Err(Error::NotFound));
    }

    #[tokio::test]
    async fn no_answer_is_unreachable_and_says_nothing_of_the_key() {
        let (_, api) = server(None);
        assert!(!format!("{api:?}").contains("pnu_1"));
        let Err(Error::Unreachable { why }) = api.work_pool("p").await else { panic!("it cannot be reached") };
        assert!(!why.contains("pnu_1"), "{why}");
    }

    #[test]
    fn an_address_that_no_server_may_have_is_refused_before_anything_is_sent() {
        for url in ["http://169.254.169.254/api", "http://127.0.0.1:4200/api", "http://[::1]/api", "http://0x7f000001/"]
        {
            let refused = Client::new(None, false).api(url, &Credential::None);
            assert!(matches!(refused, Err(Error::Unreachable { .. })), "{url}");
        }
        assert!(Client::new(None, true).api("http://127.0.0.1:4200/api", &Credential::None).is_ok());
    }
}
