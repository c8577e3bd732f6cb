//! Kinds of resources. Each group's function maps a kind to its behaviour by an exhaustive match, so
//! that a kind without behaviour does not compile.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of resource, written as CloudFormation's type name; what Prefect has of an environment in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Kind {
    /// A VPC.
    #[serde(rename = "AWS::EC2::VPC")]
    Vpc,
    /// An internet gateway.
    #[serde(rename = "AWS::EC2::InternetGateway")]
    InternetGateway,
    /// An internet gateway's attachment to a VPC.
    #[serde(rename = "AWS::EC2::VPCGatewayAttachment")]
    VpcGatewayAttachment,
    /// A subnet.
    #[serde(rename = "AWS::EC2::Subnet")]
    Subnet,
    /// A route table.
    #[serde(rename = "AWS::EC2::RouteTable")]
    RouteTable,
    /// A route in a route table.
    #[serde(rename = "AWS::EC2::Route")]
    Route,
    /// A subnet's association with a route table.
    #[serde(rename = "AWS::EC2::SubnetRouteTableAssociation")]
    SubnetRouteTableAssociation,
    /// A security group.
    #[serde(rename = "AWS::EC2::SecurityGroup")]
    SecurityGroup,
    /// An Elastic IP address.
    #[serde(rename = "AWS::EC2::EIP")]
    Eip,
    /// A NAT gateway.
    #[serde(rename = "AWS::EC2::NatGateway")]
    NatGateway,
    /// A role with its policies.
    #[serde(rename = "AWS::IAM::Role")]
    Role,
    /// A secret.
    #[serde(rename = "AWS::SecretsManager::Secret")]
    Secret,
    /// An ECS cluster.
    #[serde(rename = "AWS::ECS::Cluster")]
    Cluster,
    /// A private DNS namespace of Cloud Map.
    #[serde(rename = "AWS::ServiceDiscovery::PrivateDnsNamespace")]
    PrivateDnsNamespace,
    /// A log group.
    #[serde(rename = "AWS::Logs::LogGroup")]
    LogGroup,
    /// An SQS queue with its policy.
    #[serde(rename = "AWS::SQS::Queue")]
    Queue,
    /// An EventBridge rule with its targets.
    #[serde(rename = "AWS::Events::Rule")]
    Rule,
    /// An ECS task definition.
    #[serde(rename = "AWS::ECS::TaskDefinition")]
    TaskDefinition,
    /// The task definitions that the worker registers for its flows. Nothing here makes them: they are removed.
    #[serde(rename = "Prefect::FlowDefinitions")]
    FlowDefinitions,
    /// An ECS service.
    #[serde(rename = "AWS::ECS::Service")]
    Service,
    /// That an ECS service's number of tasks is set by AWS, and the bounds for it.
    #[serde(rename = "AWS::ApplicationAutoScaling::ScalableTarget")]
    ScalableTarget,
    /// What that number is set by.
    #[serde(rename = "AWS::ApplicationAutoScaling::ScalingPolicy")]
    ScalingPolicy,
    /// A work pool, in Prefect.
    #[serde(rename = "Prefect::WorkPool")]
    WorkPool,
    /// The service's workers as Prefect sees them. Nothing makes them but the service: they are looked at.
    #[serde(rename = "Prefect::Worker")]
    Worker,
}

