//! Instant vectors that are `smoothed`: values interpolated between the samples around each step.

use std::sync::Arc;

use console_model::{
    histogram::{Histogram, ResetHint},
    metric::{HistogramSample, PointSeries},
};
use console_storage::SourceError;

use super::{
    eval::Eval,
    grid::{Row, Steps, Window},
    interpolate::{self, Around, Kind, around},
    select::live,
    view::advance,
};
use crate::{ast::Selector, gofmt::Quoted, outcome::Point, position::Span};

impl Eval<'_> {
    pub(super) fn smoothed_rows(
        &self,
        s: &Selector,
        span: Span,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        let gaze = self.gaze(s.at, s.offset_ms);
        let lookback = self.lookback_ms();
        let (first, last) = (gaze.at(steps, 0), gaze.at(steps, steps.count - 1));
        let (series, held) = self.read(s, first.saturating_sub(lookback), last.saturating_add(lookback))?;
        let series: Vec<Window> = series.into_iter().map(|s: PointSeries| live(s)).collect();
        let work = series.len().saturating_mul(steps.count).saturating_mul(8);
        let rows = self.rows_of(series.len(), work, |at| {
            let series = &series[at];
            let mut row = Row::empty(series.labels.clone(), false, steps.count);
            for i in 0..steps.count {
                let moment = gaze.at(steps, i);
                if let Some(point) = self.smoothed(series, span, moment, lookback) {
                    row.set(i, point);
                }
            }
            Ok(Some(row))
        })?;
        self.budget.give(held);
        self.tally(|t| t.rows(&rows));
        Ok(rows)
    }

    fn smoothed(&self, series: &Window, span: Span, moment: i64, lookback: i64) -> Option<Point> {
        let (from, to) = (moment.saturating_sub(lookback), moment.saturating_add(lookback));
        let floats = within(&series.samples, |s| s.t_ms, from, to);
        let histograms = within(&series.histograms, |h| h.t_ms, from, to);
        let metric = series.labels.metric_name();
        if !floats.is_empty() && !histograms.is_empty() {
            let metric = Quoted(metric);
            let message = format!("encountered a mix of histograms and floats for metric name {metric}");
            self.notes.warn(span, message);
            return None;
        }
        if histograms.is_empty() {
            return Some(Point::Float(match around(floats, moment, |s| s.t_ms) {
                Around::Exactly(s) | Around::Last(s) => s.v,
                Around::Between(a, b) => interpolate::float(*a, *b, moment, Kind::Gauge),
                Around::Nothing => return None,
            }));
        }
        let histogram = match around(histograms, moment, |h| h.t_ms) {
            Around::Exactly(h) => Arc::clone(&h.h),
            Around::Last(h) => Arc::new(interpolate::carried(&h.h)),
            Around::Between(a, b) => Arc::new(self.between(a, b, moment, span, metric)?),
            Around::Nothing => return None,
        };
        Some(Point::Histogram(histogram))
    }

    fn between(
        &self,
        a: &HistogramSample,
        b: &HistogramSample,
        moment: i64,
        span: Span,
        metric: &str,
    ) -> Option<Histogram> {
        let is_gauge = |h: &HistogramSample| h.h.reset_hint == ResetHint::Gauge;
        let kind = if is_gauge(a) && is_gauge(b) { Kind::Gauge } else { Kind::Counter };
        let reconciled = |operation: &str| {
            self.notes.info(span, format!("mismatched custom buckets were reconciled during {operation}"));
        };
        let mixed = a.h.has_custom_buckets() != b.h.has_custom_buckets();
        match interpolate::between(a, b, moment, kind, reconciled) {
            Ok(h) if !mixed => Some(h),
            _ => {
                self.notes.warn(
                    span,
                    format!(
                        "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {}",
                        Quoted(metric)
                    ),
                );
                None
            }
        }
    }
}

/// The items in `from < t <= to`.
fn within<T>(all: &[T], time: impl Fn(&T) -> i64, from: i64, to: i64) -> &[T] {
    let start = all.partition_point(|s| time(s) <= from);
    let end = advance(all, start, |s| time(s) <= to);
    &all[start..end]
}
