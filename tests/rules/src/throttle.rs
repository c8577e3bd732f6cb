//! An account may ask so often.
//!
//! Each API has a bucket of tokens: a call takes one, and so many come back each second. EC2's and ECS's buckets are
//! AWS's published ones, as are the rates of Secrets Manager and CloudWatch Logs. IAM's and Cloud Map's are not
//! published: theirs are modest guesses.

use crate::{Answer, Call, rule::Rule, world::World};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeMap;

/// The buckets' tokens, each with the time at which it was counted.
pub(crate) type Buckets = BTreeMap<String, (f64, Timestamp)>;

/// A bucket: its name, how many tokens it holds, and how many come back each second.
struct Bucket {
    name: String,
    holds: f64,
    gets: f64,
}

/// Calls beyond the rate are refused.
///
/// - <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
/// - <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
/// - <https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html>
/// - <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
pub(crate) struct Throttling;

impl Rule for Throttling {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if !world.settings.throttling || world.settings.time_scale == 0.0 {
            return None;
        }
        let bucket = bucket(call)?;
        let (now, scale) = (world.now, world.settings.time_scale);
        let (tokens, counted) = world.throttle.entry(bucket.name).or_insert((bucket.holds, now));
        let passed = now.duration_since(*counted).as_secs_f64() / scale;
        (*tokens, *counted) = ((*tokens + passed * bucket.gets).min(bucket.holds), now);
        if *tokens >= 1.0 {
            *tokens -= 1.0;
            return None;
        }
        Some(refusal(call))
    }
}

fn refusal(call: &Call) -> Answer {
    match call.service.as_str() {
        "ec2" => Answer::error_with(call, 503, "RequestLimitExceeded", "Request limit exceeded.", json!({})),
        "iam" => Answer::error(call, "Throttling", "Rate exceeded"),
        "sqs" => Answer::error_with(call, 403, "RequestThrottled", "Rate exceeded", json!({})),
        _ => Answer::error(call, "ThrottlingException", "Rate exceeded"),
    }
}

fn bucket(call: &Call) -> Option<Bucket> {
    let action = call.action.as_str();
    let reads = call.is_look();
    let (name, holds, gets) = match call.service.as_str() {
        // EC2 judges each API by itself.
        "ec2" => {
            let (holds, gets) = match action {
                "CreateNatGateway" | "DeleteNatGateway" => (10.0, 1.0),
                "CreateTags" | "DeleteTags" => (100.0, 10.0),
                "CreateNetworkInterface" | "DeleteNetworkInterface" => (100.0, 5.0),
                "DescribeNetworkInterfaces" | "DescribeSecurityGroups" if asks_for_all(call) => (50.0, 10.0),
                _ if reads => (100.0, 20.0),
                _ => (50.0, 5.0),
            };
            (action, holds, gets)
        }
        "ecs" => match action {
            "CreateCluster" | "DeleteCluster" | "PutClusterCapacityProviders" | "UpdateCluster" => {
                ("cluster", 20.0, 1.0)
            }
            "DescribeClusters" | "ListClusters" => ("clusters", 50.0, 20.0),
            "RegisterTaskDefinition" | "DeregisterTaskDefinition" => ("task definition", 20.0, 1.0),
            "DescribeTaskDefinition" | "ListTaskDefinitions" => ("task definitions", 50.0, 20.0),
            "DeleteTaskDefinitions" => ("task definitions' end", 5.0, 1.0),
            "TagResource" | "UntagResource" => ("tags", 20.0, 10.0),
            "CreateService" | "DeleteService" | "UpdateService" => ("service", 50.0, 5.0),
            "DescribeServices" | "ListServices" => ("services", 100.0, 20.0),
            "RunTask" | "StartTask" | "StopTask" => ("task", 100.0, 40.0),
            "DescribeTasks" | "ListTasks" => ("tasks", 100.0, 20.0),
            _ => (action, 50.0, 20.0),
        },
        "secretsmanager" => match action {
            "DescribeSecret" | "GetSecretValue" => (action, 10_000.0, 10_000.0),
            "ListSecrets" => (action, 100.0, 100.0),
            _ => (action, 50.0, 50.0),
        },
        "logs" => (action, 10.0, 10.0),
        "iam" => (action, if reads { 40.0 } else { 20.0 }, if reads { 20.0 } else { 5.0 }),
        "servicediscovery" => (action, if reads { 40.0 } else { 10.0 }, if reads { 20.0 } else { 2.0 }),
        _ => return None,
    };
    Some(Bucket { name: format!("{} {name}", call.service), holds, gets })
}

/// Whether an EC2 describe names neither filter nor page.
fn asks_for_all(call: &Call) -> bool {
    ["Filter.1.Name", "MaxResults"].iter().all(|name| call.parameters.get(name).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    fn throttled() -> Rehearsal {
        Rehearsal::new(Settings { throttling: true, ..Settings::default() })
    }

    #[tokio::test]
    async fn a_bucket_empties_and_fills_again() {
        let mut aws = throttled();
        for _ in 0..10 {
            assert_ne!(aws.form("ec2", "DeleteNatGateway", &[], "<R/>").await.status, 503);
        }
        let told = aws.form("ec2", "DeleteNatGateway", &[], "<R/>").await;
        assert_eq!((told.status, told.code().as_str()), (503, "RequestLimitExceeded"));
        assert!(aws.form("ec2", "DescribeVpcs", &[], "<R/>").await.succeeded(), "another API has its own bucket");
        aws.later(1);
        assert_ne!(aws.form("ec2", "DeleteNatGateway", &[], "<R/>").await.status, 503);
    }

    #[tokio::test]
    async fn the_apis_of_ecs_share_buckets() {
        let aws = throttled();
        for _ in 0..25 {
            aws.json("ecs", "DescribeClusters", &json!({}), &json!({})).await;
            aws.json("ecs", "ListClusters", &json!({}), &json!({})).await;
        }
        assert_eq!(aws.json("ecs", "ListClusters", &json!({}), &json!({})).await.code(), "ThrottlingException");
    }

    #[tokio::test]
    async fn nobody_is_throttled_who_did_not_ask_for_it() {
        let aws = Rehearsal::new(Settings::default());
        for _ in 0..20 {
            assert!(aws.json("logs", "DescribeLogGroups", &json!({}), &json!({})).await.succeeded());
        }
    }
}
