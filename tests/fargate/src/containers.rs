//! The containers that there are.

use crate::container::{Container, State};
use futures::future::join_all;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Every container that was made and not removed, by id.
#[derive(Debug, Default)]
pub(crate) struct Containers(Mutex<HashMap<String, Arc<Container>>>);

impl Containers {
    pub(crate) fn add(&self, container: Arc<Container>) {
        self.map().insert(container.id.clone(), container);
    }

    /// The one with this id, beginning of an id, or name.
    pub(crate) fn get(&self, reference: &str) -> Option<Arc<Container>> {
        let is_it = |container: &&Arc<Container>| container.id.starts_with(reference) || container.name == reference;
        self.map().values().find(is_it).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Container>> {
        self.map().values().cloned().collect()
    }

    pub(crate) fn remove(&self, container: &Container) {
        self.map().remove(&container.id);
    }

    /// Ends every container, each with this long to go by itself.
    pub(crate) async fn stop(&self, limit: Duration) {
        let running = self.all().into_iter().filter(|one| matches!(*one.state.borrow(), State::Running { .. }));
        join_all(running.map(|container| async move { container.stop(Some(limit)).await })).await;
    }

    fn map(&self) -> MutexGuard<'_, HashMap<String, Arc<Container>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
