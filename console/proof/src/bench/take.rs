//! What taking a load costs a server, what it keeps of it, and how soon it is back after it was killed.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::push::Sent;
use crate::peer::{Peer, PeerError, folder_bytes};

/// Of one server under one load.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    pub connections: usize,
    pub sent: Sent,
    pub wall: Duration,
    /// Of the process, from ready to the last answer.
    pub cpu_seconds: f64,
    /// With the rest after it: flushes and merges.
    pub cpu_seconds_with_rest: f64,
    pub peak_rss_bytes: u64,
    pub idle_rss_bytes: u64,
    pub disk_bytes: u64,
}

impl Taken {
    /// MB of the load's own bytes.
    pub fn megabytes_per_cpu_second(&self) -> f64 {
        self.sent.raw_bytes as f64 / 1e6 / self.cpu_seconds.max(0.01)
    }

    /// Lines or spans.
    pub fn items_per_cpu_second(&self) -> f64 {
        self.sent.items as f64 / self.cpu_seconds.max(0.01)
    }

    /// `n` of what was sent, at most 1 where nothing is there twice.
    pub fn share(&self, n: u64) -> f64 {
        n as f64 / self.sent.items.max(1) as f64
    }
}

/// Waits for `load`, lets the server rest, then weighs it. `folder` is where it keeps this signal.
pub async fn take(
    peer: &Peer,
    folder: &Path,
    connections: usize,
    rest: Duration,
    load: impl Future<Output = Result<Sent, PeerError>>,
) -> Result<Taken, PeerError> {
    let before = peer.usage()?;
    let begun = Instant::now();
    let sent = load.await?;
    let wall = begun.elapsed();
    let loaded = peer.usage()?;
    tokio::time::sleep(rest).await;
    let rested = peer.usage()?;
    Ok(Taken {
        connections,
        sent,
        wall,
        cpu_seconds: loaded.cpu_seconds - before.cpu_seconds,
        cpu_seconds_with_rest: rested.cpu_seconds - before.cpu_seconds,
        peak_rss_bytes: rested.peak_rss_bytes,
        idle_rss_bytes: rested.rss_bytes,
        disk_bytes: folder_bytes(folder),
    })
}

/// A share as a percentage that does not round what is missing away.
pub fn percent(share: f64) -> String {
    let thousandths = (share * 100_000.0).floor() / 1000.0;
    if share == 1.0 { "100 %".to_owned() } else { format!("{thousandths:.3} %") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_item_in_a_million_is_seen() {
        assert_eq!(
            [1.0, 0.999_999, 0.384, 1.01].map(percent),
            ["100 %", "99.999 %", "38.400 %", "101.000 %"]
        );
    }
}
