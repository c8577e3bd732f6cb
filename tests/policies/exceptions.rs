//! What the policies allow although it is not ours, or although no call used it: each with its reason. One that is
//! not needed any more fails the tests as well.

/// A foreign thing that a function's policies cannot keep it from.
pub(crate) struct Allowed {
    pub(crate) function: &'static str,
    pub(crate) action: &'static str,
    /// As foreign.rs calls it.
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
}

/// An action of every function that none of their calls uses.
pub(crate) struct Unused {
    pub(crate) action: &'static str,
    pub(crate) why: &'static str,
}

pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        function: "api",
        action: "secretsmanager:TagResource",
        what: "tags on an untagged thing",
        why: "Secrets Manager has no key that tells tags at a create from later ones; only names *-api-key",
    },
    Allowed {
        function: "cluster",
        action: "logs:TagResource",
        what: "tags on an untagged thing",
        why: "CloudWatch Logs has no key that tells tags at a create from later ones; only names /ecs/*",
    },
    Allowed {
        function: "cluster",
        action: "servicediscovery:TagResource",
        what: "tags on an untagged thing",
        why: "Cloud Map authorises tags on no resource and has no key that tells those at a create from later ones",
    },
    Allowed {
        function: "cluster",
        action: "servicediscovery:TagResource",
        what: "tags on another stack's thing",
        why: "Cloud Map authorises tags on no resource: it knows no tags that are there already",
    },
    Allowed {
        function: "identity",
        action: "iam:TagRole",
        what: "tags on an untagged thing",
        why: "IAM has no key that tells tags at a create from later ones; only roles under the service's own path",
    },
    Allowed {
        function: "worker",
        action: "sqs:TagQueue",
        what: "tags on an untagged thing",
        why: "SQS has no key that tells tags at a create from later ones; only names *-ecs-events and *-ecs-events-dlq",
    },
    Allowed {
        function: "worker",
        action: "events:TagResource",
        what: "tags on an untagged thing",
        why: "EventBridge has no key that tells tags at a create from later ones; only names *-ecs-task-events",
    },
    Allowed {
        function: "worker",
        action: "application-autoscaling:TagResource",
        what: "tags on an untagged thing",
        why: "Application Auto Scaling has no key that tells tags at a create from later ones; a target has no name",
    },
    Allowed {
        function: "worker",
        action: "ecs:CreateService",
        what: "another stack's name",
        why: "ECS asks for the service alone, of the cluster only its name; our tag goes with the service",
    },
    Allowed {
        function: "worker",
        action: "ecs:StopTask",
        what: "another stack's name",
        why: "tasks of flow runs carry no tag of ours, so that only the name of the cluster tells them",
    },
];

/// Mutating actions that AWS authorises on no resource and without tags: no foreign thing can be told apart.
pub(crate) const ON_ANYTHING: &[(&str, &str)] = &[
    ("ecs:DeregisterTaskDefinition", "AWS has neither resource nor condition key for it"),
    ("route53:CreateHostedZone", "AWS has no resource for it; Cloud Map calls it for CreatePrivateDnsNamespace"),
];

const LAMBDA: &str = "Lambda itself uses it, not the function's code";

pub(crate) const UNUSED: &[Unused] = &[
    Unused { action: "logs:CreateLogStream", why: LAMBDA },
    Unused { action: "logs:PutLogEvents", why: LAMBDA },
    Unused { action: "xray:PutTraceSegments", why: LAMBDA },
    Unused { action: "xray:PutTelemetryRecords", why: LAMBDA },
];
