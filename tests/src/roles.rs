//! Callers other than root: IAM roles made for a test and assumed as their users would.

use crate::{api::Api, cloud::config, requests::unique, service::Service, stage::Stage};
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use serde_json::json;

/// An IAM role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
}

impl Role {
    /// A role that may call the whole API, as far as IAM is concerned.
    pub async fn that_may_call(stage: &Stage, name: &str) -> Role {
        let role = Role::without_rights(stage, name).await;
        let put = stage.cloud.iam.put_role_policy().role_name(name).policy_name("call-the-api");
        put.policy_document(may_call()).send().await.expect("give the role its right");
        role
    }

    /// A role that may do nothing.
    pub async fn without_rights(stage: &Stage, name: &str) -> Role {
        let account = format!("arn:aws:iam::{}:root", Service::under_test().account());
        let statement = json!({"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"});
        let trust = json!({"Version": "2012-10-17", "Statement": [statement]});
        let create = stage.cloud.iam.create_role().role_name(name).assume_role_policy_document(trust.to_string());
        create.send().await.expect("make the role");
        Role { name: name.to_owned() }
    }

    /// The API, called in a session of the role.
    pub async fn calls_as(&self, session: &str) -> Api {
        Api::of(self.assumed_as(session).await)
    }

    /// The key of a session of the role.
    pub async fn assumed_as(&self, session: &str) -> Credentials {
        let role = AssumeRoleProvider::builder(Service::under_test().role_arn(&self.name)).session_name(session);
        let provider = role.configure(&config().await).build().await;
        provider.provide_credentials().await.expect("assume the role")
    }

    /// The ARN under which a session of the role calls.
    pub fn session_arn(&self, session: &str) -> String {
        let account = Service::under_test().account();
        format!("arn:aws:sts::{account}:assumed-role/{}/{session}", self.name)
    }

    /// Takes the role away.
    pub async fn remove(self, stage: &Stage) {
        let (iam, name) = (&stage.cloud.iam, &self.name);
        // A role without the policy has nothing to be taken away first.
        let _ = iam.delete_role_policy().role_name(name).policy_name("call-the-api").send().await;
        iam.delete_role().role_name(name).send().await.expect("remove the role");
    }
}

/// A team that nobody else has, and a role of it that may call.
#[derive(Debug)]
pub struct Team {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// The API, as its member calls it.
    pub api: Api,
}

impl Team {
    /// Makes a team with a member of this name.
    pub async fn with(stage: &Stage, member: &str) -> Team {
        let name = unique("of");
        let role = Role::that_may_call(stage, &format!("team-{name}")).await;
        let api = role.calls_as(member).await;
        Team { name, role, api }
    }

    /// Dissolves it.
    pub async fn dissolve(self, stage: &Stage) {
        self.role.remove(stage).await;
    }
}

/// The policy document of whoever may call the whole API.
pub fn may_call() -> String {
    let service = Service::under_test();
    let api = service.api_url.rsplit('/').next().expect("the address ends with the API's id");
    let arn = service.arn("execute-api", &format!("{api}/*"));
    let statement = json!({"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}
