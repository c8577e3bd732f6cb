//! A namespace is there when its operation has ended, and its name and its creator's token are taken at once.

use super::{Create, Delete};
use crate::{Answer, Body, Call, lag, rule::Rule, world::World};
use serde_json::{Value, json};
use uuid::Uuid;

/// What a hosted zone in an absent VPC comes to.
const NO_VPC: &str = "The VPC that you provided does not exist or is not authorized to associate with a hosted zone.";

/// The refusals of a create, and what is seen of namespaces that are coming or going.
///
/// One token makes one namespace: while its operation is under way the same again is a `DuplicateRequest`, and
/// afterwards a `NamespaceAlreadyExists`; both say which. Of one name there may be one namespace in a VPC (the local
/// cloud has one in all).
///
/// - <https://docs.aws.amazon.com/cloud-map/latest/api/API_CreatePrivateDnsNamespace.html>
/// - <https://docs.aws.amazon.com/cloud-map/latest/api/API_DeleteNamespace.html>
pub(crate) struct Namespace;

impl Rule for Namespace {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if call.service != "servicediscovery" {
            return None;
        }
        match call.action.as_str() {
            "CreatePrivateDnsNamespace" => refuse_create(call, world),
            "GetNamespace" => {
                let id = call.text("Id");
                coming(id, world).map(|_| Answer::error(call, "NamespaceNotFound", id))
            }
            "DeleteNamespace" => {
                let id = call.text("Id");
                let going = world.cloud_map.going.get(id).filter(|delete| delete.is_under_way(world));
                let operation = going.map(|delete| delete.operation.clone());
                let operation = operation.or_else(|| coming(id, world).map(|create| create.operation.clone()));
                operation.map(|operation| duplicate(call, &operation))
            }
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        match (call.service.as_str(), call.action.as_str()) {
            ("servicediscovery", "CreatePrivateDnsNamespace") => follow_create(call, answer, world),
            ("servicediscovery", "DeleteNamespace") => follow_delete(call, answer, world),
            ("servicediscovery", "GetNamespace") => follow_get(call, answer, world),
            ("servicediscovery", "ListNamespaces") => follow_list(call, answer, world),
            _ => {}
        }
    }
}

fn refuse_create(call: &Call, world: &mut World) -> Option<Answer> {
    let (name, vpc, creator) = (call.text("Name"), call.text("Vpc"), call.text("CreatorRequestId"));
    let creates = world.cloud_map.creates.iter().filter(|create| create.failure.is_none());
    for create in creates {
        let is_the_same = !creator.is_empty() && create.creator == creator;
        if is_the_same && create.is_under_way(world) {
            return Some(duplicate(call, &create.operation));
        }
        if is_the_same || (create.name == name && create.vpc == vpc) {
            return Some(already_exists(call, create));
        }
    }
    if world.ec2.vpcs.contains_key(vpc) && !lag::is_unseen(world, vpc) {
        return None;
    }
    let operation = Uuid::new_v4().to_string();
    let answer = Answer::json(json!({"OperationId": operation}));
    let create = create(call, operation, world);
    world.cloud_map.creates.push(Create { failure: Some(NO_VPC), ..create });
    Some(answer)
}

fn create(call: &Call, operation: String, world: &World) -> Create {
    let text = |name| call.text(name).to_owned();
    let (name, vpc, creator) = (text("Name"), text("Vpc"), text("CreatorRequestId"));
    Create { operation, name, vpc, creator, began: world.now, namespace: None, failure: None }
}

fn follow_create(call: &Call, answer: &mut Answer, world: &mut World) {
    if let Some(operation) = answer.value().and_then(|value| value["OperationId"].as_str()) {
        let create = create(call, operation.to_owned(), world);
        world.cloud_map.creates.push(create);
        return;
    }
    // The local cloud does not say which one exists.
    let Body::Json(refusal) = &mut answer.body else { return };
    if refusal["__type"].as_str().is_some_and(|code| code.ends_with("NamespaceAlreadyExists")) {
        let same_named = |namespace: &&Value| namespace["Name"] == call.text("Name");
        let id = world.cloud_map.seen.values().find(same_named).map(|namespace| namespace["Id"].clone());
        let create = world.cloud_map.creates.iter().find(|create| create.name == call.text("Name"));
        let id = id.or_else(|| create?.namespace.clone().map(Value::from));
        refusal["NamespaceId"] = id.unwrap_or_default();
        refusal["CreatorRequestId"] = json!(create.map(|create| create.creator.as_str()));
    }
}

