//! Who may call at all.

use crate::own_request;
use aws_credential_types::Credentials;
use end_to_end::{Api, Role, Service, Stage, Team, api::Answer, requests::unique, roles::may_call, signing::Sender};
use http::{Method, Request};

/// Every route that needs a signature, and one that does not exist.
const ROUTES: [(Method, &str); 6] = [
    (Method::GET, "/environments"),
    (Method::POST, "/environments"),
    (Method::GET, "/environments/env-01k00000000000000000000000"),
    (Method::DELETE, "/environments/env-01k00000000000000000000000"),
    (Method::PATCH, "/environments/env-01k00000000000000000000000"),
    (Method::GET, "/nothing"),
];

#[tokio::test]
async fn who_does_not_sign_gets_nowhere_but_to_health() {
    let stage = Stage::set().await;
    for (method, path) in ROUTES {
        let answer = stage.api.send_unsigned(method.clone(), path, "{}").await;
        assert_eq!(answer.status, 403, "{method} {path} without a signature: {answer:?}");
    }
    assert_eq!(stage.api.send_unsigned(Method::GET, "/health", "").await.status, 200);
}

#[tokio::test]
async fn who_signs_wrongly_gets_nowhere() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let key = team.role.assumed_as("ada").await;
    let token = key.session_token().map(str::to_owned);
    let key_of = |id: &str, secret: &str, token| Credentials::new(id, secret, token, None, "tests");
    let id = key.access_key_id();
    let wrong = [
        ("another secret", key_of(id, "wrong", token.clone())),
        ("a key that nobody has", key_of("AKIANOBODYHASTHISKEY", "wrong", None)),
        ("a session's key without its token", key_of(id, key.secret_access_key(), None)),
        ("a session's key with another token", key_of(id, key.secret_access_key(), Some("token".to_owned()))),
    ];
    for (what, credentials) in wrong {
        let api = Api::of(credentials);
        for (method, path) in ROUTES {
            let answer = api.send(method.clone(), path, &[], "{}").await;
            assert_eq!(answer.status, 403, "{method} {path} with {what}: {answer:?}");
        }
    }
    team.dissolve(&stage).await;
}

/// A signature is for one request: it opens no other.
#[tokio::test]
async fn a_signature_that_was_made_for_another_request_is_refused() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let sender = Sender::of(team.role.assumed_as("ada").await);
    let address = |path: &str| format!("{}{path}", Service::under_test().api_url);
    let signed = || {
        let mut request = Request::get(address("/environments")).body(Vec::new()).expect("a request");
        sender.sign("execute-api", &mut request);
        request
    };
    assert_eq!(sender.send(signed()).await.status, 200, "as it was signed");
    let mut other_method = signed();
    *other_method.method_mut() = Method::DELETE;
    let mut other_path = signed();
    *other_path.uri_mut() = address("/environments/env-01k00000000000000000000000").parse().expect("an address");
    let mut other_query = signed();
    *other_query.uri_mut() = address("/environments?page_size=100").parse().expect("an address");
    for (what, request) in [("method", other_method), ("path", other_path), ("query", other_query)] {
        let reply = sender.send(request).await;
        assert_eq!(reply.status, 403, "with another {what}: {reply:?}");
    }
    team.dissolve(&stage).await;
}

#[tokio::test]
async fn a_role_that_iam_does_not_let_call_gets_nowhere() {
    let stage = Stage::set().await;
    let role = Role::without_rights(&stage, &format!("team-{}", unique("of"))).await;
    let api = role.calls_as("ada").await;
    for (method, path) in ROUTES {
        assert_eq!(api.send(method.clone(), path, &[], "{}").await.status, 403, "{method} {path}");
    }
    role.remove(&stage).await;
}

/// IAM lets them call; the service knows no team of theirs.
#[tokio::test]
async fn who_is_of_no_team_is_refused_whatever_the_session_is_called() {
    let stage = Stage::set().await;
    let word = unique("no");
    for name in
        [format!("visitor-{word}"), format!("a-team-{word}"), format!("team-{word}.x"), format!("not-platform-{word}")]
    {
        let role = Role::that_may_call(&stage, &name).await;
        for session in ["ada", "root", "platform-ada", "team-data"] {
            let api = role.calls_as(session).await;
            api.get("/environments").await.problem(403, "FORBIDDEN");
            api.create(&own_request(&unique("x"))).await.problem(403, "FORBIDDEN");
        }
        role.remove(&stage).await;
    }
}

/// A user's name is not a role's: nobody gets a team by being called like one.
#[tokio::test]
async fn a_user_has_no_team_and_administers_only_by_the_pattern() {
    let stage = Stage::set().await;
    let word = unique("of");
    let plain = as_user(&stage, &format!("team-{word}"), |api| async move { api.get("/environments").await }).await;
    plain.problem(403, "FORBIDDEN");
    let one_page = |api: Api| async move { api.get("/environments?page_size=1").await };
    as_user(&stage, &format!("platform-{word}"), one_page).await.expect(200);
}

/// What a session is called makes nobody an administrator.
#[tokio::test]
async fn a_member_of_a_team_stays_one_under_any_session_name() {
    let stage = Stage::set().await;
    let team = Team::with(&stage, "ada").await;
    let data = stage.request(&end_to_end::requests::request(&unique("theirs"))).await;
    for session in ["root", "platform-ada", "team-data"] {
        let api = team.role.calls_as(session).await;
        let listed = api.get("/environments?page_size=100").await.expect(200);
        assert_eq!(crate::ids(&listed), [""; 0], "as {session}: {listed}");
        api.get(&format!("/environments/{data}")).await.problem(404, "NOT_FOUND");
    }
    stage.delete(&data).await;
    team.dissolve(&stage).await;
}

/// Lets an IAM user that may call the API call it.
async fn as_user<Call: Future<Output = Answer>>(stage: &Stage, name: &str, call: impl FnOnce(Api) -> Call) -> Answer {
    let iam = &stage.cloud.iam;
    iam.create_user().user_name(name).send().await.expect("make the user");
    let policy = iam.put_user_policy().user_name(name).policy_name("call-the-api").policy_document(may_call());
    policy.send().await.expect("give the user its right");
    let key = iam.create_access_key().user_name(name).send().await.expect("make a key").access_key.expect("a key");
    let credentials = Credentials::new(key.access_key_id(), key.secret_access_key(), None, None, "tests");
    let answer = call(Api::of(credentials)).await;
    let delete_key = iam.delete_access_key().user_name(name).access_key_id(key.access_key_id());
    delete_key.send().await.expect("remove the key");
    iam.delete_user_policy().user_name(name).policy_name("call-the-api").send().await.expect("remove the right");
    iam.delete_user().user_name(name).send().await.expect("remove the user");
    answer
}
