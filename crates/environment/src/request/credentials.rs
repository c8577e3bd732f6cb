//! What comes with a request for the environment's own secrets. Nothing shows it, and only Secrets Manager keeps it.

use crate::{catalogue::keys, key::Key};
use secrecy::SecretString;

/// The credentials of a request.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The one that this service uses, and the worker where it has none of its own.
    pub prefect: Option<SecretString>,
    /// The worker's own.
    pub worker: Option<SecretString>,
}

impl Credentials {
    /// Whether the request brings none.
    pub fn is_empty(&self) -> bool {
        self.by_secret().next().is_none()
    }

    /// Each credential, with the key of the secret that is to hold it.
    pub fn by_secret(&self) -> impl Iterator<Item = (Key, &SecretString)> {
        [(keys::secret(), &self.prefect), (keys::worker_secret(), &self.worker)]
            .into_iter()
            .filter_map(|(key, credential)| Some((key, credential.as_ref()?)))
    }
}
