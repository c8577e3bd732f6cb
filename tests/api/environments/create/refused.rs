//! Requests that are refused: every violation at once, each with its place, and nothing is made.

use end_to_end::{
    Answer, Marks, Service, Stage,
    api::list,
    requests::{ACCOUNT, WORKSPACE, request, unique},
};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn every_violation_of_a_request_is_reported_at_once() {
    let stage = Stage::set().await;
    let name = unique("broken");
    let body = json!({
        "name": name,
        "team": "not a team",
        "colour": "red",
        "prefect": {"account_id": "not-a-uuid", "api_key": 5, "work_pool": "Prefect-pool"},
        "network": {
            "vpc_cidr": "10.0.0.0/16",
            "public_subnets": ["10.0.1.0/24", "10.0.1.128/25", "10.9.0.0/24"],
            "private_subnets": ["10.0.4.0/24", "10.0.5.1/24"],
            "nat": "sometimes",
            "gateway": true,
        },
        "worker": {
            "name": "a worker",
            "image": "with blanks",
            "cpu": 512,
            "memory": 512,
            "desired_count": 101,
            "command": "prefect worker start",
            "environment": {"PREFECT_API_URL": "x", "AWS_REGION": "x", "9LIVES": "x", "A/B": "x", "BOTH": "x"},
            "secrets": {"BOTH": "arn:aws:secretsmanager:eu-west-1:999999999999:secret:other-AbC123", "PREFECT_API_KEY": "x"},
            "capacity": "EC2",
        },
        "flows": {"policy_arns": ["arn:aws:iam::aws:policy/AdministratorAccess"]},
        "log_retention_days": 31,
        "tags": {"aws:owner": "x", "prefect-environments:id": "x", "Name": "x", "fine": "x"},
    });
    let answer = stage.api.create(&body).await;
    let mut wanted = vec![
        "/colour UNKNOWN_FIELD",
        "/flows/policy_arns/0 NOT_ALLOWED",
        "/log_retention_days NOT_ALLOWED",
        "/network/gateway UNKNOWN_FIELD",
        "/network/nat INVALID",
        "/network/private_subnets CONFLICT",
        "/network/private_subnets/1 INVALID",
        "/network/public_subnets/1 OVERLAP",
        "/network/public_subnets/2 CONFLICT",
        "/prefect/account_id INVALID",
        "/prefect/api_key WRONG_TYPE",
        "/prefect/work_pool NOT_ALLOWED",
        "/prefect/workspace_id REQUIRED",
        "/tags/Name NOT_ALLOWED",
        "/tags/aws:owner NOT_ALLOWED",
        "/tags/prefect-environments:id NOT_ALLOWED",
        "/team INVALID",
        "/worker/capacity INVALID",
        "/worker/command WRONG_TYPE",
        "/worker/desired_count OUT_OF_RANGE",
        "/worker/environment/9LIVES INVALID",
        "/worker/environment/A~1B INVALID",
        "/worker/environment/AWS_REGION NOT_ALLOWED",
        "/worker/environment/PREFECT_API_URL NOT_ALLOWED",
        "/worker/image INVALID",
        "/worker/memory NOT_ALLOWED",
        "/worker/name INVALID",
        "/worker/secrets/BOTH CONFLICT",
        "/worker/secrets/BOTH SECRET_NOT_SHARED",
        "/worker/secrets/PREFECT_API_KEY INVALID",
        "/worker/secrets/PREFECT_API_KEY NOT_ALLOWED",
    ];
    wanted.sort_unstable();
    assert_eq!(answer.violations(), wanted, "{}", answer.text);
    made_nothing(&stage, &name).await;
}

/// One mistake in a request that is right otherwise.
#[tokio::test]
async fn each_rule_is_told_by_its_own_violation() {
    let stage = Stage::set().await;
    let name = unique("mistake");
    let url = "https://api.prefect.cloud/api";
    let own_secret = Service::under_test().arn("secretsmanager", "secret:unknown-a1b2c3");
    let cases: Vec<(&str, Value, &[&str])> = vec![
        ("/name", json!("x"), &["/name OUT_OF_RANGE"]),
        ("/name", json!("Upper"), &["/name INVALID"]),
        ("/name", json!("a--b"), &["/name INVALID"]),
        ("/name", json!("a-name-of-more-than-twenty-four"), &["/name OUT_OF_RANGE"]),
        ("/name", Value::Null, &["/name REQUIRED"]),
        ("/team", Value::Null, &["/team REQUIRED"]),
        ("/prefect", Value::Null, &["/prefect REQUIRED"]),
        ("/prefect/api_key", Value::Null, &["/prefect/api_key REQUIRED"]),
        ("/prefect/api_key_secret_arn", json!(own_secret), &["/prefect/api_key_secret_arn CONFLICT"]),
        ("/prefect/auth_string", json!("user:password"), &["/prefect/auth_string NOT_ALLOWED"]),
        ("/prefect", json!({"api_url": url, "api_key": "k"}), &["/prefect/api_url INVALID"]),
        ("/prefect", json!({"api_url": "ftp://example.com/api"}), &["/prefect/api_url NOT_ALLOWED"]),
        ("/prefect", json!({"api_url": "https://user@example.com/api"}), &["/prefect/api_url NOT_ALLOWED"]),
        ("/prefect", json!({"api_url": "https://169.254.169.254/api"}), &["/prefect/api_url NOT_ALLOWED"]),
        (
            "/prefect",
            json!({"api_url": "https://prefect.example.com/api", "account_id": ACCOUNT, "api_key": "k"}),
            &["/prefect/account_id CONFLICT"],
        ),
        ("/network", json!({"mode": "existing"}), &["/network/mode NOT_AVAILABLE"]),
        ("/network", json!({"vpc_cidr": "10.0.0.0/8"}), &["/network/vpc_cidr OUT_OF_RANGE"]),
        ("/network", json!({"vpc_cidr": "10.0.0.1/16"}), &["/network/vpc_cidr INVALID"]),
        ("/worker", json!({"cpu": 300}), &["/worker/cpu NOT_ALLOWED"]),
        ("/worker", json!({"cpu": 1024}), &["/worker/memory NOT_ALLOWED"]),
        ("/worker", json!({"cpu": 4096, "memory": 4096}), &["/worker/memory NOT_ALLOWED"]),
    ];
    for (pointer, value, wanted) in cases {
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        let mut body = request(&name);
        body.pointer_mut(parent).expect("the parent is there")[field] = value.clone();
        let answer = stage.api.create(&body).await;
        assert_eq!(answer.violations(), wanted, "{pointer} = {value}: {}", answer.text);
    }
    made_nothing(&stage, &name).await;
}

