//! The way to an environment's Prefect server: its address is in the catalogue, its credential in a secret, which is
//! read anew each time: a key that was changed counts at once, and none is kept in memory.

use aws_sdk_secretsmanager::Client;
use engine::{Action, Site, aws};
use environment::{
    Code, Fault, Place,
    spec::{Credential, Prefect},
};
use prefect::Api;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

/// Knows the way to every server.
#[derive(Clone)]
pub(crate) struct Servers {
    pub(crate) prefect: prefect::Client,
    pub(crate) secrets: Client,
}

/// A server as the catalogue writes it: where it is, and the ARN of the secret with its credential.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Server {
    api_url: String,
    api_key: Option<String>,
    auth_string: Option<String>,
}

impl Servers {
    /// The API of the environment's server; `None` where the functions do not reach it.
    pub(crate) async fn api(&self, at: &Site<'_>) -> Result<Option<Api>, Fault> {
        let Some(server) = at.wanted.get("Server") else { return Ok(None) };
        if server.is_null() {
            // In a removal: the secret was never seen.
            return Err(Fault::new(Code::SecretMissing, "The secret with Prefect's credential is not known."));
        }
        let server: Server = serde_json::from_value(server.clone()).map_err(|error| Fault::bug(error.to_string()))?;
        let credential = match (&server.api_key, &server.auth_string) {
            (Some(arn), _) => self.read(arn).await.map(prefect::Credential::ApiKey),
            (None, Some(arn)) => self.read(arn).await.map(prefect::Credential::AuthString),
            (None, None) => Ok(prefect::Credential::None),
        };
        let credential = credential.map_err(|fault| match (fault.code, at.action) {
            // It was made a moment ago, or the step that sees to it says what is wrong with it.
            (Code::NotFound, Action::Ensure) => Fault { code: Code::Conflict, ..fault },
            // Not to be taken for the absence of what lies in Prefect.
            (Code::NotFound | Code::InvalidRequest, _) => Fault { code: Code::SecretMissing, ..fault },
            _ => fault,
        })?;
        Ok(Some(self.prefect.api(&server.api_url, &credential)?))
    }

    /// Whether an environment can be made with the key that the request names.
    pub(crate) async fn check(&self, wanted: &Prefect, place: &Place) -> Result<(), Fault> {
        let Credential::SharedApiKey { secret_arn } = &wanted.credential else { return Ok(()) };
        if !wanted.verify {
            return Ok(());
        }
        let key = self.read(secret_arn).await.map_err(|fault| match fault.code {
            Code::AccessDenied | Code::NotFound | Code::InvalidRequest | Code::SecretMissing => {
                let message =
                    "The function that speaks to Prefect cannot read the secret of prefect.api_key_secret_arn.";
                Fault { code: Code::SecretNotShared, message: message.to_owned(), ..fault }
            }
            _ => fault,
        })?;
        let api = self.prefect.api(&wanted.server.api_url(place), &prefect::Credential::ApiKey(key))?;
        prefect::check(&api, wanted).await
    }

    async fn read(&self, arn: &str) -> Result<SecretString, Fault> {
        let answer = self.secrets.get_secret_value().secret_id(arn).send().await;
        let answer = answer.map_err(|error| aws::fault("secretsmanager:GetSecretValue", error))?;
        let missing = || Fault::new(Code::SecretMissing, "The secret with Prefect's credential holds no text.");
        answer.secret_string.map(SecretString::from).ok_or_else(missing)
    }
}

/// A wanted property that is true or false.
pub(crate) fn is(at: &Site<'_>, property: &str) -> bool {
    at.wanted.get(property).and_then(Value::as_bool).unwrap_or_default()
}

/// Whether a pool's description says that this environment has made it.
pub(crate) fn is_ours(at: &Site<'_>, pool: &prefect::WorkPool) -> bool {
    pool.description.as_ref().is_some_and(|description| description.contains(&at.environment.to_string()))
}
