//! `rate`, `increase`, `delta` and their instant forms.

use std::sync::Arc;

use console_model::{
    histogram::{Histogram, ResetHint},
    metric::HistogramSample,
};

use super::{
    Frame, Scope, extended,
    extrapolation::Seen,
    reset::{has_restarted, overlaps},
    seconds,
};
use crate::{
    ast::Extent,
    function::Function,
    gofmt::Quoted,
    histogram::{self, HistogramSum, divide, is_reset, scale},
    outcome::Point,
};

/// The change over the window, extrapolated to its ends as far as the series can be expected to reach.
pub(super) fn extrapolated(scope: &Scope<'_>, f: &Frame<'_>) -> Option<Point> {
    if !f.floats.is_empty() && !f.histograms.is_empty() {
        scope.warn_mixed_kinds();
        return None;
    }
    if f.extent != Extent::Plain {
        return extended::change(scope, f);
    }
    let is_counter = scope.function != Function::Delta;
    if let [first, .., last] = f.floats {
        let mut change = last.v - first.v;
        if is_counter && (scope.may_reset || !f.starts.is_empty()) {
            change = with_resets(change, scope, f);
        }
        let seen = Seen::of(f, first.t_ms, last.t_ms, f.floats.len());
        if is_counter && let Some(start_ms) = start_inside(f, first.t_ms) {
            return Some(Point::Float((change + first.v) * known_factor(scope, f, &seen, start_ms)));
        }
        let start = (is_counter && change > 0.0 && first.v >= 0.0).then(|| first.v / change);
        return Some(Point::Float(change * per_second(scope, f, seen.extent().factor(start))));
    }
    if let [only] = f.floats {
        // From zero at the counter's start to the only sample.
        let start_ms = start_inside(f, only.t_ms).filter(|_| is_counter)?;
        let seen = Seen::of(f, only.t_ms, only.t_ms, 1);
        // The difference of the sample to itself is a part of the change; infinity has none.
        let change = if only.v.is_infinite() { f64::NAN } else { only.v };
        return Some(Point::Float(change * known_factor(scope, f, &seen, start_ms)));
    }
    extrapolated_histogram(scope, f, is_counter).map(|h| Point::Histogram(Arc::new(h)))
}

fn extrapolated_histogram(scope: &Scope<'_>, f: &Frame<'_>, is_counter: bool) -> Option<Histogram> {
    let first = f.histograms.first()?;
    let start_ms = if is_counter { start_inside(f, first.t_ms) } else { None };
    let [_, .., last] = f.histograms else {
        let seen = Seen::of(f, first.t_ms, first.t_ms, 1);
        return Some(scale(&first.h, known_factor(scope, f, &seen, start_ms?)));
    };
    let change = histogram_change(scope, f, is_counter)?;
    let seen = Seen::of(f, first.t_ms, last.t_ms, f.histograms.len());
    if let Some(start_ms) = start_ms {
        let mut sum = HistogramSum::plain(&change);
        match sum.add(&first.h) {
            Ok(added) if added.bounds_reconciled => scope.info_reconciled("addition"),
            Ok(_) => {}
            Err(_) => {
                scope.warn_mixed_buckets();
                return None;
            }
        }
        return Some(scale(&sum.with_empty_buckets(), known_factor(scope, f, &seen, start_ms)));
    }
    let start =
        (is_counter && change.count > 0.0 && first.h.count >= 0.0).then(|| first.h.count / change.count);
    Some(scale(&change, per_second(scope, f, seen.extent().factor(start))))
}

/// When the counter of the first sample started, where that is inside the window.
fn start_inside(f: &Frame<'_>, first_ms: i64) -> Option<i64> {
    if f.starts.is_empty() {
        return None;
    }
    let start_ms = f.started(first_ms).start_ms;
    (start_ms != 0 && start_ms > f.start_ms && start_ms < first_ms).then_some(start_ms)
}

/// The difference of last and first float with what counter resets took away from it.
fn with_resets(mut change: f64, scope: &Scope<'_>, f: &Frame<'_>) -> f64 {
    let mut has_overlap = false;
    for w in f.floats.windows(2) {
        let mut is_reset = w[1].v < w[0].v;
        if !f.starts.is_empty() {
            let (before, now) = (f.started(w[0].t_ms), f.started(w[1].t_ms));
            has_overlap |= overlaps(before, now);
            is_reset |= has_restarted(before, now);
        }
        if is_reset {
            change += w[0].v;
        }
    }
    if has_overlap {
        scope.warn_overlap();
    }
    change
}

/// The factor for a counter that is known to have been zero at `start_ms`.
fn known_factor(scope: &Scope<'_>, f: &Frame<'_>, seen: &Seen, start_ms: i64) -> f64 {
    let sampled = seconds(f.end_ms - seen.to_end_ms - start_ms);
    let factor = if sampled == 0.0 { 1.0 } else { (sampled + seen.extent().to_end) / sampled };
    per_second(scope, f, factor)
}

fn per_second(scope: &Scope<'_>, f: &Frame<'_>, factor: f64) -> f64 {
    if scope.function == Function::Rate { factor / seconds(f.end_ms - f.start_ms) } else { factor }
}

pub(super) fn warn_not_counter(scope: &Scope<'_>) {
    scope.warn(format!("this native histogram metric is not a counter: {}", Quoted(scope.metric)));
}

pub(super) fn warn_not_gauge(scope: &Scope<'_>) {
    scope.warn(format!("this native histogram metric is not a gauge: {}", Quoted(scope.metric)));
}

fn histogram_change(scope: &Scope<'_>, f: &Frame<'_>, is_counter: bool) -> Option<Histogram> {
    let points = f.histograms;
    let restarts = |before: &HistogramSample, now: &HistogramSample| {
        !f.starts.is_empty() && has_restarted(f.started(before.t_ms), f.started(now.t_ms))
    };
    let (first, second, last) = (&points[0].h, &points[1].h, &points[points.len() - 1].h);
    let is_gauge = |h: &Histogram| h.reset_hint == ResetHint::Gauge;
    let mut before = Arc::clone(first);
    if is_counter && (restarts(&points[0], &points[1]) || is_reset(second, first)) {
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
    let between = if is_counter { &points[1..points.len() - 1] } else { &[] };
    let schemas = between.iter().map(|p| p.h.schema).chain([last.schema, before.schema]);
    let mut total = HistogramSum::plain(last);
    total.reduce_to_schema(schemas.min().unwrap_or(last.schema));
    let Ok(added) = total.subtract(&before) else {
        scope.warn_mixed_buckets();
        return None;
    };
    if added.bounds_reconciled {
        scope.info_reconciled("subtraction");
    }
    if is_counter {
        if !f.starts.is_empty()
            && points.windows(2).any(|w| overlaps(f.started(w[0].t_ms), f.started(w[1].t_ms)))
        {
            scope.warn_overlap();
        }
        for (i, point) in points.iter().enumerate().skip(1) {
            if restarts(&points[i - 1], point) || is_reset(&point.h, &before) {
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
    let restarted = !f.starts.is_empty() && has_restarted(f.started(t0), f.started(t1));
    match (a, b) {
        (Point::Float(a), Point::Float(b)) => {
            let change = if is_rate && (b < a || restarted) { b } else { b - a };
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
            histogram::compact(&mut change);
            if !is_rate || !(restarted || is_reset(&b, &a)) {
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