#[tokio::test]
async fn a_secret_that_is_not_the_teams_is_not_used() {
    let stage = Stage::set().await;
    let name = unique("borrowed");
    let secret = |team: Option<&'static str>| {
        let create = stage.cloud.secrets.create_secret().name(unique("a-key")).secret_string("pnu_of_a_team");
        let tag = team.map(|team| {
            aws_sdk_secretsmanager::types::Tag::builder().key("prefect-environments:team").value(team).build()
        });
        async move { create.set_tags(tag.map(|tag| vec![tag])).send().await.expect("a secret").arn.expect("an ARN") }
    };
    let (untagged, of_others) = (secret(None).await, secret(Some("finance")).await);
    let absent = Service::under_test().arn("secretsmanager", "secret:absent-a1b2c3");
    for arn in [&untagged, &of_others, &absent] {
        let mut body = request(&name);
        body["prefect"] = json!({"account_id": ACCOUNT, "workspace_id": WORKSPACE, "api_key_secret_arn": arn});
        body["worker"] = json!({"secrets": {"TOKEN": arn}});
        let answer = stage.api.create(&body).await;
        let wanted = ["/prefect/api_key_secret_arn SECRET_NOT_SHARED", "/worker/secrets/TOKEN SECRET_NOT_SHARED"];
        assert_eq!(answer.violations_of("SECRET_NOT_SHARED"), wanted, "{}", answer.text);
    }
    made_nothing(&stage, &name).await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let stage = Stage::set().await;
    let name = unique("garbled");
    let body = request(&name).to_string();
    for garbled in [body.trim_end_matches('}'), "", "name=prefect", "\u{feff}{}", "{\"name\": \"x\",}"] {
        post(&stage, "application/json", garbled).await.problem(400, "MALFORMED_JSON");
    }
    post(&stage, "application/json", [0xff_u8, 0xfe].as_slice()).await.problem(400, "MALFORMED_JSON");
    for not_an_object in ["[]", "null", "\"prefect\"", "7"] {
        let answer = post(&stage, "application/json", not_an_object).await;
        assert_eq!(answer.violations(), [" WRONG_TYPE"], "{not_an_object}: {}", answer.text);
    }
    made_nothing(&stage, &name).await;
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    let stage = Stage::set().await;
    let name = unique("media");
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "nonsense"] {
        post(&stage, media_type, request(&name).to_string()).await.problem(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    made_nothing(&stage, &name).await;
}

#[tokio::test]
async fn a_body_of_more_than_64_kib_is_refused() {
    let stage = Stage::set().await;
    let name = unique("large");
    let mut body = request(&name);
    body["worker"] = json!({"environment": {"PADDING": "x".repeat(64 * 1024)}});
    stage.api.create(&body).await.problem(413, "BODY_TOO_LARGE");
    made_nothing(&stage, &name).await;
}

#[tokio::test]
async fn an_idempotency_key_that_is_none_is_refused() {
    let stage = Stage::set().await;
    let name = unique("keyless");
    for key in ["", "with blank", &"x".repeat(256), "\"unclosed"] {
        stage.api.create_with_key(&request(&name), key).await.problem(400, "INVALID_IDEMPOTENCY_KEY");
    }
    made_nothing(&stage, &name).await;
}

async fn post(stage: &Stage, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    stage.api.send(Method::POST, "/environments", &[("content-type", media_type)], body).await
}

/// Neither a record nor anything in AWS, the secret least of all.
async fn made_nothing(stage: &Stage, name: &str) {
    stage.inventory_of(&Marks::name(name)).await.must_be_empty("after refused requests");
    let all = stage.api.get("/environments?page_size=100").await.expect(200);
    assert!(list(&all["items"]).iter().all(|one| one["name"] != name), "a refused request was recorded: {all}");
    let items = stage.table.everything().await;
    let mentions = items.iter().find(|item| end_to_end::table::written(item).contains(name));
    assert!(mentions.is_none(), "a refused request left an item: {mentions:?}");
}
