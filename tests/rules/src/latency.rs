//! How long AWS takes to answer.

use crate::Call;
use std::time::Duration;

/// The usual time of a call, seen from a function in the same region: a key look-up takes a few milliseconds, a look
/// some tens, and what makes or removes something the longest. AWS publishes no such figures; these keep the order of
/// what Terraform's logs show, where a VPC or a subnet takes one to two seconds with the looks around it.
pub(crate) fn of(call: &Call) -> Duration {
    Duration::from_millis(match (call.service.as_str(), call.action.as_str()) {
        ("dynamodb", _) => 5,
        ("lambda" | "states" | "sqs", _) => 20,
        ("ec2", "CreateVpc" | "CreateNatGateway" | "AllocateAddress") => 600,
        ("ecs", "CreateCluster" | "CreateService") => 400,
        ("servicediscovery", "CreatePrivateDnsNamespace") => 400,
        // IAM's writes all go to one region.
        ("iam", _) if !call.is_look() => 300,
        _ if call.is_look() => 60,
        _ => 200,
    })
}
