//! The least that a Lambda function can be: it answers what it was sent. `make bench` starts it beside the service's.

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let echo = |event: LambdaEvent<Value>| async { Ok::<_, lambda_runtime::Error>(event.payload) };
    lambda_runtime::run(service_fn(echo)).await
}
