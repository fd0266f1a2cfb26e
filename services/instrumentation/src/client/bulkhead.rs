//! Bulkhead: calls of one peer that are in flight at the same time are bounded, so that a peer that hangs does not take
//! all of the caller's memory and time with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a call waits for a place: long enough for a burst, short enough to be of no weight.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// The places of one peer.
#[derive(Debug, Clone)]
pub(super) struct Bulkhead {
    places: Arc<Semaphore>,
}

impl Bulkhead {
    pub(super) fn new(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)) }
    }

    /// A place, which is free again when this is dropped; none if the peer is full.
    pub(super) async fn enter(&self, left: Duration) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            return Some(place);
        }
        tokio::time::timeout(left.min(LONGEST_WAIT), self.places.clone().acquire_owned()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn full_peer_is_refused_and_a_place_that_gets_free_is_given() {
        let bulkhead = Bulkhead::new(1);
        let place = bulkhead.enter(Duration::from_secs(1)).await;
        assert!(place.is_some());
        assert!(bulkhead.enter(Duration::from_secs(1)).await.is_none(), "full");
        let next = tokio::spawn({
            let bulkhead = bulkhead.clone();
            async move { bulkhead.enter(Duration::from_secs(1)).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(place);
        assert!(next.await.unwrap());
    }
}
