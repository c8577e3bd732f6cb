//! A hostile member of one team, who knows everything about another team's environment: its id, name, pool, secret,
//! idempotency key and page tokens. Every route is tried with each; the environment notices nothing, and no answer
//! tells more than the same request about something that does not exist.

use crate::{ids, own_request, request_for};
use end_to_end::{
    Answer, Environment, Service, Stage, Team,
    api::text,
    requests::{ACCOUNT, WORKSPACE, unique},
};
use futures::join;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The victim's environment, and the one who is after it.
struct Plot {
    stage: Stage,
    victim: Team,
    hostile: Team,
    target: Environment,
    /// The idempotency key and the body that the victim's request had.
    key: String,
    body: Value,
    records: BTreeMap<String, String>,
}

impl Plot {
    async fn is_set() -> Plot {
        let stage = Stage::set().await;
        let (victim, hostile) = join!(Team::with(&stage, "ada"), Team::with(&stage, "eve"));
        let key = unique("key");
        let body = own_request(&unique("target"));
        let id = Environment(victim.api.create_with_key(&body, &key).await.expect(202)).id().to_owned();
        let target = victim.api.at_rest(&id).await.must_be("ACTIVE");
        let records = stage.table.partition(&id).await;
        Plot { stage, victim, hostile, target, key, body, records }
    }

    /// Nothing has happened to the target, and no answer has told of it. Then it is taken down by its owner.
    async fn has_failed(self, answers: &[Answer]) {
        let Plot { stage, victim, hostile, target, records, .. } = self;
        let secrets = [target.id(), text(&target.outputs()["vpc_id"]), &victim.name];
        for answer in answers {
            let told = format!("{:?} {}", answer.headers, answer.text);
            let leak = secrets.iter().find(|secret| told.contains(**secret));
            assert_eq!(leak, None, "an answer tells of the other team's environment: {answer:?}");
        }
        assert_eq!(victim.api.read(target.id()).await, target, "the environment is as it was");
        assert_eq!(stage.table.partition(target.id()).await, records, "and so is every record of it");
        let own = hostile.api.get("/environments?page_size=100").await.expect(200);
        assert_eq!(ids(&own), [""; 0], "nothing was made: {own}");
        assert_eq!(stage.table.counted(&hostile.name).await, (0, 0), "nothing was counted");
        victim.api.delete(target.id()).await.expect(202);
        victim.api.at_rest(target.id()).await.must_be("DELETED");
        join!(victim.dissolve(&stage), hostile.dissolve(&stage));
    }
}

