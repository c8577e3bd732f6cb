//! The section `prefect`: which server, with which credentials, and which work pool.
//!
//! No detail quotes a value: an `api_url` may carry a password, and the rest are credentials.

use super::{
    Credentials, Defaults, Reading,
    api_url::{self, Api},
    arns::{self, SecretArn},
    fields::{Field, Fields},
    violation::ViolationCode,
};
use crate::spec::{Credential, Prefect, Server, WorkerKey};
use secrecy::SecretString;
use uuid::Uuid;

/// The work pool of a request that names none.
const DEFAULT_WORK_POOL: &str = "ecs-work-pool";

/// The section, and the credentials that came with it.
pub(super) fn read(body: &mut Fields<'_>, here: &Defaults<'_>) -> Reading<(Prefect, Credentials)> {
    let mut fields = body.required("prefect")?.object()?;
    let given = Given {
        account_id: fields.get("account_id"),
        workspace_id: fields.get("workspace_id"),
        api_url: fields.get("api_url"),
        api_key: fields.get("api_key"),
        api_key_secret_arn: fields.get("api_key_secret_arn"),
        auth_string: fields.get("auth_string"),
        worker_api_key: fields.get("worker_api_key"),
    };
    let server = server(&fields, &given, here);
    let credential = credential(&fields, &given, server.as_ref(), here);
    let worker_key = given.worker_api_key.as_ref().map(|field| worker_key(field, server.as_ref()));
    let work_pool = match fields.get("work_pool") {
        Some(field) => work_pool(&field),
        None => Some(DEFAULT_WORK_POOL.to_owned()),
    };
    let adopt_pool = flag(&mut fields, "adopt_pool", false);
    let verify = flag(&mut fields, "verify", true);
    if let (Some(true), Some(false)) = (adopt_pool, verify) {
        let detail = "A pool can only be adopted where the server is reached. Leave verify out, or adopt_pool.";
        fields.refuse("adopt_pool", ViolationCode::Conflict, detail);
    }
    fields.finish();
    let (credential, secret) = credential?;
    let credentials = Credentials { prefect: secret, worker: worker_key.map_or(Some(None), |key| key.map(Some))? };
    let worker_key = credentials.worker.as_ref().map(|_| WorkerKey::default());
    let (server, work_pool) = (server?, work_pool?);
    let (adopt_pool, verify) = (adopt_pool?, verify?);
    Some((Prefect { server, credential, key_version: None, worker_key, work_pool, adopt_pool, verify }, credentials))
}

fn flag(fields: &mut Fields<'_>, name: &'static str, left_out: bool) -> Option<bool> {
    fields.get(name).map_or(Some(left_out), |field| field.choice_of_two())
}

struct Given<'a> {
    account_id: Option<Field<'a>>,
    workspace_id: Option<Field<'a>>,
    api_url: Option<Field<'a>>,
    api_key: Option<Field<'a>>,
    api_key_secret_arn: Option<Field<'a>>,
    auth_string: Option<Field<'a>>,
    worker_api_key: Option<Field<'a>>,
}

/// Prefect Cloud's account and workspace, or the server behind an `api_url`; not both.
fn server(fields: &Fields<'_>, given: &Given<'_>, here: &Defaults<'_>) -> Reading<Server> {
    let ids = [("account_id", &given.account_id), ("workspace_id", &given.workspace_id)];
    let Some(field) = &given.api_url else {
        let mut read = ids.into_iter().map(|(name, id)| match id {
            Some(field) => uuid(field),
            None => {
                let detail = "This must be given for Prefect Cloud; for a server of your own give api_url instead.";
                fields.refuse(name, ViolationCode::Required, detail);
                None
            }
        });
        // Both are read before the first mistake counts, so that both are reported.
        let (account_id, workspace_id) = (read.next().flatten(), read.next().flatten());
        return Some(Server::Cloud { account_id: account_id?, workspace_id: workspace_id? });
    };
    let mut contradicts = false;
    for id in ids.into_iter().filter_map(|(_, id)| id.as_ref()) {
        let detail = "Give either account_id and workspace_id, or api_url.";
        id.refuse(ViolationCode::Conflict, detail);
        contradicts = true;
    }
    let api = api_url::read(field, here.allow_local_api_url)?;
    if contradicts {
        return None;
    }
    Some(match api {
        Api::Cloud { account_id, workspace_id } => Server::Cloud { account_id, workspace_id },
        Api::SelfHosted(api_url) => Server::SelfHosted { api_url },
    })
}