fn follow_delete(call: &Call, answer: &mut Answer, world: &mut World) {
    let Some(operation) = answer.value().and_then(|value| value["OperationId"].as_str()) else { return };
    let id = call.text("Id");
    let name = world.cloud_map.seen.get(id).and_then(|seen| seen["Name"].as_str()).unwrap_or_default().to_owned();
    world.cloud_map.creates.retain(|create| match &create.namespace {
        Some(namespace) => namespace != id,
        // The local cloud has one of a name.
        None => create.name != name,
    });
    let delete = Delete { operation: operation.to_owned(), began: world.now };
    world.cloud_map.going.insert(id.to_owned(), delete);
}

fn follow_get(call: &Call, answer: &mut Answer, world: &mut World) {
    let id = call.text("Id");
    if let Some(value) = answer.value() {
        world.cloud_map.seen.insert(id.to_owned(), value["Namespace"].clone());
    } else if let Some(seen) = going(world).into_iter().find(|namespace| namespace["Id"] == id) {
        *answer = Answer::json(json!({"Namespace": seen}));
    }
}

fn follow_list(call: &Call, answer: &mut Answer, world: &mut World) {
    let Some(namespaces) = answer.value().and_then(|value| value["Namespaces"].as_array_mut()) else { return };
    for namespace in namespaces.iter() {
        let id = namespace["Id"].as_str().unwrap_or_default().to_owned();
        let create = world.cloud_map.creates.iter_mut().find(|create| namespace["Name"] == create.name.as_str());
        if let Some(create) = create {
            create.namespace.get_or_insert(id.clone());
        }
        world.cloud_map.seen.insert(id, namespace.clone());
    }
    namespaces.retain(|namespace| coming(namespace["Id"].as_str().unwrap_or_default(), world).is_none());
    let shown: Vec<Value> = namespaces.iter().map(|namespace| namespace["Id"].clone()).collect();
    namespaces.extend(going(world).into_iter().filter(|namespace| !shown.contains(&namespace["Id"])));
    let filters = call.parameters["Filters"].as_array().map(Vec::as_slice).unwrap_or_default();
    namespaces.retain(|namespace| filters.iter().all(|filter| passes(namespace, filter)));
}

/// The create that is making this namespace.
fn coming<'w>(id: &str, world: &'w World) -> Option<&'w Create> {
    let mut creates = world.cloud_map.creates.iter();
    creates.find(|create| create.namespace.as_deref() == Some(id) && create.is_under_way(world))
}

/// The namespaces that are going, and are still to be seen.
fn going(world: &World) -> Vec<Value> {
    let going = world.cloud_map.going.iter().filter(|(_, delete)| delete.is_under_way(world));
    going.filter_map(|(id, _)| world.cloud_map.seen.get(id).cloned()).collect()
}

/// <https://docs.aws.amazon.com/cloud-map/latest/api/API_NamespaceFilter.html>
fn passes(namespace: &Value, filter: &Value) -> bool {
    let seen = match filter["Name"].as_str() {
        Some("TYPE") => &namespace["Type"],
        Some("NAME") => &namespace["Name"],
        Some("HTTP_NAME") => &namespace["Properties"]["HttpProperties"]["HttpName"],
        // Nobody else shares any.
        Some("RESOURCE_OWNER") => return filter["Values"][0] == "SELF",
        _ => return true,
    };
    let seen = seen.as_str().unwrap_or_default();
    let mut values = filter["Values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match filter["Condition"].as_str() {
        Some("BEGINS_WITH") => values.any(|value| seen.starts_with(value)),
        _ => values.any(|value| seen == value),
    }
}

fn duplicate(call: &Call, operation: &str) -> Answer {
    let message = "The operation is already in progress.";
    Answer::error_with(call, 400, "DuplicateRequest", message, json!({"DuplicateOperationId": operation}))
}

