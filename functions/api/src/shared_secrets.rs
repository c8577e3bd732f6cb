//! Secrets that a request names instead of bringing: they must be shared with the team, which their tags say.
//!
//! Looked at before anything is recorded. A secret that is not there, not readable for us or not tagged gets
//! one and the same answer, so that nobody can ask this service which secrets exist.

use crate::{problem, problem::Problem};
use aws_sdk_secretsmanager::Client;
use engine::aws;
use environment::{Code, Fault, Spec, spec::Credential, tags};
use futures::future::join_all;
use std::collections::BTreeMap;

/// Refuses the request where it names a secret that is not the team's to use.
pub(crate) async fn check(client: &Client, spec: &Spec) -> Result<(), Problem> {
    let named = named(spec);
    let looks = named.keys().map(|arn| is_shared_with(client, arn, &spec.team));
    let mut refused = Vec::new();
    for (shared, pointers) in join_all(looks).await.into_iter().zip(named.values()) {
        if !shared? {
            refused.extend(pointers.iter().cloned());
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(problem::secret_not_shared(refused)) }
}

/// Every secret that the request names, with the places that name it.
fn named(spec: &Spec) -> BTreeMap<&str, Vec<String>> {
    let mut named: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    if let Credential::SharedApiKey { secret_arn } = &spec.prefect.credential {
        named.entry(secret_arn).or_default().push("/prefect/api_key_secret_arn".to_owned());
    }
    for (name, arn) in &spec.worker.secrets {
        named.entry(arn).or_default().push(format!("/worker/secrets/{name}"));
    }
    named
}

async fn is_shared_with(client: &Client, arn: &str, team: &str) -> Result<bool, Fault> {
    let answer = client.describe_secret().secret_id(arn).send().await;
    match answer.map_err(|error| aws::fault("secretsmanager:DescribeSecret", error)) {
        // A secret can be found by a part of its ARN: what was found must be what was named.
        Ok(secret) => {
            let is_it = secret.arn() == Some(arn) && secret.deleted_date().is_none();
            let is_tagged =
                |tag: &aws_sdk_secretsmanager::types::Tag| tag.key() == Some(tags::TEAM) && tag.value() == Some(team);
            Ok(is_it && secret.tags().iter().any(is_tagged))
        }
        // The function's own policy refuses it secrets that carry no team's tag.
        Err(fault) if matches!(fault.code, Code::NotFound | Code::AccessDenied | Code::InvalidRequest) => Ok(false),
        Err(fault) => Err(fault),
    }
}
