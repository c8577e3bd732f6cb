//! Secrets Manager: whose token made a secret, and whose name is not free yet.

use crate::{Answer, Call, rule::Rule, world::World};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A secret that is deleted at once is deleted in the background.
const GOES_IN: f64 = 5.0;

/// The secrets by name.
pub(crate) type State = BTreeMap<String, Secret>;

/// What is known of a secret.
#[derive(Clone, Debug)]
pub(crate) struct Secret {
    token: String,
    /// Of its value nothing but this is kept.
    digest: [u8; 32],
    /// The answer to its create.
    made: Value,
    going: Going,
    /// Its further versions: the digest of each, and the answer to its put.
    versions: BTreeMap<String, ([u8; 32], Value)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Going {
    Not,
    Scheduled,
    AtOnce(Timestamp),
}

/// - A create with the token and value of an earlier one succeeds and changes nothing. So does a put; with another value
///   it is refused.
/// - A name is not free while its secret is scheduled for deletion, nor for a moment after one was deleted at once.
/// - To delete at once what does not exist succeeds.
///
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>,
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html>,
/// <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html>
pub(crate) struct Secrets;

impl Rule for Secrets {
    fn refuse(&self, call: &Call, world: &mut World) -> Option<Answer> {
        if call.service == "secretsmanager" && call.action == "PutSecretValue" {
            let (digest_before, put) =
                find(world, call.text("SecretId"))?.versions.get(call.text("ClientRequestToken"))?;
            let message = "You can't modify an existing version, you can only create a new version.";
            return Some(match *digest_before == digest(call) {
                true => Answer::json(put.clone()),
                false => Answer::error(call, "ResourceExistsException", message),
            });
        }
        if (call.service.as_str(), call.action.as_str()) != ("secretsmanager", "CreateSecret") {
            return None;
        }
        let secret = world.secrets.get(call.text("Name"))?;
        match secret.going {
            Going::Not if secret.token == call.text("ClientRequestToken") && secret.digest == digest(call) => {
                Some(Answer::json(secret.made.clone()))
            }
            Going::Scheduled => Some(taken(call)),
            Going::AtOnce(at) if !world.is_through(at, GOES_IN) => Some(taken(call)),
            _ => None,
        }
    }

    fn follow(&self, call: &Call, answer: &mut Answer, world: &mut World) {
        if call.service != "secretsmanager" {
            return;
        }
        let id = call.text("SecretId");
        match call.action.as_str() {
            "CreateSecret" => {
                if let Some(made) = answer.value() {
                    let token = call.text("ClientRequestToken").to_owned();
                    let (made, versions) = (made.clone(), BTreeMap::new());
                    let secret = Secret { token, digest: digest(call), made, going: Going::Not, versions };
                    world.secrets.insert(call.text("Name").to_owned(), secret);
                }
            }
            "DeleteSecret" => {
                let at_once = call.parameters["ForceDeleteWithoutRecovery"] == true;
                if answer.succeeded() {
                    let going = if at_once { Going::AtOnce(world.now) } else { Going::Scheduled };
                    set_going(world, id, going);
                } else if at_once && is_absent(answer) {
                    *answer = Answer::json(json!({"Name": id, "DeletionDate": world.now.as_second()}));
                }
            }
            "PutSecretValue" => {
                let token = call.text("ClientRequestToken").to_owned();
                if let (Some(put), Some(secret)) = (answer.value(), find(world, id)) {
                    secret.versions.insert(token, (digest(call), put.clone()));
                }
            }
            "RestoreSecret" if answer.succeeded() => set_going(world, id, Going::Not),
            _ => {}
        }
    }
}

fn set_going(world: &mut World, id: &str, going: Going) {
    if let Some(secret) = find(world, id) {
        secret.going = going;
    }
}

/// The secret of this name or ARN.
fn find<'w>(world: &'w mut World, id: &str) -> Option<&'w mut Secret> {
    let mut all = world.secrets.iter_mut();
    all.find(|(name, secret)| *name == id || secret.made["ARN"] == id).map(|(_, secret)| secret)
}

fn is_absent(answer: &Answer) -> bool {
    let crate::Body::Json(value) = &answer.body else { return false };
    value["__type"].as_str().is_some_and(|code| code.ends_with("ResourceNotFoundException"))
}

fn taken(call: &Call) -> Answer {
    let message = "You can't create this secret because a secret with this name is already scheduled for deletion.";
    Answer::error(call, "InvalidRequestException", message)
}

fn digest(call: &Call) -> [u8; 32] {
    let value = |name| call.parameters[name].to_string();
    Sha256::digest([value("SecretString"), value("SecretBinary")].join("\n")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, rehearsal::Rehearsal};

    fn wanted(token: &str) -> Value {
        json!({"Name": "blue", "SecretString": "s", "ClientRequestToken": token})
    }

    fn made() -> Value {
        json!({"ARN": "arn:blue", "Name": "blue", "VersionId": "v"})
    }

    async fn create(aws: &Rehearsal, token: &str) -> Answer {
        aws.json("secretsmanager", "CreateSecret", &wanted(token), &made()).await
    }

    async fn delete(aws: &Rehearsal, at_once: bool) -> Answer {
        let wanted = json!({"SecretId": "arn:blue", "ForceDeleteWithoutRecovery": at_once});
        aws.json("secretsmanager", "DeleteSecret", &wanted, &json!({"ARN": "arn:blue"})).await
    }

    #[tokio::test]
    async fn the_same_token_and_value_again_succeed_without_a_second_secret() {
        let aws = Rehearsal::new(Settings::default());
        create(&aws, "t").await;
        let exists = json!({"ARN": "arn:another"});
        let mut again = aws.json("secretsmanager", "CreateSecret", &wanted("t"), &exists).await;
        assert_eq!(again.value().expect("a secret")["ARN"], "arn:blue");
    }

    #[tokio::test]
    async fn a_version_is_put_once_and_never_changed() {
        let aws = Rehearsal::new(Settings::default());
        create(&aws, "t").await;
        let put = async |value: &str, version: &str| {
            let wanted = json!({"SecretId": "arn:blue", "SecretString": value, "ClientRequestToken": "v2"});
            aws.json("secretsmanager", "PutSecretValue", &wanted, &json!({"VersionId": version})).await
        };
        put("a", "first").await;
        assert_eq!(put("a", "second").await.value().expect("a version")["VersionId"], "first");
        assert_eq!(put("b", "third").await.code(), "ResourceExistsException");
    }

    #[tokio::test]
    async fn a_name_is_not_free_while_its_secret_is_going() {
        let mut aws = Rehearsal::new(Settings::default());
        create(&aws, "t").await;
        delete(&aws, false).await;
        aws.later(60);
        assert_eq!(create(&aws, "t").await.code(), "InvalidRequestException");
        delete(&aws, true).await;
        assert_eq!(create(&aws, "t").await.code(), "InvalidRequestException");
        aws.later(5);
        assert!(create(&aws, "t").await.succeeded());
    }
}
