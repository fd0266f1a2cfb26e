//! What is sampled: memory of every process, what the console's stores hold in it, data and streams of both Redis.

use std::path::Path;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::trend::Bound;
use crate::platform::{layout::Layout, redis};

/// Longest answer of Redis that is read.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// Entries of the shop's streams; a relay trims behind what every group has acknowledged.
const STREAMS: [&str; 2] = ["orders.events", "identity.events"];

/// Of each byte that the console's stores count, how many the process may grow by: the allocator rounds up, and indexes and
/// what has not been sealed are not counted. Measured: 1.14 over 12 minutes, 1.46 over 45.
const PROCESS_BYTES_PER_STORED: f64 = 1.6;

/// What a value is, and so how much of it may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A process tree's memory, bytes.
    Process,
    /// The memory of the process that keeps telemetry, bytes.
    Console,
    /// What the console's stores hold in memory by their own count, bytes.
    Stores,
    /// A Redis' `used_memory`, bytes.
    Redis,
    /// Entries of a stream.
    Stream,
}

impl Kind {
    /// How much it may grow; `None` where growing is what it is for.
    pub fn bound(self) -> Option<Bound> {
        let bound = match self {
            // An allocator's steps, and the caches of Postgres' sessions.
            Self::Process | Self::Console => Bound { share: 0.10, absolute: 6e6 },
            Self::Redis => Bound { share: 0.10, absolute: 2e6 },
            // A trim keeps what a reader has not acknowledged, and then takes all of it at once.
            Self::Stream => Bound { share: 0.25, absolute: 1_000.0 },
            // Telemetry is kept until the store's own limit, which this traffic reaches after many hours.
            Self::Stores => return None,
        };
        Some(bound)
    }

    /// How much more it may grow because the console's stores grew by `kept` bytes.
    pub fn may_follow(self, kept: f64) -> f64 {
        if self == Self::Console { kept.max(0.0) * PROCESS_BYTES_PER_STORED } else { 0.0 }
    }

    /// The unit that a table shows, and how many of the sampled unit it is.
    pub fn unit(self) -> (&'static str, f64) {
        match self {
            Self::Process | Self::Console | Self::Stores | Self::Redis => ("MB", 1e6),
            Self::Stream => ("entries", 1.0),
        }
    }
}

/// One reading.
#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub kind: Kind,
    pub value: f64,
}

/// Bytes that the console's stores hold in memory, by its own metrics.
pub async fn console_stores(layout: &Layout, http: &reqwest::Client) -> Result<f64, String> {
    let url = format!("{}/metrics", layout.console_url());
    let fail = |e: reqwest::Error| format!("{url}: {e}");
    let answer = http.get(&url).send().await.and_then(reqwest::Response::error_for_status).map_err(fail)?;
    let text = answer.text().await.map_err(fail)?;
    stores_in_memory(&text).ok_or_else(|| format!("{url}: no quarterdeck_store_bytes of place=\"memory\""))
}

/// The sum over all stores; `None` where an exposition has none.
fn stores_in_memory(exposition: &str) -> Option<f64> {
    let of_memory = exposition
        .lines()
        .filter(|l| l.starts_with("quarterdeck_store_bytes{") && l.contains(r#"place="memory""#));
    let values: Vec<f64> = of_memory.filter_map(|l| l.rsplit(' ').next()?.parse().ok()).collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

/// What both Redis say.
pub async fn redis(layout: &Layout) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    for store in redis::Store::ALL {
        let socket = store.socket(layout);
        let info = ask(&socket, "INFO memory").await?;
        let used =
            info.lines().find_map(|l| l.strip_prefix("used_memory:")).and_then(|l| l.trim().parse().ok());
        let value = used.ok_or_else(|| format!("{}: no used_memory", socket.display()))?;
        samples.push(Sample { name: format!("{} data", store.name()), kind: Kind::Redis, value });
    }
    let durable = redis::Store::Durable.socket(layout);
    for stream in STREAMS {
        let answer = ask(&durable, &format!("XLEN {stream}")).await?;
        let length =
            answer.lines().next().and_then(|l| l.strip_prefix(':')).and_then(|l| l.trim().parse().ok());
        let value = length.ok_or_else(|| format!("XLEN {stream}: {answer}"))?;
        samples.push(Sample { name: stream.to_owned(), kind: Kind::Stream, value });
    }
    Ok(samples)
}

async fn ask(socket: &Path, command: &str) -> Result<String, String> {
    let fail = |e: std::io::Error| format!("{}: {e}", socket.display());
    let mut stream = UnixStream::connect(socket).await.map_err(fail)?;
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.map_err(fail)?;
    let mut text = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut text).await.map_err(fail)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_memory_are_summed_over_the_stores() {
        let exposition = "# HELP quarterdeck_store_bytes Bytes of a store.\n\
            quarterdeck_store_bytes{place=\"disk\",store=\"logs\"} 7000\n\
            quarterdeck_store_bytes{place=\"memory\",store=\"logs\"} 30\n\
            quarterdeck_store_bytes{place=\"memory\",store=\"traces\"} 12\n";
        assert_eq!(stores_in_memory(exposition), Some(42.0));
        assert_eq!(stores_in_memory("up 1\n"), None);
    }
}
