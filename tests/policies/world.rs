//! The things that the calls have made: which tags they carry, what they are in, what bounds them.

use crate::journal::Call;
use std::collections::{BTreeMap, HashMap};

/// Tags by their keys.
pub(crate) type Tags = BTreeMap<String, String>;

/// What is known of one thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thing {
    pub(crate) tags: Tags,
    /// The permissions boundary of a role.
    pub(crate) boundary: Option<String>,
    /// Things that a call on this one touches as well: a subnet's VPC, an association's table and subnet.
    pub(crate) with: Vec<String>,
}

/// Everything that was made, by the id or the name that calls know it by.
#[derive(Clone, Debug, Default)]
pub(crate) struct World(HashMap<String, Thing>);

impl World {
    pub(crate) fn thing(&self, id: &str) -> Thing {
        self.0.get(id).cloned().unwrap_or_default()
    }

    /// Somebody else than the functions made it.
    pub(crate) fn given(&mut self, id: &str, tags: Tags) {
        self.0.insert(id.to_owned(), Thing { tags, ..Thing::default() });
    }

    /// Takes note of what a call has made.
    pub(crate) fn learn(&mut self, call: &Call) {
        if !call.succeeded() {
            return;
        }
        let mut thing = Thing { tags: call.tags(), ..Thing::default() };
        // Some calls name a scalable target by its service, others by its ARN.
        if call.name() == "application-autoscaling:RegisterScalableTarget" && !thing.tags.is_empty() {
            let arn = call.made("ScalableTargetARN").to_owned();
            self.0.insert(arn.clone(), thing.clone());
            thing.with.push(arn);
        }
        let id = match call.name().as_str() {
            "ec2:CreateVpc" => call.made("vpcId"),
            "ec2:CreateInternetGateway" => call.made("internetGatewayId"),
            "ec2:CreateRouteTable" => call.made("routeTableId"),
            "ec2:CreateSecurityGroup" => call.made("groupId"),
            "ec2:AllocateAddress" => call.made("allocationId"),
            "ec2:CreateNatGateway" => call.made("natGatewayId"),
            "ec2:CreateSubnet" => {
                thing.with.push(call.text("VpcId").to_owned());
                call.made("subnetId")
            }
            "ec2:AssociateRouteTable" => {
                thing.with.extend([call.text("RouteTableId").to_owned(), call.text("SubnetId").to_owned()]);
                call.made("associationId")
            }
            "iam:CreateRole" => {
                thing.boundary = Some(call.text("PermissionsBoundary").to_owned()).filter(|arn| !arn.is_empty());
                call.text("RoleName")
            }
            "ecs:CreateCluster" => call.made("clusterArn"),
            "ecs:CreateService" => call.made("serviceArn"),
            "ecs:RegisterTaskDefinition" => call.made("taskDefinitionArn"),
            "application-autoscaling:RegisterScalableTarget" => call.text("ResourceId"),
            "sqs:CreateQueue" => call.text("QueueName"),
            "events:PutRule" => call.text("Name"),
            "logs:CreateLogGroup" => call.text("logGroupName"),
            "secretsmanager:CreateSecret" => call.made("ARN"),
            // A namespace is known by its operation until that has named it.
            "servicediscovery:CreatePrivateDnsNamespace" => call.made("OperationId"),
            "servicediscovery:GetOperation" => {
                thing = self.thing(call.text("OperationId"));
                call.made("NAMESPACE")
            }
            _ => "",
        };
        if !id.is_empty() && !self.0.contains_key(id) {
            self.0.insert(id.to_owned(), thing);
        }
    }
}
