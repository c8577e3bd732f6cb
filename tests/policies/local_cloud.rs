//! The evaluator's verdicts beside the local cloud's own, where that can evaluate: tags in requests and on things in
//! CloudWatch Logs, Secrets Manager and IAM.
//!
//! A role gets the statements of a function as they would be on AWS. Somebody assumes it and tries.

use crate::{
    policy::{Policies, Request},
    template::Template,
};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_sdk_iam::types::Tag as RoleTag;
use aws_sdk_secretsmanager::types::Tag as SecretTag;
use end_to_end::{Service, Stage, requests::unique, signing::Sender};
use http::Request as HttpRequest;
use serde_json::{Value, json};
use std::collections::HashMap;

const STACK: &str = "prefect-environments:stack";

#[tokio::test]
async fn log_groups() {
    let stage = Stage::set().await;
    let actor =
        Actor::with(&stage, "ClusterRole", &["CreateLogGroups", "LookAtLogGroups", "ChangeAndDeleteLogGroups"]).await;
    let logs = aws_sdk_cloudwatchlogs::Client::new(&actor.config);
    let ours = Service::under_test().stack.clone();
    for (path, tag) in [
        ("/ecs/", Some(ours.as_str())),
        ("/ecs/", Some("another-stack")),
        ("/ecs/", None),
        ("/other/", Some(ours.as_str())),
    ] {
        let name = format!("{path}{}", unique("judged"));
        let resource = Service::under_test().arn("logs", &format!("log-group:{name}"));
        let tags = tag.map(|tag| HashMap::from([(STACK.to_owned(), tag.to_owned())]));

        let create = logs.create_log_group().log_group_name(&name).set_tags(tags.clone()).send().await;
        let request = with_tag(Request::of("logs:CreateLogGroup", &resource), "aws:RequestTag", tag);
        actor.agrees(&request, create.map(drop).map_err(aws_sdk_cloudwatchlogs::Error::from));

        // Somebody else makes it where the role may not, so that there is something to change and delete.
        drop(stage.cloud.logs.create_log_group().log_group_name(&name).set_tags(tags).send().await);
        let retention = logs.put_retention_policy().log_group_name(&name).retention_in_days(7).send().await;
        let request = with_tag(Request::of("logs:PutRetentionPolicy", &resource), "aws:ResourceTag", tag);
        actor.agrees(&request, retention.map(drop).map_err(aws_sdk_cloudwatchlogs::Error::from));
        let delete = logs.delete_log_group().log_group_name(&name).send().await;
        let request = with_tag(Request::of("logs:DeleteLogGroup", &resource), "aws:ResourceTag", tag);
        actor.agrees(&request, delete.map(drop).map_err(aws_sdk_cloudwatchlogs::Error::from));
        drop(stage.cloud.logs.delete_log_group().log_group_name(&name).send().await);
    }
    actor.leaves(&stage, 12).await;
}

#[tokio::test]
async fn secrets() {
    let stage = Stage::set().await;
    let actor = Actor::with(&stage, "IdentityRole", &["ChangeAndDeleteSecrets"]).await;
    let secrets = aws_sdk_secretsmanager::Client::new(&actor.config);
    let ours = Service::under_test().stack.clone();
    for (suffix, tag) in [
        ("-api-key", Some(ours.as_str())),
        ("-api-key", Some("another-stack")),
        ("-api-key", None),
        ("-password", Some(ours.as_str())),
    ] {
        let name = format!("{}{suffix}", unique("judged"));
        let tags = tag.map(|tag| vec![SecretTag::builder().key(STACK).value(tag).build()]);
        let create = stage.cloud.secrets.create_secret().name(&name).secret_string("s").set_tags(tags).send().await;
        let arn = create.expect("somebody makes a secret").arn.expect("it has an ARN");
        let delete = secrets.delete_secret().secret_id(&arn).force_delete_without_recovery(true).send().await;
        let request = with_tag(Request::of("secretsmanager:DeleteSecret", &arn), "aws:ResourceTag", tag);
        actor.agrees(&request, delete.map(drop).map_err(aws_sdk_secretsmanager::Error::from));
        drop(stage.cloud.secrets.delete_secret().secret_id(&arn).force_delete_without_recovery(true).send().await);
    }
    actor.leaves(&stage, 4).await;
}

