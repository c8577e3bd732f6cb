//! An answer of AWS, as something that can be read and changed: an XML document or a JSON value.

use crate::{Call, Response};
use serde_json::{Value, json};
use uuid::Uuid;
use xmltree::{Element, EmitterConfig, XMLNode};

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What it says.
    pub body: Body,
    headers: Vec<(String, String)>,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// EC2, IAM: the document's root.
    Xml(Element),
    /// The other services.
    Json(Value),
    /// Anything else, as it came.
    Other(Vec<u8>),
}

impl Answer {
    /// What the local cloud answered.
    pub(crate) fn read(response: &Response) -> Answer {
        let body = match serde_json::from_slice(&response.body) {
            Ok(value) => Body::Json(value),
            Err(_) => match Element::parse(response.body.as_slice()) {
                Ok(root) => Body::Xml(root),
                Err(_) => Body::Other(response.body.clone()),
            },
        };
        Answer { status: response.status, body, headers: response.headers.clone() }
    }

    /// Success, with this document.
    pub(crate) fn xml(root: Element) -> Answer {
        Answer { status: 200, body: Body::Xml(root), headers: content_type("text/xml;charset=UTF-8") }
    }

    /// Success, with this value.
    pub(crate) fn json(value: Value) -> Answer {
        Answer { status: 200, body: Body::Json(value), headers: content_type("application/x-amz-json-1.1") }
    }

    /// The same with another status.
    pub(crate) fn status(self, status: u16) -> Answer {
        Answer { status, ..self }
    }

    /// A refusal in the words of the call's protocol, with status 400.
    pub fn error(call: &Call, code: &str, message: &str) -> Answer {
        Answer::error_with(call, 400, code, message, json!({}))
    }

    /// A refusal with this status; `members` are the error's own beside its message (JSON services only).
    pub fn error_with(call: &Call, status: u16, code: &str, message: &str, members: Value) -> Answer {
        let request_id = Uuid::new_v4().to_string();
        let said = vec![leaf("Code", code), leaf("Message", message)];
        let refusal = match call.service.as_str() {
            "ec2" => {
                let errors = element("Errors", vec![element("Error", said)]);
                Answer::xml(element("Response", vec![errors, leaf("RequestID", &request_id)]))
            }
            "iam" | "sts" => {
                let error = [vec![leaf("Type", "Sender")], said].concat();
                let root = vec![element("Error", error), leaf("RequestId", &request_id)];
                Answer::xml(element("ErrorResponse", root))
            }
            _ => {
                let mut value = json!({"__type": code, "message": message});
                if let (Value::Object(value), Value::Object(members)) = (&mut value, members) {
                    value.extend(members);
                }
                let mut refusal = Answer::json(value);
                refusal.headers.push(("x-amzn-errortype".to_owned(), code.to_owned()));
                if call.service == "sqs" {
                    // SDKs read the code that SQS had before it spoke JSON.
                    let old = format!("{};Sender", of_query(code));
                    refusal.headers.push(("x-amzn-query-error".to_owned(), old));
                }
                refusal
            }
        };
        let mut refusal = Answer { status, ..refusal };
        refusal.headers.push(("x-amzn-requestid".to_owned(), request_id));
        refusal
    }

    /// Whether the call was carried out.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The document's root, of a success.
    pub(crate) fn document(&mut self) -> Option<&mut Element> {
        match &mut self.body {
            Body::Xml(root) if (200..300).contains(&self.status) => Some(root),
            _ => None,
        }
    }

    /// The value, of a success.
    pub(crate) fn value(&mut self) -> Option<&mut Value> {
        match &mut self.body {
            Body::Json(value) if (200..300).contains(&self.status) => Some(value),
            _ => None,
        }
    }

    /// The answer as a response. Length and framing are the carrier's.
    pub fn into_response(self) -> Response {
        let body = match self.body {
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Other(bytes) => bytes,
            Body::Xml(root) => {
                let mut bytes = Vec::new();
                // Writing into memory does not fail, and what was parsed or built here is well-formed.
                if let Err(error) = root.write_with_config(&mut bytes, EmitterConfig::new()) {
                    return Response { status: 500, headers: Vec::new(), body: error.to_string().into_bytes() };
                }
                bytes
            }
        };
        let framing = ["content-length", "transfer-encoding", "x-amz-crc32"];
        let headers = self.headers.into_iter().filter(|(name, _)| !framing.contains(&name.as_str())).collect();
        Response { status: self.status, headers, body }
    }
}

/// What SQS called this code when it spoke XML.
fn of_query(code: &str) -> &str {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDeletedRecently" => "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueNameExists" => "QueueAlreadyExists",
        other => other,
    }
}

fn content_type(kind: &str) -> Vec<(String, String)> {
    vec![("content-type".to_owned(), kind.to_owned())]
}

/// An element with children.
pub(crate) fn element(name: &str, children: Vec<Element>) -> Element {
    let mut element = Element::new(name);
    element.children = children.into_iter().map(XMLNode::Element).collect();
    element
}

/// An element with text.
pub(crate) fn leaf(name: &str, text: &str) -> Element {
    let mut element = Element::new(name);
    element.children = vec![XMLNode::Text(text.to_owned())];
    element
}

/// The text of a child, or the empty text.
pub(crate) fn text(parent: &Element, name: &str) -> String {
    parent.get_child(name).and_then(Element::get_text).map(|text| text.into_owned()).unwrap_or_default()
}

/// Puts a child with this text in place of what was there.
pub(crate) fn set_text(parent: &mut Element, name: &str, text: &str) {
    set(parent, leaf(name, text));
}

/// Puts a child in place of the one of its name.
pub(crate) fn set(parent: &mut Element, child: Element) {
    parent.children.retain(|node| node.as_element().is_none_or(|old| old.name != child.name));
    parent.children.push(XMLNode::Element(child));
}

/// The `item`s of a list such as `vpcSet`.
pub(crate) fn items<'a>(parent: &'a mut Element, list: &str) -> Vec<&'a mut Element> {
    let list = parent.get_mut_child(list);
    let nodes = list.map(|list| list.children.iter_mut()).into_iter().flatten();
    nodes.filter_map(XMLNode::as_mut_element).filter(|element| element.name == "item").collect()
}

/// Keeps those `item`s of a list of which `keep` says so.
pub(crate) fn retain(parent: &mut Element, list: &str, keep: impl Fn(&Element) -> bool) {
    if let Some(list) = parent.get_mut_child(list) {
        list.children.retain(|node| node.as_element().is_none_or(|item| item.name != "item" || keep(item)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_in_the_words_of_its_service() {
        let of = |service: &str| {
            let call = Call { service: service.to_owned(), ..Call::default() };
            String::from_utf8(Answer::error(&call, "Code", "words").into_response().body).unwrap_or_default()
        };
        assert!(
            of("ec2").contains("<Response><Errors><Error><Code>Code</Code><Message>words</Message></Error></Errors>")
        );
        assert!(of("iam").contains("<ErrorResponse><Error><Type>Sender</Type><Code>Code</Code>"));
        assert!(of("ecs").contains(r#""__type":"Code""#));
    }

    #[test]
    fn an_answer_that_nobody_changes_is_equal_to_itself() {
        let body = b"<A xmlns=\"urn:x\"><set><item><id>1</id></item></set></A>".to_vec();
        let answer = Answer::read(&Response { status: 200, body, ..Response::default() });
        assert_eq!(answer, answer.clone());
        assert!(matches!(answer.body, Body::Xml(_)));
    }
}
