//! What lags: how each thing is made, named and listed, and what AWS says of one that it does not see.

use super::naming::{self, Name};
use crate::{
    Answer, Call,
    answer::{retain, text},
};
use serde_json::{Value, json};
use xmltree::{Element, XMLNode};

/// A thing that was made: by which call, and its id or name.
pub(super) type Known = (&'static str, String);

/// A kind of thing.
pub(super) struct Thing {
    pub(super) service: &'static str,
    /// The call that makes it: no two kinds have the same.
    pub(super) made_by: &'static str,
    pub(super) unmade_by: &'static str,
    id: Id,
    /// The parameters that name it; none where its id is like no other text.
    named_by: &'static [&'static str],
    /// The lists that show it, and the member that says which one it is.
    listed: &'static [(&'static str, &'static str)],
    status: u16,
    code: &'static str,
    message: &'static str,
}

/// Where a thing's id is.
enum Id {
    /// In the answer to the call that makes it.
    Answered(&'static [&'static str]),
    /// In that call: its name.
    Given(&'static str),
}

/// A kind of thing of EC2, found by this path in the answer of its create and in this list.
macro_rules! ec2 {
    ($made:literal, $unmade:literal, $path:expr, $list:literal, $member:literal, $code:literal, $message:literal) => {
        Thing {
            service: "ec2",
            made_by: $made,
            unmade_by: $unmade,
            id: Id::Answered($path),
            named_by: &[],
            listed: &[($list, $member), ("tagSet", "resourceId")],
            status: 400,
            code: $code,
            message: $message,
        }
    };
}

