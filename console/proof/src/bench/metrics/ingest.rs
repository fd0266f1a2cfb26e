//! What taking a load costs.

use std::time::{Duration, Instant};

use super::load::{self, Load};
use crate::peer::{Peer, PeerError, Usage};

/// Of one server.
#[derive(Clone, Copy, Debug)]
pub struct Ingested {
    pub samples: u64,
    pub wall: Duration,
    /// Of the process, from ready to the last answer.
    pub cpu_seconds: f64,
    /// With the rest after it: flushes and merges.
    pub cpu_seconds_with_rest: f64,
    pub peak_rss_bytes: u64,
    pub idle_rss_bytes: u64,
}

impl Ingested {
    pub fn samples_per_cpu_second(&self) -> f64 {
        self.samples as f64 / self.cpu_seconds.max(0.01)
    }

    pub fn samples_per_cpu_second_with_rest(&self) -> f64 {
        self.samples as f64 / self.cpu_seconds_with_rest.max(0.01)
    }
}

/// Sends a load to a fresh server and lets it rest.
pub async fn ingest(peer: &Peer, load: Load, rest: Duration) -> Result<Ingested, PeerError> {
    let samples = load.samples() as u64;
    let before = peer.usage()?;
    let begun = Instant::now();
    load::send(peer.endpoint(), load).await?;
    let wall = begun.elapsed();
    let loaded = peer.usage()?;
    tokio::time::sleep(rest).await;
    let rested: Usage = peer.usage()?;
    Ok(Ingested {
        samples,
        wall,
        cpu_seconds: loaded.cpu_seconds - before.cpu_seconds,
        cpu_seconds_with_rest: rested.cpu_seconds - before.cpu_seconds,
        peak_rss_bytes: rested.peak_rss_bytes,
        idle_rss_bytes: rested.rss_bytes,
    })
}
