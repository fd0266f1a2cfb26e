//! Streams and metric values as Loki writes them.

use console_model::{
    log::{LogAnswer, LogStream},
    metric::QueryStats,
};
use serde_json::{Value, json};

use crate::json;

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
    let stats = match answer {
        LogAnswer::Streams { streams, stats } => {
            out.extend_from_slice(b"\"resultType\":\"streams\",\"result\":");
            json::list(out, streams, stream);
            stats
        }
        LogAnswer::Metric(answer) => {
            json::query_value(out, &answer.value);
            &answer.stats
        }
    };
    out.extend_from_slice(b",\"stats\":");
    json::value(out, &statistics(stats));
    out.push(b'}');
}

fn statistics(stats: &QueryStats) -> Value {
    json!({"summary": {
        "execTime": stats.duration_us as f64 / 1e6,
        "totalBytesProcessed": stats.bytes,
        "totalLinesProcessed": stats.samples,
    }})
}

#[cfg(test)]
mod tests {
    use console_model::{Labels, log::LogEntry};

    use super::*;

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
