//! Waiting for something that happens in the background: polls with a deadline instead of sleeping a fixed time.

use std::future::Future;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(15);

/// Waits until `condition` holds.
///
/// # Panics
/// With `what` when it does not hold within ten seconds.
pub async fn eventually<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    eventually_some(what, || {
        let check = condition();
        async move { check.await.then_some(()) }
    })
    .await;
}

/// Waits until `attempt` gives a value.
///
/// # Panics
/// With `what` when it gives none within ten seconds.
pub async fn eventually_some<T, F, Fut>(what: &str, mut attempt: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(Instant::now() < deadline, "gave up waiting: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
