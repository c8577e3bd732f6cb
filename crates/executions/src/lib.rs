//! Executions: the Step Functions side of operations.
//!
//! An operation's execution has the operation's id as its name, so that starting it twice starts it once. An
//! execution may end without closing its operation (stopped by hand, timed out, its retries used up while the
//! table was away). Whoever notices, the next request or the sweep, lets a new operation take the environment.

use aws_config::SdkConfig;
use aws_sdk_sfn::{Client, error::ProvideErrorMetadata, types::ExecutionStatus};
use engine::{Records, aws};
use environment::{EnvironmentId, Fault, OperationId};
use jiff::Timestamp;
use serde_json::json;

/// Starts and watches the executions of one state machine.
#[derive(Clone, Debug)]
pub struct Executions {
    client: Client,
    state_machine_arn: String,
}

/// One operation's execution.
#[derive(Clone, Copy, Debug)]
pub struct Execution {
    /// The environment.
    pub environment: EnvironmentId,
    /// The operation, which names the execution.
    pub operation: OperationId,
    /// The environment's fence when the operation took it.
    pub fence: u64,
}

/// How an execution is after it was asked to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It is running.
    Running,
    /// It had run before, and ended.
    Ended,
}

impl Executions {
    /// The executions of this state machine.
    pub fn new(config: &SdkConfig, state_machine_arn: impl Into<String>) -> Self {
        Executions { client: Client::new(config), state_machine_arn: state_machine_arn.into() }
    }

    /// The ARN of an operation's execution.
    pub fn arn(&self, operation: OperationId) -> String {
        format!("{}:{operation}", self.state_machine_arn.replacen(":stateMachine:", ":execution:", 1))
    }

    /// Starts an execution, once.
    pub async fn start(&self, execution: &Execution) -> Result<Started, Fault> {
        let input = json!({
            "environment_id": execution.environment,
            "operation_id": execution.operation,
            "fence": execution.fence,
        });
        let answer = self
            .client
            .start_execution()
            .state_machine_arn(&self.state_machine_arn)
            .name(execution.operation.to_string())
            .input(input.to_string())
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Started::Running),
            // AWS answers success for a running execution of the same name and input; for one that has ended, and
            // on the local cloud for a running one too, this.
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => self.look(execution.operation).await,
            Err(error) => Err(aws::fault("states:StartExecution", error)),
        }
    }

    async fn look(&self, operation: OperationId) -> Result<Started, Fault> {
        let call = self.client.describe_execution().execution_arn(self.arn(operation)).send();
        match call.await {
            Ok(execution) if *execution.status() == ExecutionStatus::Running => Ok(Started::Running),
            Ok(_) => Ok(Started::Ended),
            // The name is still taken, but the history is gone: 90 days after its end.
            Err(error) if error.code() == Some("ExecutionDoesNotExist") => Ok(Started::Ended),
            Err(error) => Err(aws::fault("states:DescribeExecution", error)),
        }
    }

    /// Sees to it that an operation is at work: starts its execution; where that has ended without closing the
    /// operation, `next` takes the environment and is started.
    pub async fn see_to(
        &self,
        records: &Records,
        execution: &Execution,
        next: OperationId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        if self.start(execution).await? == Started::Running {
            return Ok(());
        }
        if let Some(fence) = records.take_over(execution.environment, execution.operation, next, now).await? {
            tracing::warn!(stopped = %execution.operation, %next, "an execution ended before its operation did");
            self.start(&Execution { operation: next, fence, ..*execution }).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executions_arn_follows_from_the_machines() {
        let config = SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
        let executions = Executions::new(&config, "arn:aws:states:eu-west-1:123456789012:stateMachine:stateMachine-1");
        let operation = OperationId::new(1, 1);
        assert_eq!(
            executions.arn(operation),
            format!("arn:aws:states:eu-west-1:123456789012:execution:stateMachine-1:{operation}")
        );
    }
}
