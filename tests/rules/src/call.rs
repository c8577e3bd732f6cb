//! A call to AWS or to Prefect, as its request tells it.

use crate::Request;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// What a function's name begins with in the user agent (`AWS_SDK_UA_APP_ID` in template.yaml).
const APP: &str = "app/prefect-environments-";

/// A call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// The function that calls; empty for anybody else.
    pub function: String,
    /// The service, as the signature names it.
    pub service: String,
    /// The operation.
    pub action: String,
    /// What it is asked to do. Of a form, the full names: `Tag.1.Key`.
    pub parameters: Value,
}

impl Call {
    /// The call that a request is.
    pub fn read(request: &Request) -> Call {
        if let Some(call) = crate::prefect::read(request) {
            return call;
        }
        let (action, parameters) = match request.header("x-amz-target").rsplit_once('.') {
            Some((_, action)) => (action.to_owned(), serde_json::from_slice(&request.body).unwrap_or_default()),
            None if service(request) == "lambda" => of_path(request),
            None => {
                let form: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
                let action = form.iter().find(|(name, _)| name == "Action").map(|(_, action)| action.clone());
                // A protocol that names the operation in the path: of the functions' services only Lambda speaks it.
                let in_path = || format!("{} {}", request.method, request.target);
                (action.unwrap_or_else(in_path), of_form(form))
            }
        };
        Call { function: function(request).to_owned(), service: service(request).to_owned(), action, parameters }
    }

    /// Whether it only looks.
    pub fn is_look(&self) -> bool {
        ["Describe", "List", "Get"].iter().any(|prefix| self.action.starts_with(prefix))
    }

    /// A parameter that is text, or the empty text.
    pub fn text(&self, name: &str) -> &str {
        self.parameters.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The texts of a form's list: `texts("SubnetId")` for `SubnetId.1`, `SubnetId.2`, …, in order.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        (1..).map_while(|at| self.parameters.get(format!("{name}.{at}"))?.as_str()).collect()
    }

    /// The filters of an EC2 describe: each one's name and values.
    pub fn filters(&self) -> Vec<(&str, Vec<&str>)> {
        let names = (1..).map_while(|at| Some((at, self.parameters.get(format!("Filter.{at}.Name"))?.as_str()?)));
        names.map(|(at, name)| (name, self.texts(&format!("Filter.{at}.Value")))).collect()
    }

    /// The tags that an EC2 create gives, by key.
    pub fn tags(&self) -> Vec<(&str, &str)> {
        let at = |n: usize| format!("TagSpecification.1.Tag.{n}");
        let text = |name: String| self.parameters.get(name)?.as_str();
        (1..).map_while(|n| Some((text(format!("{}.Key", at(n)))?, text(format!("{}.Value", at(n)))?))).collect()
    }
}

/// A call of Lambda: `POST /2015-03-31/functions/<function>/invocations`. What the function is asked is its own affair.
fn of_path(request: &Request) -> (String, Value) {
    let path: String = form_urlencoded::parse(request.target.as_bytes()).map(|(path, _)| path).collect();
    let function = path.split_once("/functions/").and_then(|(_, rest)| rest.strip_suffix("/invocations"));
    match function {
        Some(function) => ("Invoke".to_owned(), json!({"FunctionName": function})),
        None => (format!("{} {path}", request.method), json!({})),
    }
}

/// The parameters of a form, by their full names.
fn of_form(form: Vec<(String, String)>) -> Value {
    let said = form.into_iter().filter(|(name, _)| !["Action", "Version"].contains(&name.as_str()));
    Value::Object(said.map(|(name, value)| (name, Value::String(value))).collect::<Map<_, _>>())
}

/// The service in the scope of the signature's credential: `Credential=key/date/region/service/aws4_request`.
fn service(request: &Request) -> &str {
    let credential = request.header("authorization").split("Credential=").nth(1).unwrap_or_default();
    credential.split('/').nth(3).unwrap_or_default()
}

pub(crate) fn function(request: &Request) -> &str {
    let words = ["x-amz-user-agent", "user-agent"].into_iter().flat_map(|name| request.header(name).split(' '));
    words.filter_map(|word| word.strip_prefix(APP)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: &str) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request { headers, body: body.as_bytes().to_vec(), ..Request::default() }
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
        assert_eq!(call.text("clusterName"), "a-cluster");
    }

    #[test]
    fn a_call_with_a_form() {
        let body = "Action=CreateVpc&Version=2016&CidrBlock=10.0.0.0%2F16";
        let call = Call::read(&request(&[SIGNED, AGENT], body));
        assert_eq!((call.action.as_str(), &call.parameters), ("CreateVpc", &json!({"CidrBlock": "10.0.0.0/16"})));
    }

    #[test]
    fn a_call_of_a_function() {
        let signed = (SIGNED.0, "AWS4-HMAC-SHA256 Credential=k/20260101/r/lambda/aws4_request, SignedHeaders=x");
        let arn = "arn%3Aaws%3Alambda%3Ar%3A1%3Afunction%3Aa-network";
        let target = format!("/2015-03-31/functions/{arn}/invocations");
        let call = Call::read(&Request { method: "POST".into(), target, ..request(&[signed], "{}") });
        assert_eq!(
            (call.action.as_str(), call.text("FunctionName")),
            ("Invoke", "arn:aws:lambda:r:1:function:a-network")
        );
    }

    #[test]
    fn lists_filters_and_tags_of_a_form() {
        let body = "Action=DescribeSubnets&SubnetId.1=a&SubnetId.2=b&Filter.1.Name=vpc-id&Filter.1.Value.1=v\
                    &TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=blue";
        let call = Call::read(&request(&[SIGNED], body));
        assert_eq!(call.texts("SubnetId"), ["a", "b"]);
        assert_eq!(call.filters(), [("vpc-id", vec!["v"])]);
        assert_eq!(call.tags(), [("Name", "blue")]);
    }
}
