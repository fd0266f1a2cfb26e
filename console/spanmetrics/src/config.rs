//! What is derived, and its bounds.

use serde::Deserialize;

use crate::{names::SPAN_LABELS, series};

const MAX_DIMENSIONS: usize = 16;
const MAX_BUCKETS: usize = 64;
const DAY_MS: u64 = 24 * 3_600_000;

/// Settings; see the guide on configuration for what they mean to an operator.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpanMetricsConfig {
    /// Absent: where the metrics that the console shows are its own.
    pub enabled: Option<bool>,
    /// Attributes that become labels, a resource's before a span's; dots and the like become `_`.
    pub dimensions: Vec<String>,
    /// Upper bounds of the histograms in seconds, rising.
    pub buckets: Vec<f64>,
    /// Series of all metrics together: a quarter of them for the service graph.
    pub max_series: usize,
    /// Distinct span names of one service; what comes after them is one name.
    pub max_span_names: usize,
    /// Longer values of labels are cut.
    pub max_label_bytes: usize,
    /// How often samples are written.
    pub interval_ms: u64,
    /// How long one side of a request waits for the other.
    pub wait_ms: u64,
    /// Sides that wait at once.
    pub max_waiting: usize,
    /// A series that nothing counted for so long ends.
    pub idle_ms: u64,
    /// A span that ended longer than this before or after it came is not counted: it says nothing about now.
    pub slack_ms: u64,
    /// Spans that are known when they come again.
    pub max_recent_spans: usize,
    /// Memory of spans that were taken and not counted yet.
    pub max_queue_bytes: usize,
    /// Exemplars written in one interval: a store keeps a bounded number of all metrics together.
    pub max_exemplars: usize,
}

impl Default for SpanMetricsConfig {
    fn default() -> Self {
        Self {
            enabled: None,
            dimensions: Vec::new(),
            // Tempo's: 2 ms to 16 s, each twice the one before.
            buckets: (0..14).map(|i| 0.002 * f64::from(1 << i)).collect(),
            max_series: 40_000,
            max_span_names: 200,
            max_label_bytes: 256,
            interval_ms: 15_000,
            wait_ms: 10_000,
            max_waiting: 20_000,
            idle_ms: 300_000,
            slack_ms: 600_000,
            max_recent_spans: 100_000,
            max_queue_bytes: 8 << 20,
            max_exemplars: 100,
        }
    }
}

impl SpanMetricsConfig {
    /// Everything that is wrong, a line a field. `field` is what the whole is called where it stands.
    pub fn problems(&self, field: &str) -> Vec<String> {
        let mut found = Vec::new();
        self.check_dimensions(field, &mut found);
        self.check_buckets(field, &mut found);
        let sizes = [
            ("max_series", self.max_series, self.min_series(), 1_000_000),
            ("max_span_names", self.max_span_names, 1, 100_000),
            ("max_label_bytes", self.max_label_bytes, 16, 1024),
            ("max_waiting", self.max_waiting, 1, 1_000_000),
            ("max_recent_spans", self.max_recent_spans, 0, 10_000_000),
            ("max_queue_bytes", self.max_queue_bytes, 64 << 10, 1 << 30),
            ("max_exemplars", self.max_exemplars, 0, 100_000),
        ];
        for (name, value, min, max) in sizes {
            if !(min..=max).contains(&value) {
                found.push(format!("{field}.{name}: {value} is not from {min} to {max}"));
            }
        }
        let times = [
            ("interval_ms", self.interval_ms, 100),
            ("wait_ms", self.wait_ms, 100),
            // A series that ends between two writes of it would come and go.
            ("idle_ms", self.idle_ms, self.interval_ms.max(1_000)),
            ("slack_ms", self.slack_ms, 1_000),
        ];
        for (name, value, min) in times {
            if !(min..=DAY_MS).contains(&value) {
                found.push(format!("{field}.{name}: {value} is not from {min} to {DAY_MS}"));
            }
        }
        found
    }

