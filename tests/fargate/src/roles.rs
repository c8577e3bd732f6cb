//! What a task may do: the credentials of a role, under the local cloud's IAM enforcement.
//!
//! The local cloud gives a task credentials that it refuses itself, and lets nobody assume a role that trusts ECS
//! alone. It does give a function the credentials of its role, so a function is made that hands them out, and goes.
//!
//! It also compares the resources of many calls with names that AWS does not use, and misses conditions that AWS
//! meets. So the function has a copy of the role that may do the same actions on everything: what is then refused
//! is an action that the role lacks. The copy lives as long as the container.

use crate::aws::{Aws, Refusal, Service, root};
use aws_credential_types::Credentials;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::io::{Cursor, Write};
use xmltree::Element;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

const FUNCTIONS: &str = "/2015-03-31/functions";
const HANDS_OUT: &str = "import os

def handler(event, context):
    return [os.environ[name] for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')]
";

/// A role as the local cloud can check it, and credentials of it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) credentials: Credentials,
    copy: String,
}

impl Session {
    /// A session of this role. `name` is the copy's, and shows as the caller's.
    pub(crate) async fn of(aws: &Aws, role_arn: &str, name: &str) -> Result<Session, Refusal> {
        let copied = copy(aws, role_arn, name).await;
        let credentials = match copied {
            Ok(arn) => hand_out(aws, &arn, name).await,
            Err(refusal) => Err(refusal),
        };
        match credentials {
            Ok(credentials) => Ok(Session { credentials, copy: name.to_owned() }),
            Err(refusal) => {
                remove(aws, name).await;
                Err(refusal)
            }
        }
    }

    /// Takes the copy away; with it the credentials lose their rights.
    pub(crate) async fn end(&self, aws: &Aws) {
        remove(aws, &self.copy).await;
    }
}

/// Makes the copy of a role; its ARN.
async fn copy(aws: &Aws, role_arn: &str, name: &str) -> Result<String, Refusal> {
    let role = role_arn.rsplit('/').next().unwrap_or(role_arn);
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}},
    ]});
    let made = iam(aws, "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust.to_string())]).await?;
    for policy in inline_policies(aws, role).await? {
        let document = iam(aws, "GetRolePolicy", &[("RoleName", role), ("PolicyName", &policy)]).await?;
        let document = texts(&document, "PolicyDocument").concat();
        let document = loosened(&percent_decode_str(&document).decode_utf8_lossy());
        let put = [("RoleName", name), ("PolicyName", &policy), ("PolicyDocument", &document)];
        iam(aws, "PutRolePolicy", &put).await?;
    }
    for policy in attached_policies(aws, role).await? {
        iam(aws, "AttachRolePolicy", &[("RoleName", name), ("PolicyArn", &policy)]).await?;
    }
    Ok(texts(&made, "Arn").concat())
}

/// Whatever of it is there. What cannot be removed stays: the cloud is a test's own.
async fn remove(aws: &Aws, name: &str) {
    for policy in inline_policies(aws, name).await.unwrap_or_default() {
        let _ = iam(aws, "DeleteRolePolicy", &[("RoleName", name), ("PolicyName", &policy)]).await;
    }
    for policy in attached_policies(aws, name).await.unwrap_or_default() {
        let _ = iam(aws, "DetachRolePolicy", &[("RoleName", name), ("PolicyArn", &policy)]).await;
    }
    if let Err(refusal) = iam(aws, "DeleteRole", &[("RoleName", name)]).await {
        eprintln!("the copy of a role stays: {refusal}");
    }
}

