//! Whether the process lives, answered by a thread of its own.
//!
//! Worker threads have as much to do as the platform tells. On a machine where that is more than their share they never
//! sleep, and the kernel lets threads that never sleep wait for their turn: who asks them waits behind all ingest, for
//! seconds. A thread that mostly sleeps is run at once. So a console that is late is not taken for one that hangs, and
//! ended; that would only cost its replay, on a machine that has no time.
//!
//! What must hold: nothing here waits for a worker thread, or for a lock that other work takes. A console whose worker
//! threads run nothing at all any more does hang: they leave a [`Pulse`].

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use axum::{Router, extract::State, routing::get};
use http::StatusCode;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;

const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Worker threads that have run nothing for this long hang; ones that wait for their turn take seconds.
const STALLED_AFTER: Duration = Duration::from_mins(2);

/// When the worker threads last ran something. Cheap to clone.
#[derive(Clone, Debug)]
struct Pulse {
    began: Instant,
    /// Milliseconds from `began`.
    last_ms: Arc<AtomicU64>,
}

impl Pulse {
    /// Beats now for the first time.
    fn new() -> Self {
        Self { began: Instant::now(), last_ms: Arc::default() }
    }

    fn beat(&self) {
        self.last_ms.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.last_ms.load(Ordering::Relaxed)))
    }

    /// Beats until `ended`, on the worker threads.
    async fn run(self, ended: CancellationToken) {
        let mut ticks = tokio::time::interval(BEAT_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while ended.run_until_cancelled(ticks.tick()).await.is_some() {
            self.beat();
        }
    }
}

/// The thread and its socket; both are gone when this has been dropped.
pub struct Liveness {
    ended: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Liveness {
    /// Answers on `listener` from now on. Fails when the system gives no thread.
    pub fn start(listener: TcpListener) -> io::Result<Self> {
        let (pulse, ended) = (Pulse::new(), CancellationToken::new());
        tokio::spawn(pulse.clone().run(ended.clone()));
        let listener = listener.into_std()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stop = ended.clone();
        let thread = std::thread::Builder::new()
            .name("liveness".to_owned())
            .spawn(move || serve(&runtime, listener, pulse, &stop))?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for Liveness {
    fn drop(&mut self) {
        self.ended.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(runtime: &Runtime, listener: std::net::TcpListener, pulse: Pulse, ended: &CancellationToken) {
    let served = runtime.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        let served = axum::serve(listener, router(pulse)).into_future();
        ended.run_until_cancelled(served).await.unwrap_or(Ok(()))
    });
    if let Err(error) = served {
        tracing::error!(%error, "liveness is answered no more");
    }
}

fn router(pulse: Pulse) -> Router {
    let answer = get(|State(pulse): State<Pulse>| async move { verdict(pulse.silence()) });
    Router::new().route("/healthz", answer.clone()).route("/livez", answer).with_state(pulse)
}

fn verdict(silence: Duration) -> (StatusCode, String) {
    if silence < STALLED_AFTER {
        (StatusCode::OK, "alive\n".to_owned())
    } else {
        let seconds = silence.as_secs();
        (StatusCode::SERVICE_UNAVAILABLE, format!("the worker threads have run nothing for {seconds} s\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(pulse: &Pulse) -> StatusCode {
        verdict(pulse.silence()).0
    }

    #[tokio::test]
    async fn worker_threads_that_stand_still_are_told_until_they_run_again() {
        let long_ago = Instant::now().checked_sub(STALLED_AFTER).expect("the machine is up that long");
        let pulse = Pulse { began: long_ago, ..Pulse::new() };
        assert_eq!(status(&pulse), StatusCode::SERVICE_UNAVAILABLE);
        let ended = CancellationToken::new();
        let beating = tokio::spawn(pulse.clone().run(ended.clone()));
        let again = async {
            while status(&pulse) != StatusCode::OK {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), again).await.expect("the pulse is back");
        ended.cancel();
        beating.await.unwrap();
    }
}
