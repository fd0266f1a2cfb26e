//! What a scrape says about itself (prometheus.io/docs/concepts/jobs_instances).

use std::time::Duration;

use console_model::{Labels, labels::METRIC_NAME};
use console_storage::metrics::SeriesBatch;

use super::{Tally, point};

const NAMES: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// The report's series of one target.
pub struct Report {
    series: [Labels; NAMES.len()],
}

impl Report {
    pub fn new(target: &Labels) -> Self {
        Self { series: NAMES.map(|name| target.with(METRIC_NAME, name)) }
    }

    pub fn points(&self, t_ms: i64, is_up: bool, took: Duration, tally: &Tally) -> Vec<SeriesBatch> {
        let counts = [tally.scraped, tally.kept, tally.added].map(|n| n as f64);
        let values = [f64::from(u8::from(is_up)), took.as_secs_f64(), counts[0], counts[1], counts[2]];
        self.series().zip(values).map(|(labels, v)| point(labels, t_ms, v)).collect()
    }

    pub fn series(&self) -> impl Iterator<Item = Labels> {
        self.series.iter().cloned()
    }
}
