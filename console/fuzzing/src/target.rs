//! The list of targets. `console/fuzz/fuzz_targets` has a file for each; a test compares the two.

use crate::{
    block, elasticsearch, exposition, exposition_protobuf, forward, logql, loki, otlp, promql, remote_write,
    store, syslog, traceql, wal, zipkin,
};

pub struct Target {
    pub name: &'static str,
    /// Panics when a promise is broken.
    pub body: fn(&[u8]),
    /// Valid inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Text that mutations put in.
    pub words: &'static [&'static str],
    /// Mutated inputs in a run of the ordinary tests: by what one costs.
    pub inputs: usize,
    /// Longest input worth trying, bytes.
    pub max_bytes: usize,
}

const CHEAP: usize = 20_000;
/// Evaluates over a store.
const DEAR: usize = 20_000;
/// Writes files.
const DEAREST: usize = 2_000;

const BASE: Target =
    Target { name: "", body: |_| {}, seeds: Vec::new, words: &[], inputs: CHEAP, max_bytes: 4096 };

pub const TARGETS: &[Target] = &[
    Target {
        name: "exposition",
        body: exposition::body,
        seeds: exposition::seeds,
        words: exposition::WORDS,
        ..BASE
    },
    Target {
        name: "exposition_protobuf",
        body: exposition_protobuf::body,
        seeds: exposition_protobuf::seeds,
        ..BASE
    },
    Target { name: "remote_write_v1", body: remote_write::v1_body, seeds: remote_write::v1_seeds, ..BASE },
    Target { name: "remote_write_v2", body: remote_write::v2_body, seeds: remote_write::v2_seeds, ..BASE },
    Target {
        name: "otlp_metrics",
        body: otlp::metrics_body,
        seeds: otlp::metrics_seeds,
        words: otlp::WORDS,
        ..BASE
    },
    Target { name: "otlp_logs", body: otlp::logs_body, seeds: otlp::logs_seeds, words: otlp::WORDS, ..BASE },
    Target {
        name: "otlp_traces",
        body: otlp::traces_body,
        seeds: otlp::traces_seeds,
        words: otlp::WORDS,
        ..BASE
    },
    Target { name: "loki_push", body: loki::body, seeds: loki::seeds, words: loki::WORDS, ..BASE },
    Target {
        name: "elasticsearch_bulk",
        body: elasticsearch::body,
        seeds: elasticsearch::seeds,
        words: elasticsearch::WORDS,
        ..BASE
    },
    Target { name: "forward_message", body: forward::body, seeds: forward::seeds, ..BASE },
    Target { name: "syslog_message", body: syslog::body, seeds: syslog::seeds, words: syslog::WORDS, ..BASE },
    Target { name: "zipkin_spans", body: zipkin::body, seeds: zipkin::seeds, words: zipkin::WORDS, ..BASE },
    Target {
        name: "promql_parse",
        body: promql::parse_body,
        seeds: promql::seeds,
        words: promql::WORDS,
        ..BASE
    },
    Target {
        name: "promql_eval",
        body: promql::eval_body,
        seeds: promql::seeds,
        words: promql::WORDS,
        inputs: DEAR,
        max_bytes: 512,
    },
    Target { name: "logql_parse", body: logql::parse_body, seeds: logql::seeds, words: logql::WORDS, ..BASE },
    Target {
        name: "logql_eval",
        body: logql::eval_body,
        seeds: logql::seeds,
        words: logql::WORDS,
        inputs: DEAR,
        max_bytes: 512,
    },
    Target {
        name: "traceql_parse",
        body: traceql::parse_body,
        seeds: traceql::seeds,
        words: traceql::WORDS,
        ..BASE
    },
    Target {
        name: "traceql_eval",
        body: traceql::eval_body,
        seeds: traceql::seeds,
        words: traceql::WORDS,
        inputs: DEAR,
        max_bytes: 512,
    },
    Target { name: "wal_record", body: wal::record_body, seeds: wal::record_seeds, ..BASE },
    Target {
        name: "wal_segment",
        body: wal::segment_body,
        seeds: wal::segment_seeds,
        inputs: DEAREST,
        max_bytes: 64 << 10,
        ..BASE
    },
    Target {
        name: "tsdb_block",
        body: block::body,
        seeds: block::seeds,
        inputs: DEAREST,
        max_bytes: 64 << 10,
        ..BASE
    },
    Target {
        name: "tsdb_append",
        body: store::append_body,
        seeds: remote_write::v1_seeds,
        inputs: DEAREST,
        ..BASE
    },
];

pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|t| t.name == name)
}

/// Gives `data` to the target of this name.
///
/// # Panics
/// When a promise is broken, and when there is no such target.
pub fn fuzz_one(name: &str, data: &[u8]) {
    let target = find(name).unwrap_or_else(|| panic!("no target {name:?}"));
    (target.body)(data);
}