/// <https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html>, and the API references of the others.
#[rustfmt::skip]
pub(super) const THINGS: &[Thing] = &[
    ec2!("CreateVpc", "DeleteVpc", &["vpc", "vpcId"], "vpcSet", "vpcId",
         "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
    ec2!("CreateSubnet", "DeleteSubnet", &["subnet", "subnetId"], "subnetSet", "subnetId",
         "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist"),
    ec2!("CreateInternetGateway", "DeleteInternetGateway", &["internetGateway", "internetGatewayId"],
         "internetGatewaySet", "internetGatewayId",
         "InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist"),
    ec2!("AllocateAddress", "ReleaseAddress", &["allocationId"], "addressesSet", "allocationId",
         "InvalidAllocationID.NotFound", "The allocation ID '{}' does not exist"),
    ec2!("CreateNatGateway", "DeleteNatGateway", &["natGateway", "natGatewayId"], "natGatewaySet", "natGatewayId",
         "NatGatewayNotFound", "The Nat Gateway {} was not found"),
    ec2!("CreateRouteTable", "DeleteRouteTable", &["routeTable", "routeTableId"], "routeTableSet", "routeTableId",
         "InvalidRouteTableID.NotFound", "The routeTable ID '{}' does not exist"),
    ec2!("AssociateRouteTable", "DisassociateRouteTable", &["associationId"], "", "",
         "InvalidAssociationID.NotFound", "The association ID '{}' does not exist"),
    ec2!("CreateSecurityGroup", "DeleteSecurityGroup", &["groupId"], "securityGroupInfo", "groupId",
         "InvalidGroup.NotFound", "The security group '{}' does not exist"),
    Thing { service: "iam", made_by: "CreateRole", unmade_by: "DeleteRole", id: Id::Given("RoleName"),
            named_by: &["RoleName"], listed: &[("Roles", "RoleName")],
            status: 404, code: "NoSuchEntity", message: "The role with name {} cannot be found." },
    Thing { service: "ecs", made_by: "CreateCluster", unmade_by: "DeleteCluster", id: Id::Given("clusterName"),
            named_by: &["cluster", "clusters"], listed: &[("clusters", "clusterName"), ("clusterArns", "")],
            status: 400, code: "ClusterNotFoundException", message: "Cluster not found." },
    Thing { service: "ecs", made_by: "CreateService", unmade_by: "DeleteService", id: Id::Given("serviceName"),
            named_by: &["service", "services"], listed: &[("services", "serviceName"), ("serviceArns", "")],
            status: 400, code: "ServiceNotFoundException", message: "Service not found." },
    Thing { service: "ecs", made_by: "RegisterTaskDefinition", unmade_by: "DeleteTaskDefinitions",
            id: Id::Answered(&["taskDefinition", "taskDefinitionArn"]),
            named_by: &["taskDefinition", "taskDefinitions"], listed: &[("taskDefinitionArns", "")],
            status: 400, code: "ClientException", message: "Unable to describe task definition." },
    Thing { service: "secretsmanager", made_by: "CreateSecret", unmade_by: "DeleteSecret", id: Id::Given("Name"),
            named_by: &["SecretId"], listed: &[("SecretList", "Name")],
            status: 400, code: "ResourceNotFoundException",
            message: "Secrets Manager can't find the specified secret." },
    Thing { service: "application-autoscaling", made_by: "RegisterScalableTarget",
            unmade_by: "DeregisterScalableTarget", id: Id::Given("ResourceId"),
            named_by: &["ResourceId", "ResourceIds"], listed: &[("ScalableTargets", "ResourceId")],
            status: 400, code: "ObjectNotFoundException",
            message: "No scalable target found for resource ID: {}" },
    Thing { service: "sqs", made_by: "CreateQueue", unmade_by: "DeleteQueue", id: Id::Given("QueueName"),
            named_by: &["QueueName", "QueueUrl"], listed: &[("QueueUrls", "")],
            status: 400, code: "QueueDoesNotExist", message: "The specified queue does not exist." },
];

impl Thing {
    /// Whether the call makes such a thing, or describes some: ECS then says which of them are missing.
    pub(super) fn takes_part_in(&self, call: &Call) -> bool {
        let describes =
            self.listed.iter().any(|(list, _)| call.action.eq_ignore_ascii_case(&format!("Describe{list}")));
        self.service == call.service && (self.made_by == call.action || describes)
    }

    /// The id of the thing that was made.
    pub(super) fn made(&self, call: &Call, answer: &mut Answer) -> Option<String> {
        if self.made_by != call.action {
            return None;
        }
        match &self.id {
            Id::Given(parameter) => Some(call.text(parameter).to_owned()),
            Id::Answered(path) => match answer.value() {
                Some(value) => {
                    path.iter().try_fold(&*value, |value, name| value.get(name))?.as_str().map(str::to_owned)
                }
                None => {
                    let (id, parents) = path.split_last()?;
                    let root: &Element = answer.document()?;
                    let parent = parents.iter().try_fold(root, |parent, name| parent.get_child(*name))?;
                    Some(text(parent, id)).filter(|id| !id.is_empty())
                }
            },
        }
    }

    /// Which of these a call means by a name.
    pub(super) fn named(&self, name: &Name, call: &Call, these: &[Known]) -> Option<String> {
        // Another service takes ids of EC2 as well.
        let speaks_of_it = self.service == call.service || (self.service == "ec2" && call.service == "ecs");
        let by = self.named_by.is_empty() || self.named_by.contains(&name.parameter.as_str());
        if !speaks_of_it || !by {
            return None;
        }
        let is = |id: &str| naming::is(&name.text, id) || name.text.contains(&format!(":secret:{id}-"));
        these.iter().find(|(made_by, id)| *made_by == self.made_by && is(id)).map(|(_, id)| id.clone())
    }

    /// What AWS says of one that it does not see.
    pub(super) fn absent(&self, call: &Call, id: &str) -> Answer {
        let message = match call.action.as_str() {
            "CreateService" | "UpdateService" | "RunTask" if self.made_by == "RegisterTaskDefinition" => {
                "TaskDefinition not found.".to_owned()
            }
            _ => self.message.replace("{}", id),
        };
        if self.service == call.service {
            return Answer::error_with(call, self.status, self.code, &message, json!({}));
        }
        // ECS passes EC2's answer on.
        let message = format!("Error retrieving network information for [{id}]: {message} (ErrorCode: {})", self.code);
        Answer::error(call, "InvalidParameterException", &message)
    }

    /// Takes one out of the lists of an answer.
    pub(super) fn hide(&self, answer: &mut Answer, id: &str) {
        for (list, member) in self.listed {
            if let Some(root) = answer.document() {
                retain(root, list, |item| text(item, member) != id);
                // IAM's lists are one deeper, and their items have another name.
                let results = root.children.iter_mut().filter_map(XMLNode::as_mut_element);
                for list in results.filter_map(|result| result.get_mut_child(*list)) {
                    list.children.retain(|node| node.as_element().is_none_or(|item| text(item, member) != id));
                }
            } else if let Some(value) = answer.value() {
                hide_in(value, list, member, id);
            }
        }
    }
}

fn hide_in(value: &mut Value, list: &str, member: &str, id: &str) {
    let Some(items) = value.get_mut(list).and_then(Value::as_array_mut) else { return };
    let is_it = |item: &Value| {
        let named = if member.is_empty() { item.as_str() } else { item.get(member).and_then(Value::as_str) };
        named.is_some_and(|name| naming::is(name, id))
    };
    let before = items.len();
    items.retain(|item| !is_it(item));
    let was_there = items.len() < before;
    if let Some(failures) = value.get_mut("failures").and_then(Value::as_array_mut).filter(|_| was_there) {
        failures.push(json!({"arn": id, "reason": "MISSING"}));
    }
}