/// The form with hyphens only: it is what Prefect Cloud shows and what its URLs carry.
pub(super) fn is_a_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

fn uuid(field: &Field<'_>) -> Option<Uuid> {
    let text = field.text_like(1..=64, is_a_uuid, "This must be a UUID, as in the URLs of Prefect Cloud.")?;
    Uuid::try_parse(text).ok()
}

/// Prefect Cloud takes exactly one of key and key's secret; a self-hosted server takes an auth string or nothing.
fn credential(
    fields: &Fields<'_>,
    given: &Given<'_>,
    server: Option<&Server>,
    here: &Defaults<'_>,
) -> Reading<(Credential, Option<SecretString>)> {
    // Everything that is given is read, so that its own mistakes are reported whatever else is wrong.
    let key = given.api_key.as_ref().map(api_key);
    let shared = given.api_key_secret_arn.as_ref().map(|field| secret_arn(field, here));
    let auth = given.auth_string.as_ref().map(auth_string);
    if key.is_some() && shared.is_some() {
        fields.refuse("api_key_secret_arn", ViolationCode::Conflict, "Give either api_key or api_key_secret_arn.");
        return None;
    }
    if server.is_none() && given.api_url.is_some() {
        // Which server was meant is not known, and so not which credential it takes.
        return None;
    }
    if let Some(Server::SelfHosted { .. }) = server {
        for field in [&given.api_key, &given.api_key_secret_arn].into_iter().flatten() {
            let detail = "A server of your own takes no API key. Its credential is auth_string.";
            field.refuse(ViolationCode::NotAllowed, detail);
        }
        return match auth {
            Some(auth) => Some((Credential::AuthString, Some(auth?))),
            None => Some((Credential::None, None)),
        };
    }
    if let Some(field) = &given.auth_string {
        field.refuse(
            ViolationCode::NotAllowed,
            "Prefect Cloud takes no auth_string. Give api_key or api_key_secret_arn.",
        );
    }
    match (key, shared) {
        (Some(key), _) => Some((Credential::ApiKey, Some(key?))),
        (None, Some(secret_arn)) => Some((Credential::SharedApiKey { secret_arn: secret_arn? }, None)),
        (None, None) => {
            let detail = "This must be given for Prefect Cloud, or api_key_secret_arn instead of it.";
            fields.refuse("api_key", ViolationCode::Required, detail);
            None
        }
    }
}

/// The second key may do less than the one that makes the pool. A server of one's own has one auth string for everything.
fn worker_key(field: &Field<'_>, server: Option<&Server>) -> Option<SecretString> {
    if let Some(Server::SelfHosted { .. }) = server {
        let detail = "A server of your own takes no API key. The worker's credential is auth_string, too.";
        field.refuse(ViolationCode::NotAllowed, detail);
        return None;
    }
    api_key(field)
}

/// It travels as a header's value: visible ASCII, and no line break that came along with the clipboard.
fn api_key(field: &Field<'_>) -> Option<SecretString> {
    let is_visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    field.text_like(1..=512, is_visible, "This must be visible ASCII without blanks.").map(SecretString::from)
}

fn auth_string(field: &Field<'_>) -> Option<SecretString> {
    let is_a_pair = |text: &str| {
        let pair = text.split_once(':').is_some_and(|(user, password)| !user.is_empty() && !password.is_empty());
        pair && !text.chars().any(char::is_control)
    };
    field.text_like(3..=1024, is_a_pair, "This must be user:password.").map(SecretString::from)
}

