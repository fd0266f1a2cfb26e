//! One query, asked again and again.
//!
//! The client has a thread and a connection of its own: a hop between threads would be measured with every answer.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Query, SET, Shape};
use crate::{
    bench::load::Load,
    peer::{Endpoint, Peer, PeerError},
};

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
    pub results: usize,
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

/// What the whole set took, in its order, and what an answer takes that needs no work.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// Of the server's own check of readiness: what HTTP alone costs.
    pub http: Measured,
    pub queries: Vec<Measured>,
}

/// Asks each query of the set `runs` times at least. Every answer must be a success. Holds up the thread meanwhile.
pub fn measure_set(peer: &Peer, load: Load, runs: usize) -> Result<Latencies, PeerError> {
    tokio::task::block_in_place(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(PeerError::io("the client cannot be started"))?.block_on(ask_all(peer, load, runs))
    })
}

async fn ask_all(peer: &Peer, load: Load, runs: usize) -> Result<Latencies, PeerError> {
    let client = peer.endpoint().apart()?;
    let ready = Asked { name: "HTTP alone", path: peer.ready_path(), parameters: Vec::new() };
    let http = ready.measure(peer, &client, runs, |_| Ok(0)).await?;
    let mut queries = Vec::new();
    for query in &SET {
        let asked = Asked { name: query.name, path: path(query), parameters: parameters(query, load) };
        queries.push(asked.measure(peer, &client, runs, |bytes| count(query, bytes)).await?);
    }
    Ok(Latencies { http, queries })
}

/// One request.
struct Asked {
    name: &'static str,
    path: &'static str,
    parameters: Vec<(&'static str, String)>,
}

impl Asked {
    async fn measure(
        &self,
        peer: &Peer,
        client: &Endpoint,
        runs: usize,
        count: impl Fn(&[u8]) -> Result<usize, PeerError>,
    ) -> Result<Measured, PeerError> {
        let mut results = 0;
        for _ in 0..WARM_UPS {
            results = count(&self.ask(client).await?.1)?;
        }
        let before = peer.usage()?.cpu_seconds;
        let (mut took, mut total) = (Vec::new(), Duration::ZERO);
        while took.len() < runs || (total < AT_LEAST && took.len() < MOST_RUNS) {
            let (one, _) = self.ask(client).await?;
            took.push(one);
            total += one;
        }
        let cpu_ms = (peer.usage()?.cpu_seconds - before) * 1000.0 / took.len() as f64;
        took.sort();
        Ok(Measured { median: took[took.len() / 2], cpu_ms, results })
    }

    /// From the request to the last byte of the answer, uncompressed.
    async fn ask(&self, client: &Endpoint) -> Result<(Duration, Vec<u8>), PeerError> {
        let failed = || PeerError::http(self.name);
        let begun = Instant::now();
        let request = client.get(self.path).query(&self.parameters).header("accept-encoding", "identity");
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

fn path(query: &Query) -> &'static str {
    match query.shape {
        Shape::Instant(_) => "/api/v1/query",
        Shape::Range { .. } => "/api/v1/query_range",
        Shape::Path { path, .. } => path,
    }
}

fn parameters(query: &Query, load: Load) -> Vec<(&'static str, String)> {
    let seconds = |ms: i64| format!("{}.{:03}", ms / 1000, ms % 1000);
    let start = |minutes: i64| seconds(load.end_ms - (minutes * 60_000).min(load.span_ms()));
    // VictoriaMetrics answers repeated queries from a cache of results otherwise; the others do not know the parameter.
    let mut all = vec![("nocache", "1".to_owned())];
    match query.shape {
        Shape::Instant(expr) => all.extend([("query", expr.to_owned()), ("time", seconds(load.end_ms))]),
        Shape::Range { expr, minutes, step_seconds } => all.extend([
            ("query", expr.to_owned()),
            ("start", start(minutes)),
            ("end", seconds(load.end_ms)),
            ("step", step_seconds.to_string()),
        ]),
        Shape::Path { matches, .. } => {
            all.extend([("start", start(60)), ("end", seconds(load.end_ms))]);
            if !matches.is_empty() {
                all.push(("match[]", matches.to_owned()));
            }
        }
    }
    all
}

fn count(query: &Query, bytes: &[u8]) -> Result<usize, PeerError> {
    let answer: Value = serde_json::from_slice(bytes)
        .map_err(std::io::Error::other)
        .map_err(PeerError::io(format!("{}: the answer is not JSON", query.name)))?;
    let data = &answer["data"];
    let list = data.as_array().or_else(|| data["result"].as_array());
    Ok(list.map_or(0, Vec::len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_never_begin_before_the_load() {
        let load = Load { pods: 1, steps: 60, end_ms: 1_700_000_000_000 };
        for query in SET.iter().filter(|q| matches!(q.shape, Shape::Range { .. })) {
            let all = parameters(query, load);
            let start: f64 = all.iter().find(|(n, _)| *n == "start").unwrap().1.parse().unwrap();
            assert!(start * 1000.0 >= load.time_ms(0) as f64, "{}", query.name);
        }
    }

    #[test]
    fn results_are_counted_in_both_envelopes() {
        let count = |text: &str| count(&SET[0], text.as_bytes()).unwrap();
        assert_eq!(count(r#"{"data":{"result":[1,2]}}"#), 2);
        assert_eq!(count(r#"{"data":["a"]}"#), 1);
    }
}
