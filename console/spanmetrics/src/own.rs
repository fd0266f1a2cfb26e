//! What deriving metrics says about itself.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// Own metrics. Cheap to clone.
#[derive(Clone)]
pub struct OwnMetrics {
    pub(crate) counted: IntCounter,
    pub(crate) duplicate: IntCounter,
    pub(crate) queue_full: IntCounter,
    pub(crate) outside_slack: IntCounter,
    over_span_names: IntCounter,
    over_spans: IntCounter,
    over_edges: IntCounter,
    pub(crate) span_series: IntGauge,
    pub(crate) edge_series: IntGauge,
    pub(crate) waiting: IntGauge,
    pub(crate) written: IntCounter,
    pub(crate) failed: IntCounter,
    pub(crate) rejected: IntCounter,
}

impl OwnMetrics {
    /// Fails when the registry has them already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let spans = IntCounterVec::new(
            Opts::new(
                "quarterdeck_spanmetrics_spans_total",
                "Spans that the store took: counted, duplicate, dropped because the queue was full, or too old or new.",
            ),
            &["outcome"],
        )?;
        let overflow = IntCounterVec::new(
            Opts::new(
                "quarterdeck_spanmetrics_overflow_total",
                "Spans and requests counted without their own labels, by the limit that they were over.",
            ),
            &["limit"],
        )?;
        let series = IntGaugeVec::new(
            Opts::new("quarterdeck_spanmetrics_series", "Series that are derived from spans."),
            &["of"],
        )?;
        let waiting = IntGauge::with_opts(Opts::new(
            "quarterdeck_spanmetrics_waiting",
            "Sides of requests that wait for the other.",
        ))?;
        let flushes = IntCounterVec::new(
            Opts::new("quarterdeck_spanmetrics_flushes_total", "Writes of all derived series, by outcome."),
            &["outcome"],
        )?;
        let rejected = IntCounter::with_opts(Opts::new(
            "quarterdeck_spanmetrics_rejected_samples_total",
            "Derived samples that the store of metrics refused.",
        ))?;
        for vec in [&spans, &overflow, &flushes] {
            registry.register(Box::new(vec.clone()))?;
        }
        registry.register(Box::new(series.clone()))?;
        registry.register(Box::new(waiting.clone()))?;
        registry.register(Box::new(rejected.clone()))?;
        Ok(Self {
            counted: spans.with_label_values(&["counted"]),
            duplicate: spans.with_label_values(&["duplicate"]),
            queue_full: spans.with_label_values(&["queue_full"]),
            outside_slack: spans.with_label_values(&["outside_slack"]),
            over_span_names: overflow.with_label_values(&["max_span_names"]),
            over_spans: overflow.with_label_values(&["max_series"]),
            over_edges: overflow.with_label_values(&["max_series_of_edges"]),
            span_series: series.with_label_values(&["spans"]),
            edge_series: series.with_label_values(&["edges"]),
            waiting,
            written: flushes.with_label_values(&["written"]),
            failed: flushes.with_label_values(&["failed"]),
            rejected,
        })
    }

    pub(crate) fn over_span_names(&self) {
        self.over_span_names.inc();
    }

    pub(crate) fn over_spans(&self) {
        self.over_spans.inc();
    }

    pub(crate) fn over_edges(&self) {
        self.over_edges.inc();
    }
}
