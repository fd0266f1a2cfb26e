//! All that is counted, without threads and clocks: batches in, samples out.

use console_storage::metrics::SampleAppender;

use crate::{
    batch::Batch, config::SpanMetricsConfig, graph::Graph, own::OwnMetrics, recent::Recent, sink::Sink,
    spans::SpanTable,
};

/// A clock that goes back by less is waited for, so that samples stay in order; one that goes back further had been wrong.
const MAX_STEP_BACK_MS: i64 = 300_000;

pub(crate) struct Generator {
    slack_ms: i64,
    idle_ms: i64,
    max_exemplars: usize,
    recent: Recent,
    spans: SpanTable,
    graph: Graph,
    own: OwnMetrics,
    /// Of the last flush, or of the start: until then everything was zero that is not there yet.
    flushed_ms: i64,
    /// Goes back only where the clock does by much.
    now_ms: i64,
}

impl Generator {
    pub fn new(config: &SpanMetricsConfig, own: OwnMetrics, now_ms: i64) -> Self {
        Self {
            slack_ms: config.slack_ms as i64,
            idle_ms: config.idle_ms as i64,
            max_exemplars: config.max_exemplars,
            recent: Recent::new(config.max_recent_spans),
            spans: SpanTable::new(config, own.clone()),
            graph: Graph::new(config, own.clone()),
            own,
            flushed_ms: now_ms,
            now_ms,
        }
    }

    /// Counts what came at `now_ms`.
    pub fn take(&mut self, batch: &Batch, now_ms: i64) {
        let arrived_ms = now_ms;
        let now_ms = self.advance(now_ms);
        let zero_ms = self.flushed_ms + 1;
        self.graph.expire(zero_ms, now_ms);
        for (place, record) in batch.records.iter().enumerate() {
            // The span's clock against ours as it is, and not as it was held.
            if (record.end_ns / 1_000_000).abs_diff(arrived_ms) > self.slack_ms as u64 {
                self.own.outside_slack.inc();
                continue;
            }
            if !self.recent.insert(record.trace_id, record.span_id, record.kind) {
                self.own.duplicate.inc();
                continue;
            }
            self.own.counted.inc();
            self.spans.count(batch, place, zero_ms, now_ms);
            self.graph.take(batch, record, zero_ms, now_ms);
        }
    }

    /// Writes what everything is at `now_ms`.
    pub fn flush(&mut self, appender: &dyn SampleAppender, now_ms: i64) {
        // After the zeros of what is new, which are after the last flush.
        let now_ms = self.advance(now_ms).max(self.flushed_ms + 2);
        self.now_ms = now_ms;
        self.graph.expire(self.flushed_ms + 1, now_ms);
        let idle_since_ms = now_ms.saturating_sub(self.idle_ms);
        // The graph has a quarter of the exemplars for sure, and what spans leave.
        let of_graph = self.max_exemplars / 4;
        let mut sink = Sink::new(appender, now_ms, idle_since_ms, self.max_exemplars - of_graph);
        self.spans.flush(&mut sink);
        sink.exemplars += of_graph;
        self.graph.flush(&mut sink);
        if sink.failed == 0 {
            self.own.written.inc();
        } else {
            self.own.failed.inc();
        }
        self.own.rejected.inc_by(sink.rejected);
        self.flushed_ms = now_ms;
        let (edge_series, waiting) = self.graph.sizes();
        self.own.span_series.set(self.spans.series() as i64);
        self.own.edge_series.set(edge_series as i64);
        self.own.waiting.set(waiting as i64);
    }

    fn advance(&mut self, now_ms: i64) -> i64 {
        if now_ms < self.now_ms.saturating_sub(MAX_STEP_BACK_MS) {
            tracing::warn!(from_ms = self.now_ms, to_ms = now_ms, "the clock was set back");
            (self.now_ms, self.flushed_ms) = (now_ms, now_ms);
        }
        self.now_ms = self.now_ms.max(now_ms);
        self.now_ms
    }
}

#[cfg(test)]
#[path = "generator_tests.rs"]
mod tests;
