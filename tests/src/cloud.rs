//! The AWS services that the service works on, seen by root. Root, too, sees them as AWS and not as the local cloud.

use crate::{service::Service, signing::root};
use aws_config::{BehaviorVersion, Region, SdkConfig};

/// One client for each AWS service.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// Application Auto Scaling.
    pub scaling: aws_sdk_applicationautoscaling::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// Secrets Manager.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// Cloud Map.
    pub namespaces: aws_sdk_servicediscovery::Client,
    /// SQS.
    pub queues: aws_sdk_sqs::Client,
    /// EventBridge.
    pub events: aws_sdk_eventbridge::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Step Functions.
    pub executions: aws_sdk_sfn::Client,
    /// DynamoDB.
    pub tables: aws_sdk_dynamodb::Client,
}

impl Cloud {
    /// The local cloud that `make test` has started.
    pub async fn local() -> Cloud {
        Cloud::of(&config().await)
    }

    /// The services that this configuration leads to.
    pub fn of(config: &SdkConfig) -> Cloud {
        Cloud {
            ec2: aws_sdk_ec2::Client::new(config),
            ecs: aws_sdk_ecs::Client::new(config),
            scaling: aws_sdk_applicationautoscaling::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            namespaces: aws_sdk_servicediscovery::Client::new(config),
            queues: aws_sdk_sqs::Client::new(config),
            events: aws_sdk_eventbridge::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            executions: aws_sdk_sfn::Client::new(config),
            tables: aws_sdk_dynamodb::Client::new(config),
        }
    }
}

pub(crate) async fn config() -> SdkConfig {
    let service = Service::under_test();
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(&service.aws_endpoint)
        .region(Region::new(service.region.clone()))
        .credentials_provider(root())
        .load()
        .await
}
