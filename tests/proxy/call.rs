//! A call to AWS, as its request tells it.

use crate::{message::Message, parameters};
use serde_json::Value;
use url::form_urlencoded;

/// What a function's name begins with in the user agent (`AWS_SDK_UA_APP_ID` in template.yaml).
const APP: &str = "app/prefect-environments-";

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    /// The function that calls.
    pub(crate) function: String,
    /// The service, as the signature names it.
    pub(crate) service: String,
    /// The operation.
    pub(crate) action: String,
    /// What it is asked to do, without contents that nobody needs here.
    pub(crate) parameters: Value,
}

impl Call {
    pub(crate) fn read(request: &Message) -> Call {
        let form = || -> Vec<(String, String)> { form_urlencoded::parse(&request.body).into_owned().collect() };
        let (action, parameters) = match request.header("x-amz-target").rsplit_once('.') {
            Some((_, action)) => (action.to_owned(), serde_json::from_slice(&request.body).unwrap_or_default()),
            None => {
                let form = form();
                let action = form.iter().find(|(name, _)| name == "Action").map(|(_, action)| action.clone());
                // A protocol that names the operation in the path: none of the functions' services speaks it.
                (action.unwrap_or_else(|| request.line.clone()), parameters::of_form(form))
            }
        };
        Call {
            function: function(request).to_owned(),
            service: service(request).to_owned(),
            action,
            parameters: parameters::without_contents(parameters),
        }
    }
}

/// The service in the scope of the signature's credential: `Credential=key/date/region/service/aws4_request`.
fn service(request: &Message) -> &str {
    let credential = request.header("authorization").split("Credential=").nth(1).unwrap_or_default();
    credential.split('/').nth(3).unwrap_or_default()
}

fn function(request: &Message) -> &str {
    let words = ["x-amz-user-agent", "user-agent"].into_iter().flat_map(|name| request.header(name).split(' '));
    words.filter_map(|word| word.strip_prefix(APP)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(headers: &[(&str, &str)], body: &str) -> Message {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Message { headers, body: body.as_bytes().to_vec(), ..Message::default() }
    }

    const SIGNED: (&str, &str) =
        ("authorization", "AWS4-HMAC-SHA256 Credential=k/20260101/r/ecs/aws4_request, SignedHeaders=x");
    const AGENT: (&str, &str) = ("x-amz-user-agent", "aws-sdk-rust/1.9 app/prefect-environments-cluster lang/rust");

    #[test]
    fn a_call_with_a_target_header() {
        let target = ("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateCluster");
        let call = Call::read(&request(&[SIGNED, AGENT, target], r#"{"clusterName": "a-cluster"}"#));
        let told = [call.function.as_str(), call.service.as_str(), call.action.as_str()];
        assert_eq!(told, ["cluster", "ecs", "CreateCluster"]);
        assert_eq!(call.parameters, json!({"clusterName": "a-cluster"}));
    }

    #[test]
    fn a_call_with_a_form() {
        let call = Call::read(&request(&[SIGNED, AGENT], "Action=CreateVpc&Version=2016&CidrBlock=10.0.0.0%2F16"));
        assert_eq!((call.action.as_str(), &call.parameters), ("CreateVpc", &json!({"CidrBlock": "10.0.0.0/16"})));
    }
}
