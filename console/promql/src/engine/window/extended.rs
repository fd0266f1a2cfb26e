//! `rate`, `increase` and `delta` over windows that are `anchored` or `smoothed`: nothing is extrapolated, the values at
//! the ends are those of samples near them. Source: prometheus/promql/functions.go, `extendedRate`.

use std::sync::Arc;

use console_model::{
    histogram::{Histogram, ResetHint},
    metric::{HistogramSample, Sample},
};

use super::{Frame, Scope, rate::warn_not_counter, rate::warn_not_gauge};
use crate::{
    ast::Extent,
    engine::interpolate::{self, Kind},
    function::Function,
    histogram::{HistogramSum, divide, is_reset},
    outcome::Point,
};

/// The samples that stand for the ends of a window.
#[derive(Clone, Copy)]
struct Ends {
    first: usize,
    last: usize,
}

fn ends<T>(f: &Frame<'_>, all: &[T], time: impl Fn(&T) -> i64) -> Option<Ends> {
    let is_smoothed = f.extent == Extent::Smoothed;
    let mut last = all.len().checked_sub(1)?;
    let first = all[..last].partition_point(|s| time(s) <= f.start_ms).saturating_sub(1);
    if is_smoothed {
        last = all[..last].partition_point(|s| time(s) < f.end_ms);
    }
    (time(&all[last]) > f.start_ms).then_some(Ends { first, last })
}

/// Whether a smoothed window ends before its first sample: it then has values at its ends, but no change.
fn is_ahead(f: &Frame<'_>, first_ms: i64) -> bool {
    f.extent == Extent::Smoothed && first_ms > f.end_ms
}

fn kind(scope: &Scope<'_>) -> Kind {
    if scope.function == Function::Delta { Kind::Gauge } else { Kind::Counter }
}

/// The change over the window, per second for `rate`.
pub(super) fn change(scope: &Scope<'_>, f: &Frame<'_>) -> Option<Point> {
    if f.histograms.is_empty() {
        return floats(scope, f).map(Point::Float);
    }
    histograms(scope, f).map(|h| Point::Histogram(Arc::new(h)))
}

/// Values at both ends of the window.
pub(crate) fn float_ends(f: &Frame<'_>, kind: Kind) -> Option<(f64, f64)> {
    let Ends { first, last } = ends(f, f.floats, |s| s.t_ms)?;
    let is_smoothed = f.extent == Extent::Smoothed;
    let (s, mut left, mut right) = (f.floats, f.floats[first].v, f.floats[last].v);
    if is_smoothed && s[first].t_ms < f.start_ms && first + 1 < s.len() {
        left = interpolate::float(s[first], s[first + 1], f.start_ms, kind);
    }
    if is_smoothed && last > 0 && s[last].t_ms > f.end_ms {
        right = interpolate::float(s[last - 1], s[last], f.end_ms, kind);
    }
    Some((left, right))
}

/// The samples strictly between the ends of the window.
pub(crate) fn floats_inside<'a>(f: &Frame<'a>) -> &'a [Sample] {
    let Some(Ends { first, last }) = ends(f, f.floats, |s| s.t_ms) else { return &[] };
    let from = first + usize::from(f.floats[first].t_ms <= f.start_ms);
    let to = last + usize::from(f.floats[last].t_ms < f.end_ms);
    f.floats.get(from..to).unwrap_or_default()
}

fn floats(scope: &Scope<'_>, f: &Frame<'_>) -> Option<f64> {
    let (left, right) = float_ends(f, kind(scope)).filter(|_| !is_ahead(f, f.floats[0].t_ms))?;
    let mut change = right - left;
    if kind(scope) == Kind::Counter {
        let (mut before, mut lost) = (left, 0.0);
        for v in floats_inside(f).iter().map(|s| s.v).chain([right]) {
            if v < before {
                lost += before;
            }
            before = v;
        }
        change += lost;
    }
    Some(if scope.function == Function::Rate { change / seconds(f) } else { change })
}

fn seconds(f: &Frame<'_>) -> f64 {
    (f.end_ms - f.start_ms) as f64 / 1000.0
}