/// The local cloud drops the path of a role and knows no boundary; it knows the tags.
#[tokio::test]
async fn tags_of_roles() {
    let stage = Stage::set().await;
    let actor = Actor::with(&stage, "IdentityRole", &["TagRolesAtBirth", "ChangeAndDeleteRoles"]).await;
    let iam = aws_sdk_iam::Client::new(&actor.config);
    let ours = Service::under_test().stack.clone();
    let tag = |value: &str| RoleTag::builder().key(STACK).value(value).build().expect("a tag");
    for there in [Some(ours.as_str()), Some("another-stack"), None] {
        for asked in [ours.as_str(), "another-stack"] {
            let name = unique("judged");
            let resource = Service::under_test().role_arn(&name);
            let create = stage.cloud.iam.create_role().role_name(&name).set_tags(there.map(|value| vec![tag(value)]));
            let create = create.assume_role_policy_document(trust().to_string()).send().await;
            create.expect("somebody makes a role");

            let tagging = iam.tag_role().role_name(&name).tags(tag(asked)).send().await;
            let request = with_tag(Request::of("iam:TagRole", &resource), "aws:RequestTag", Some(asked));
            let request = with_tag(request, "aws:ResourceTag", there);
            let now = if tagging.is_ok() { Some(asked) } else { there };
            actor.agrees(&request, tagging.map(drop).map_err(aws_sdk_iam::Error::from));

            let delete = iam.delete_role().role_name(&name).send().await;
            let request = with_tag(Request::of("iam:DeleteRole", &resource), "aws:ResourceTag", now);
            actor.agrees(&request, delete.map(drop).map_err(aws_sdk_iam::Error::from));
            drop(stage.cloud.iam.delete_role().role_name(&name).send().await);
        }
    }
    actor.leaves(&stage, 12).await;
}

/// Somebody who has assumed a role with statements of a function.
struct Actor {
    role: String,
    config: aws_config::SdkConfig,
    policies: Policies,
    verdicts: std::sync::atomic::AtomicUsize,
}

impl Actor {
    async fn with(stage: &Stage, role: &str, sids: &[&str]) -> Actor {
        let template = Template::processed("aws");
        let statements = &template.0["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
        let sid = |statement: &Value| statement["Sid"].as_str().unwrap_or_default().to_owned();
        let statements =
            statements.as_array().expect("statements").iter().filter(|one| sids.contains(&sid(one).as_str()));
        let mut statements: Vec<Value> = statements.cloned().collect();
        assert_eq!(statements.len(), sids.len(), "{sids:?} are statements of {role}");
        for statement in &mut statements {
            // The path: see above.
            let text = statement["Resource"].to_string().replace(&crate::lives::place().role_path, "/");
            statement["Resource"] = serde_json::from_str(&text).expect("as it was");
        }
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        let mut policies = Policies::default();
        policies.add(&document).expect("known statements");

        let (name, iam) = (unique("actor"), &stage.cloud.iam);
        let create = iam.create_role().role_name(&name).assume_role_policy_document(trust().to_string());
        create.send().await.expect("make a role");
        let put = iam.put_role_policy().role_name(&name).policy_name("judged").policy_document(document.to_string());
        put.send().await.expect("give it the statements");
        let service = Service::under_test();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(&service.endpoint)
            .region(Region::new(service.region.clone()))
            .credentials_provider(assume(&name).await)
            .load()
            .await;
        Actor { role: name, config, policies, verdicts: Default::default() }
    }

    /// Fails unless the local cloud has decided as the evaluator does.
    #[track_caller]
    fn agrees<E: std::fmt::Debug>(&self, request: &Request, outcome: Result<(), E>) {
        self.verdicts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let refused = match &outcome {
            Ok(()) => false,
            Err(error) => {
                let words = format!("{error:?}");
                assert!(words.contains("AccessDenied"), "{request}: another refusal: {words}");
                true
            }
        };
        assert_eq!(self.policies.allows(request).is_none(), refused, "{request}: the local cloud said {outcome:?}");
    }

    async fn leaves(self, stage: &Stage, verdicts: usize) {
        assert_eq!(self.verdicts.into_inner(), verdicts, "so many were compared");
        let iam = &stage.cloud.iam;
        iam.delete_role_policy().role_name(&self.role).policy_name("judged").send().await.expect("delete the policy");
        iam.delete_role().role_name(&self.role).send().await.expect("delete the role");
    }
}

fn trust() -> Value {
    let anybody = json!({"AWS": format!("arn:aws:iam::{}:root", Service::under_test().account())});
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": anybody, "Action": "sts:AssumeRole"}]})
}

async fn assume(role: &str) -> Credentials {
    let service = Service::under_test();
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("Action", "AssumeRole")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", &service.role_arn(role))
        .append_pair("RoleSessionName", "judged")
        .finish();
    let request = HttpRequest::post(&service.endpoint).header("content-type", "application/x-www-form-urlencoded");
    let reply = Sender::default().send_signed("sts", request.body(form.into_bytes()).expect("a request")).await;
    assert_eq!(reply.status, 200, "assume {role}: {}", reply.text);
    let part = |name: &str| {
        let rest = reply.text.split(&format!("<{name}>")).nth(1).expect("a part of the credentials");
        rest.split("</").next().unwrap_or_default().to_owned()
    };
    Credentials::new(part("AccessKeyId"), part("SecretAccessKey"), Some(part("SessionToken")), None, "tests")
}

fn with_tag(request: Request, kind: &str, tag: Option<&str>) -> Request {
    match tag {
        Some(tag) => request.with(&format!("{kind}/{STACK}"), tag),
        None => request,
    }
}
