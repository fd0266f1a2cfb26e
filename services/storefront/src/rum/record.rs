//! What becomes of a report: a span beside the page's, histograms, log lines.

use chrono::{DateTime, TimeDelta, Utc};
use shop_instrumentation::clock;
use shop_instrumentation::metrics::{HistogramVec, IntCounterVec, MetricError, Metrics};
use shop_instrumentation::telemetry::remote::{MeasuredSpan, Relation, record};

use super::report::Report;
use super::scrub::scrub;
use super::{Scope, ViewMark};

/// Writes down what browsers tell.
pub struct Recorder {
    timings: HistogramVec,
    shifts: HistogramVec,
    errors: IntCounterVec,
    reports: IntCounterVec,
}

impl Recorder {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricError> {
        Ok(Self {
            timings: metrics.histogram_vec("shop_rum_timing_seconds")?,
            shifts: metrics.histogram_vec("shop_rum_layout_shift")?,
            errors: metrics.counter_vec("shop_rum_client_errors_total")?,
            reports: metrics.counter_vec("shop_rum_reports_total")?,
        })
    }

    /// Counts how a report was answered.
    pub fn answered(&self, outcome: &'static str) {
        self.reports.with_label_values(&[outcome]).inc();
    }

    /// A page that many got is one trace of the server's and many views: those are traces of their own that point to it.
    pub fn record(&self, mark: &ViewMark, report: &Report) {
        let page = mark.page.as_str();
        for (timing, ms) in report.timings.milliseconds() {
            self.timings.with_label_values(&[page, timing]).observe(ms / 1_000.0);
        }
        if let Some(shift) = report.timings.cls {
            self.shifts.with_label_values(&[page]).observe(shift);
        }
        self.errors.with_label_values(&[page]).inc_by(report.errors.len() as u64);
        let relation = if mark.scope == Scope::Own { Relation::ChildOf } else { Relation::LinkedTo };
        record(span(mark, report, clock::now()), relation, mark.span, || log_errors(page, report));
    }
}

/// Of the browser's clock only differences are believed: it says how long ago the view began.
fn span(mark: &ViewMark, report: &Report, now: DateTime<Utc>) -> MeasuredSpan {
    let page = mark.page.as_str();
    let start = now - milliseconds(report.age);
    let longest = report.timings.milliseconds().filter(|(name, _)| *name != "inp").map(|(_, ms)| ms);
    let length = longest.fold(0.0, f64::max).min(report.age);
    let mut attributes = vec![
        ("shop.page.kind", page.into()),
        ("shop.page.shared", (mark.scope == Scope::Shared).into()),
        ("shop.page.trace_id", hex::encode(mark.span.trace_id).into()),
        ("shop.rum.navigation", report.navigation.as_str().into()),
        ("shop.rum.errors", (report.errors.len() as i64).into()),
    ];
    for (timing, ms) in report.timings.milliseconds() {
        attributes.push((attribute(timing), ms.into()));
    }
    if let Some(shift) = report.timings.cls {
        attributes.push(("shop.rum.cls", shift.into()));
    }
    let error = (!report.errors.is_empty()).then_some("a script failed");
    let (name, end) = (format!("page view {page}"), start + milliseconds(length));
    MeasuredSpan { name, start, end, error, attributes }
}

fn attribute(timing: &str) -> &'static str {
    match timing {
        "ttfb" => "shop.rum.ttfb_ms",
        "fcp" => "shop.rum.fcp_ms",
        "dom" => "shop.rum.dom_ms",
        "load" => "shop.rum.load_ms",
        "lcp" => "shop.rum.lcp_ms",
        _ => "shop.rum.inp_ms",
    }
}

fn log_errors(page: &'static str, report: &Report) {
    for error in &report.errors {
        tracing::warn!(
            page,
            kind = error.kind.as_str(),
            message = scrub(&error.message),
            source = scrub(&error.source),
            line = error.line,
            "script failed in a browser"
        );
    }
}

/// Checked to be within bounds that fit.
fn milliseconds(ms: f64) -> TimeDelta {
    TimeDelta::microseconds((ms * 1_000.0) as i64)
}
