//! `rate`, `increase`, `delta` and their instant forms.

use std::sync::Arc;

use console_model::{
    histogram::{Histogram, ResetHint},
    metric::HistogramSample,
};

use super::{Frame, Scope};
use crate::{
    function::Function,
    histogram::{self, HistogramSum, divide, is_reset, scale},
    outcome::Point,
};

/// The change over the window, extrapolated to its ends as far as the series can be expected to reach.
pub(super) fn extrapolated(scope: &Scope<'_>, f: &Frame<'_>) -> Option<Point> {
    let is_counter = scope.function != Function::Delta;
    if !f.floats.is_empty() && !f.histograms.is_empty() {
        scope.warn_mixed_kinds();
        return None;
    }
    if let [first, .., last] = f.floats {
        let mut change = last.v - first.v;
        if is_counter && scope.may_reset {
            for w in f.floats.windows(2).filter(|w| w[1].v < w[0].v) {
                change += w[0].v;
            }
        }
        let start = (is_counter && change > 0.0 && first.v >= 0.0).then(|| first.v / change);
        let factor = factor(scope, f, (first.t_ms, last.t_ms), f.floats.len(), start);
        return Some(Point::Float(change * factor));
    }
    let [first, .., last] = f.histograms else { return None };
    let change = histogram_change(scope, f.histograms, is_counter)?;
    let start =
        (is_counter && change.count > 0.0 && first.h.count >= 0.0).then(|| first.h.count / change.count);
    let factor = factor(scope, f, (first.t_ms, last.t_ms), f.histograms.len(), start);
    Some(Point::Histogram(Arc::new(scale(&change, factor))))
}

/// `from_zero`: how far before the first sample a counter was zero, in lengths of the sampled interval.
fn factor(scope: &Scope<'_>, f: &Frame<'_>, ends: (i64, i64), samples: usize, from_zero: Option<f64>) -> f64 {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let (mut to_start, mut to_end) = (seconds(ends.0 - f.start_ms), seconds(f.end_ms - ends.1));
    let sampled = seconds(ends.1 - ends.0);
    let between = sampled / (samples - 1) as f64;
    let threshold = between * 1.1;
    if to_start >= threshold {
        to_start = between / 2.0;
    }
    if let Some(to_zero) = from_zero.map(|z| sampled * z)
        && to_zero < to_start
    {
        to_start = to_zero;
    }
    if to_end >= threshold {
        to_end = between / 2.0;
    }
    let factor = if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled };
    if scope.function == Function::Rate { factor / seconds(f.end_ms - f.start_ms) } else { factor }
}

fn warn_not_counter(scope: &Scope<'_>) {
    scope.warn(format!("this native histogram metric is not a counter: {:?}", scope.metric));
}

fn warn_not_gauge(scope: &Scope<'_>) {
    scope.warn(format!("this native histogram metric is not a gauge: {:?}", scope.metric));
}

fn histogram_change(scope: &Scope<'_>, points: &[HistogramSample], is_counter: bool) -> Option<Histogram> {
    let (first, second, last) = (&points[0].h, &points[1].h, &points[points.len() - 1].h);
    let is_gauge = |h: &Histogram| h.reset_hint == ResetHint::Gauge;
    let mut before = Arc::clone(first);
    if is_counter && is_reset(second, first) {
        // The layout of a histogram before a reset does not matter.
        before = Arc::new(Histogram {
            schema: second.schema,
            custom_values: Arc::clone(&second.custom_values),
            ..Histogram::default()
        });
    }
    let mixes = |before: &Histogram| {
        let mut relevant = points.iter().skip(1).map(|p| &*p.h).chain([before]);
        relevant.any(|h| h.has_custom_buckets() != last.has_custom_buckets())
    };
    if is_counter {
        if points.iter().any(|p| is_gauge(&p.h)) {
            warn_not_counter(scope);
        }
        if mixes(&before) {
            scope.warn_mixed_buckets();
            return None;
        }
    } else if before.has_custom_buckets() != last.has_custom_buckets() {
        scope.warn_mixed_buckets();
        return None;
    } else if !is_gauge(first) || !is_gauge(last) {
        warn_not_gauge(scope);
    }
    let Ok((change, added)) = histogram::subtract(last, &before) else {
        scope.warn_mixed_buckets();
        return None;
    };
    if added.bounds_reconciled {
        scope.info_reconciled("subtraction");
    }
    let mut total = HistogramSum::new(&change);
    if is_counter {
        for point in &points[1..] {
            if is_reset(&point.h, &before) {
                match total.add(&before) {
                    Ok(added) if added.bounds_reconciled => scope.info_reconciled("addition"),
                    Ok(_) => {}
                    Err(_) => {
                        scope.warn_mixed_buckets();
                        return None;
                    }
                }
            }
            before = Arc::clone(&point.h);
        }
    }
    Some(Histogram { reset_hint: ResetHint::Gauge, ..total.finish() })
}

/// The last two samples of both kinds.
fn last_two(f: &Frame<'_>) -> Option<[(i64, Point); 2]> {
    let floats = f.floats.iter().rev().take(2).map(|s| (s.t_ms, Point::Float(s.v)));
    let histograms = f.histograms.iter().rev().take(2).map(|h| (h.t_ms, Point::Histogram(Arc::clone(&h.h))));
    let mut all: Vec<(i64, Point)> = floats.chain(histograms).collect();
    all.sort_by_key(|p| p.0);
    let newest = all.pop()?;
    Some([all.pop()?, newest])
}

/// The change between the last two samples, per second for `irate`.
pub(super) fn instant(scope: &Scope<'_>, f: &Frame<'_>) -> Option<Point> {
    let is_rate = scope.function == Function::Irate;
    let [(t0, a), (t1, b)] = last_two(f)?;
    if t0 == t1 {
        return None;
    }
    let seconds = (t1 - t0) as f64 / 1000.0;
    match (a, b) {
        (Point::Float(a), Point::Float(b)) => {
            let change = if is_rate && b < a { b } else { b - a };
            Some(Point::Float(if is_rate { change / seconds } else { change }))
        }
        (Point::Histogram(a), Point::Histogram(b)) => {
            let is_gauge = |h: &Histogram| h.reset_hint == ResetHint::Gauge;
            if is_rate && (is_gauge(&a) || is_gauge(&b)) {
                warn_not_counter(scope);
            }
            if !(is_rate || is_gauge(&a) && is_gauge(&b)) {
                warn_not_gauge(scope);
            }
            let mut change = (*b).clone();
            if !is_rate || !is_reset(&b, &a) {
                let Ok((difference, added)) = histogram::subtract(&b, &a) else {
                    scope.warn_mixed_buckets();
                    return None;
                };
                if added.bounds_reconciled {
                    scope.info_reconciled("subtraction");
                }
                change = difference;
            }
            change.reset_hint = ResetHint::Gauge;
            let change = if is_rate { divide(&change, seconds) } else { change };
            Some(Point::Histogram(Arc::new(change)))
        }
        _ => {
            scope.warn_mixed_kinds();
            None
        }
    }
}
