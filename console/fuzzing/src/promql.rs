//! PromQL: what parses can be written out and parsed again; a query at one moment is a range of one step.

use std::{
    sync::{Arc, OnceLock, atomic::AtomicBool},
    time::Duration,
};

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::{HistogramSample, PointSeries, Sample, stale_nan},
};
use console_promql::{
    Moments, OutcomeValue, ParseOptions, Point, PromqlLimits,
    ast::{Expr, ExprKind, duration::DurationExpr},
    evaluate_parsed, format, parse, parse_selector, selectors,
};
use console_storage::{
    SourceError,
    metrics::{SampleAppender, SeriesBatch},
};
use console_tsdb::{Tsdb, TsdbConfig};

use crate::{NOW_MS, corpora, runtime::scratch, text};

pub const WORDS: &[&str] = &[
    "{a=~\"((b{90}){90}){90}\"}",
    "rate(",
    "sum by (job) (",
    "topk(3, ",
    "histogram_quantile(0.9, ",
    "label_replace(",
    "count_values(\"v\", ",
    "absent(",
    "quantile_over_time(0.5, ",
    "predict_linear(",
    "histogram_fraction(0, 1, ",
    "sort_desc(",
    "clamp(",
    "[5m]",
    "[5m:30s]",
    "[1h:]",
    "offset 5m",
    " offset -1w",
    " @ end()",
    " @ start()",
    " @ 1700000000",
    " and ",
    " or ",
    " unless ",
    " on(job) ",
    " ignoring(job) group_left ",
    " group_right(x) ",
    " == bool ",
    " ^ ",
    " % ",
    " atan2 ",
    " fill(0) ",
    " fill_left(1) fill_right(-1) ",
    " anchored",
    " smoothed",
    "info(",
    "step()",
    "range()",
    "[max_of(5m, 2 * step())]",
    " offset -min_of(1m, range())",
    "(5m + 30s)",
    "[0.0005]",
    "requests_total",
    "latency_bucket",
    "native",
    "{job=~\".+\"}",
    "{__name__=~\".*\"}",
    "Inf",
    "NaN",
    "0x1f",
    "1e400",
    "-",
    "(",
    ")",
    "'",
    "\"",
    "`",
    "\\x",
    "1d2h3m4s5ms",
    "9999999999w",
    "time()",
    "scalar(",
    "vector(",
    "é",
    "#",
    "\n",
];

const QUERIES: [&str; 31] = [
    "requests_total + fill(0) queue",
    "requests_total * on (job) fill_left(1) fill_right(2) queue",
    "increase(requests_total[5m] anchored) + rate(requests_total[5m] smoothed)",
    "queue smoothed - queue",
    r#"info(queue, {version=~".*"})"#,
    "rate(requests_total[max_of(5m, 2 * step())] offset (1m + range()))",
    "max_over_time(queue[5m * 2:step() + 15s])",
    "requests_total",
    r#"sum by (job) (rate(requests_total{job=~"a|b",instance!=""}[5m]))"#,
    "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))",
    "histogram_quantile(0.9, rate(native[5m])) + histogram_avg(native)",
    "native - native offset 1m",
    "requests_total / on (job) group_left (version) build_info",
    "topk(2, queue) or bottomk(1, queue)",
    "max_over_time(rate(requests_total[1m])[10m:30s])",
    r#"label_replace(queue, "x", "$1-${2}", "job", "(.)(.*)")"#,
    r#"label_join(queue, "x", ",", "job", "instance")"#,
    r#"count_values("v", queue) and on () vector(1)"#,
    "absent(nothing) unless absent_over_time(nothing[5m])",
    "queue @ end() offset -1m > bool 5",
    "-queue ^ 2 ^ 0.5 % 3",
    "quantile_over_time(0.5, queue[10m]) - stddev_over_time(queue[10m])",
    "predict_linear(queue[10m], 3600) + deriv(queue[10m])",
    "day_of_week() + hour(vector(time()))",
    "sort_desc(clamp(queue, -1, 1))",
    "changes(queue[5m]) + resets(requests_total[5m])",
    "double_exponential_smoothing(queue[10m], 0.5, 0.5)",
    "sum without (instance) (requests_total) > 3 or scalar(queue)",
    r#"{__name__=~"queue|build_info", job="a"}"#,
    "\"text\"",
    "histogram_fraction(0, 0.2, native) * 2",
];

