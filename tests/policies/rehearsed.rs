//! Calls that the functions make only when something else has gone wrong, each as it would be made on the things of
//! the recorded lives. They are judged like every other call, so that no right goes unjudged.

use crate::journal::Call;
use serde_json::{Value, json};

/// The calls, by the things that were made in these.
pub(crate) fn calls(recorded: &[Call]) -> Vec<Call> {
    let made = |name: &str| recorded.iter().find(|call| call.name() == name && call.succeeded()).expect("it was made");
    let vpc = made("ec2:CreateVpc").made("vpcId");
    let role = made("iam:CreateRole").text("RoleName");
    let cluster = made("ecs:CreateCluster").made("clusterArn");
    let service = made("ecs:CreateService");
    let in_cluster = service.text("cluster");
    let queue = made("sqs:CreateQueue").text("QueueName");
    let task = format!("{}/0123456789abcdef", cluster.replace(":cluster/", ":task/"));

    // A turn was cut short after CreateVpc: the next one looks how far it came.
    let attribute = call("network", "ec2", "DescribeVpcAttribute", json!({"VpcId": vpc}));
    // Something of somebody else keeps a part of the network from going.
    let in_the_way = [
        "DescribeEgressOnlyInternetGateways",
        "DescribeNetworkAcls",
        "DescribeNetworkInterfaces",
        "DescribeVpcEndpoints",
        "DescribeVpnGateways",
    ];
    let in_the_way = in_the_way.map(|look| call("network", "ec2", look, json!({})));
    // A turn was cut short after CreateRole, and somebody has changed the role meanwhile.
    let policy = call("identity", "iam", "GetRolePolicy", json!({"RoleName": role}));
    let trust = call("identity", "iam", "UpdateAssumeRolePolicy", json!({"RoleName": role}));
    // The same with a cluster and a service.
    let providers = call("cluster", "ecs", "PutClusterCapacityProviders", json!({"cluster": cluster}));
    let update = json!({"cluster": in_cluster, "service": service.text("serviceName")});
    let update = call("worker", "ecs", "UpdateService", update);
    // Somebody has changed the queue.
    let queue_url = format!("https://sqs.us-east-1.amazonaws.com/123456789012/{queue}");
    let attributes = call("worker", "sqs", "SetQueueAttributes", json!({"QueueUrl": queue_url}));
    // The worker does not run: the end of its log is read, and every secret that may be in it.
    let service_cluster = in_cluster.strip_suffix("-cluster").unwrap_or_default();
    let log = json!({
        "logGroupName": format!("/ecs/{service_cluster}-worker"), "logStreamName": "prefect/prefect-worker/0123456789abcdef"
    });
    let log = call("worker", "logs", "GetLogEvents", log);
    let secret = made("secretsmanager:CreateSecret").made("ARN");
    let secret = call("worker", "secretsmanager", "GetSecretValue", json!({"SecretId": secret}));
    // Flow runs are still at work when the environment goes.
    let stop = call("worker", "ecs", "StopTask", json!({"cluster": in_cluster, "task": task}));
    // Flows have run there: the worker has registered a definition for them.
    let flow = cluster.replace(
        &format!(":cluster/{}", cluster.rsplit('/').next().unwrap_or_default()),
        ":task-definition/prefect_pool_1:1",
    );
    let flow = call("worker", "ecs", "DeleteTaskDefinitions", json!({"taskDefinitions": [flow]}));
    let others = [attribute, policy, trust, providers, update, attributes, log, secret, flow, stop];
    in_the_way.into_iter().chain(others).collect()
}

fn call(function: &str, service: &str, action: &str, parameters: Value) -> Call {
    let [function, service, action] = [function, service, action].map(str::to_owned);
    Call { order: u64::MAX, function, service, action, parameters, made: json!({}), status: 200, environment: None }
}
