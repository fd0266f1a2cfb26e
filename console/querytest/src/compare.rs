//! Whether an outcome is what was expected. Floats may differ by a relative error of 1e-6.

use console_model::{
    Labels,
    histogram::{BucketCount, Histogram},
    metric::{PointSeries, Sample, is_stale_nan},
};
use console_promql::{Outcome, OutcomeValue, Point};

use crate::{
    expectation::{Annotations, Expectation, Expected, ExpectedSeries},
    notation::Slot,
};

const EPSILON: f64 = 1e-6;

fn is_close(a: f64, b: f64) -> bool {
    if is_stale_nan(a) || is_stale_nan(b) {
        return is_stale_nan(a) && is_stale_nan(b);
    }
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

fn same_buckets(a: &[BucketCount], b: &[BucketCount]) -> bool {
    let populated = |all: &[BucketCount]| all.iter().filter(|b| b.count != 0.0).copied().collect::<Vec<_>>();
    let (a, b) = (populated(a), populated(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.index == b.index && is_close(a.count, b.count))
}

fn same_histogram(expected: &Histogram, got: &Histogram, has_hint: bool) -> bool {
    expected.schema == got.schema
        && is_close(expected.count, got.count)
        && is_close(expected.sum, got.sum)
        && (!expected.has_custom_buckets() || expected.custom_values == got.custom_values)
        && expected.zero_threshold == got.zero_threshold
        && is_close(expected.zero_count, got.zero_count)
        && same_buckets(&expected.positive, &got.positive)
        && same_buckets(&expected.negative, &got.negative)
        && (!has_hint || expected.reset_hint == got.reset_hint)
}

fn same_point(expected: &Slot, got: &Point) -> bool {
    match (expected, got) {
        (Slot::Point { point: Point::Float(e), .. }, Point::Float(g)) => is_close(*e, *g),
        (Slot::Point { point: Point::Histogram(e), has_hint }, Point::Histogram(g)) => {
            same_histogram(e, g, *has_hint)
        }
        _ => false,
    }
}

/// The moments that a sequence stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub start_ms: i64,
    pub end_ms: i64,
    pub step_ms: i64,
}

pub(crate) fn value(expected: &Expectation, times: Times, got: &OutcomeValue) -> Result<(), String> {
    match (&expected.value, got) {
        (Expected::Scalar(e), OutcomeValue::Scalar(Sample { v, .. })) if is_close(*e, *v) => Ok(()),
        (Expected::Text(e), OutcomeValue::String { value, .. }) if e == value => Ok(()),
        (Expected::Series(e), OutcomeValue::Vector { elements, .. }) => {
            vector(e, elements, expected.is_ordered)
        }
        (Expected::Series(_), OutcomeValue::Matrix(_)) if expected.is_ordered => {
            Err("expected an ordered result, but a matrix has no order".to_owned())
        }
        (Expected::Series(e), OutcomeValue::Matrix(series)) => matrix(e, times, series),
        (e, g) => Err(format!("expected {e:?}, got {g:?}")),
    }
}

pub(crate) fn vector(
    expected: &[ExpectedSeries],
    got: &[(Labels, Point)],
    is_ordered: bool,
) -> Result<(), String> {
    for (position, (labels, point)) in got.iter().enumerate() {
        let wanted = expected
            .iter()
            .rev()
            .find(|e| e.labels == *labels)
            .ok_or_else(|| format!("unexpected {labels} in the result, with {point:?}"))?;
        if is_ordered && wanted.position != position {
            return Err(format!("{labels} is at {position}, expected at {}", wanted.position));
        }
        if !wanted.slots.first().is_some_and(|s| same_point(s, point)) {
            return Err(format!("{labels}: expected {:?}, got {point:?}", wanted.slots.first()));
        }
    }
    match expected.iter().find(|e| !got.iter().any(|(labels, _)| *labels == e.labels)) {
        Some(missing) => Err(format!("expected {} in the result, got {} others", missing.labels, got.len())),
        None => Ok(()),
    }
}

fn matrix(expected: &[ExpectedSeries], times: Times, got: &[PointSeries]) -> Result<(), String> {
    if got.windows(2).any(|w| w[0].labels >= w[1].labels) {
        return Err("the series of a matrix are not in order of their labels".to_owned());
    }
    for series in got {
        let wanted = expected
            .iter()
            .rev()
            .find(|e| e.labels == series.labels)
            .ok_or_else(|| format!("unexpected {} in the result: {:?}", series.labels, points(series)))?;
        let expected: Vec<(i64, &Slot)> = wanted
            .slots
            .iter()
            .enumerate()
            .map(|(i, slot)| (times.start_ms + i as i64 * times.step_ms, slot))
            .filter(|(_, slot)| **slot != Slot::Omitted)
            .collect();
        if expected.last().is_some_and(|(t, _)| *t > times.end_ms) {
            return Err(format!("{} has more points than the query has steps", series.labels));
        }
        let got = points(series);
        let same = expected.len() == got.len()
            && expected.iter().zip(&got).all(|((t, e), (u, g))| t == u && same_point(e, g));
        if !same {
            return Err(format!("{}: expected {expected:?}\n        got {got:?}", series.labels));
        }
    }
    match expected.iter().find(|e| !got.iter().any(|s| s.labels == e.labels)) {
        Some(missing) => Err(format!("expected {} in the result, got {} others", missing.labels, got.len())),
        None => Ok(()),
    }
}

/// All points of a series in order of time.
pub(crate) fn points(series: &PointSeries) -> Vec<(i64, Point)> {
    let floats = series.samples.iter().map(|s| (s.t_ms, Point::Float(s.v)));
    let histograms = series.histograms.iter().map(|h| (h.t_ms, Point::Histogram(h.h.clone())));
    let mut all: Vec<(i64, Point)> = floats.chain(histograms).collect();
    all.sort_by_key(|p| p.0);
    all
}

pub(crate) fn annotations(expected: &Expectation, got: &Outcome) -> Result<(), String> {
    kind("warning", &expected.warnings, &got.warnings)?;
    kind("info", &expected.infos, &got.infos)
}

fn kind(name: &str, expected: &Annotations, got: &[String]) -> Result<(), String> {
    if expected.must_be_absent && !got.is_empty() {
        return Err(format!("expected no {name}, got {got:?}"));
    }
    if let Some(missing) = expected.wanted.iter().find(|p| !got.iter().any(|g| p.accepts(g))) {
        return Err(format!("expected {name} {missing:?}, got {got:?}"));
    }
    if expected.wanted.is_empty() {
        return Ok(());
    }
    match got.iter().find(|g| !expected.wanted.iter().any(|p| p.accepts(g))) {
        Some(other) => Err(format!("unexpected {name} {other:?}")),
        None => Ok(()),
    }
}