/// The credentials that a function of this role has. The function is gone afterwards.
async fn hand_out(aws: &Aws, role_arn: &str, name: &str) -> Result<Credentials, Refusal> {
    let function = json!({
        "FunctionName": name, "Role": role_arn, "Runtime": "python3.12", "Handler": "index.handler",
        "Timeout": 60, "Code": {"ZipFile": STANDARD.encode(archive())},
    });
    aws.path("lambda", Method::POST, FUNCTIONS, &function).await?;
    let given = aws.path("lambda", Method::POST, &format!("{FUNCTIONS}/{name}/invocations"), &json!({})).await;
    aws.path("lambda", Method::DELETE, &format!("{FUNCTIONS}/{name}"), &Value::Null).await?;
    let log_group = json!({"logGroupName": format!("/aws/lambda/{name}")});
    if let Err(refusal) = aws.json(&root(), Service::Logs, "DeleteLogGroup", log_group).await {
        eprintln!("a log group stays: {refusal}");
    }
    let given = given?;
    let part = |at: usize| given[at].as_str().map(str::to_owned);
    match (part(0), part(1)) {
        (Some(key), Some(secret)) => Ok(Credentials::new(key, secret, part(2), None, "fargate")),
        _ => Err(Refusal::new(name, format!("the function hands out no credentials: {given}"))),
    }
}

/// The function, packed. Nothing is written but to memory, which does not fail.
fn archive() -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let plain = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let written = archive
        .start_file("index.py", plain)
        .and_then(|()| Ok(archive.write_all(HANDS_OUT.as_bytes())?))
        .and_then(|()| archive.finish());
    written.map(Cursor::into_inner).unwrap_or_default()
}

/// The same actions on everything and under every condition. What is denied stays as it is.
fn loosened(document: &str) -> String {
    let mut document: Value = serde_json::from_str(document).unwrap_or_default();
    for statement in document["Statement"].as_array_mut().into_iter().flatten() {
        if statement["Effect"] == "Allow"
            && let Some(statement) = statement.as_object_mut()
        {
            statement.insert("Resource".into(), json!("*"));
            statement.remove("Condition");
        }
    }
    document.to_string()
}

async fn inline_policies(aws: &Aws, role: &str) -> Result<Vec<String>, Refusal> {
    Ok(texts(&iam(aws, "ListRolePolicies", &[("RoleName", role)]).await?, "member"))
}

async fn attached_policies(aws: &Aws, role: &str) -> Result<Vec<String>, Refusal> {
    Ok(texts(&iam(aws, "ListAttachedRolePolicies", &[("RoleName", role)]).await?, "PolicyArn"))
}

async fn iam(aws: &Aws, action: &str, input: &[(&str, &str)]) -> Result<String, Refusal> {
    aws.form(&root(), "iam", "2010-05-08", action, input).await
}

/// The texts of every element of this name.
pub(crate) fn texts(xml: &str, name: &str) -> Vec<String> {
    fn walk(element: &Element, name: &str, into: &mut Vec<String>) {
        if element.name == name {
            into.extend(element.get_text().map(|text| text.trim().to_owned()));
        }
        element.children.iter().filter_map(|child| child.as_element()).for_each(|child| walk(child, name, into));
    }
    let mut found = Vec::new();
    if let Ok(root) = Element::parse(xml.as_bytes()) {
        walk(&root, name, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_may_do_the_same_on_everything() {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["ecs:RunTask"], "Resource": "arn:aws:ecs:::task-definition/a:*",
             "Condition": {"ArnEquals": {"ecs:cluster": "arn"}}},
            {"Effect": "Deny", "Action": "ecs:StopTask", "Resource": "arn:aws:ecs:::task/a"},
        ]});
        let loosened: Value = serde_json::from_str(&loosened(&policy.to_string())).unwrap();
        assert_eq!(
            loosened["Statement"],
            json!([
                {"Effect": "Allow", "Action": ["ecs:RunTask"], "Resource": "*"},
                {"Effect": "Deny", "Action": "ecs:StopTask", "Resource": "arn:aws:ecs:::task/a"},
            ])
        );
    }

    #[test]
    fn texts_are_found_at_any_depth() {
        let xml = "<R><A><member>one</member></A><member> two </member></R>";
        assert_eq!(texts(xml, "member"), ["one", "two"]);
        assert!(texts("no xml", "member").is_empty());
    }

    #[test]
    fn the_function_is_an_archive() {
        assert!(archive().starts_with(b"PK"), "Lambda takes zip files");
    }
}
