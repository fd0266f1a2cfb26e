//! Values between two samples. Source: prometheus/promql/functions.go, `interpolate`, `interpolateHistograms`.

use console_model::{
    histogram::{Histogram, ResetHint},
    metric::{HistogramSample, Sample},
};

use super::view::advance;
use crate::histogram::{self, MixedBuckets, is_reset, scale};

/// What samples mean where the later one is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It started again from zero.
    Counter,
    Gauge,
}

/// The value on the line through two floats.
pub(crate) fn float(a: Sample, b: Sample, t_ms: i64, kind: Kind) -> f64 {
    let from = if kind == Kind::Counter && b.v < a.v { 0.0 } else { a.v };
    from + (b.v - from) * (t_ms - a.t_ms) as f64 / (b.t_ms - a.t_ms) as f64
}

/// Between two histograms. `reconciled` hears of bounds that were brought together, and during which operation.
pub(crate) fn between(
    a: &HistogramSample,
    b: &HistogramSample,
    t_ms: i64,
    kind: Kind,
    mut reconciled: impl FnMut(&str),
) -> Result<Histogram, MixedBuckets> {
    if t_ms == a.t_ms {
        return Ok((*a.h).clone());
    }
    if t_ms == b.t_ms {
        return Ok((*b.h).clone());
    }
    let part = (t_ms - a.t_ms) as f64 / (b.t_ms - a.t_ms) as f64;
    if kind == Kind::Counter && is_reset(&b.h, &a.h) {
        return Ok(scale(&b.h, part));
    }
    let (difference, added) = histogram::subtract(&b.h, &a.h)?;
    if added.bounds_reconciled {
        reconciled("subtraction");
    }
    let (value, added) = histogram::add(&scale(&difference, part), &a.h)?;
    if added.bounds_reconciled {
        reconciled("addition");
    }
    Ok(value)
}

/// What `smoothed` makes of one kind of samples around a moment.
pub(crate) enum Around<'a, T> {
    Exactly(&'a T),
    Between(&'a T, &'a T),
    /// Nothing comes after it.
    Last(&'a T),
    /// Nothing was before.
    Nothing,
}

/// Where a moment lies among the samples of a window.
pub(crate) fn around<T>(window: &[T], t_ms: i64, time: impl Fn(&T) -> i64) -> Around<'_, T> {
    let at = advance(window, 0, |s| time(s) < t_ms);
    match (at.checked_sub(1).map(|before| &window[before]), window.get(at)) {
        (_, Some(s)) if time(s) == t_ms => Around::Exactly(s),
        (Some(a), Some(b)) => Around::Between(a, b),
        (Some(a), None) => Around::Last(a),
        (None, _) => Around::Nothing,
    }
}

/// A histogram carried on to where nothing is known: its hint was about another place.
pub(crate) fn carried(h: &Histogram) -> Histogram {
    Histogram { reset_hint: ResetHint::Unknown, ..h.clone() }
}
