//! AWS refusing one of the service's functions a call, for as long as a test wants it.

use crate::{service::Service, stage::Stage};
use futures::FutureExt;
use serde_json::{Value, json};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
};

/// The calls that a function is refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The function.
    pub function: &'static str,
    /// The IAM action.
    pub action: &'static str,
    /// The resource, or `*`, which concerns every environment.
    pub resource: String,
}

impl Refusal {
    /// Refuses a function an action on one resource: other environments notice nothing.
    pub fn of(function: &'static str, action: &'static str, service: &str, resource: &str) -> Refusal {
        let resource = match service {
            "iam" => Service::under_test().role_arn(resource),
            _ => Service::under_test().arn(service, resource),
        };
        Refusal { function, action, resource }
    }

    /// Refuses a function an action on everything: for tests that run alone.
    pub fn everywhere(function: &'static str, action: &'static str) -> Refusal {
        Refusal { function, action, resource: "*".to_owned() }
    }

    /// Refuses while `story` happens, and no longer, even if it fails.
    pub async fn during<T>(&self, stage: &Stage, story: impl Future<Output = T>) -> T {
        let role = stage.functions.role(self.function).await;
        let name = format!("refused-{}", crate::requests::unique("by-test"));
        let statement = json!({"Effect": "Deny", "Action": self.action, "Resource": self.resource});
        let policy: Value = json!({"Version": "2012-10-17", "Statement": [statement]});
        let put =
            stage.cloud.iam.put_role_policy().role_name(&role).policy_name(&name).policy_document(policy.to_string());
        put.send().await.expect("refuse the call");
        let told = AssertUnwindSafe(story).catch_unwind().await;
        let lift = stage.cloud.iam.delete_role_policy().role_name(&role).policy_name(&name);
        lift.send().await.expect("stop refusing the call");
        told.unwrap_or_else(|failure| resume_unwind(failure))
    }
}
