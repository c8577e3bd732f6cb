//! Export: the environment as a CloudFormation template, which makes the same things.

use end_to_end::{
    Inventory, Marks, Service, Stage,
    api::text,
    requests::{request, unique},
    signing::Sender,
    waiting::until,
};
use http::Request;
use regex_lite::Regex;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

/// Without NAT: the local cloud's CloudFormation knows neither NAT gateways nor addresses.
#[tokio::test]
async fn what_is_deployed_from_the_template_is_what_was_exported() {
    let stage = Stage::set().await;
    let name = unique("export");
    let mut body = request(&name);
    body["network"] = json!({"nat": "none"});
    let environment = stage.create(&body).await;
    let path = format!("/environments/{}/template", environment.id());
    let template = stage.api.get(&path).await.expect(200);
    let ours = shape(&stage.inventory_of(&environment.marks()).await, &name);
    let key = format!("pnu_of_{name}");
    assert!(!template.to_string().contains(&key), "the key is in nothing that is exported");
    stage.delete(environment.id()).await;
    assert_eq!(stage.api.get(&path).await.expect(200), template, "a deleted one can still be exported");

    let stack = format!("{name}-by-hand");
    let parameters = [
        ("StackName", stack.as_str()),
        ("TemplateBody", &template.to_string()),
        ("Parameters.member.1.ParameterKey", "PrefectCredential"),
        ("Parameters.member.1.ParameterValue", &key),
        ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
    ];
    cloud_formation("CreateStack", &parameters).await;
    settled(&stack, "CREATE_COMPLETE").await;
    let resources = cloud_formation("DescribeStackResources", &[("StackName", &stack)]).await;
    let made = resources.matches("<LogicalResourceId>").count();
    assert_eq!(made, template["Resources"].as_object().map_or(0, |all| all.len()), "{resources}");
    let vpc = Regex::new("vpc-[0-9a-f]+").expect("a pattern");
    let vpc = vpc.find(&resources).expect("a VPC").as_str().to_owned();

    let theirs = Inventory::take(&stage.cloud).await.of(&Marks { name: name.clone(), id: String::new(), vpc });
    assert_eq!(shape(&theirs, &name), ours);
    let secret = stage.cloud.secrets.get_secret_value().secret_id(format!("{name}-api-key")).send().await;
    assert_eq!(secret.expect("the secret").secret_string(), Some(key.as_str()), "it has what the parameter brought");

    cloud_formation("DeleteStack", &[("StackName", &stack)]).await;
    until(&format!("{stack} is gone"), || async {
        let answer = call("DescribeStacks", &[("StackName", &stack)]).await;
        if answer.contains("DELETE_COMPLETE") || answer.contains("does not exist") { Ok(()) } else { Err(answer) }
    })
    .await;
}

async fn settled(stack: &str, status: &str) {
    until(&format!("{stack} is {status}"), || async {
        let answer = cloud_formation("DescribeStacks", &[("StackName", stack)]).await;
        assert!(
            !answer.contains("ROLLBACK") && !answer.contains("FAILED"),
            "the template cannot be deployed: {answer}"
        );
        if answer.contains(status) { Ok(()) } else { Err(answer) }
    })
    .await;
}

async fn cloud_formation(action: &str, parameters: &[(&str, &str)]) -> String {
    let answer = call(action, parameters).await;
    assert!(!answer.contains("<Error>"), "{action}: {answer}");
    answer
}

async fn call(action: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", "2010-05-15").extend_pairs(parameters);
    let request = Request::post(format!("{}/", Service::under_test().endpoint))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.finish().into_bytes())
        .expect("a request");
    Sender::default().send_signed("cloudformation", request).await.text
}

/// What is there, without ids, tags (the template leaves this service's own out), what AWS numbers, and the tasks of a
/// service that may not run yet. The local cloud's CloudFormation writes blanks into policies, and answers a secret's
/// name where AWS answers its ARN (`Ref` of `AWS::SecretsManager::Secret`).
fn shape(inventory: &Inventory, name: &str) -> Vec<String> {
    let secret = Regex::new("arn(:|%3A)aws(:|%3A)secretsmanager[^ ]*?secret(:|%3A)<name>-api-key-[0-9A-Za-z]+");
    let secret = secret.expect("a pattern");
    let ids = Regex::new(r"\b(vpc|subnet|igw|rtb|rtbassoc|sg|ns|eni)-[0-9a-z]{8,}\b").expect("a pattern");
    let numbers = Regex::new(r"(-worker-task:|-api-key-|task/[a-z0-9-]+/)[0-9A-Za-z]+").expect("a pattern");
    let mut lines: Vec<String> = inventory
        .lines()
        .iter()
        .map(|line| line.split(" tags=").next().unwrap_or_default().replace(name, "<name>"))
        .filter(|line| !line.starts_with("task ") && !line.starts_with("network-interface "))
        .map(|line| secret.replace_all(&line.replace("%20", ""), "<name>-api-key").into_owned())
        .map(|line| ids.replace_all(&line, "<$1>").into_owned())
        .map(|line| numbers.replace_all(&line, "$1<n>").into_owned())
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn the_template_says_what_it_is_and_what_it_leaves_out() {
    let stage = Stage::set().await;
    let name = unique("says");
    let environment = stage.create(&request(&name)).await;
    let template = stage.api.get(&format!("/environments/{}/template", environment.id())).await.expect(200);
    assert_eq!(template["Metadata"]["PrefectEnvironment"]["Name"], name.as_str(), "{template:#}");
    assert!(text(&template["Metadata"]["PrefectEnvironment"]["LeftOut"][0]).contains("work pool"), "{template:#}");
    let types = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
    let resources = template["Resources"].as_object().expect("resources");
    let mut exported: Vec<String> = resources.values().map(|resource| types(resource, "Type")).collect();
    let mut made: Vec<String> = environment.resources().iter().map(|resource| types(resource, "type")).collect();
    made.retain(|kind| kind.starts_with("AWS::"));
    // A queue's policy, which is part of the queue here.
    exported.retain(|kind| kind != "AWS::SQS::QueuePolicy");
    exported.sort();
    made.sort();
    assert_eq!(exported, made, "everything that is AWS's");
    stage.delete(environment.id()).await;
    stage.api.get("/environments/env-00000000000000000000000000/template").await.problem(404, "NOT_FOUND");
}