pub fn seeds() -> Vec<Vec<u8>> {
    let own = QUERIES.iter().map(|q| q.as_bytes().to_vec());
    own.chain(corpora::evaluated("promql")).collect()
}

pub fn parse_body(data: &[u8]) {
    let text = text::of(data);
    for experimental in [false, true] {
        let options = ParseOptions { experimental };
        match parse(&text, options) {
            Ok(expr) => written_out(&expr, &text, options),
            Err(e) => {
                text::assert_in(e.span.end, &text);
                assert!(e.span.start <= e.span.end && !e.message.is_empty(), "{e:?}");
            }
        }
    }
    let _ = parse_selector(&text);
}

fn written_out(expr: &Expr, text: &str, options: ParseOptions) {
    let (line, pretty) = (format::one_line(expr, text), format::pretty(expr, text));
    for written in [&line, &pretty].into_iter().filter(|_| !reads_otherwise(expr)) {
        let again = match parse(written, options) {
            Ok(again) => again,
            // A range of less than a millisecond is written as none, as Prometheus does.
            Err(e) if e.message == "duration must be greater than 0" => continue,
            Err(e) => panic!("{text:?} became {written:?}: {e}"),
        };
        assert_eq!(one_sign(&format::one_line(&again, written)), one_sign(&line), "of {text:?}");
    }
    format::tree(expr);
    selectors(expr);
}

/// Whether what is written is read as something else, as with Prometheus. `offset --1 * 3` is written as `offset 1 * 3`,
/// which is a product of what is offset; a number that is written as a duration loses a millisecond where it is no whole
/// count of nanoseconds.
fn reads_otherwise(expr: &Expr) -> bool {
    let is_bare = |offset: &Option<Box<DurationExpr>>| offset.as_ref().is_some_and(|o| !o.is_wrapped);
    let here = match &expr.kind {
        ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => is_bare(&s.offset),
        ExprKind::Subquery(s) => is_bare(&s.offset),
        ExprKind::Number(v) => ((v * 1e9) as i64 / 1_000_000) as f64 / 1000.0 != *v,
        _ => false,
    };
    here || expr.children().into_iter().any(reads_otherwise)
}

/// Infinity is written with its sign, as Prometheus does; a sign binds less tightly than `^`, so that `Inf ^ 2` comes
/// back as `+(Inf ^ 2)`, which is the same.
fn one_sign(line: &str) -> String {
    let mut line = line.to_owned();
    while line.contains("++Inf") {
        line = line.replace("++Inf", "+Inf");
    }
    line
}

fn limits() -> PromqlLimits {
    PromqlLimits {
        timeout: Duration::from_secs(2),
        max_samples: 50_000,
        max_steps: 20,
        max_subquery_steps: 200,
        experimental: true,
        ..PromqlLimits::default()
    }
}

/// A result in an order of its own, bit by bit, with the name of a histogram's every field.
fn shown(labels: &Labels, point: &Point) -> String {
    match point {
        Point::Float(v) => format!("{labels} {:016x}", v.to_bits()),
        Point::Histogram(h) => format!("{labels} {h:?}"),
    }
}

pub fn eval_body(data: &[u8]) {
    let text = text::of(data);
    let limits = limits();
    let Ok(expr) = parse(&text, ParseOptions { experimental: true }) else { return };
    let stop = Arc::new(AtomicBool::new(false));
    let evaluate = |moments| {
        let outcome = evaluate_parsed(store(), &expr, &text, moments, &limits, &stop);
        if let Err(SourceError::Internal(e)) = &outcome {
            panic!("{text:?} broke down: {e}");
        }
        outcome
    };
    let _ = evaluate(Moments::Range { start_ms: NOW_MS - 600_000, end_ms: NOW_MS, step_ms: 60_000 });
    // A moment has no step, a range of one has.
    if format::one_line(&expr, &text).contains("step()") {
        return;
    }
    let instant = evaluate(Moments::Instant { at_ms: NOW_MS });
    let range = evaluate(Moments::Range { start_ms: NOW_MS, end_ms: NOW_MS, step_ms: 1 });
    let (Ok(instant), Ok(range)) = (instant, range) else { return };
    let OutcomeValue::Matrix(rows) = range.value else { return };
    let mut wanted: Vec<String> = match instant.value {
        OutcomeValue::Vector { elements, .. } => elements.iter().map(|(l, p)| shown(l, p)).collect(),
        OutcomeValue::Scalar(s) => vec![shown(&Labels::default(), &Point::Float(s.v))],
        _ => return,
    };
    let mut got: Vec<String> = rows.iter().flat_map(points).collect();
    wanted.sort();
    got.sort();
    assert_eq!(wanted, got, "{text:?} at a moment and over a range of one step");
}

