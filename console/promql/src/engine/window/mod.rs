//! Functions over the samples of one window `(start, end]`. Source: prometheus/promql/functions.go.

mod changes;
mod extended;
mod extrapolation;
mod rate;
pub(crate) mod rates;
mod reset;
mod statistics;
pub(crate) mod totals;
mod trend;

use console_model::metric::{HistogramSample, Sample};
use console_storage::SourceError;

use super::notes::Notes;
use crate::{ast::Extent, function::Function, gofmt::Quoted, outcome::Point, position::Span};

pub(crate) use extended::{float_ends, floats_inside};
pub(crate) use statistics::quantile;

/// A window of one series at one step. At least one of the two kinds of samples is there.
#[derive(Clone, Copy, Default)]
pub(crate) struct Frame<'a> {
    pub floats: &'a [Sample],
    pub histograms: &'a [HistogramSample],
    pub start_ms: i64,
    pub end_ms: i64,
    /// The step itself, which an offset moves away from `end_ms`.
    pub at_ms: i64,
    /// The scalar arguments, in order.
    pub args: [f64; 2],
    /// Unless plain, the samples reach beyond the window.
    pub extent: Extent,
    /// Times of samples and when their counter started, in order of time; none where the store does not know.
    pub starts: &'a [(i64, i64)],
}

/// What is the same for all windows of a series.
pub(crate) struct Scope<'a> {
    pub function: Function,
    pub notes: &'a Notes,
    pub span: Span,
    pub metric: &'a str,
    /// Whether a float falls anywhere in the series.
    pub may_reset: bool,
}

impl Scope<'_> {
    fn warn(&self, message: impl Into<String>) {
        self.notes.warn(self.span, message);
    }

    fn info(&self, message: impl Into<String>) {
        self.notes.info(self.span, message);
    }

    fn warn_mixed_kinds(&self) {
        self.warn(format!(
            "encountered a mix of histograms and floats for metric name {}",
            Quoted(self.metric)
        ));
    }

    fn warn_mixed_buckets(&self) {
        self.warn(format!(
            "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {}",
            Quoted(self.metric)
        ));
    }

    fn warn_overlap(&self) {
        self.notes.warn_overlap(self.span, self.metric);
    }

    fn info_reconciled(&self, operation: &str) {
        self.info(format!("mismatched custom buckets were reconciled during {operation}"));
    }

    fn info_ignored(&self) {
        self.info(format!(
            "ignored histograms in a range containing both floats and histograms for metric name {}",
            Quoted(self.metric)
        ));
    }
}

/// The value of the scope's function over a window. `None`: no result at this step.
pub(crate) fn over(scope: &Scope<'_>, f: &Frame<'_>) -> Result<Option<Point>, SourceError> {
    let float = |v: f64| Some(Point::Float(v));
    Ok(match scope.function {
        Function::Rate | Function::Increase | Function::Delta => rate::extrapolated(scope, f),
        Function::Irate | Function::Idelta => rate::instant(scope, f),
        Function::Changes => changes::changes(f).and_then(float),
        Function::Resets => changes::resets(f).and_then(float),
        Function::Deriv | Function::PredictLinear => trend::line(scope, f).and_then(float),
        Function::DoubleExponentialSmoothing => trend::smoothed(scope, f)?.and_then(float),
        Function::CountOverTime => float((f.floats.len() + f.histograms.len()) as f64),
        Function::PresentOverTime | Function::AbsentOverTime => float(1.0),
        Function::LastOverTime => last(f),
        Function::FirstOverTime => first(f),
        Function::TsOfFirstOverTime => float(seconds(end_times(f).0)),
        Function::TsOfLastOverTime => float(seconds(end_times(f).1)),
        Function::SumOverTime | Function::AvgOverTime => statistics::total(scope, f),
        _ => statistics::of_floats(scope, f)?.and_then(float),
    })
}

pub(super) fn seconds(t_ms: i64) -> f64 {
    t_ms as f64 / 1000.0
}

fn last(f: &Frame<'_>) -> Option<Point> {
    match (f.floats.last(), f.histograms.last()) {
        (Some(v), None) => Some(Point::Float(v.v)),
        (Some(v), Some(h)) if h.t_ms < v.t_ms => Some(Point::Float(v.v)),
        (_, h) => h.map(|h| Point::Histogram(h.h.clone())),
    }
}

fn first(f: &Frame<'_>) -> Option<Point> {
    match (f.floats.first(), f.histograms.first()) {
        (Some(v), None) => Some(Point::Float(v.v)),
        (Some(v), Some(h)) if v.t_ms < h.t_ms => Some(Point::Float(v.v)),
        (_, h) => h.map(|h| Point::Histogram(h.h.clone())),
    }
}

fn end_times(f: &Frame<'_>) -> (i64, i64) {
    let floats = (f.floats.first().map(|s| s.t_ms), f.floats.last().map(|s| s.t_ms));
    let histograms = (f.histograms.first().map(|h| h.t_ms), f.histograms.last().map(|h| h.t_ms));
    let first = [floats.0, histograms.0].into_iter().flatten().min().unwrap_or_default();
    let last = [floats.1, histograms.1].into_iter().flatten().max().unwrap_or_default();
    (first, last)
}
