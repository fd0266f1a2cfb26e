//! `changes` and `resets`, over floats and histograms in order of time.

use console_model::histogram::Histogram;

use super::Frame;
use crate::histogram::{is_equal, is_reset};

#[derive(Clone, Copy)]
enum Seen<'a> {
    Float(f64),
    Histogram(&'a Histogram),
}

/// How often `differs` holds between neighbours.
fn count(f: &Frame<'_>, differs: impl Fn(Seen<'_>, Seen<'_>) -> bool) -> f64 {
    let (mut floats, mut histograms) = (f.floats.iter().peekable(), f.histograms.iter().peekable());
    let mut before = None;
    let mut found = 0u64;
    loop {
        let float_is_next = match (floats.peek(), histograms.peek()) {
            (Some(v), Some(h)) => v.t_ms < h.t_ms,
            (v, _) => v.is_some(),
        };
        let now = if float_is_next {
            floats.next().map(|s| Seen::Float(s.v))
        } else {
            histograms.next().map(|h| Seen::Histogram(&h.h))
        };
        let Some(now) = now else { return found as f64 };
        if before.is_some_and(|before| differs(before, now)) {
            found += 1;
        }
        before = Some(now);
    }
}

pub(super) fn changes(f: &Frame<'_>) -> f64 {
    count(f, |before, now| match (before, now) {
        (Seen::Float(a), Seen::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Seen::Histogram(a), Seen::Histogram(b)) => !is_equal(a, b),
        _ => true,
    })
}

pub(super) fn resets(f: &Frame<'_>) -> f64 {
    count(f, |before, now| match (before, now) {
        (Seen::Float(a), Seen::Float(b)) => b < a,
        (Seen::Histogram(a), Seen::Histogram(b)) => is_reset(b, a),
        _ => true,
    })
}
