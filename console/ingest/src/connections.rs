//! Listeners of protocols that keep a connection open: how many at once, how long a silent one is kept.

use std::{
    future::Future,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

use crate::{
    gate::Gate,
    limits::IngestLimits,
    metrics::Protocol,
    refusal::{Refusal, RefusalKind},
};

/// After a failure to accept, which may be for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// How a connection ended: by its sender, or because it could not be read on.
pub type Ended = Result<(), Refusal>;

/// Serves connections until `shutdown` ends, then lets go of them. One above `max_connections` is closed at once.
pub async fn serve<F>(
    gate: &Gate,
    protocol: Protocol,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    connection: impl Fn(TcpStream) -> F,
) where
    F: Future<Output = Ended> + Send + 'static,
{
    tokio::pin!(shutdown);
    let max = gate.limits.max_connections;
    let slots = Arc::new(Semaphore::new(max));
    let mut running = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => return,
            accepted = listener.accept() => accepted,
            Some(_) = running.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(e) => {
                tracing::warn!(cause = %e, protocol = protocol.as_str(), "connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = slots.clone().try_acquire_owned() else {
            gate.metrics.rejected(protocol, "too_many_connections", 1);
            tracing::warn!(protocol = protocol.as_str(), max_connections = max, "connection was refused");
            continue;
        };
        let (metrics, connection) = (gate.metrics.clone(), connection(stream));
        running.spawn(async move {
            let _permit = permit;
            if let Err(refusal) = connection.await {
                metrics.rejected(protocol, refusal.reason, 1);
                tracing::info!(
                    protocol = protocol.as_str(),
                    reason = refusal.message,
                    "connection was closed"
                );
            }
        });
    }
}

/// What a connection waits for, for as long as it may be silent.
pub async fn within<T>(
    limits: &IngestLimits,
    work: impl Future<Output = io::Result<T>>,
) -> Result<T, Refusal> {
    match tokio::time::timeout(limits.idle_timeout(), work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(e)) => Err(Refusal::invalid("interrupted", format!("the connection broke off: {e}"))),
        Err(_) => Err(idle(format!("nothing came for idle_timeout_ms ({})", limits.idle_timeout_ms))),
    }
}

/// How long one message may take: a sender that sends a byte now and then keeps a place that others want.
#[derive(Default)]
pub struct Patience {
    began: Option<Instant>,
}

impl Patience {
    /// Before each read; `is_between`: nothing of a message is there yet.
    pub fn check(&mut self, limits: &IngestLimits, is_between: bool) -> Result<(), Refusal> {
        if is_between {
            self.began = None;
            return Ok(());
        }
        if self.began.get_or_insert_with(Instant::now).elapsed() < limits.idle_timeout() {
            return Ok(());
        }
        Err(idle(format!("a message took longer than idle_timeout_ms ({})", limits.idle_timeout_ms)))
    }
}

fn idle(message: String) -> Refusal {
    Refusal { kind: RefusalKind::TimedOut, message, retry_after_s: None, reason: "idle" }
}
