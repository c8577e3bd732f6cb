//! A group's function on Lambda: settings, clients, logs, and the loop.

use crate::{
    aws,
    call::{Answer, Call},
    clock::SystemClock,
    drift::DriftCall,
    logs::LogsCall,
    observe::ObserveCall,
    preflight::Preflight,
    records::Records,
    resource::Group,
    survey::SurveyCall,
    turn::{Engine, Invocation},
    watch::WatchCall,
};
use aws_config::SdkConfig;
use environment::{Fault, Place};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;
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

/// What a group's function may be asked.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// By the state machine: to take a turn.
    Turn(Call),
    /// By the API: whether an environment would fit.
    Preflight(Preflight),
    /// By the API: how an environment differs from its spec.
    Drift(DriftCall),
    /// By the API: how the environment's workers are now.
    Observe(ObserveCall),
    /// By the API: what the environment's workers have written.
    Logs(LogsCall),
    /// By the watch: how the workers of some environments are now.
    Watch(WatchCall),
    /// By the survey and by operators: what belongs to no living environment.
    Survey(SurveyCall),
}

async fn handle<G: Group>(engine: &Engine<G>, event: LambdaEvent<Event>) -> Result<Value, Thrown> {
    let invocation = Invocation { id: event.context.request_id.clone(), deadline: deadline(&event.context) };
    engine.answer(event.payload, &invocation).await.map_err(Thrown)
}

impl<G: Group> Engine<G> {
    /// Answers whatever the function was asked, with a line in the log.
    pub async fn answer(&self, event: Event, invocation: &Invocation) -> Result<Value, Fault> {
        match event {
            Event::Turn(call) => {
                let span = tracing::info_span!(
                    "turn",
                    environment = %call.environment_id,
                    operation = %call.operation_id,
                    step = %call.step,
                    action = call.action.as_str(),
                );
                self.take_turn(&call, invocation).instrument(span).await
            }
            Event::Preflight(asked) => {
                let span = tracing::info_span!("call", action = "preflight", environment = %asked.environment_id);
                async {
                    let report = self.preflight(&asked).await;
                    let refusal = report.refusal.as_ref().map(tracing::field::debug);
                    tracing::info!(quotas = report.quotas.len(), refusal, "preflight answered");
                    json(&report)
                }
                .instrument(span)
                .await
            }
            Event::Drift(asked) => {
                let span = tracing::info_span!("call", action = "drift", environment = %asked.environment_id);
                async {
                    let drift = self.drift(&asked).await?;
                    tracing::info!(resources = drift.resources.len(), "looked at");
                    json(&drift)
                }
                .instrument(span)
                .await
            }
            Event::Observe(asked) => {
                let span = tracing::info_span!("call", action = "observe", environment = %asked.environment_id);
                async {
                    let observation = self.observe(&asked).await?;
                    let error = observation.as_ref().and_then(|it| it.error.as_ref()).map(tracing::field::debug);
                    tracing::info!(there = observation.is_some(), error, "looked at the workers");
                    json(&observation)
                }
                .instrument(span)
                .await
            }
            Event::Logs(asked) => {
                let span = tracing::info_span!("call", action = "logs", environment = %asked.environment_id);
                async {
                    let page = self.logs(&asked).await?;
                    let error = page.as_ref().and_then(|it| it.error.as_ref()).map(tracing::field::debug);
                    tracing::info!(lines = page.as_ref().map(|page| page.lines.len()), error, "read the workers' logs");
                    json(&page)
                }
                .instrument(span)
                .await
            }
            Event::Watch(asked) => {
                let span = tracing::info_span!("call", action = "watch");
                async { json(&self.watch(&asked).await) }.instrument(span).await
            }
            Event::Survey(_) => self.look_around().instrument(tracing::info_span!("call", action = "survey")).await,
        }
    }

    async fn look_around(&self) -> Result<Value, Fault> {
        match self.survey().await {
            Ok(seen) => {
                tracing::info!(strays = seen.strays.len(), whole = seen.whole, "looked around");
                json(&seen)
            }
            Err(fault) => {
                tracing::error!(fault = ?fault, "the survey was broken off");
                Err(fault)
            }
        }
    }

    async fn take_turn(&self, call: &Call, invocation: &Invocation) -> Result<Value, Fault> {
        match self.turn(call, invocation).await {
            Ok(answer) => {
                let waits_for = answer.waits_for.as_ref().map(tracing::field::display);
                tracing::info!(outcome = answer.outcome.as_str(), waits_for, seconds = answer.seconds, "turn taken");
                // The record has it whole. An execution's history is read by others than the environment's owner.
                let error = answer.error.clone().map(Fault::in_short);
                json(&Answer { error, ..answer })
            }
            Err(fault) => {
                tracing::error!(fault = ?fault, "turn broken off");
                Err(fault)
            }
        }
    }
}

fn json(answer: &impl serde::Serialize) -> Result<Value, Fault> {
    serde_json::to_value(answer).map_err(|error| Fault::bug(error.to_string()))
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
        prefect_cloud_url: variable("PREFECT_CLOUD_URL")?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use environment::EnvironmentId;
    use serde_json::json;

    #[test]
    fn a_preflight_is_no_turn_and_a_turn_is_no_preflight() {
        let environment = EnvironmentId::new(1, 1);
        let turn = json!({
            "environment_id": environment, "operation_id": environment::OperationId::new(1, 1), "fence": 1,
            "step": "network", "action": "ensure",
        });
        assert!(matches!(serde_json::from_value(turn.clone()), Ok(Event::Turn(_))));
        assert!(matches!(serde_json::from_value(json!({"action": "survey"})), Ok(Event::Survey(_))));
        let drift = json!({"action": "drift", "environment_id": environment});
        assert!(matches!(serde_json::from_value(drift), Ok(Event::Drift(_))));
        let observe = json!({"action": "observe", "environment_id": environment});
        assert!(matches!(serde_json::from_value(observe), Ok(Event::Observe(_))));
        let logs = json!({"action": "logs", "environment_id": environment, "limit": 1});
        assert!(matches!(serde_json::from_value(logs), Ok(Event::Logs(_))));
        let watch = json!({"action": "watch", "environments": [environment]});
        assert!(matches!(serde_json::from_value(watch), Ok(Event::Watch(_))));
        for action in ["preflight", "drift", "survey", "observe", "logs", "watch"] {
            let mut mixed = turn.clone();
            mixed["action"] = json!(action);
            assert!(serde_json::from_value::<Event>(mixed).is_err(), "{action} has no step");
        }
    }
}
