//! One run for all who ask.

use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use tokio::{task::JoinError, time::Instant};

/// Goes on when nobody waits for it any more: what hangs is not started once more by each who asks.
pub(super) type Run<T, E> = Shared<BoxFuture<'static, Result<T, E>>>;

/// The last run of something that takes long, and when it began.
pub(super) struct SharedRun<T, E> {
    last: Mutex<Option<(Instant, Run<T, E>)>>,
}

impl<T, E> SharedRun<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + From<JoinError> + 'static,
{
    /// There was none yet.
    pub fn new() -> Self {
        Self { last: Mutex::default() }
    }

    /// The last run is over and gave `value`.
    pub fn done(value: T) -> Self {
        let run = futures::future::ready(Ok(value)).boxed().shared();
        // Looked at once, so that it counts as over.
        let _ = run.clone().now_or_never();
        Self { last: Mutex::new(Some((Instant::now(), run))) }
    }

    /// The last run while it goes on or what came of it is not stale; otherwise a new one. `is_stale` is told when the run
    /// began and what came of it. Must be called inside a runtime.
    pub fn get<F>(
        &self,
        is_stale: impl FnOnce(Instant, &Result<T, E>) -> bool,
        start: impl FnOnce() -> F,
    ) -> Run<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let mut last = self.last.lock();
        if let Some((began, run)) = &*last
            && run.peek().is_none_or(|result| !is_stale(*began, result))
        {
            return run.clone();
        }
        let task = tokio::spawn(start());
        let run = async move { task.await.unwrap_or_else(|e| Err(e.into())) }.boxed().shared();
        *last = Some((Instant::now(), run.clone()));
        run
    }
}
