//! A question to a server, asked again and again.
//!
//! The client has a thread and a connection of its own: a hop between threads would be measured with every answer.

use std::time::{Duration, Instant};

use crate::peer::{Endpoint, Peer, PeerError};

const WARM_UPS: usize = 2;
/// A quick query is asked more often than asked for, up to this time and count: CPU time is counted in hundredths of a
/// second, and one interruption is not to be a tenth of the runs.
const AT_LEAST: Duration = Duration::from_secs(1);
const MOST_RUNS: usize = 1_000;

const CPU_MS_TOLD_APART: f64 = 0.5;

/// What a query took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub median: Duration,
    /// CPU time of the server, the mean of all runs.
    pub cpu_ms: f64,
    /// Series, or values, in the answer.
    pub results: u64,
}

impl Measured {
    /// This time over another's.
    pub fn ratio(&self, other: &Self) -> f64 {
        self.median.as_secs_f64() / other.median.as_secs_f64().max(1e-9)
    }

    /// This CPU time over another's, which a busy machine does not blur. Linux counts in hundredths of a second: below a
    /// few tenths of a millisecond there is nothing to compare.
    pub fn cpu_ratio(&self, other: &Self) -> Option<f64> {
        let least = CPU_MS_TOLD_APART;
        (self.cpu_ms >= least || other.cpu_ms >= least).then(|| self.cpu_ms / other.cpu_ms.max(least))
    }
}

/// One question as a request.
pub struct Asked {
    pub name: &'static str,
    /// Asked in turn, from the first: an answer that is kept for the next asker is not what is measured.
    pub paths: Vec<String>,
    pub parameters: Vec<(&'static str, String)>,
}

impl Asked {
    /// The server's own check of readiness: what HTTP alone costs.
    pub fn readiness(peer: &Peer) -> Self {
        Self { name: "HTTP alone", paths: vec![peer.ready_path().to_owned()], parameters: Vec::new() }
    }

    /// Asks `runs` times at least. Every answer must be a success; `count` reads what one holds.
    pub async fn measure(
        &self,
        peer: &Peer,
        client: &Endpoint,
        runs: usize,
        count: impl Fn(&[u8]) -> Result<u64, PeerError>,
    ) -> Result<Measured, PeerError> {
        let mut paths = self.paths.iter().cycle();
        let mut next = || paths.next().map_or("/", String::as_str);
        let mut results = 0;
        for _ in 0..WARM_UPS {
            results = count(&self.ask(client, next()).await?.1)?;
        }
        let before = peer.usage()?.cpu_seconds;
        let (mut took, mut total) = (Vec::new(), Duration::ZERO);
        while took.len() < runs || (total < AT_LEAST && took.len() < MOST_RUNS) {
            let (one, _) = self.ask(client, next()).await?;
            took.push(one);
            total += one;
        }
        let cpu_ms = (peer.usage()?.cpu_seconds - before) * 1000.0 / took.len() as f64;
        took.sort();
        Ok(Measured { median: took[took.len() / 2], cpu_ms, results })
    }

    /// One answer to the first path, not timed.
    pub async fn once(&self, client: &Endpoint) -> Result<Vec<u8>, PeerError> {
        let path = self.paths.first().map_or("/", String::as_str);
        Ok(self.ask(client, path).await?.1)
    }

    /// From the request to the last byte of the answer, uncompressed.
    async fn ask(&self, client: &Endpoint, path: &str) -> Result<(Duration, Vec<u8>), PeerError> {
        let failed = || PeerError::http(self.name);
        let begun = Instant::now();
        let request = client
            .get(path)
            .query(&self.parameters)
            .header("accept", "application/json")
            .header("accept-encoding", "identity");
        let response = request.send().await.map_err(failed())?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(failed())?;
        let took = begun.elapsed();
        if status.is_success() {
            return Ok((took, bytes.into()));
        }
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Err(PeerError::Refused { what: self.name.to_owned(), status: status.as_u16(), body })
    }
}

/// Runs a client on this thread alone and holds the thread up meanwhile.
pub fn alone<T>(client: impl Future<Output = Result<T, PeerError>>) -> Result<T, PeerError> {
    tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(PeerError::io("the client cannot be started"))?.block_on(client)
    })
}
