//! The service under test: where it is deployed and how it is reached.

use std::{env, sync::OnceLock};

/// The deployed service.
#[derive(Clone, Debug)]
pub struct Service {
    /// The local cloud's address.
    pub endpoint: String,
    /// The address of AWS: of the proxy that makes the local cloud so.
    pub aws_endpoint: String,
    /// The API's base address.
    pub api_url: String,
    /// The table with the records.
    pub table: String,
    /// The state machine.
    pub state_machine_arn: String,
    /// The stack's name.
    pub stack: String,
    /// The region.
    pub region: String,
}

impl Service {
    /// The service that `make test` has deployed.
    pub fn under_test() -> &'static Service {
        static SERVICE: OnceLock<Service> = OnceLock::new();
        SERVICE.get_or_init(|| Service {
            endpoint: variable("LOCAL_CLOUD_ENDPOINT"),
            aws_endpoint: variable("AWS_PROXY_ENDPOINT"),
            api_url: variable("API_URL"),
            table: variable("TABLE_NAME"),
            state_machine_arn: variable("STATE_MACHINE_ARN"),
            stack: variable("STACK_NAME"),
            region: variable("AWS_REGION"),
        })
    }

    /// The account it is deployed to.
    pub fn account(&self) -> &str {
        self.state_machine_arn.split(':').nth(4).expect("an ARN names its account")
    }

    /// An ARN of that account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account())
    }

    /// The ARN of a role on the local cloud, where roles have no path.
    pub fn role_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:role/{name}", self.account())
    }

    /// The ARN of an operation's execution.
    pub fn execution_arn(&self, operation: &str) -> String {
        format!("{}:{operation}", self.state_machine_arn.replace(":stateMachine:", ":execution:"))
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set. These tests need the service on a local cloud: run `make test`, which brings both.")
    })
}
