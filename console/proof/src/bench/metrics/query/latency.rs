//! What the set of queries takes.

use serde_json::Value;

use super::{Query, SET, Shape};
use crate::{
    bench::{
        ask::{Asked, Measured, alone},
        metrics::load::Load,
    },
    peer::{Peer, PeerError},
};

/// What the whole set took, in its order, and what an answer takes that needs no work.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// Of the server's own check of readiness: what HTTP alone costs.
    pub http: Measured,
    pub queries: Vec<Measured>,
}

/// Asks each query of the set `runs` times at least. Every answer must be a success. Holds up the thread meanwhile.
pub fn measure_set(peer: &Peer, load: Load, runs: usize) -> Result<Latencies, PeerError> {
    alone(ask_all(peer, load, runs))
}

async fn ask_all(peer: &Peer, load: Load, runs: usize) -> Result<Latencies, PeerError> {
    let client = peer.endpoint().apart()?;
    let http = Asked::readiness(peer).measure(peer, &client, runs, |_| Ok(0)).await?;
    let mut queries = Vec::new();
    for query in &SET {
        let (paths, parameters) = (vec![path(query).to_owned()], parameters(query, load));
        let asked = Asked { name: query.name, paths, parameters };
        queries.push(asked.measure(peer, &client, runs, |bytes| count(query, bytes)).await?);
    }
    Ok(Latencies { http, queries })
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

fn count(query: &Query, bytes: &[u8]) -> Result<u64, PeerError> {
    let answer: Value = serde_json::from_slice(bytes)
        .map_err(std::io::Error::other)
        .map_err(PeerError::io(format!("{}: the answer is not JSON", query.name)))?;
    let data = &answer["data"];
    let list = data.as_array().or_else(|| data["result"].as_array());
    Ok(list.map_or(0, Vec::len) as u64)
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
