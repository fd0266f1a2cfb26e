//! Lines and smoothed values through the floats of a window.

use console_model::metric::Sample;
use console_storage::SourceError;

use super::{Frame, Scope};
use crate::{function::Function, kahan::Kahan};

/// Slope, and value at `origin_ms`, of the least-squares line.
fn regression(samples: &[Sample], origin_ms: i64) -> (f64, f64) {
    let first = samples[0].v;
    if samples.iter().skip(1).all(|s| s.v == first) {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let (mut x, mut y, mut xy, mut xx) =
        (Kahan::default(), Kahan::default(), Kahan::default(), Kahan::default());
    for s in samples {
        let at = (s.t_ms - origin_ms) as f64 / 1000.0;
        x.add(at);
        y.add(s.v);
        xy.add(at * s.v);
        xx.add(at * at);
    }
    let n = samples.len() as f64;
    let whole = |k: Kahan| k.sum + k.lost;
    let (x, y, xy, xx) = (whole(x), whole(y), whole(xy), whole(xx));
    let slope = (xy - x * y / n) / (xx - x * x / n);
    (slope, y / n - slope * x / n)
}

/// `deriv` and `predict_linear`.
pub(super) fn line(scope: &Scope<'_>, f: &Frame<'_>) -> Option<f64> {
    if !f.floats.is_empty() && !f.histograms.is_empty() {
        scope.info_ignored();
    }
    if f.floats.len() < 2 {
        return None;
    }
    if scope.function == Function::Deriv {
        // Any origin near the samples serves; far ones cost digits.
        return Some(regression(f.floats, f.floats[0].t_ms).0);
    }
    let (slope, now) = regression(f.floats, f.at_ms);
    Some(slope * f.args[0] + now)
}

/// Holt's double exponential smoothing.
pub(super) fn smoothed(scope: &Scope<'_>, f: &Frame<'_>) -> Result<Option<f64>, SourceError> {
    let [smoothing, trend_factor] = f.args;
    for (name, v) in [("smoothing", smoothing), ("trend", trend_factor)] {
        if v <= 0.0 || v >= 1.0 {
            let short = if name == "smoothing" { "sf" } else { "tf" };
            return Err(SourceError::Execution(format!(
                "invalid {name} factor. Expected: 0 < {short} < 1, got: {v:.6}"
            )));
        }
    }
    if !f.floats.is_empty() && !f.histograms.is_empty() {
        scope.info_ignored();
    }
    let [first, second, ..] = f.floats else { return Ok(None) };
    let (mut before, mut level, mut trend) = (0.0, first.v, second.v - first.v);
    for (i, s) in f.floats.iter().enumerate().skip(1) {
        if i > 1 {
            trend = trend_factor * (level - before) + (1.0 - trend_factor) * trend;
        }
        let next = smoothing * s.v + (1.0 - smoothing) * (level + trend);
        (before, level) = (level, next);
    }
    Ok(Some(level))
}
