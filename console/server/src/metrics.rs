//! The console about itself, in Prometheus' text format.

use std::time::Duration;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::stores::Stores;

/// The console's own metrics. Cheap to clone.
#[derive(Clone)]
pub struct SelfMetrics {
    pub registry: Registry,
    requests: HistogramVec,
    items: IntGaugeVec,
    bytes: IntGaugeVec,
    dropped: IntGaugeVec,
    segments: IntGaugeVec,
    memory: IntGaugeVec,
    memory_limit: IntGauge,
}

impl SelfMetrics {
    pub fn new(version: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = HistogramVec::new(
            HistogramOpts::new("http_server_request_duration_seconds", "Duration of HTTP requests served.")
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
            &["http_request_method", "http_route", "http_response_status_code"],
        )?;
        let gauge = |name: &str, help: &str, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        let items = gauge(
            "quarterdeck_store_items",
            "What a store holds: series in memory, samples, blocks, streams, lines, traces, spans, parts.",
            &["store", "kind"],
        )?;
        let bytes = gauge(
            "quarterdeck_store_bytes",
            "Bytes of a store: in memory, on disk, and of those in blocks or parts.",
            &["store", "place"],
        )?;
        let dropped = gauge(
            "quarterdeck_store_dropped",
            "Segments, parts or traces dropped by a limit, blocks and parts set aside as damaged, and records that replay could \
             not read, since the start.",
            &["store", "what"],
        )?;
        let segments = gauge(
            "quarterdeck_store_log_segments",
            "Segments of a store's log: those present; since the start, those begun and those deleted because blocks or \
             parts hold all of them.",
            &["store", "what"],
        )?;
        let memory = gauge(
            "quarterdeck_store_memory_bytes",
            "Bytes that a store has reserved of the memory of all stores, for what waits to be written and for caches, and \
             those that it has in any case; samples that queries hold count as store=\"queries\".",
            &["store", "what"],
        )?;
        let memory_limit = IntGauge::new(
            "quarterdeck_stores_memory_limit_bytes",
            "Bytes that all stores may reserve together (stores.memory_mib).",
        )?;
        let build = gauge("shop_build_info", "Always 1; the label says which version runs.", &["version"])?;
        build.with_label_values(&[version]).set(1);
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(memory_limit.clone()))?;
        for vec in [&items, &bytes, &dropped, &segments, &memory, &build] {
            registry.register(Box::new(vec.clone()))?;
        }
        Ok(Self { registry, requests, items, bytes, dropped, segments, memory, memory_limit })
    }

    /// One served request. `route` is the pattern, never the path.
    pub fn served(&self, method: &http::Method, route: &str, status: http::StatusCode, took: Duration) {
        let method = match method.as_str() {
            m @ ("GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "PATCH" | "OPTIONS") => m,
            _ => "_OTHER",
        };
        self.requests.with_label_values(&[method, route, status.as_str()]).observe(took.as_secs_f64());
    }

    /// The exposition, with the stores as they are now.
    pub fn exposition(&self, stores: &Stores) -> String {
        let (m, l, t) = (stores.metrics.stats(), stores.logs.stats(), stores.traces.stats());
        let items = [
            ("metrics", "series", m.series),
            ("metrics", "samples", m.samples),
            ("metrics", "blocks", m.blocks),
            ("logs", "streams", l.streams),
            ("logs", "lines", l.entries),
            ("logs", "parts", l.parts),
            ("traces", "traces", t.traces),
            ("traces", "spans", t.spans),
            ("traces", "parts", t.parts),
        ];
        for (store, kind, n) in items {
            self.items.with_label_values(&[store, kind]).set(n as i64);
        }
        let bytes = [
            ("metrics", m.memory_bytes, m.disk_bytes),
            ("logs", l.memory_bytes, l.disk_bytes),
            ("traces", t.memory_bytes, t.disk_bytes),
        ];
        for (store, memory, disk) in bytes {
            self.bytes.with_label_values(&[store, "memory"]).set(memory as i64);
            self.bytes.with_label_values(&[store, "disk"]).set(disk as i64);
        }
        self.bytes.with_label_values(&["metrics", "blocks"]).set(m.block_bytes as i64);
        self.bytes.with_label_values(&["logs", "parts"]).set(l.part_bytes as i64);
        self.bytes.with_label_values(&["traces", "parts"]).set(t.part_bytes as i64);
        let dropped = [
            ("metrics", "segments", m.dropped_segments),
            ("metrics", "damaged_records", m.damaged_records),
            ("metrics", "damaged_blocks", m.damaged_blocks),
            ("logs", "parts", l.dropped_parts),
            ("logs", "damaged_parts", l.damaged_parts),
            ("logs", "damaged_records", l.damaged_records),
            ("traces", "traces", t.dropped_traces),
            ("traces", "damaged_records", t.damaged_records),
            ("traces", "damaged_parts", t.damaged_parts),
        ];
        for (store, what, n) in dropped {
            self.dropped.with_label_values(&[store, what]).set(n as i64);
        }
        for (what, n) in
            [("present", m.segments), ("begun", m.begun_segments), ("flushed", m.flushed_segments)]
        {
            self.segments.with_label_values(&["metrics", what]).set(n as i64);
        }
        for (what, n) in [("present", l.segments), ("flushed", l.flushed_segments)] {
            self.segments.with_label_values(&["logs", what]).set(n as i64);
        }
        let memory = &stores.memory;
        let shares = [
            ("metrics", &memory.metrics),
            ("logs", &memory.logs),
            ("traces", &memory.traces),
            ("queries", &memory.queries),
        ];
        for (store, share) in shares {
            self.memory.with_label_values(&[store, "reserved"]).set(share.used() as i64);
            self.memory.with_label_values(&[store, "guaranteed"]).set(share.guaranteed() as i64);
        }
        self.memory_limit.set(memory.pool.limit() as i64);
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "own metrics cannot be written");
        }
        String::from_utf8(out).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use console_model::{Labels, metric::Sample};
    use console_storage::metrics::{SampleAppender, SeriesBatch};

    use super::*;
    use crate::config::StoresConfig;

    #[test]
    fn segments_of_the_log_are_counted_as_they_come_and_go() {
        const HOUR_MS: i64 = 3_600_000;
        let dir = tempfile::tempdir().unwrap();
        let stores = Stores::open(dir.path(), StoresConfig::default()).unwrap();
        let metrics = SelfMetrics::new("test").unwrap();
        let segments = || {
            let text = metrics.exposition(&stores);
            ["present", "begun", "flushed"].map(|what| {
                let name = format!(r#"quarterdeck_store_log_segments{{store="metrics",what="{what}"}} "#);
                text.lines().find_map(|l| l.strip_prefix(&name)?.parse::<u64>().ok())
            })
        };
        assert_eq!(segments(), [Some(1), Some(0), Some(0)]);
        let now_ms = console_model::clock::now_ms();
        let samples = vec![Sample { t_ms: now_ms, v: 1.0 }];
        stores
            .metrics
            .append(&[SeriesBatch::floats(Labels::from_pairs([("__name__", "up")]), samples)])
            .unwrap();
        // All of it goes into a block, and another segment begins.
        stores.maintain(now_ms + 6 * HOUR_MS);
        assert_eq!(segments(), [Some(1), Some(1), Some(1)]);
    }

    #[test]
    fn memory_is_told_by_store_as_it_is_reserved_and_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let config = StoresConfig { memory_mib: Some(80), ..StoresConfig::default() };
        let stores = Stores::open(dir.path(), config).unwrap();
        let metrics = SelfMetrics::new("test").unwrap();
        let value = |name: &str| {
            let text = metrics.exposition(&stores);
            text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<u64>().ok())
        };
        assert_eq!(value("quarterdeck_stores_memory_limit_bytes"), Some(80 << 20));
        let of = |store: &str, what: &str| {
            value(&format!(r#"quarterdeck_store_memory_bytes{{store="{store}",what="{what}"}}"#))
        };
        for store in ["metrics", "logs", "traces", "queries"] {
            assert_eq!(
                (of(store, "reserved"), of(store, "guaranteed")),
                (Some(0), Some(10 << 20)),
                "{store}"
            );
        }
        let held = stores.memory.logs.try_reserve(1000).unwrap();
        assert_eq!((of("logs", "reserved"), of("traces", "reserved")), (Some(1000), Some(0)));
        drop(held);
        assert_eq!(of("logs", "reserved"), Some(0));
    }
}
