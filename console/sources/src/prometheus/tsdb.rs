//! `status/tsdb`, as Prometheus and VictoriaMetrics tell it.

use console_model::cardinality::{Cardinality, Count};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    head_stats: Option<Head>,
    /// These two are VictoriaMetrics'.
    total_series: Option<u64>,
    total_label_value_pairs: Option<u64>,
    series_count_by_metric_name: Option<Vec<Count>>,
    label_value_count_by_label_name: Option<Vec<Count>>,
    memory_in_bytes_by_label_name: Option<Vec<Count>>,
    series_count_by_label_value_pair: Option<Vec<Count>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    num_series: u64,
    #[serde(default)]
    num_label_pairs: u64,
    /// Negative where the backend does not know.
    #[serde(default)]
    chunk_count: i64,
    min_time: i64,
    max_time: i64,
}

/// With at most `limit` entries a list.
pub fn cardinality(told: Told, limit: usize) -> Cardinality {
    let list = |counts: Option<Vec<Count>>| {
        let mut counts = counts.unwrap_or_default();
        counts.truncate(limit);
        counts
    };
    let head = told.head_stats.as_ref();
    Cardinality {
        series: head.map(|h| h.num_series).or(told.total_series).unwrap_or_default(),
        label_pairs: head.map(|h| h.num_label_pairs).or(told.total_label_value_pairs).unwrap_or_default(),
        chunks: head.and_then(|h| u64::try_from(h.chunk_count).ok()).unwrap_or_default(),
        // An empty head spans from the last moment to the first.
        span_ms: head.filter(|h| h.min_time <= h.max_time).map(|h| (h.min_time, h.max_time)),
        series_by_metric: list(told.series_count_by_metric_name),
        values_by_label: list(told.label_value_count_by_label_name),
        bytes_by_label: list(told.memory_in_bytes_by_label_name),
        series_by_pair: list(told.series_count_by_label_value_pair),
    }
}