/// The ARN of a secret of this account and region. Whether the team may use it is for its tags to say.
pub(super) fn secret_arn(field: &Field<'_>, here: &Defaults<'_>) -> Option<String> {
    let text = field.text(1..=2048)?;
    match arns::secret(text, here) {
        SecretArn::Here => return Some(text.to_owned()),
        SecretArn::Elsewhere => {
            let detail = format!("The secret must lie in account {} and region {}.", here.account, here.region);
            field.refuse(ViolationCode::SecretNotShared, detail);
        }
        SecretArn::No => {
            let detail = "This must be the whole ARN of a secret, with the six characters at its end.";
            field.refuse(ViolationCode::Invalid, detail);
        }
    }
    None
}

/// Prefect refuses pools that begin with its own name, in any case. The worker names task definitions
/// after the pool, whose names take no other characters than these.
fn work_pool(field: &Field<'_>) -> Option<String> {
    let of_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let text = field.text_like(1..=200, of_name, "This must consist of letters, digits, underscores and hyphens.")?;
    if text.to_ascii_lowercase().starts_with("prefect") {
        field.refuse(ViolationCode::NotAllowed, "Prefect keeps names that begin with `prefect` for itself.");
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{accepted, codes_with, minimal};
    use super::*;
    use secrecy::ExposeSecret;
    use serde_json::{Value, json};

    const ACCOUNT: &str = "00000000-0000-0000-0000-000000000001";
    const WORKSPACE: &str = "00000000-0000-0000-0000-000000000002";

    fn body(prefect: Value) -> Value {
        let mut body = minimal();
        body["prefect"] = prefect;
        body
    }

    fn codes(prefect: Value) -> Vec<(String, ViolationCode)> {
        codes_with("/prefect", prefect)
    }

    #[test]
    fn a_cloud_workspace_takes_exactly_one_of_key_and_secret() {
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team-key-AbC123";
        let shared =
            accepted(&body(json!({"account_id": ACCOUNT, "workspace_id": WORKSPACE, "api_key_secret_arn": secret})));
        assert_eq!(shared.spec.prefect.credential, Credential::SharedApiKey { secret_arn: secret.into() });
        assert!(shared.credentials.is_empty());
        assert_eq!(
            codes(json!({"account_id": ACCOUNT, "workspace_id": WORKSPACE})),
            [("/prefect/api_key".into(), ViolationCode::Required)]
        );
        assert_eq!(
            codes(
                json!({"account_id": ACCOUNT, "workspace_id": WORKSPACE, "api_key": "k", "api_key_secret_arn": secret})
            ),
            [("/prefect/api_key_secret_arn".into(), ViolationCode::Conflict)]
        );
    }

    #[test]
    fn a_section_that_is_no_object_is_told_once() {
        assert_eq!(codes(json!("prefect")), [("/prefect".into(), ViolationCode::WrongType)]);
    }

    #[test]
    fn both_ids_are_asked_for_at_once() {
        assert_eq!(
            codes(json!({"api_key": "k"})),
            [
                ("/prefect/account_id".into(), ViolationCode::Required),
                ("/prefect/workspace_id".into(), ViolationCode::Required)
            ]
        );
    }

    #[test]
    fn a_server_of_ones_own_may_ask_for_nothing() {
        let request = accepted(&body(json!({"api_url": "https://prefect.example.com/api/"})));
        let Server::SelfHosted { api_url } = &request.spec.prefect.server else { panic!("it is self-hosted") };
        assert_eq!(api_url, "https://prefect.example.com/api");
        assert_eq!(request.spec.prefect.credential, Credential::None);
    }

    #[test]
    fn a_server_of_ones_own_may_ask_for_user_and_password() {
        let request =
            accepted(&body(json!({"api_url": "https://prefect.example.com/api", "auth_string": "admin:pass"})));
        assert_eq!(request.spec.prefect.credential, Credential::AuthString);
        assert_eq!(request.credentials.prefect.unwrap().expose_secret(), "admin:pass");
        for wrong in ["admin", "admin:", ":pass", "a:b\n"] {
            assert_eq!(
                codes(json!({"api_url": "https://prefect.example.com/api", "auth_string": wrong})),
                [("/prefect/auth_string".into(), ViolationCode::Invalid)],
            );
        }
    }

    #[test]
    fn the_url_of_a_cloud_workspace_counts_as_its_ids() {
        let url = format!("https://api.prefect.cloud/api/accounts/{ACCOUNT}/workspaces/{WORKSPACE}");
        let request = accepted(&body(json!({"api_url": url, "api_key": "k"})));
        assert_eq!(request.spec.prefect.server.api_url(&crate::catalogue::tests::place()), url);
        assert_eq!(
            codes(json!({"api_url": url, "auth_string": "a:b", "api_key": "k"})),
            [("/prefect/auth_string".into(), ViolationCode::NotAllowed)]
        );
    }

    #[test]
    fn ids_and_url_contradict_each_other() {
        let mut given = json!({"account_id": ACCOUNT, "api_url": "https://prefect.example.com/api", "api_key": "k"});
        let contradiction = [("/prefect/account_id".to_owned(), ViolationCode::Conflict)];
        assert_eq!(codes(given.clone()), contradiction);
        given["api_key"] = Value::Null;
        assert_eq!(codes(given), contradiction, "which credential is missing is not known");
    }

    #[test]
    fn a_key_with_a_line_break_is_refused() {
        assert_eq!(
            codes_with("/prefect/api_key", json!("pnu_x\n")),
            [("/prefect/api_key".into(), ViolationCode::Invalid)]
        );
    }

    #[test]
    fn a_worker_may_have_a_key_of_its_own_for_prefect_cloud() {
        let secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team-key-AbC123";
        for (name, strong) in [("api_key", "pnu_strong"), ("api_key_secret_arn", secret)] {
            let given =
                json!({"account_id": ACCOUNT, "workspace_id": WORKSPACE, name: strong, "worker_api_key": "pnu_w"});
            let request = accepted(&body(given));
            assert_eq!(request.spec.prefect.worker_key, Some(WorkerKey::default()), "{name}");
            assert_eq!(request.credentials.worker.unwrap().expose_secret(), "pnu_w", "{name}");
            assert_eq!(request.credentials.prefect.is_some(), name == "api_key");
        }
        let own = json!({"api_url": "https://prefect.example.com/api", "worker_api_key": "pnu_w"});
        assert_eq!(codes(own), [("/prefect/worker_api_key".into(), ViolationCode::NotAllowed)]);
        let alone = json!({"account_id": ACCOUNT, "workspace_id": WORKSPACE, "worker_api_key": "pnu w"});
        assert_eq!(
            codes(alone),
            [
                ("/prefect/api_key".into(), ViolationCode::Required),
                ("/prefect/worker_api_key".into(), ViolationCode::Invalid)
            ],
            "it is no key to make work pools with"
        );
    }

    #[test]
    fn a_server_that_nobody_here_reaches_has_no_pool_to_adopt() {
        let given = |adopt_pool: Value, verify: Value| {
            json!({"account_id": ACCOUNT, "workspace_id": WORKSPACE, "api_key": "k", "adopt_pool": adopt_pool,
                   "verify": verify})
        };
        let prefect = accepted(&body(given(Value::Null, Value::Null))).spec.prefect;
        assert_eq!((prefect.adopt_pool, prefect.verify), (false, true), "left out");
        let prefect = accepted(&body(given(json!(true), Value::Null))).spec.prefect;
        assert!(prefect.adopt_pool);
        assert_eq!(codes(given(json!(true), json!(false))), [("/prefect/adopt_pool".into(), ViolationCode::Conflict)]);
        assert_eq!(codes_with("/prefect/verify", json!("no")), [("/prefect/verify".into(), ViolationCode::WrongType)]);
    }

    #[test]
    fn a_pool_that_prefect_would_refuse_is_refused() {
        for pool in ["prefect", "Prefect-Pool", "PREFECTx"] {
            assert_eq!(
                codes_with("/prefect/work_pool", json!(pool)),
                [("/prefect/work_pool".into(), ViolationCode::NotAllowed)]
            );
        }
        assert_eq!(
            codes_with("/prefect/work_pool", json!("my pool")),
            [("/prefect/work_pool".into(), ViolationCode::Invalid)]
        );
    }
}
