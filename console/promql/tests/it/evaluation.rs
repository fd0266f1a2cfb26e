//! Values: the semantics that dashboards and alert rules lean on.

use std::fmt::Write;

use console_model::Labels;
use console_promql::{Moments, OutcomeValue, Point};
use console_storage::SourceError;

use crate::reader::{Memory, STALE, at, failure, instant, outcome};

const GAP: f64 = f64::NAN;

fn requests() -> Memory {
    let mut m = Memory::default();
    let counter: Vec<f64> = (0..40).map(|i| f64::from(i) * 30.0).collect();
    let reset: Vec<f64> = (0..40).map(|i| f64::from(i % 10) * 6.0).collect();
    let gauge: Vec<f64> = (0..40).map(|i| f64::from((i * 7) % 11)).collect();
    at(&mut m, "requests_total job=a,instance=1", 30, &counter);
    at(&mut m, "requests_total job=a,instance=2", 30, &reset);
    at(&mut m, "requests_total job=b,instance=1", 30, &gauge.iter().map(|v| v + 100.0).collect::<Vec<_>>());
    at(&mut m, "queue job=a", 30, &gauge);
    at(&mut m, "build_info job=a,version=1.2", 30, &[1.0; 40]);
    for (le, share) in [("0.1", 0.5), ("1", 0.9), ("+Inf", 1.0)] {
        let name = format!("latency_bucket job=a,le={le}");
        at(&mut m, &name, 30, &counter.iter().map(|v| v * share).collect::<Vec<_>>());
    }
    m
}

#[test]
fn the_look_back_excludes_its_far_end() {
    let mut m = Memory::default();
    at(&mut m, "x", 60, &[7.0]);
    assert_eq!(instant(&m, "x", 299), ["x 7"]);
    assert!(instant(&m, "x", 300).is_empty());
    assert!(instant(&m, "count_over_time(x[60s])", 60).is_empty());
    assert_eq!(instant(&m, "count_over_time(x[61s])", 60), ["{} 1"]);
}

#[test]
fn a_stale_series_ends_at_its_marker() {
    let mut m = Memory::default();
    at(&mut m, "x", 30, &[1.0, STALE, GAP, 4.0]);
    assert_eq!(instant(&m, "x", 29), ["x 1"]);
    assert!(instant(&m, "x", 30).is_empty());
    assert!(instant(&m, "x", 89).is_empty());
    assert_eq!(instant(&m, "x", 90), ["x 4"]);
    assert_eq!(instant(&m, "count_over_time(x[5m])", 90), ["{} 2"]);
}

#[test]
fn offset_and_at_move_the_moment() {
    let m = requests();
    assert_eq!(instant(&m, "queue offset 1m", 120), instant(&m, "queue", 60));
    assert_eq!(instant(&m, "queue @ 60", 900), instant(&m, "queue", 60));
    assert_eq!(instant(&m, "queue @ 60 offset -1m", 900), instant(&m, "queue", 120));
    assert_eq!(instant(&m, "queue @ end()", 300), instant(&m, "queue", 300));
}

#[test]
fn rates_extrapolate_to_the_window_and_see_resets() {
    let mut m = Memory::default();
    at(&mut m, "c_total", 60, &[100.0, 160.0, 220.0, 280.0, 340.0]);
    // Three intervals are seen; the window reaches one before the first sample.
    assert_eq!(instant(&m, "rate(c_total[4m])", 240), [format!("{{}} {}", 180.0 * (240.0 / 180.0 / 240.0))]);
    assert_eq!(instant(&m, "increase(c_total[4m])", 240), ["{} 240"]);
    let mut m = Memory::default();
    at(&mut m, "c_total", 60, &[0.0, 10.0, 4.0, 8.0]);
    // 10 before the reset, 8 after it; the counter was zero at the first sample, so nothing is added before it.
    assert_eq!(instant(&m, "increase(c_total[3m1s])", 180), ["{} 18"]);
    assert_eq!(instant(&m, "resets(c_total[5m])", 180), ["{} 1"]);
    assert_eq!(instant(&m, "irate(c_total[5m])", 180), [format!("{{}} {}", 4.0 / 60.0)]);
}

