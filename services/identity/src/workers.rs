//! Background work: sessions that are over leave the table.

use std::time::Duration;

use shop_instrumentation::CancellationToken;

use crate::identity::Identity;

const EVERY: Duration = Duration::from_mins(1);
const BATCH: i64 = 1000;

/// Works until `shutdown`.
pub async fn run(identity: Identity, shutdown: CancellationToken) {
    loop {
        let pause = match once(&identity).await {
            Ok(removed) if removed == BATCH as u64 => Duration::ZERO,
            Ok(_) => EVERY,
            Err(error) => {
                tracing::warn!(%error, "sessions that are over could not be removed");
                EVERY
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One batch; answers how many were removed.
pub async fn once(identity: &Identity) -> Result<u64, sqlx::Error> {
    let removed = identity.sessions.expire(identity.clock.now(), BATCH).await?;
    if removed > 0 {
        tracing::info!(removed, "sessions expired");
    }
    Ok(removed)
}
