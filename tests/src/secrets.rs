//! Secrets as Secrets Manager tells of them.

use crate::cloud::Cloud;
use std::collections::HashMap;

impl Cloud {
    /// The versions of a secret that carry labels, with these. Secrets Manager forgets the others in its own time.
    pub async fn labelled_versions(&self, secret: &str) -> HashMap<String, Vec<String>> {
        let described = self.secrets.describe_secret().secret_id(secret).send().await.expect("the secret is there");
        let mut versions = described.version_ids_to_stages.unwrap_or_default();
        versions.retain(|_, labels| !labels.is_empty());
        versions
    }
}