/// The property that every kind has in common.
pub const TAGS: &str = "Tags";

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 24] = [
        Kind::Vpc,
        Kind::InternetGateway,
        Kind::VpcGatewayAttachment,
        Kind::Subnet,
        Kind::RouteTable,
        Kind::Route,
        Kind::SubnetRouteTableAssociation,
        Kind::SecurityGroup,
        Kind::Eip,
        Kind::NatGateway,
        Kind::Role,
        Kind::Secret,
        Kind::Cluster,
        Kind::PrivateDnsNamespace,
        Kind::LogGroup,
        Kind::Queue,
        Kind::Rule,
        Kind::TaskDefinition,
        Kind::FlowDefinitions,
        Kind::Service,
        Kind::ScalableTarget,
        Kind::ScalingPolicy,
        Kind::WorkPool,
        Kind::Worker,
    ];

    /// CloudFormation's type name.
    pub fn type_name(self) -> &'static str {
        match self {
            Kind::Vpc => "AWS::EC2::VPC",
            Kind::InternetGateway => "AWS::EC2::InternetGateway",
            Kind::VpcGatewayAttachment => "AWS::EC2::VPCGatewayAttachment",
            Kind::Subnet => "AWS::EC2::Subnet",
            Kind::RouteTable => "AWS::EC2::RouteTable",
            Kind::Route => "AWS::EC2::Route",
            Kind::SubnetRouteTableAssociation => "AWS::EC2::SubnetRouteTableAssociation",
            Kind::SecurityGroup => "AWS::EC2::SecurityGroup",
            Kind::Eip => "AWS::EC2::EIP",
            Kind::NatGateway => "AWS::EC2::NatGateway",
            Kind::Role => "AWS::IAM::Role",
            Kind::Secret => "AWS::SecretsManager::Secret",
            Kind::Cluster => "AWS::ECS::Cluster",
            Kind::PrivateDnsNamespace => "AWS::ServiceDiscovery::PrivateDnsNamespace",
            Kind::LogGroup => "AWS::Logs::LogGroup",
            Kind::Queue => "AWS::SQS::Queue",
            Kind::Rule => "AWS::Events::Rule",
            Kind::TaskDefinition => "AWS::ECS::TaskDefinition",
            Kind::FlowDefinitions => "Prefect::FlowDefinitions",
            Kind::Service => "AWS::ECS::Service",
            Kind::ScalableTarget => "AWS::ApplicationAutoScaling::ScalableTarget",
            Kind::ScalingPolicy => "AWS::ApplicationAutoScaling::ScalingPolicy",
            Kind::WorkPool => "Prefect::WorkPool",
            Kind::Worker => "Prefect::Worker",
        }
    }

    /// The properties that can be changed without making the resource anew.
    pub fn mutable(self) -> &'static [&'static str] {
        match self {
            Kind::Vpc => &["EnableDnsHostnames", "EnableDnsSupport"],
            Kind::Subnet => &["MapPublicIpOnLaunch"],
            Kind::Role => &["AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies"],
            Kind::Cluster => &["CapacityProviders"],
            Kind::LogGroup => &["RetentionInDays"],
            Kind::Queue => &[
                "MessageRetentionPeriod",
                "VisibilityTimeout",
                "SqsManagedSseEnabled",
                "RedrivePolicy",
                "PolicyDocument",
            ],
            Kind::Rule => &["Description", "EventPattern", "State", "Targets"],
            // Which version is the current one.
            Kind::Secret => &["VersionId"],
            // Another revision takes its place: its name stays, its id does not.
            Kind::TaskDefinition => &["ContainerDefinitions", "Cpu", "ExecutionRoleArn", "Memory", "TaskRoleArn"],
            Kind::Service => {
                &["CapacityProviderStrategy", "DesiredCount", "LaunchType", "NetworkConfiguration", "TaskDefinition"]
            }
            Kind::ScalableTarget => &["MaxCapacity", "MinCapacity"],
            Kind::ScalingPolicy => &["TargetTrackingScalingPolicyConfiguration"],
            Kind::Route => &["GatewayId", "NatGatewayId"],
            Kind::WorkPool => &["Defaults", "IsPaused", "Server"],
            Kind::Worker => &["Server"],
            Kind::SubnetRouteTableAssociation => &["RouteTableId"],
            Kind::InternetGateway
            | Kind::VpcGatewayAttachment
            | Kind::RouteTable
            | Kind::SecurityGroup
            | Kind::Eip
            | Kind::NatGateway
            | Kind::PrivateDnsNamespace
            | Kind::FlowDefinitions => &[],
        }
    }

    /// Whether AWS gives it another id when it is changed, so that what refers to it changes as well.
    pub fn has_another_id_after_a_change(self) -> bool {
        self == Kind::SubnetRouteTableAssociation
    }

    /// Whether a property can be changed without making the resource anew: its tags, and what is its own.
    pub fn can_change(self, property: &str) -> bool {
        (property == TAGS && self.is_tagged()) || self.mutable().contains(&property)
    }

    /// Whether a property is changed by another one that takes its place, so that what refers to it changes, too.
    pub fn is_replaced_by(self, property: &str) -> bool {
        self == Kind::TaskDefinition && property != TAGS
    }

    /// Whether a create must always be preceded by a look, because AWS does not keep twins apart:
    /// `CreateCluster` answers success for an existing cluster of that name, `CreateQueue` for a queue with the
    /// same attributes, `PutRule` and `RegisterScalableTarget` change what is there, and `RegisterTaskDefinition` makes
    /// one more revision each time. The secret is made by the API, so a turn can only find it, and workers come online by
    /// themselves.
    pub fn is_looked_for_before_create(self) -> bool {
        matches!(
            self,
            Kind::Cluster
                | Kind::Queue
                | Kind::Rule
                | Kind::TaskDefinition
                | Kind::ScalableTarget
                | Kind::Secret
                | Kind::Worker
        )
    }

    /// Whether AWS itself refuses a second one, so that a create which may have been carried out can be sent once
    /// more as soon as one look has not found it: what it made is found then.
    pub fn has_no_twin(self) -> bool {
        self.is_addressed_by_name() && !self.is_looked_for_before_create()
    }

    /// Whether a create that AWS carries out twice makes two, of which one would stay unknown: it takes no client
    /// token, and nothing of it is unique. A further revision of a task definition is left to the removal, which
    /// takes every one: nothing refers to it and it costs nothing.
    pub fn may_have_a_twin(self) -> bool {
        matches!(self, Kind::Vpc | Kind::InternetGateway | Kind::Eip)
    }

    /// Whether the request itself makes it, before any step runs: only the request ever holds the secret.
    pub fn is_made_by_the_request(self) -> bool {
        self == Kind::Secret
    }

    /// Whether it goes by a name that somebody else's thing could have. AWS's own ids are never used
    /// again, so what is recorded under an id needs no look at its owner before it is removed.
    pub fn is_addressed_by_name(self) -> bool {
        matches!(
            self,
            Kind::Role
                | Kind::Secret
                | Kind::Cluster
                | Kind::LogGroup
                | Kind::Queue
                | Kind::Rule
                | Kind::TaskDefinition
                | Kind::Service
                | Kind::ScalableTarget
                | Kind::WorkPool
        )
    }

    /// Whether it carries tags of its own. What does not belongs to what it is part of, was made by the worker, or lies
    /// in Prefect, where a work pool says in its description whose it is.
    pub fn is_tagged(self) -> bool {
        let belongs = matches!(
            self,
            Kind::VpcGatewayAttachment | Kind::Route | Kind::SubnetRouteTableAssociation | Kind::ScalingPolicy
        );
        !belongs && self != Kind::FlowDefinitions && !self.is_in_prefect()
    }

    /// Whether the proof looks for it. What is part of something else is gone with that.
    pub fn is_looked_for_in_the_end(self) -> bool {
        self.is_tagged() || self == Kind::FlowDefinitions || self.is_in_prefect()
    }

    /// Whether it lies in Prefect, which is asked with the environment's own credential.
    pub fn is_in_prefect(self) -> bool {
        matches!(self, Kind::WorkPool | Kind::Worker)
    }

    /// Whether a thing of that kind that it comes after can only go after it. A route whose gateway is gone is a
    /// black hole that goes with its table; a task definition merely names its roles, a rule its target and a queue
    /// its dead-letter queue: they keep nothing from going. A work pool names many things, and what its removal needs
    /// is the secret.
    pub fn holds(self, before: Kind) -> bool {
        match self {
            Kind::Route | Kind::TaskDefinition | Kind::FlowDefinitions | Kind::Rule | Kind::Queue => false,
            Kind::WorkPool => before == Kind::Secret,
            _ => true,
        }
    }

    /// How long it usually takes to become ready, in seconds. Decides the first wait.
    pub fn usual_seconds(self) -> u32 {
        match self {
            Kind::NatGateway => 107,
            Kind::Service => 75,
            Kind::PrivateDnsNamespace => 30,
            Kind::Worker => 10,
            _ => 2,
        }
    }

    /// Whether it takes so long to become ready that an operation waits for it: how long it took is remembered.
    pub fn is_waited_for(self) -> bool {
        self.usual_seconds() > 10
    }

    /// How long it usually takes to go, in seconds. Decides the first wait of a removal.
    pub fn usual_removal_seconds(self) -> u32 {
        match self {
            Kind::NatGateway => 54,
            Kind::Service => 45,
            Kind::PrivateDnsNamespace | Kind::Queue => 10,
            _ => 2,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_would_make_twice_is_looked_for_twice() {
        let by_aws = [Kind::TaskDefinition, Kind::Cluster, Kind::Queue, Kind::Rule, Kind::ScalableTarget];
        for kind in by_aws.into_iter().chain([Kind::Vpc, Kind::Eip, Kind::InternetGateway]) {
            assert!(!kind.has_no_twin(), "{kind}");
        }
        for kind in [Kind::Role, Kind::LogGroup, Kind::Service, Kind::WorkPool] {
            assert!(kind.has_no_twin(), "{kind}");
        }
    }
}
