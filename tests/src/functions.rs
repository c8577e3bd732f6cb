//! The service's functions, called and read as Lambda shows them.

use crate::{
    service::Service,
    signing::{Reply, Sender},
};
use http::{Method, Request};
use serde_json::Value;

/// Lambda's API, of which the tests need two calls.
#[derive(Debug, Default)]
pub struct Functions(Sender);

impl Functions {
    /// Invokes a function of the service and gives its answer, which must not be an error.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Value {
        let reply = self.call(Method::POST, function, "invocations", payload.to_string().into_bytes()).await;
        let thrown = reply.headers.get("x-amz-function-error");
        assert!(
            reply.status == 200 && thrown.is_none(),
            "{function} with {payload} threw: {} {}",
            reply.status,
            reply.text
        );
        serde_json::from_str(&reply.text).unwrap_or_else(|_| panic!("{function} did not answer JSON: {}", reply.text))
    }

    /// The configuration of a function of the service.
    pub async fn configuration(&self, function: &str) -> Value {
        let reply = self.call(Method::GET, function, "configuration", Vec::new()).await;
        assert_eq!(reply.status, 200, "the configuration of {function}: {}", reply.text);
        serde_json::from_str(&reply.text).expect("a configuration is JSON")
    }

    /// The name of a function's role.
    pub async fn role(&self, function: &str) -> String {
        let configuration = self.configuration(function).await;
        let arn = configuration["Role"].as_str().expect("a function has a role");
        arn.rsplit('/').next().expect("a role's ARN ends with its name").to_owned()
    }

    async fn call(&self, method: Method, function: &str, what: &str, body: Vec<u8>) -> Reply {
        let service = Service::under_test();
        let uri = format!("{}/2015-03-31/functions/{}-{function}/{what}", service.endpoint, service.stack);
        let request = Request::builder().method(method).uri(uri).body(body).expect("a request");
        self.0.send_signed("lambda", request).await
    }
}
