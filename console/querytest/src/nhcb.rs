//! From classic histogram series to native histograms with custom buckets. Source: prometheus/util/convertnhcb.

use std::{collections::BTreeMap, sync::Arc};

use console_model::{
    Labels,
    histogram::{BucketCount, CUSTOM_BUCKETS, Histogram},
};

/// Empty buckets in a row that Prometheus does not take out of whole counts.
const MAX_EMPTY: i32 = 2;

/// What the series of one histogram say at one moment.
#[derive(Clone, Debug, Default)]
struct Parts {
    /// Cumulative counts with their bounds.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

impl Parts {
    fn finish(mut self) -> Result<Histogram, String> {
        self.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.buckets.dedup_by(|a, b| a.0 == b.0);
        let count = self.count.or(self.buckets.last().map(|b| b.1)).unwrap_or_default();
        if self.buckets.last().is_none_or(|b| b.0 != f64::INFINITY) {
            self.buckets.push((f64::INFINITY, count));
        }
        let is_whole = self.buckets.iter().all(|b| b.1.fract() == 0.0) && count.fract() == 0.0;
        let mut before = 0.0;
        let mut positive: Vec<BucketCount> = Vec::new();
        for (i, (upper, cumulative)) in self.buckets.iter().enumerate() {
            if *cumulative < before {
                return Err(format!("bucket counts are not cumulative at {upper}"));
            }
            if *cumulative != before {
                // Short gaps between whole counts are filled with empty buckets.
                let next = positive.last().map_or(i as i32, |last| last.index + 1);
                if is_whole && (i as i32) - next <= MAX_EMPTY {
                    positive.extend((next..i as i32).map(|index| BucketCount { index, count: 0.0 }));
                }
                positive.push(BucketCount { index: i as i32, count: cumulative - before });
            }
            before = *cumulative;
        }
        if count != before {
            return Err(format!("the count {count} is not that of all buckets, {before}"));
        }
        let bounds = self.buckets.iter().map(|b| b.0).filter(|b| *b != f64::INFINITY);
        Ok(Histogram {
            schema: CUSTOM_BUCKETS,
            count,
            sum: self.sum,
            positive,
            custom_values: bounds.collect(),
            ..Histogram::default()
        })
    }
}

/// Histograms by labels and time.
#[derive(Debug, Default)]
pub(crate) struct Converter {
    parts: BTreeMap<Labels, BTreeMap<i64, Parts>>,
}

impl Converter {
    /// Takes one float of a series, if it belongs to a classic histogram.
    pub fn add(&mut self, labels: &Labels, t_ms: i64, v: f64) {
        let name = labels.metric_name();
        let Some((base, suffix)) = name.rsplit_once('_') else { return };
        let bound = labels.get("le").and_then(|le| le.parse::<f64>().ok()).filter(|le| !le.is_nan());
        let is_part = match suffix {
            "bucket" => bound.is_some(),
            "count" | "sum" => true,
            _ => false,
        };
        if !is_part {
            return;
        }
        let target = labels.filter(|name| name != "le").with("__name__", base);
        let parts = self.parts.entry(target).or_default().entry(t_ms).or_default();
        match (suffix, bound) {
            ("bucket", Some(bound)) => parts.buckets.push((bound, v)),
            ("count", _) => parts.count = Some(v),
            _ => parts.sum = v,
        }
    }

    pub fn finish(self) -> Result<Vec<(Labels, i64, Arc<Histogram>)>, String> {
        let mut out = Vec::new();
        for (labels, by_time) in self.parts {
            for (t_ms, parts) in by_time {
                let h = parts.finish().map_err(|e| format!("{labels}: {e}"))?;
                out.push((labels.clone(), t_ms, Arc::new(h)));
            }
        }
        Ok(out)
    }
}
