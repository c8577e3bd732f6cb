//! An operation is submitted, pending, and only then at its end.

use super::COMES_IN;
use crate::{Answer, Call, rule::Rule, world::World};
use jiff::Timestamp;
use serde_json::{Value, json};

/// An operation begins within this.
const BEGINS_IN: f64 = 1.0;

/// How far an operation is, as its time tells.
/// <https://docs.aws.amazon.com/cloud-map/latest/api/API_Operation.html>
pub(crate) struct Operation;

impl Rule for Operation {
    /// An operation that fails is known here only: the local cloud would have carried it out.
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if (call.service.as_str(), call.action.as_str()) != ("servicediscovery", "GetOperation") {
            return None;
        }
        let id = call.text("OperationId");
        let create = world.cloud_map.creates.iter().find(|create| create.operation == id)?;
        let reason = create.failure?;
        let mut operation = json!({
            "Id": id,
            "Type": "CREATE_NAMESPACE",
            "Status": "FAIL",
            "ErrorCode": "CANNOT_CREATE_HOSTED_ZONE",
            "ErrorMessage": reason,
            "CreateDate": create.began.as_second(),
            "UpdateDate": world.now.as_second(),
        });
        if let (Some(status), Some(members)) = (status(create.began, COMES_IN, world), operation.as_object_mut()) {
            members.insert("Status".to_owned(), json!(status));
            members.retain(|name, _| !name.starts_with("Error"));
        }
        Some(Answer::json(json!({"Operation": operation})))
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "servicediscovery" {
            return;
        }
        let Some(value) = answer.value() else { return };
        match call.action.as_str() {
            "GetOperation" => tell(&mut value["Operation"], world),
            "ListOperations" => {
                value["Operations"].as_array_mut().into_iter().flatten().for_each(|operation| tell(operation, world));
            }
            _ => {}
        }
    }
}

/// Learns which namespace an operation makes, and tells how far it is.
fn tell(operation: &mut Value, world: &mut World) {
    let id = operation["Id"].as_str().unwrap_or_default().to_owned();
    let namespace = operation["Targets"]["NAMESPACE"].as_str().map(str::to_owned);
    let create = world.cloud_map.creates.iter_mut().find(|create| create.operation == id);
    let create = create.map(|create| {
        create.namespace = create.namespace.take().or(namespace);
        (create.began, COMES_IN)
    });
    let delete = || world.cloud_map.going.values().find(|delete| delete.operation == id);
    let times = create.or_else(|| delete().map(|delete| (delete.began, super::GOES_IN)));
    if let Some(status) = times.and_then(|(began, takes)| status(began, takes, world)) {
        operation["Status"] = json!(status);
    }
}

/// The status of an operation that is not at its end.
fn status(began: Timestamp, takes: f64, world: &World) -> Option<&'static str> {
    if world.is_through(began, takes) {
        return None;
    }
    Some(if world.is_through(began, BEGINS_IN) { "PENDING" } else { "SUBMITTED" })
}