    fn check_dimensions(&self, field: &str, found: &mut Vec<String>) {
        if self.dimensions.len() > MAX_DIMENSIONS {
            found.push(format!("{field}.dimensions: more than {MAX_DIMENSIONS}"));
        }
        let mut taken: Vec<String> = SPAN_LABELS.map(str::to_owned).to_vec();
        taken.extend(["le", crate::names::OVERFLOW_LABEL].map(str::to_owned));
        for dimension in &self.dimensions {
            let label = label_name(dimension);
            if dimension.is_empty() || dimension.len() > 256 {
                found.push(format!("{field}.dimensions: {dimension:?} has not 1 to 256 bytes"));
            } else if label.starts_with("__") {
                found.push(format!("{field}.dimensions: {dimension:?} would be a label that begins with __"));
            } else if taken.contains(&label) {
                found.push(format!("{field}.dimensions: {dimension:?}: there is a label {label} already"));
            } else {
                taken.push(label);
            }
        }
    }

    fn check_buckets(&self, field: &str, found: &mut Vec<String>) {
        let n = self.buckets.len();
        if !(1..=MAX_BUCKETS).contains(&n) {
            found.push(format!("{field}.buckets: {n} bounds, not from 1 to {MAX_BUCKETS}"));
        }
        if let Some(bound) = self.buckets.iter().find(|b| !b.is_finite() || **b <= 0.0) {
            found.push(format!("{field}.buckets: {bound} is no bound: seconds above zero"));
        }
        if let Some([one, next, ..]) = self.buckets.windows(2).find(|w| w[0] >= w[1]) {
            found.push(format!("{field}.buckets: {next} comes after {one}, and bounds rise"));
        }
    }

    /// Enough for a span name, an edge and what went over the limit of each.
    fn min_series(&self) -> usize {
        8 * series::of_an_edge(self.buckets.len())
    }

    /// Label sets of spans that have series of their own.
    pub(crate) fn max_span_sets(&self) -> usize {
        (self.max_series / 4 * 3 / series::of_a_span(self.buckets.len())).max(1)
    }

    /// Edges that have series of their own.
    pub(crate) fn max_edges(&self) -> usize {
        (self.max_series / 4 / series::of_an_edge(self.buckets.len())).max(1)
    }
}

/// An attribute's key as a label's name.
pub(crate) fn label_name(key: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = key.chars().map(safe).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_have_no_problem() {
        let config = SpanMetricsConfig::default();
        assert_eq!(config.problems("spanmetrics"), Vec::<String>::new());
        assert_eq!((config.buckets.len(), config.buckets[13]), (14, 16.384));
        assert_eq!((config.max_span_sets(), config.max_edges()), (1578, 277));
    }

    #[test]
    fn each_wrong_field_is_named() {
        let config = SpanMetricsConfig {
            dimensions: ["", "a.b", "a_b", "span.name", "le", "__x"].map(str::to_owned).to_vec(),
            buckets: vec![0.2, 0.1, -1.0],
            max_series: 10,
            interval_ms: 5,
            idle_ms: 1,
            ..SpanMetricsConfig::default()
        };
        let problems = config.problems("spanmetrics");
        let wanted = [
            "spanmetrics.dimensions: \"\" has not",
            "spanmetrics.dimensions: \"a_b\": there is a label a_b",
            "spanmetrics.dimensions: \"span.name\": there is a label span_name",
            "spanmetrics.dimensions: \"le\"",
            "spanmetrics.dimensions: \"__x\" would be",
            "spanmetrics.buckets: -1 is no bound",
            "spanmetrics.buckets: 0.1 comes after 0.2",
            "spanmetrics.max_series: 10 is not from",
            "spanmetrics.interval_ms: 5 is not from 100",
            "spanmetrics.idle_ms: 1 is not from 1000",
        ];
        assert_eq!(problems.len(), wanted.len(), "{problems:#?}");
        for (problem, wanted) in problems.iter().zip(wanted) {
            assert!(problem.starts_with(wanted), "{problem}");
        }
    }

    #[test]
    fn keys_become_names_of_labels() {
        assert_eq!(label_name("http.route"), "http_route");
        assert_eq!(label_name("2nd-höhe"), "_2nd_h_he");
    }
}
