//! Where the series in memory come from, as Prometheus' `status/tsdb` tells (tsdb/index/postings.go: `Stats`).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::Arc,
};

use console_model::{
    cardinality::{Cardinality, Count},
    labels::METRIC_NAME,
};

use crate::{Tsdb, index::Values};

/// The largest of many.
struct Top<'a> {
    size: usize,
    /// The smallest first. Of equals the one whose name comes first is kept.
    found: BinaryHeap<Reverse<(u64, Reverse<Name<'a>>)>>,
}

/// A name, or a pair that is written out only when it is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(&'a str, Option<&'a str>);

impl<'a> Top<'a> {
    fn new(size: usize) -> Self {
        Self { size, found: BinaryHeap::new() }
    }

    fn see(&mut self, name: Name<'a>, value: u64) {
        self.found.push(Reverse((value, Reverse(name))));
        if self.found.len() > self.size {
            self.found.pop();
        }
    }

    fn counts(self) -> Vec<Count> {
        let written = |Name(name, value)| value.map_or_else(|| String::from(name), |v| format!("{name}={v}"));
        let sorted = self.found.into_sorted_vec().into_iter();
        sorted.map(|Reverse((value, Reverse(name)))| Count { name: written(name), value }).collect()
    }
}

/// Counts labels by their postings.
fn of_labels(postings: &BTreeMap<Arc<str>, Values>, top: usize) -> Cardinality {
    let (mut metrics, mut values) = (Top::new(top), Top::new(top));
    let (mut bytes, mut pairs) = (Top::new(top), Top::new(top));
    let mut label_pairs = 0;
    for (name, all) in postings {
        values.see(Name(name, None), all.len() as u64);
        label_pairs += all.len() as u64;
        let mut size = 0;
        for (value, ids) in all {
            let count = ids.len() as u64;
            if **name == *METRIC_NAME {
                metrics.see(Name(value, None), count);
            }
            pairs.see(Name(name, Some(value)), count);
            size += value.len() as u64 * count;
        }
        bytes.see(Name(name, None), size);
    }
    Cardinality {
        label_pairs,
        series_by_metric: metrics.counts(),
        values_by_label: values.counts(),
        bytes_by_label: bytes.counts(),
        series_by_pair: pairs.counts(),
        ..Cardinality::default()
    }
}

impl Tsdb {
    /// Holds up writers while it counts.
    pub(crate) fn count(&self, top: usize) -> Cardinality {
        let head = self.head.read();
        let (mut chunks, mut span): (u64, Option<(i64, i64)>) = (0, None);
        for series in head.all() {
            chunks += series.chunk_count();
            if let (Some(first), Some(last)) = (series.first_t(), series.last_t()) {
                span = Some(span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
            }
        }
        Cardinality {
            series: head.len() as u64,
            chunks,
            span_ms: span,
            ..of_labels(head.index.postings(), top)
        }
    }
}
