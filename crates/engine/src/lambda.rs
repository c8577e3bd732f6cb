//! A group's function on Lambda: settings, clients, logs, and the loop.

use crate::{
    aws,
    call::Call,
    clock::SystemClock,
    records::Records,
    resource::Group,
    turn::{Engine, Invocation},
};
use aws_config::SdkConfig;
use environment::{Fault, Place};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use std::sync::Arc;
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

/// Runs a group's function: builds its clients once and takes a turn for every call.
pub async fn serve<G: Group>(make: impl FnOnce(&SdkConfig) -> G) -> Result<(), lambda_runtime::Error> {
    start_logging();
    let config = aws::config().await;
    let engine = Engine {
        group: make(&config),
        records: Records::from_environment(&config)?,
        place: place(&config)?,
        clock: Arc::new(SystemClock),
        read_lag: SignedDuration::from_secs(variable("READ_LAG_SECONDS")?.parse()?),
    };
    lambda_runtime::run(service_fn(|event| handle(&engine, event))).await
}

async fn handle<G: Group>(engine: &Engine<G>, event: LambdaEvent<Call>) -> Result<crate::Answer, Thrown> {
    let call = event.payload;
    let invocation = Invocation { id: event.context.request_id.clone(), deadline: deadline(&event.context) };
    let span = tracing::info_span!(
        "turn",
        environment = %call.environment_id,
        operation = %call.operation_id,
        step = %call.step,
        action = call.action.as_str(),
    );
    async {
        match engine.turn(&call, &invocation).await {
            Ok(answer) => {
                let waits_for = answer.waits_for.as_ref().map(tracing::field::display);
                tracing::info!(outcome = answer.outcome.as_str(), waits_for, seconds = answer.seconds, "turn taken");
                Ok(answer)
            }
            Err(fault) => {
                tracing::error!(fault = ?fault, "turn broken off");
                Err(Thrown(fault))
            }
        }
    }
    .instrument(span)
    .await
}

/// When Lambda ends an invocation.
pub fn deadline(context: &Context) -> Timestamp {
    let milliseconds = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MIN)
}

/// An error that a function throws. The state machine sees our code and our message, never AWS's words.
#[derive(Debug)]
pub struct Thrown(pub Fault);

impl From<Thrown> for Diagnostic {
    fn from(Thrown(fault): Thrown) -> Self {
        Diagnostic { error_type: fault.code.to_string(), error_message: fault.message }
    }
}

impl Records {
    /// The table that the function's settings name.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, lambda_runtime::Error> {
        Ok(Records::new(aws_sdk_dynamodb::Client::new(config), variable("TABLE_NAME")?))
    }
}

/// The place that the function's settings describe.
pub fn place(config: &SdkConfig) -> Result<Place, lambda_runtime::Error> {
    let region = config.region().ok_or("no region is set")?.to_string();
    let boundary = variable("PERMISSIONS_BOUNDARY")?;
    Ok(Place {
        partition: variable("PARTITION")?,
        account: variable("ACCOUNT_ID")?,
        region,
        stack: variable("STACK_NAME")?,
        role_path: variable("ROLE_PATH")?,
        permissions_boundary: (!boundary.is_empty()).then_some(boundary),
        worker_image: variable("WORKER_IMAGE")?,
    })
}

/// A setting that the template gives every function.
pub fn variable(name: &str) -> Result<String, lambda_runtime::Error> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is not set").into())
}

/// One JSON object a line, with the fields of every span around it. `LOG_LEVEL` says how much.
pub fn start_logging() {
    let level = std::env::var("LOG_LEVEL").unwrap_or_else(|_| "info".to_owned());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_target(false)
        // The SDK's own debug lines show requests whole: never below warn, whatever the level.
        .with_env_filter(EnvFilter::new(format!(
            "{level},aws_config=warn,aws_smithy_runtime=warn,aws_smithy_runtime_api=warn,aws_sdk_secretsmanager=warn,\
             aws_sigv4=warn,aws_runtime=warn,hyper=warn,hyper_util=warn,h2=warn,rustls=warn,lambda_runtime=warn"
        )))
        .init();
}