#[test]
fn names_go_where_the_value_means_something_else() {
    let m = requests();
    assert_eq!(instant(&m, "queue > 0", 30), [r#"queue{job="a"} 7"#]);
    assert_eq!(instant(&m, "queue > bool 0", 30), [r#"{job="a"} 1"#]);
    assert_eq!(instant(&m, "queue + 0", 30), [r#"{job="a"} 7"#]);
    assert_eq!(instant(&m, "+queue", 30), [r#"queue{job="a"} 7"#]);
    assert_eq!(instant(&m, "last_over_time(queue[1m])", 30), [r#"queue{job="a"} 7"#]);
    // Early removal is the default: a function after `rate` no longer sees the name.
    let replaced = r#"label_replace(rate(requests_total{job="b"}[2m]), "was", "$1", "__name__", "(.+)")"#;
    assert_eq!(instant(&m, replaced, 120).len(), 1);
    assert!(!instant(&m, replaced, 120)[0].contains("was"));
}

#[test]
fn names_are_gone_from_what_an_aggregation_chooses_and_never_tell_groups_apart() {
    let mut m = Memory::default();
    let rising: Vec<f64> = (0..40).map(f64::from).collect();
    for (name, factor) in [("a_total n=1", 1.0), ("a_total n=2", 3.0), ("b_total n=1", 2.0)] {
        at(&mut m, name, 30, &rising.iter().map(|v| v * factor).collect::<Vec<_>>());
    }
    assert_eq!(instant(&m, "topk(1, increase(a_total[1m]))", 600), [r#"{n="2"} 6"#]);
    assert_eq!(instant(&m, "sum without (n) (increase(a_total[1m]))", 600), ["{} 8"]);
    assert_eq!(instant(&m, "sum by (__name__) (increase(a_total[1m]))", 600), ["{} 8"]);
    assert_eq!(instant(&m, "sum by (n) (increase(a_total[1m])) - sum by (n) (a_total)", 600).len(), 2);
    let named = r#"label_replace(increase(a_total{n="2"}[1m]), "__name__", "c", "", "")"#;
    assert_eq!(instant(&m, &format!("topk(1, {named})"), 600), [r#"c{n="2"} 6"#]);
    assert_eq!(instant(&m, &format!("last_over_time({named}[1m:30s])"), 600), [r#"c{n="2"} 6"#]);
    // Of several metrics names may be all that tells series apart.
    at(&mut m, "d_total __type__=counter", 30, &rising);
    at(&mut m, "d_total __type__=gauge", 30, &rising);
    for query in
        ["sum(increase({n=\"1\"}[1m]))", "topk(1, increase({n=\"1\"}[1m]))", "sum(increase(d_total[1m]))"]
    {
        let failed = outcome(&m, query, Moments::Instant { at_ms: 600_000 });
        let error = failed.expect_err(query).to_string();
        assert_eq!(error, "vector cannot contain metrics with the same labelset", "{query}");
    }
}

#[test]
fn two_series_with_the_same_labels_are_an_error() {
    let mut m = Memory::default();
    at(&mut m, "a x=1", 30, &[1.0]);
    at(&mut m, "b x=1", 30, &[2.0]);
    let same = "vector cannot contain metrics with the same labelset";
    for expr in [r#"-{x="1"}"#, r#"ceil({x="1"})"#, r#"rate({x="1"}[1m]) or present_over_time({x="1"}[1m])"#]
    {
        assert_eq!(failure(&m, expr).to_string(), same, "{expr}");
    }
}

#[test]
fn vectors_match_on_labels() {
    let m = requests();
    assert_eq!(
        instant(&m, "queue * on (job) group_left (version) build_info", 30),
        [r#"{job="a", version="1.2"} 7"#]
    );
    assert_eq!(instant(&m, "queue and on (job) build_info", 30), [r#"queue{job="a"} 7"#]);
    assert!(instant(&m, "queue unless on (job) build_info", 30).is_empty());
    let error = failure(&m, "queue / on (job) requests_total").to_string();
    assert!(
        error.starts_with(r#"found duplicate series for the match group {job="a"} on the right hand-side"#),
        "{error}"
    );
    let error = failure(&m, "requests_total / on (job) queue").to_string();
    assert!(error.contains("many-to-one matching must be explicit"), "{error}");
}

#[test]
fn aggregations_group_by_labels() {
    let m = requests();
    assert_eq!(instant(&m, "sum by (job) (requests_total)", 30), [r#"{job="a"} 36"#, r#"{job="b"} 107"#]);
    assert_eq!(instant(&m, "topk(1, requests_total)", 30), [r#"requests_total{instance="1", job="b"} 107"#]);
    assert_eq!(instant(&m, "count without (instance) (requests_total)", 30).len(), 2);
    assert_eq!(instant(&m, r#"count_values("v", build_info)"#, 30), [r#"{v="1"} 1"#]);
    assert_eq!(instant(&m, "quantile(0.5, requests_total)", 30), ["{} 30"]);
}

#[test]
fn quantiles_come_from_classic_buckets() {
    let m = requests();
    let shown = instant(&m, "histogram_quantile(0.5, sum by (le) (rate(latency_bucket[5m])))", 600);
    assert_eq!(shown, ["{} 0.1"]);
    assert_eq!(instant(&m, "histogram_quantile(0.99, latency_bucket)", 600), [r#"{job="a"} 1"#]);
}

#[test]
fn absence_speaks_with_the_selectors_labels() {
    let m = requests();
    assert_eq!(instant(&m, r#"absent(nothing{job="a", x=~"y"})"#, 30), [r#"{job="a"} 1"#]);
    assert!(instant(&m, "absent(queue)", 30).is_empty());
    assert_eq!(instant(&m, r#"absent_over_time(nothing{job="a"}[5m])"#, 30), [r#"{job="a"} 1"#]);
}

#[test]
fn subqueries_stand_at_multiples_of_their_step() {
    let mut m = Memory::default();
    at(&mut m, "x", 10, &(0..20).map(f64::from).collect::<Vec<_>>());
    for now in [61, 65, 69] {
        assert_eq!(instant(&m, "sum_over_time(x[30s:10s])", now), ["{} 15"], "{now}");
    }
}

#[test]
fn annotations_name_their_place() {
    let m = requests();
    let found = outcome(&m, "sum(rate(queue[5m]))", Moments::Instant { at_ms: 300_000 }).unwrap();
    assert_eq!(
        found.infos,
        [
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"queue\" (1:10)"
        ]
    );
    let found = outcome(&m, "quantile(2, queue)", Moments::Instant { at_ms: 0 }).unwrap();
    assert_eq!(found.warnings, ["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"]);
}

#[test]
fn wrong_queries_are_invalid_at_a_byte() {
    let m = Memory::default();
    let SourceError::Invalid { message, position } = failure(&m, "sum(\n rate(x))") else {
        panic!("not invalid")
    };
    assert!(message.starts_with("2:") && message.contains("parse error"), "{message}");
    assert_eq!(position, Some(11));
}

#[test]
fn a_long_chain_of_operators_is_no_deep_recursion() {
    let mut m = Memory::default();
    at(&mut m, "x", 30, &[1.0]);
    let mut expr = "x".to_owned();
    (0..900).for_each(|_| write!(expr, " + x").expect("strings take text"));
    assert_eq!(instant(&m, &expr, 0), ["{} 901"]);
    let range = Moments::Range { start_ms: 0, end_ms: 60_000, step_ms: 30_000 };
    for (open, inner, close) in
        [("abs(", "x", ")"), ("sum(max_over_time(", "x", "[1m:1m]))"), ("(1 + ", "x", ")")]
    {
        let nested = open.repeat(50) + inner + &close.repeat(50);
        outcome(&m, &nested, range).unwrap_or_else(|e| panic!("{nested}: {e}"));
    }
    (0..900).for_each(|_| write!(expr, " + x").expect("strings take text"));
    assert!(matches!(failure(&m, &expr), SourceError::Invalid { .. }));
}

/// What a query gives at each of the steps: of a range, or one by one.
type Steps = Vec<Vec<(Labels, f64)>>;

fn one_by_one(m: &Memory, expr: &str, moments: &[i64]) -> Steps {
    let at = |t: &i64| match outcome(m, expr, Moments::Instant { at_ms: *t }).expect(expr).value {
        OutcomeValue::Scalar(s) => vec![(Labels::default(), s.v)],
        OutcomeValue::Vector { elements, .. } => {
            let float = |(labels, point): (Labels, Point)| match point {
                Point::Float(v) => (labels, v),
                Point::Histogram(_) => panic!("{expr} gave a histogram"),
            };
            let mut all: Vec<_> = elements.into_iter().map(float).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        }
        other => panic!("{expr} gave {other:?}"),
    };
    moments.iter().map(at).collect()
}

fn in_one_pass(m: &Memory, expr: &str, moments: &[i64], step_ms: i64) -> Steps {
    let range = Moments::Range { start_ms: moments[0], end_ms: moments[moments.len() - 1], step_ms };
    let OutcomeValue::Matrix(series) = outcome(m, expr, range).expect(expr).value else {
        panic!("no matrix")
    };
    let at = |t: &i64| {
        let value = |s: &console_model::metric::PointSeries| {
            Some((s.labels.clone(), s.samples.iter().find(|x| x.t_ms == *t)?.v))
        };
        series.iter().filter_map(value).collect()
    };
    moments.iter().map(at).collect()
}

#[test]
fn a_range_query_is_all_its_instants() {
    let mut m = requests();
    at(&mut m, "flappy job=a", 30, &[1.0, GAP, STALE, 3.0, 4.0, STALE, GAP, GAP, 9.0]);
    let step_ms = 17_000;
    let moments: Vec<i64> = (0..70).map(|i| i * step_ms).collect();
    for expr in [
        "flappy",
        "time()",
        "vector(1)",
        "rate(requests_total[2m])",
        "increase(requests_total[5m] offset 1m)",
        "sum by (job) (rate(requests_total[1m]))",
        "max_over_time(queue[3m]) - min_over_time(queue[3m])",
        "avg_over_time(flappy[2m])",
        "stddev_over_time(queue[4m])",
        "quantile_over_time(0.9, queue[4m])",
        "deriv(queue[5m])",
        "predict_linear(queue[5m], 600)",
        "sum_over_time(queue[3m:20s])",
        "max_over_time(rate(requests_total[1m])[4m:30s] offset 30s)",
        "topk(2, requests_total)",
        "bottomk by (job) (1, requests_total)",
        "stddev(requests_total)",
        "quantile(0.3, requests_total)",
        "requests_total / on (job) group_left queue",
        "requests_total > 100",
        "requests_total > bool 100 or flappy",
        "flappy and on (job) queue",
        "queue unless on (job) flappy",
        "absent(flappy)",
        "absent_over_time(flappy[1m])",
        "histogram_quantile(0.9, rate(latency_bucket[2m]))",
        "histogram_fraction(0, 0.5, latency_bucket)",
        "scalar(queue) + 1",
        "clamp(queue, 2, scalar(queue @ 60))",
        "timestamp(flappy)",
        "changes(queue[2m]) + resets(queue[2m])",
        r#"label_replace(queue, "q", "$1", "job", "(.*)")"#,
        r#"count_values("v", queue)"#,
        "queue @ 120",
        "minute(vector(time()))",
        "day_of_week()",
    ] {
        let (wanted, got) = (one_by_one(&m, expr, &moments), in_one_pass(&m, expr, &moments, step_ms));
        for ((wanted, got), t) in wanted.iter().zip(&got).zip(&moments) {
            let same = wanted.len() == got.len()
                && wanted.iter().zip(got).all(|(a, b)| a.0 == b.0 && a.1.to_bits() == b.1.to_bits());
            assert!(same, "{expr} at {t}: instant {wanted:?}, range {got:?}");
        }
    }
}
