//! Executions of the state machine: one for each operation, named after it.
//!
//! Starting is safe to repeat. On AWS a start with the name and input of a running execution answers success;
//! where it is refused as existing, its input tells whether it is the same.

use crate::settings::Settings;
use aws_sdk_sfn::{Client, types::ExecutionStatus};
use engine::aws;
use environment::{EnvironmentId, Fault, OperationId};
use serde_json::{Value, json};

/// The state machine's executions.
#[derive(Clone, Debug)]
pub(crate) struct Executions {
    client: Client,
    state_machine_arn: String,
}

/// What an operation's execution works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) environment: EnvironmentId,
    pub(crate) operation: OperationId,
    pub(crate) fence: u64,
}

impl Work {
    fn input(&self) -> Value {
        json!({"environment_id": self.environment, "operation_id": self.operation, "fence": self.fence})
    }
}

/// How an operation's execution is, after it was told to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// It runs.
    Running,
    /// It has ended, and will not start again.
    Ended,
}

impl Executions {
    pub(crate) fn new(client: Client, settings: &Settings) -> Self {
        Executions { client, state_machine_arn: settings.state_machine_arn.clone() }
    }

    /// Starts an operation's execution, unless it was started before.
    pub(crate) async fn start(&self, work: &Work) -> Result<Started, Fault> {
        let call = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(work.operation.to_string())
            .input(work.input().to_string());
        match call.send().await {
            Ok(_) => Ok(Started::Running),
            Err(error) if error.as_service_error().is_some_and(|it| it.is_execution_already_exists()) => {
                self.look(work).await
            }
            Err(error) => Err(aws::fault("states:StartExecution", error)),
        }
    }

    async fn look(&self, work: &Work) -> Result<Started, Fault> {
        let call = self.client.describe_execution().execution_arn(self.arn(work.operation));
        let execution = match call.send().await {
            Ok(execution) => execution,
            // Step Functions knows the name but not the execution: it was purged, long after its end.
            Err(error) if error.as_service_error().is_some_and(|it| it.is_execution_does_not_exist()) => {
                return Ok(Started::Ended);
            }
            Err(error) => return Err(aws::fault("states:DescribeExecution", error)),
        };
        let input: Option<Value> = execution.input().and_then(|input| serde_json::from_str(input).ok());
        if input.is_some_and(|input| input != work.input()) {
            return Err(Fault::bug(format!("{} was started with another input", work.operation)));
        }
        Ok(if *execution.status() == ExecutionStatus::Running { Started::Running } else { Started::Ended })
    }

    /// The ARN of an operation's execution, started or not.
    pub(crate) fn arn(&self, operation: OperationId) -> String {
        format!("{}:{operation}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
    }

    /// Where the AWS console shows an operation's execution.
    pub(crate) fn console_url(&self, operation: OperationId) -> String {
        let parts: Vec<&str> = self.state_machine_arn.split(':').collect();
        let [_, partition, _, region, ..] = parts[..] else { return String::new() };
        let console = match partition {
            "aws-cn" => "console.amazonaws.cn".to_owned(),
            "aws-us-gov" => "console.amazonaws-us-gov.com".to_owned(),
            _ => format!("{region}.console.aws.amazon.com"),
        };
        format!("https://{console}/states/home?region={region}#/v2/executions/details/{}", self.arn(operation))
    }
}
