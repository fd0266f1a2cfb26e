//! What a query's steps cost, as Prometheus counts it.

use std::sync::{Arc, atomic::AtomicBool};

use console_model::{
    Labels, Matcher, TimeRange,
    histogram::{BucketCount, Histogram},
    metric::{HistogramSample, MetricMetadata, PointSeries, Series},
    profile::QueryProfile,
};
use console_promql::{Moments, PromqlLimits, evaluate};
use console_storage::{StorageError, metrics::SeriesReader};

use crate::reader::{Memory, as_memory, at};

/// A query, its first and last step and their distance in seconds (0: an instant), what each step looks at, and what it
/// reads. The numbers are those of prometheus/promql/engine_test.go (`TestQueryStatistics`).
#[rustfmt::skip]
const CASES: &[(&str, i64, i64, i64, &[u64], &[u64])] = &[
    (r#""literal string""#, 21, 21, 0, &[0], &[0]),
    ("1", 21, 21, 0, &[0], &[0]),
    ("one", 21, 21, 0, &[1], &[1]),
    ("hist", 21, 21, 0, &[13], &[13]),
    ("timestamp(one)", 21, 21, 0, &[1], &[1]),
    ("timestamp(hist)", 21, 21, 0, &[1], &[1]),
    ("one", 22, 22, 0, &[1], &[1]),
    ("one offset 10s", 21, 21, 0, &[1], &[1]),
    ("one @ 15", 21, 21, 0, &[1], &[1]),
    (r#"three{a="1"}"#, 21, 21, 0, &[1], &[1]),
    (r#"three{a="1"} @ 19"#, 21, 21, 0, &[1], &[1]),
    (r#"three{a="1"}[20s] @ 19"#, 21, 21, 0, &[2], &[2]),
    ("three", 21, 21, 0, &[3], &[3]),
    ("one[60s]", 201, 201, 0, &[6], &[6]),
    ("hist[60s]", 201, 201, 0, &[78], &[78]),
    ("max_over_time(one[60s])[20s:5s]", 201, 201, 0, &[24], &[8]),
    ("max_over_time(one[61s])[20s:5s]", 201, 201, 0, &[26], &[8]),
    ("max_over_time(hist[60s])[20s:5s]", 201, 201, 0, &[312], &[104]),
    ("one[60s] @ 30", 201, 201, 0, &[4], &[4]),
    ("hist[60s] @ 30", 201, 201, 0, &[52], &[52]),
    ("sum(max_over_time(three[60s] @ 30))", 201, 201, 0, &[12], &[12]),
    ("sum by (b) (max_over_time(three[60s] @ 30))", 201, 201, 0, &[12], &[12]),
    ("one[60s] offset 10s", 201, 201, 0, &[6], &[6]),
    ("three[60s]", 201, 201, 0, &[18], &[18]),
    ("max_over_time(one[60s])", 201, 201, 0, &[6], &[6]),
    ("absent_over_time(one[60s])", 201, 201, 0, &[6], &[6]),
    ("max_over_time(three[60s])", 201, 201, 0, &[18], &[18]),
    ("one[60s:5s]", 201, 201, 0, &[12], &[12]),
    ("one[60s:5s] offset 10s", 201, 201, 0, &[12], &[12]),
    ("max_over_time(three[60s:5s])", 201, 201, 0, &[36], &[36]),
    ("sum(max_over_time(three[60s:5s])) + sum(max_over_time(three[60s:5s]))", 201, 201, 0, &[72], &[72]),
    (r#"three{a="1"}"#, 201, 220, 5, &[1, 1, 1, 1], &[1, 1, 1, 1]),
    (r#"three{a="1"}"#, 204, 223, 5, &[1, 1, 1, 1], &[1, 1, 1, 1]),
    ("hist", 204, 223, 5, &[13, 13, 13, 13], &[13, 13, 13, 13]),
    ("timestamp(one)", 201, 220, 5, &[1, 1, 1, 1], &[1, 1, 1, 1]),
    ("timestamp(hist)", 201, 220, 5, &[1, 1, 1, 1], &[1, 1, 1, 1]),
    (r#"max_over_time(three{a="1"}[10s])"#, 991, 1021, 10, &[1, 1, 0, 0], &[1, 1, 0, 0]),
    (r#"three{a="1"} offset 10s"#, 201, 220, 5, &[1, 1, 1, 1], &[1, 1, 1, 1]),
    ("max_over_time(three[60s] @ 30)", 201, 220, 5, &[12, 12, 12, 12], &[12, 0, 0, 0]),
    ("three", 201, 220, 5, &[3, 3, 3, 3], &[3, 3, 3, 3]),
    ("max_over_time(three[60s])", 201, 220, 5, &[18, 18, 18, 18], &[18, 0, 3, 0]),
    ("max_over_time(three[60s:5s])", 201, 216, 5, &[36, 36, 36, 36], &[36, 3, 3, 3]),
    ("max_over_time(three[60s:5s])", 201, 220, 5, &[36, 36, 36, 36], &[36, 3, 3, 3]),
    ("max_over_time(one[60s:5s])", 201, 220, 5, &[12, 12, 12, 12], &[12, 1, 1, 1]),
    ("sum by (b) (max_over_time(one[60s:5s]))", 201, 220, 5, &[12, 12, 12, 12], &[12, 1, 1, 1]),
    ("sum(max_over_time(three[60s:5s])) + sum(max_over_time(three[60s:5s]))", 201, 220, 5, &[72, 72, 72, 72], &[72, 6, 6, 6]),
    ("sum(max_over_time(three[60s:5s])) + sum(max_over_time(one[60s:5s]))", 201, 216, 5, &[48, 48, 48, 48], &[48, 4, 4, 4]),
    ("sum(max_over_time(three[60s:5s])) + sum(max_over_time(one[60s:5s]))", 201, 220, 5, &[48, 48, 48, 48], &[48, 4, 4, 4]),
    ("max_over_time(one[20s:10s])", 201, 201, 0, &[2], &[2]),
    ("sum_over_time(one[30s:30s])", 90, 90, 0, &[1], &[1]),
    ("max_over_time(one[30s:2m])", 240, 240, 0, &[1], &[1]),
    ("max_over_time(one[30s:10s])", 201, 231, 30, &[3, 3], &[3, 3]),
    ("max_over_time(one[20s:10s])", 201, 261, 10, &[2, 2, 2, 2, 2, 2, 2], &[2, 1, 1, 1, 1, 1, 1]),
    ("max_over_time(one[30s:10s])", 201, 261, 60, &[3, 3], &[3, 3]),
    ("histogram_count(max_over_time(hist[20s:10s]))", 201, 201, 0, &[26], &[26]),
    ("avg_over_time(hist[2m:1m])", 120, 240, 60, &[26, 26, 26], &[26, 13, 13]),
    ("max_over_time(three[60s:10s])", 200, 400, 30, &[18, 18, 18, 18, 18, 18, 18], &[18, 9, 9, 9, 9, 9, 9]),
    ("predict_linear(one[60s] @ 100, 60)", 100, 300, 100, &[6, 6, 6], &[6, 0, 0]),
    ("sum_over_time(three[20s:10s] @ 200)", 250, 250, 0, &[6], &[6]),
    ("sum_over_time(one[20s:10s] offset 1m)", 240, 240, 0, &[2], &[2]),
    ("sum_over_time(three[1m:10s] @ 200 offset 1m)", 300, 300, 0, &[18], &[18]),
    ("sum_over_time(max_over_time(three[60s] @ 300)[5m:1m] @ 600)[10m:2m]", 800, 800, 0, &[75], &[18]),
    ("rate(sum_over_time(one[30s])[1m:30s])", 240, 240, 0, &[2], &[6]),
];

/// Floats, and `hist` with a native histogram every ten seconds.
struct Points(Memory);

fn histograms(start_ms: i64, end_ms: i64) -> PointSeries {
    let bucket = |index| BucketCount { index, count: 1.0 };
    let positive = (0..4).map(bucket).collect();
    let h = Arc::new(Histogram { schema: 1, count: 4.0, sum: 20.0, positive, ..Histogram::default() });
    let times = (0..=100).map(|i| i * 10_000).filter(|t| (start_ms..=end_ms).contains(t));
    PointSeries {
        labels: Labels::from_pairs([("__name__", "hist")]),
        samples: Vec::new(),
        histograms: times.map(|t_ms| HistogramSample { t_ms, h: h.clone() }).collect(),
    }
}

impl SeriesReader for Points {
    as_memory!(0);

    fn select_points(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        most: usize,
    ) -> Result<Vec<PointSeries>, StorageError> {
        if matchers.iter().any(|m| m.value == "hist") {
            return Ok(vec![histograms(start_ms, end_ms)]);
        }
        let points = |s: Series| PointSeries { labels: s.labels, samples: s.samples, histograms: Vec::new() };
        Ok(self.0.select(matchers, start_ms, end_ms, most)?.into_iter().map(points).collect())
    }
}

fn store() -> Points {
    let mut m = Memory::default();
    let values: Vec<f64> = (1..=101).map(f64::from).collect();
    for name in ["one", "three a=1,b=1", "three a=2,b=2", "three a=3,b=2"] {
        at(&mut m, name, 10, &values);
    }
    Points(m)
}

fn profile(text: &str, moments: Moments, profiled: bool) -> Option<QueryProfile> {
    let limits = PromqlLimits { profiled, ..PromqlLimits::default() };
    let outcome = evaluate(&store(), text, moments, &limits, &Arc::new(AtomicBool::new(false)));
    outcome.unwrap_or_else(|e| panic!("{text}: {e}")).profile
}

#[test]
fn every_step_counts_what_it_looks_at_and_what_it_reads() {
    for (text, start, end, step, looked_at, read) in CASES {
        let moments = match step {
            0 => Moments::Instant { at_ms: start * 1000 },
            step => Moments::Range { start_ms: start * 1000, end_ms: end * 1000, step_ms: step * 1000 },
        };
        let profile = profile(text, moments, true).unwrap();
        assert_eq!((&*profile.looked_at.by_step, &*profile.read.by_step), (*looked_at, *read), "{text}");
        assert_eq!(profile.looked_at.total, looked_at.iter().sum::<u64>(), "{text}");
        assert_eq!(profile.read.total, read.iter().sum::<u64>(), "{text}");
        assert_eq!(profile.start_ms, start * 1000);
        let times = profile.timings;
        assert!(times.total_us >= times.prepare_us + times.evaluate_us + times.sort_us, "{text}: {times:?}");
        assert!(profile.peak > 0 || profile.read.total == 0, "{text}");
    }
}

#[test]
fn nothing_is_counted_where_nobody_asks() {
    assert_eq!(profile("one", Moments::Instant { at_ms: 1000 }, false), None);
}