fn histograms(scope: &Scope<'_>, f: &Frame<'_>) -> Option<Histogram> {
    let all = f.histograms;
    let ends = ends(f, all, |h| h.t_ms).filter(|ends| !is_ahead(f, all[ends.first].t_ms))?;
    let Ends { first, last } = ends;
    let is_smoothed = f.extent == Extent::Smoothed;
    let kind = kind(scope);
    let is_gauge = |h: &Histogram| h.reset_hint == ResetHint::Gauge;
    let part = &all[first..=last];
    for p in part {
        if p.h.has_custom_buckets() != part[0].h.has_custom_buckets() {
            scope.warn_mixed_buckets();
            return None;
        }
        if kind == Kind::Counter && is_gauge(&p.h) {
            warn_not_counter(scope);
        }
    }
    let reconciled = |operation: &str| scope.info_reconciled(operation);
    let mut left = (*all[first].h).clone();
    if is_smoothed && all[first].t_ms < f.start_ms && first + 1 < all.len() {
        left = interpolate::between(&all[first], &all[first + 1], f.start_ms, kind, reconciled)
            .map_err(|_| scope.warn_mixed_buckets())
            .ok()?;
    }
    let mut right = (*all[last].h).clone();
    if is_smoothed && last > 0 && all[last].t_ms > f.end_ms {
        right = interpolate::between(&all[last - 1], &all[last], f.end_ms, kind, reconciled)
            .map_err(|_| scope.warn_mixed_buckets())
            .ok()?;
    }
    if kind == Kind::Gauge && !(is_gauge(&left) && is_gauge(&right)) {
        warn_not_gauge(scope);
    }
    let mut change = HistogramSum::plain(&right);
    if change.subtract(&left).map_err(|_| scope.warn_mixed_buckets()).ok()?.bounds_reconciled {
        scope.info_reconciled("subtraction");
    }
    let add = |sum: &mut HistogramSum, other: &Histogram| {
        let added = sum.add(other).map_err(|_| scope.warn_mixed_buckets()).ok()?;
        if added.bounds_reconciled {
            scope.info_reconciled("addition");
        }
        Some(())
    };
    if kind == Kind::Counter {
        // First by themselves: the order says how layouts that differ come together.
        let mut all_lost: Option<HistogramSum> = None;
        for lost in before_resets(f, all, ends, &left, &right) {
            match &mut all_lost {
                None => all_lost = Some(HistogramSum::plain(lost)),
                Some(all_lost) => add(all_lost, lost)?,
            }
        }
        if let Some(all_lost) = all_lost {
            add(&mut change, &all_lost.with_empty_buckets())?;
        }
    }
    let mut change = change.finish();
    if scope.function == Function::Rate {
        change = divide(&change, seconds(f));
    }
    change.reset_hint = ResetHint::Gauge;
    Some(change)
}

/// The last histogram before each counter reset between the ends.
fn before_resets<'a>(
    f: &Frame<'_>,
    all: &'a [HistogramSample],
    ends: Ends,
    left: &'a Histogram,
    right: &Histogram,
) -> Vec<&'a Histogram> {
    let mut from = ends.first + 1;
    let mut before = left;
    let is_smoothed = f.extent == Extent::Smoothed;
    if is_smoothed
        && all[ends.first].t_ms < f.start_ms
        && let Some(next) = all.get(from).filter(|next| is_reset(&next.h, &all[ends.first].h))
    {
        // The left value was interpolated over this reset, which is accounted for.
        before = &next.h;
        from += 1;
    }
    // The last sample is not among those between: the right value has its hint.
    let mut out = Vec::new();
    if from > ends.last {
        return out;
    }
    for h in all[from..ends.last].iter().map(|p| &*p.h) {
        if is_reset(h, before) {
            out.push(before);
        }
        before = h;
    }
    if is_reset(right, before) {
        out.push(before);
    }
    out
}

/// The samples that `changes` and `resets` look at: the newest one at or before the start, of either kind, and all after
/// it. `None` where nothing is after the start.
pub(super) fn anchored<'a>(f: &Frame<'a>) -> Option<(&'a [Sample], &'a [HistogramSample])> {
    let float = f.floats.partition_point(|s| s.t_ms <= f.start_ms);
    let histogram = f.histograms.partition_point(|h| h.t_ms <= f.start_ms);
    if float >= f.floats.len() && histogram >= f.histograms.len() {
        return None;
    }
    let float_anchor = float.checked_sub(1).map(|at| f.floats[at].t_ms);
    let histogram_anchor = histogram.checked_sub(1).map(|at| f.histograms[at].t_ms);
    let (float, histogram) = match (float_anchor, histogram_anchor) {
        (None, None) => (0, 0),
        (Some(a), b) if b.is_none_or(|b| a >= b) => (float - 1, histogram),
        _ => (float, histogram - 1),
    };
    Some((&f.floats[float..], &f.histograms[histogram..]))
}