#[tokio::test]
async fn every_route_answers_for_a_foreign_id_as_for_one_that_does_not_exist() {
    let plot = Plot::is_set().await;
    let (id, made_up) = (plot.target.id().to_owned(), "env-01k00000000000000000000000");
    let mut answers = Vec::new();
    let methods = [Method::GET, Method::DELETE, Method::HEAD, Method::PUT, Method::PATCH, Method::POST];
    let forms = [
        "/environments/{}",
        "/environments/{}/",
        "/environments/{}/operations",
        "/environments/{}/drift",
        "/environments/{}/template",
        "/environments/{}?team={team}",
    ];
    let headers: [&[(&str, &str)]; 2] = [&[], &[("idempotency-key", &plot.key)]];
    for method in methods {
        for form in forms.map(|form| form.replace("{team}", &plot.victim.name)) {
            for headers in headers {
                let api = &plot.hostile.api;
                let (to_foreign, to_absent) = (form.replace("{}", &id), form.replace("{}", made_up));
                let foreign = api.send(method.clone(), &to_foreign, headers, "").await;
                let absent = api.send(method.clone(), &to_absent, headers, "").await;
                // What is wrong with the request itself is said first, and to everybody.
                assert!([400, 404, 405, 415].contains(&foreign.status), "{method} {form}: {foreign:?}");
                assert_eq!(said(&foreign), said(&absent), "{method} {form}: the two can be told apart");
                answers.push(foreign);
            }
        }
    }
    let patch = async |id: &str| {
        let headers = [("content-type", "application/merge-patch+json")];
        let path = format!("/environments/{id}");
        plot.hostile.api.send(Method::PATCH, &path, &headers, r#"{"worker": {"cpu": 1024, "memory": 2048}}"#).await
    };
    let (foreign, absent) = (patch(&id).await, patch(made_up).await);
    foreign.problem(404, "NOT_FOUND");
    assert_eq!(said(&foreign), said(&absent), "a good PATCH: the two can be told apart");
    answers.push(foreign);
    for disguise in
        [id.to_uppercase(), id.replace("env-", "ENV-"), id.replace('-', "%2D"), format!("%20{id}"), format!("./{id}")]
    {
        let answer = plot.hostile.api.get(&format!("/environments/{disguise}")).await;
        assert!([400, 403, 404].contains(&answer.status), "{disguise}: {answer:?}");
        answers.push(answer);
    }
    plot.has_failed(&answers).await;
}

#[tokio::test]
async fn no_list_shows_a_foreign_environment() {
    let plot = Plot::is_set().await;
    let (victims, api) = (&plot.victim.name, &plot.hostile.api);
    let mut answers = Vec::new();
    for status in ["PENDING", "CREATING", "ACTIVE", "DELETING", "DELETED", "FAILED", "DELETE_FAILED"] {
        let answer = api.get(&format!("/environments?status={status}&page_size=100")).await;
        assert_eq!(ids(&answer.expect(200)), [""; 0], "{status}: {answer:?}");
        answers.push(answer);
    }
    for filter in [format!("team={victims}"), format!("team={victims}&status=ACTIVE&page_size=100")] {
        let answer = api.get(&format!("/environments?{filter}")).await;
        answer.problem(403, "TEAM_NOT_YOURS");
        answers.push(answer);
    }
    // The index's own key of that team, a second value, an empty one, another name for it.
    let sly = ["team={}%23LIVE", "team={}%23ENDED", "team={own}&team={}", "team=", "teams={}", "team[]={}"];
    for filter in sly.map(|form| form.replace("{own}", &plot.hostile.name).replace("{}", victims)) {
        let answer = api.get(&format!("/environments?{filter}")).await;
        answer.problem(400, "INVALID_QUERY");
        answers.push(answer);
    }

    // Tokens of the victim's list and of an administrator's are for those lists only.
    let second = Environment(plot.victim.api.create(&own_request(&unique("second"))).await.expect(202)).id().to_owned();
    let of_victim = plot.victim.api.get("/environments?page_size=1").await.expect(200);
    let of_all = plot.stage.api.get("/environments?page_size=1").await.expect(200);
    for page in [&of_victim, &of_all] {
        let token = text(&page["next_page_token"]);
        assert!(!token.is_empty(), "there is a second page: {page}");
        let answer = api.get(&format!("/environments?page_token={token}")).await;
        answer.problem(400, "INVALID_QUERY");
        answers.push(answer);
    }
    plot.victim.api.delete(&second).await.expect(202);
    plot.victim.api.at_rest(&second).await.must_be("DELETED");
    plot.has_failed(&answers).await;
}

#[tokio::test]
async fn nothing_is_made_in_the_name_of_another_team() {
    let plot = Plot::is_set().await;
    let api = &plot.hostile.api;
    let mut answers = Vec::new();
    let name = unique("forged");
    let forged = request_for(&plot.victim.name, &name);
    let keys: [&[(&str, &str)]; 2] = [&[], &[("idempotency-key", &plot.key)]];
    for headers in keys {
        let answer = api.send(Method::POST, "/environments", headers, forged.to_string()).await;
        assert_eq!(answer.violations(), ["/team TEAM_NOT_YOURS"], "{}", answer.text);
        answers.push(answer);
    }
    let mut tagged = own_request(&name);
    tagged["tags"] = json!({"prefect-environments:team": plot.victim.name});
    let answer = api.create(&tagged).await;
    assert_eq!(answer.violations(), ["/tags/prefect-environments:team NOT_ALLOWED"], "{}", answer.text);
    plot.has_failed(&answers).await;
}

/// A name and a pool that are taken are refused, without a word about by whom.
#[tokio::test]
async fn what_another_team_holds_is_taken_and_nothing_more_is_said() {
    let plot = Plot::is_set().await;
    let api = &plot.hostile.api;
    let pool = &plot.body["prefect"]["work_pool"];
    let mut same_pool = own_request(&unique("other"));
    same_pool["prefect"]["work_pool"] = pool.clone();

    let name = api.create(&plot.body).await;
    assert_eq!(name.problem(409, "NAME_TAKEN")["environment_id"], Value::Null, "{}", name.text);
    let pool = api.create(&same_pool).await;
    assert_eq!(pool.problem(409, "WORK_POOL_IN_USE")["environment_id"], Value::Null, "{}", pool.text);
    // The victim's own request, word by word and with its key: the key is another one in another team.
    let replayed = api.create_with_key(&plot.body, &plot.key).await;
    assert_eq!(replayed.problem(409, "NAME_TAKEN")["environment_id"], Value::Null, "{}", replayed.text);
    assert_eq!(replayed.header("idempotency-replayed"), "");

    let own = plot.victim.api.create(&plot.body).await;
    assert_eq!(own.problem(409, "NAME_TAKEN")["environment_id"], plot.target.id(), "its own team is told");
    plot.has_failed(&[name, pool, replayed]).await;
}

#[tokio::test]
async fn another_teams_secret_is_refused_like_one_that_does_not_exist() {
    let plot = Plot::is_set().await;
    let of_environment = text(&plot.target.outputs()["secret_arn"]).to_owned();
    assert!(!of_environment.is_empty(), "the outputs have the secret: {}", plot.target.outputs());
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key("prefect-environments:team").value(&plot.victim.name);
    let create = plot.stage.cloud.secrets.create_secret().name(unique("of-victim")).secret_string("pnu_x");
    let shared = create.tags(tag.build()).send().await.expect("a secret").arn.expect("an ARN");
    let absent = Service::under_test().arn("secretsmanager", "secret:absent-a1b2c3");
    let with = |arn: &str| {
        let mut body = own_request(&unique("thief"));
        body["prefect"] = json!({"account_id": ACCOUNT, "workspace_id": WORKSPACE, "api_key_secret_arn": arn});
        body["worker"] = json!({"secrets": {"TOKEN": arn}});
        body
    };
    let refused = plot.hostile.api.create(&with(&absent)).await;
    let mut answers = Vec::new();
    for arn in [&of_environment, &shared] {
        let answer = plot.hostile.api.create(&with(arn)).await;
        answer.problem(422, "SECRET_NOT_SHARED");
        assert_eq!(said(&answer), said(&refused), "the two can be told apart");
        answers.push(answer);
    }
    plot.stage.cloud.secrets.delete_secret().secret_id(&shared).send().await.expect("remove the secret");
    plot.has_failed(&answers).await;
}

/// What an answer says, but for what differs from request to request.
fn said(answer: &Answer) -> (u16, String) {
    let mut body: Value = serde_json::from_str(&answer.text).unwrap_or(Value::Null);
    if let Some(problem) = body.as_object_mut() {
        problem.remove("request_id");
    }
    (answer.status, body.to_string())
}
