//! Streams and metric values as Loki writes them.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use console_model::{
    log::{LogAnswer, LogStream},
    metric::{QueryStats, QueryValue},
};
use console_storage::source::CategorizedStream;
use serde_json::{Value, json};

use crate::json;

const CATEGORIZE: &str = "categorize-labels";

/// `{"stream":{…},"values":[["<ns>","line"],…]}`.
pub fn stream(out: &mut Vec<u8>, stream: &LogStream) {
    out.extend_from_slice(b"{\"stream\":");
    json::labels(out, &stream.labels);
    out.extend_from_slice(b",\"values\":");
    json::list(out, &stream.entries, |out, entry| {
        out.extend_from_slice(format!("[\"{}\",", entry.t_ns).as_bytes());
        json::text(out, &entry.line);
        out.push(b']');
    });
    out.push(b'}');
}

/// The `data` of a query's answer.
pub fn data(out: &mut Vec<u8>, answer: &LogAnswer) {
    out.push(b'{');
    let (stats, returned) = match answer {
        LogAnswer::Streams { streams, stats } => {
            out.extend_from_slice(b"\"resultType\":\"streams\",\"result\":");
            json::list(out, streams, stream);
            (stats, streams.iter().map(|s| s.entries.len()).sum())
        }
        LogAnswer::Metric(answer) => {
            json::query_value(out, &answer.value);
            (&answer.stats, rows(&answer.value))
        }
    };
    out.extend_from_slice(b",\"stats\":");
    json::value(out, &statistics(stats, returned));
    out.push(b'}');
}

/// Whether the client understands labels by where they come from.
pub fn wants_categories(headers: &HeaderMap) -> bool {
    let flags =
        headers.get("X-Loki-Response-Encoding-Flags").and_then(|v| v.to_str().ok()).unwrap_or_default();
    flags.split(',').any(|flag| flag.trim() == CATEGORIZE)
}

/// As [`data`], each entry with its metadata and what parsers gave it.
pub fn categorized(out: &mut Vec<u8>, streams: &[CategorizedStream], stats: &QueryStats) {
    out.extend_from_slice(b"{\"resultType\":\"streams\",\"encodingFlags\":");
    json::value(out, &[CATEGORIZE]);
    out.extend_from_slice(b",\"result\":");
    json::list(out, streams, |out, stream| {
        out.extend_from_slice(b"{\"stream\":");
        json::labels(out, &stream.labels);
        out.extend_from_slice(b",\"values\":");
        json::list(out, &stream.entries, |out, (entry, parsed)| {
            out.extend_from_slice(format!("[\"{}\",", entry.t_ns).as_bytes());
            json::text(out, &entry.line);
            let map = |pairs: &[(String, String)]| pairs.iter().cloned().collect::<BTreeMap<_, _>>();
            let mut categories = serde_json::Map::new();
            for (name, pairs) in [("structuredMetadata", &entry.metadata), ("parsed", parsed)] {
                if !pairs.is_empty() {
                    categories.insert(name.to_owned(), json!(map(pairs)));
                }
            }
            out.push(b',');
            json::value(out, &categories);
            out.push(b']');
        });
        out.push(b'}');
    });
    out.extend_from_slice(b",\"stats\":");
    json::value(out, &statistics(stats, streams.iter().map(|s| s.entries.len()).sum()));
    out.push(b'}');
}

fn rows(value: &QueryValue) -> usize {
    match value {
        QueryValue::Vector(v) => v.len(),
        QueryValue::Matrix(m) => m.len(),
        _ => 1,
    }
}

/// What Grafana's inspector shows of a query; parts that only a cluster has are left out.
fn statistics(stats: &QueryStats, returned: usize) -> Value {
    let seconds = stats.duration_us as f64 / 1e6;
    let per_second = |n: u64| if seconds > 0.0 { (n as f64 / seconds) as u64 } else { 0 };
    json!({
        "summary": {
            "bytesProcessedPerSecond": per_second(stats.bytes),
            "linesProcessedPerSecond": per_second(stats.samples),
            "totalBytesProcessed": stats.bytes,
            "totalLinesProcessed": stats.samples,
            "execTime": seconds,
            "queueTime": 0.0,
            "subqueries": 0,
            "totalEntriesReturned": returned,
            "splits": 0,
            "shards": 0,
        },
        "querier": {"store": {"totalChunksRef": 0, "totalChunksDownloaded": 0, "chunksDownloadTime": 0}},
        "ingester": {"totalReached": 0, "totalChunksMatched": 0, "totalBatches": 0, "totalLinesSent": 0},
    })
}

/// `interval`: of each stream an entry, then none before that long has passed. Entries are in one direction of time.
pub fn thin_out(streams: &mut [LogStream], interval_ns: i64) {
    for stream in streams {
        let mut last: Option<i64> = None;
        stream.entries.retain(|entry| {
            let kept = last.is_none_or(|t| (entry.t_ns.saturating_sub(t)).saturating_abs() >= interval_ns);
            if kept {
                last = Some(entry.t_ns);
            }
            kept
        });
    }
}

#[cfg(test)]
mod tests {
    use console_model::{Labels, log::LogEntry};

    use super::*;

    #[test]
    fn entries_closer_than_the_interval_are_left_out() {
        let entry = |t_ns| LogEntry { t_ns, line: String::new(), metadata: Vec::new() };
        for (times, kept) in [(vec![0, 4, 5, 9, 20], vec![0, 5, 20]), (vec![20, 16, 15, 0], vec![20, 15, 0])]
        {
            let mut streams =
                [LogStream { labels: Labels::default(), entries: times.into_iter().map(entry).collect() }];
            thin_out(&mut streams, 5);
            assert_eq!(streams[0].entries.iter().map(|e| e.t_ns).collect::<Vec<_>>(), kept);
        }
    }

    #[test]
    fn streams_and_their_cost_are_told() {
        let entries = vec![LogEntry { t_ns: 12, line: "a \"b\"\n".to_owned(), metadata: Vec::new() }];
        let labels = Labels::from_pairs([("job", "x")]);
        let streams = vec![LogStream { labels, entries }];
        let mut out = Vec::new();
        data(&mut out, &LogAnswer::Streams { streams, stats: QueryStats::default() });
        let read: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(read["result"], json!([{"stream": {"job": "x"}, "values": [["12", "a \"b\"\n"]]}]));
        assert_eq!(
            (&read["resultType"], &read["stats"]["summary"]["execTime"]),
            (&json!("streams"), &json!(0.0))
        );
    }
}
