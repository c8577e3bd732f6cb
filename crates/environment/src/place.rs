//! The place: the account, region and stack that this service is deployed to.

use serde_json::{Value, json};

/// Where environments are made, and the operator's choices that apply to all of them.
#[derive(Clone, Debug)]
pub struct Place {
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The account's twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The stack's name: the value of the tag `prefect-environments:stack` on everything it makes.
    pub stack: String,
    /// The IAM path of every role, beginning and ending with `/`.
    pub role_path: String,
    /// The permissions boundary of every role.
    pub permissions_boundary: Option<String>,
    /// The worker's image where a request names none.
    pub worker_image: String,
    /// Prefect Cloud's API, to which account and workspace are added.
    pub prefect_cloud_url: String,
}

/// Prefect Cloud's API.
pub const PREFECT_CLOUD_URL: &str = "https://api.prefect.cloud/api";

impl Place {
    /// An ARN of this account and region.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// The ARN of one of the environments' roles.
    pub fn role_arn(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:role{}{name}", self.partition, self.account, self.role_path)
    }

    /// The ARN of a policy that AWS manages.
    pub fn aws_policy_arn(&self, path_and_name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{path_and_name}", self.partition)
    }

    /// The trust policy of every role: tasks of this account, and of no other (the confused deputy).
    pub fn trusts_ecs_tasks(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": self.account}}
            }]
        })
    }
}
