//! Hashing off the runtime, with a bound on how much happens at once and how many wait for it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{StateError, password};

/// Cheap to clone.
#[derive(Clone)]
pub struct Hashing {
    turns: Arc<Semaphore>,
    /// Turns and places in the queue.
    places: Arc<Semaphore>,
}

/// The queue is full.
pub struct Crowded;

impl Hashing {
    pub fn new(concurrent: usize, waiting: usize) -> Self {
        let concurrent = concurrent.max(1);
        let places = Arc::new(Semaphore::new(concurrent.saturating_add(waiting).min(Semaphore::MAX_PERMITS)));
        Self { turns: Arc::new(Semaphore::new(concurrent.min(Semaphore::MAX_PERMITS))), places }
    }

    /// A place in the queue, kept as long as the answer lives.
    pub fn enter(&self) -> Result<impl Send + use<>, Crowded> {
        self.places.clone().try_acquire_owned().map_err(|_| Crowded)
    }

    pub async fn hash(&self, password: String) -> Result<String, StateError> {
        self.run(move || password::hash(&password)).await?
    }

    pub async fn verify(&self, password: String, hash: String) -> Result<bool, StateError> {
        self.run(move || password::verify(&password, &hash)).await
    }

    /// The turn moves into the work: a caller that leaves early does not free it before the work is done.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StateError> {
        let failed = |e: &dyn std::fmt::Display| StateError::Hash(e.to_string());
        let turn = self.turns.clone().acquire_owned().await.map_err(|e| failed(&e))?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|e| failed(&e))
    }
}