fn already_exists(call: &Call, create: &Create) -> Answer {
    let mut members = json!({"CreatorRequestId": create.creator});
    if let Some(id) = &create.namespace {
        members["NamespaceId"] = json!(id);
    }
    let message = format!("Namespace {} already exists.", create.name);
    Answer::error_with(call, 400, "NamespaceAlreadyExists", &message, members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    const SD: &str = "servicediscovery";

    fn wanted(creator: &str) -> Value {
        json!({"Name": "a.local", "Vpc": "vpc-1", "CreatorRequestId": creator})
    }

    /// An account with a VPC.
    async fn stage() -> Rehearsal {
        let aws = Rehearsal::new(Settings::default());
        let made = "<R><vpc><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></vpc></R>";
        aws.form("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")], made).await;
        aws
    }

    async fn created(aws: &Rehearsal) -> Answer {
        aws.json(SD, "CreatePrivateDnsNamespace", &wanted("t"), &json!({"OperationId": "op"})).await
    }

    async fn status(aws: &Rehearsal, id: &str) -> Value {
        let said = json!({"Operation": {"Id": id, "Status": "SUCCESS", "Targets": {"NAMESPACE": "ns-1"}}});
        let mut told = aws.json(SD, "GetOperation", &json!({"OperationId": id}), &said).await;
        told.value().expect("an operation")["Operation"]["Status"].clone()
    }

    async fn listed(aws: &Rehearsal, filters: Value, said: &Value) -> usize {
        let mut told = aws.json(SD, "ListNamespaces", &json!({"Filters": filters}), said).await;
        told.value().expect("a list")["Namespaces"].as_array().expect("a list").len()
    }

    fn one() -> Value {
        json!({"Namespaces": [{"Id": "ns-1", "Name": "a.local", "Type": "DNS_PRIVATE"}]})
    }

    #[tokio::test]
    async fn an_operation_takes_its_time_and_its_namespace_is_seen_then() {
        let mut aws = stage().await;
        created(&aws).await;
        assert_eq!(status(&aws, "op").await, "SUBMITTED");
        assert_eq!(listed(&aws, json!([]), &one()).await, 0);
        aws.later(29);
        assert_eq!(status(&aws, "op").await, "PENDING");
        let asked = aws.json(SD, "GetNamespace", &json!({"Id": "ns-1"}), &json!({})).await;
        assert_eq!(asked.code(), "NamespaceNotFound");
        aws.later(1);
        assert_eq!(status(&aws, "op").await, "SUCCESS");
        assert_eq!(listed(&aws, json!([]), &one()).await, 1);
    }

    #[tokio::test]
    async fn a_token_makes_one_namespace() {
        let mut aws = stage().await;
        created(&aws).await;
        status(&aws, "op").await;
        let again = created(&aws).await;
        assert_eq!(again.code(), "DuplicateRequest");
        let Body::Json(again) = again.body else { panic!("Cloud Map speaks JSON") };
        assert_eq!(again["DuplicateOperationId"], "op");
        aws.later(30);
        let other = aws.json(SD, "CreatePrivateDnsNamespace", &wanted("another"), &json!({})).await;
        assert_eq!(other.code(), "NamespaceAlreadyExists");
        let Body::Json(other) = other.body else { panic!("Cloud Map speaks JSON") };
        assert_eq!((&other["NamespaceId"], &other["CreatorRequestId"]), (&json!("ns-1"), &json!("t")));
    }

    #[tokio::test]
    async fn in_a_vpc_that_is_no_more_the_operation_fails() {
        let mut aws = stage().await;
        aws.form("ec2", "DeleteVpc", &[("VpcId", "vpc-1")], "<R/>").await;
        let mut told = created(&aws).await;
        let operation = told.value().expect("an operation")["OperationId"].as_str().expect("its id").to_owned();
        assert_ne!(operation, "op", "the local cloud was not asked");
        assert_eq!(status(&aws, &operation).await, "SUBMITTED");
        aws.later(30);
        assert_eq!(status(&aws, &operation).await, "FAIL");
    }

    #[tokio::test]
    async fn a_namespace_that_is_going_is_seen_until_it_has_gone() {
        let mut aws = stage().await;
        listed(&aws, json!([]), &one()).await;
        let deleted = json!({"OperationId": "op-2"});
        aws.json(SD, "DeleteNamespace", &json!({"Id": "ns-1"}), &deleted).await;
        let again = aws.json(SD, "DeleteNamespace", &json!({"Id": "ns-1"}), &deleted).await;
        assert_eq!(again.code(), "DuplicateRequest");
        let none = json!({"Namespaces": []});
        assert_eq!(listed(&aws, json!([]), &none).await, 1);
        aws.later(10);
        assert_eq!((listed(&aws, json!([]), &none).await, status(&aws, "op-2").await), (0, json!("SUCCESS")));
    }

    #[tokio::test]
    async fn filters_leave_out_what_does_not_fit_all_of_them() {
        let aws = stage().await;
        let filter = |name: &str, value: &str| json!({"Name": name, "Values": [value], "Condition": "EQ"});
        let both = |name| json!([filter("TYPE", "DNS_PRIVATE"), filter("NAME", name)]);
        assert_eq!(listed(&aws, both("a.local"), &one()).await, 1);
        assert_eq!(listed(&aws, both("b.local"), &one()).await, 0);
    }
}
