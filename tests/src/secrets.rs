//! Secrets as Secrets Manager tells of them.

use crate::{api::Environment, cloud::Cloud};
use std::collections::HashMap;

impl Cloud {
    /// The versions of a secret that carry labels, with these. Secrets Manager forgets the others in its own time.
    pub async fn labelled_versions(&self, secret: &str) -> HashMap<String, Vec<String>> {
        let described = self.secrets.describe_secret().secret_id(secret).send().await.expect("the secret is there");
        let mut versions = described.version_ids_to_stages.unwrap_or_default();
        versions.retain(|_, labels| !labels.is_empty());
        versions
    }

    /// Where the worker's credential comes from, as its task definition says.
    pub async fn read_by_the_worker(&self, environment: &Environment) -> String {
        let definition = environment.physical("worker/task-definition");
        let look = self.ecs.describe_task_definition().task_definition(definition).send().await;
        let seen = look.expect("the definition is there").task_definition.expect("a definition");
        seen.container_definitions()[0].secrets()[0].value_from().to_owned()
    }
}
