//! `changes` and `resets`, over floats and histograms in order of time.

use console_model::histogram::Histogram;

use super::{
    Frame, extended,
    reset::{Started, has_restarted},
};
use crate::{
    ast::Extent,
    histogram::{is_equal, is_reset},
};

#[derive(Clone, Copy)]
enum Seen<'a> {
    Float(f64),
    Histogram(&'a Histogram),
}

/// How often `differs` holds between neighbours. `None` where an anchored window has nothing after its start.
fn count(f: &Frame<'_>, differs: impl Fn((i64, Seen<'_>), (i64, Seen<'_>)) -> bool) -> Option<f64> {
    let (floats, histograms) =
        if f.extent == Extent::Anchored { extended::anchored(f)? } else { (f.floats, f.histograms) };
    let (mut floats, mut histograms) = (floats.iter().peekable(), histograms.iter().peekable());
    let mut before = None;
    let mut found = 0u64;
    loop {
        let float_is_next = match (floats.peek(), histograms.peek()) {
            (Some(v), Some(h)) => v.t_ms < h.t_ms,
            (v, _) => v.is_some(),
        };
        let now = if float_is_next {
            floats.next().map(|s| (s.t_ms, Seen::Float(s.v)))
        } else {
            histograms.next().map(|h| (h.t_ms, Seen::Histogram(&h.h)))
        };
        let Some(now) = now else { return Some(found as f64) };
        if before.is_some_and(|before| differs(before, now)) {
            found += 1;
        }
        before = Some(now);
    }
}

pub(super) fn changes(f: &Frame<'_>) -> Option<f64> {
    count(f, |(_, before), (_, now)| match (before, now) {
        (Seen::Float(a), Seen::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Seen::Histogram(a), Seen::Histogram(b)) => !is_equal(a, b),
        _ => true,
    })
}

pub(super) fn resets(f: &Frame<'_>) -> Option<f64> {
    let started = |t_ms: i64| if f.starts.is_empty() { Started::default() } else { f.started(t_ms) };
    count(f, |(t0, before), (t1, now)| {
        let has_restarted = has_restarted(started(t0), started(t1));
        match (before, now) {
            (Seen::Float(a), Seen::Float(b)) => has_restarted || b < a,
            (Seen::Histogram(a), Seen::Histogram(b)) => has_restarted || is_reset(b, a),
            _ => true,
        }
    })
}
