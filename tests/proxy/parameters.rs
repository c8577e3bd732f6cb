//! What is kept of a call's parameters and of its answer: enough to know which things it touches, and no contents.

use serde_json::{Map, Value};
use std::str;

/// Never kept: secrets, records, long documents.
const CONTENTS: [&str; 7] = [
    "SecretString",
    "SecretBinary",
    "ExpressionAttributeValues",
    "input",
    "containerDefinitions",
    "PolicyDocument",
    "base_job_template",
];
/// Calls whose answer names what they made.
const MAKING: [&str; 5] = ["Create", "Allocate", "Associate", "Register", "GetOperation"];

/// A call's parameters without contents. Of a record its key remains.
pub(crate) fn without_contents(parameters: Value) -> Value {
    match parameters {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, _)| !CONTENTS.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), of_record(&name, value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_contents).collect()),
        other => other,
    }
}

fn of_record(name: &str, value: Value) -> Value {
    match value {
        Value::Object(item) if name == "Item" => {
            Value::Object(item.into_iter().filter(|(name, _)| ["pk", "sk"].contains(&name.as_str())).collect())
        }
        other => without_contents(other),
    }
}

/// The identifiers that an answer names: members whose names end with `Id` or `Arn`.
pub(crate) fn made(action: &str, answer: &[u8]) -> Value {
    let mut made = Map::new();
    if MAKING.iter().any(|prefix| action.starts_with(prefix)) {
        match serde_json::from_slice(answer) {
            Ok(answer) => of_json(&answer, &mut made),
            Err(_) => of_xml(str::from_utf8(answer).unwrap_or_default(), &mut made),
        }
    }
    Value::Object(made)
}

/// How many items a call read from the table or wrote to it, where it says so: those that a query went through, and
/// those of a transaction.
pub(crate) fn items(parameters: &Value, answer: &[u8]) -> Option<u64> {
    let written = parameters["TransactItems"].as_array().and_then(|items| u64::try_from(items.len()).ok());
    written.or_else(|| serde_json::from_slice::<Value>(answer).ok()?["ScannedCount"].as_u64())
}

fn of_json(answer: &Value, into: &mut Map<String, Value>) {
    match answer {
        Value::Object(members) => {
            for (name, value) in members {
                // Cloud Map names the namespace that an operation made so.
                if value.is_string() && (names_a_thing(name) || name == "NAMESPACE") {
                    into.insert(name.clone(), value.clone());
                }
                of_json(value, into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| of_json(item, into)),
        _ => {}
    }
}

fn of_xml(answer: &str, into: &mut Map<String, Value>) {
    for element in answer.split('<') {
        if let Some((name, text)) = element.split_once('>')
            && names_a_thing(name)
            && !text.trim().is_empty()
        {
            into.insert(name.to_owned(), Value::String(text.trim().to_owned()));
        }
    }
}

fn names_a_thing(name: &str) -> bool {
    ["Id", "Arn", "ARN"].iter().any(|end| name.ends_with(end)) || name == "arn"
}

/// AWS's code of a refusal.
pub(crate) fn error(answer: &[u8]) -> Option<String> {
    if let Ok(answer) = serde_json::from_slice::<Value>(answer) {
        let code = answer["__type"].as_str().or_else(|| answer["code"].as_str())?;
        return code.rsplit('#').next().map(str::to_owned);
    }
    let code = str::from_utf8(answer).ok()?.split_once("<Code>")?.1;
    code.split_once("</Code>").map(|(code, _)| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_content_is_kept() {
        let secret = json!({"Name": "blue-api-key", "SecretString": "pnu_1", "Tags": [{"Key": "a", "Value": "b"}]});
        assert_eq!(without_contents(secret), json!({"Name": "blue-api-key", "Tags": [{"Key": "a", "Value": "b"}]}));
        let record =
            json!({"TransactItems": [{"Put": {"TableName": "t", "Item": {"pk": {"S": "ENV#1"}, "spec": {"S": "…"}}}}]});
        assert_eq!(
            without_contents(record),
            json!({"TransactItems": [{"Put": {"TableName": "t", "Item": {"pk": {"S": "ENV#1"}}}}]})
        );
    }

    #[test]
    fn what_a_call_made_is_named() {
        let xml = b"<CreateVpcResponse><vpc><vpcId>vpc-1</vpcId><state>pending</state></vpc></CreateVpcResponse>";
        assert_eq!(made("CreateVpc", xml), json!({"vpcId": "vpc-1"}));
        let operation = br#"{"Operation": {"Id": "op-1", "Targets": {"NAMESPACE": "ns-1"}}}"#;
        assert_eq!(made("GetOperation", operation), json!({"Id": "op-1", "NAMESPACE": "ns-1"}));
        assert_eq!(made("DescribeVpcs", xml), json!({}));
    }

    #[test]
    fn the_items_of_queries_and_transactions_are_counted() {
        assert_eq!(items(&json!({"Limit": 50}), br#"{"Items": [], "Count": 1, "ScannedCount": 50}"#), Some(50));
        assert_eq!(items(&json!({"TransactItems": [{}, {}]}), b"{}"), Some(2));
        assert_eq!(items(&json!({"Key": {}}), br#"{"Item": {}}"#), None);
    }

    #[test]
    fn a_refusal_has_its_code() {
        assert_eq!(
            error(br#"{"__type": "com.amazonaws.x#AccessDeniedException"}"#).as_deref(),
            Some("AccessDeniedException")
        );
        assert_eq!(
            error(b"<Response><Code>InvalidVpcID.NotFound</Code></Response>").as_deref(),
            Some("InvalidVpcID.NotFound")
        );
    }
}
