//! Streams and metric values as Loki writes them.

use console_model::{
    log::{LogAnswer, LogStream},
    metric::QueryStats,
};
use serde_json::{Value, json};

use crate::value;

/// `{"stream":{…},"values":[["<ns>","line"],…]}`.
pub fn stream(stream: &LogStream) -> Value {
    let values: Vec<Value> = stream.entries.iter().map(|e| json!([e.t_ns.to_string(), e.line])).collect();
    json!({"stream": value::labels(&stream.labels), "values": values})
}

/// The `data` of a query's answer.
pub fn data(answer: &LogAnswer) -> Value {
    match answer {
        LogAnswer::Streams { streams, stats } => json!({
            "resultType": "streams",
            "result": streams.iter().map(stream).collect::<Vec<_>>(),
            "stats": statistics(stats),
        }),
        LogAnswer::Metric(answer) => {
            let (kind, result) = value::query_value(&answer.value);
            json!({"resultType": kind, "result": result, "stats": statistics(&answer.stats)})
        }
    }
}

fn statistics(stats: &QueryStats) -> Value {
    json!({"summary": {
        "execTime": stats.duration_us as f64 / 1e6,
        "totalBytesProcessed": stats.bytes,
        "totalLinesProcessed": stats.samples,
    }})
}