fn points(row: &PointSeries) -> impl Iterator<Item = String> + '_ {
    let floats = row.samples.iter().map(|s| shown(&row.labels, &Point::Float(s.v)));
    floats.chain(row.histograms.iter().map(|h| shown(&row.labels, &Point::Histogram(Arc::clone(&h.h)))))
}

/// A store that lives in memory: its folder is gone before it is read.
fn store() -> &'static Tsdb {
    static STORE: OnceLock<Tsdb> = OnceLock::new();
    STORE.get_or_init(|| {
        let dir = scratch();
        let config = TsdbConfig { clock: Arc::new(|| NOW_MS), ..TsdbConfig::new(dir.path()) };
        let db = Tsdb::open(config).expect("an empty folder can be opened");
        let (outcome, refused) = db.append(&batches()).expect("the folder can be written");
        assert!(outcome.accepted > 0 && refused.is_none(), "{refused:?}");
        db
    })
}

fn batches() -> Vec<SeriesBatch> {
    let steps: Vec<i64> = (0..41).map(|i| NOW_MS - 600_000 + i * 15_000).collect();
    let floats = |pairs: &[(&str, &str)], of: &dyn Fn(f64) -> f64| {
        let samples = steps.iter().zip(0..).map(|(t_ms, i)| Sample { t_ms: *t_ms, v: of(f64::from(i)) });
        SeriesBatch::floats(Labels::from_pairs(pairs.iter().copied()), samples.collect())
    };
    let mut out = vec![
        floats(&[("__name__", "requests_total"), ("job", "a"), ("instance", "1")], &|i| i * 30.0),
        floats(&[("__name__", "requests_total"), ("job", "a"), ("instance", "2")], &|i| i % 10.0),
        floats(&[("__name__", "requests_total"), ("job", "b"), ("instance", "1")], &|i| i * i),
        floats(&[("__name__", "queue"), ("job", "a"), ("instance", "1")], &|i| (i * 7.0) % 11.0),
        floats(&[("__name__", "queue"), ("job", "b"), ("instance", "")], &|_| f64::NAN),
        floats(&[("__name__", "queue"), ("job", "c")], &|i| if i > 20.0 { stale_nan() } else { -i }),
        floats(&[("__name__", "build_info"), ("job", "a"), ("version", "1.2")], &|_| 1.0),
        floats(&[("__name__", "build_info"), ("job", "b"), ("version", "é")], &|_| f64::INFINITY),
    ];
    for (le, share) in [("0.1", 0.5), ("1", 0.9), ("+Inf", 1.0), ("no number", 3.0)] {
        out.push(floats(&[("__name__", "latency_bucket"), ("job", "a"), ("le", le)], &|i| i * 30.0 * share));
    }
    let native = |i: f64| Histogram {
        schema: 3,
        zero_threshold: 1e-128,
        zero_count: i,
        count: 4.0 * i,
        sum: 1.5 * i,
        positive: vec![BucketCount { index: -3, count: 2.0 * i }, BucketCount { index: 7, count: i }],
        ..Histogram::default()
    };
    let histograms = steps
        .iter()
        .zip(0..)
        .map(|(t_ms, i)| HistogramSample { t_ms: *t_ms, h: native(f64::from(i)).into() });
    out.push(SeriesBatch {
        labels: Labels::from_pairs([("__name__", "native"), ("job", "a")]),
        histograms: histograms.collect(),
        ..SeriesBatch::default()
    });
    out
}
