//! Counter resets between two histograms.

use console_model::histogram::{BucketCount, Histogram, ResetHint};

use super::{
    bound,
    sum::{coarser_index, zero_count_within},
};

/// Whether `h` comes after a counter reset: its hint says so, or a count is smaller than in `previous`.
pub fn is_reset(h: &Histogram, previous: &Histogram) -> bool {
    match h.reset_hint {
        ResetHint::Reset => return true,
        ResetHint::NotReset => return false,
        ResetHint::Unknown | ResetHint::Gauge => {}
    }
    if h.count < previous.count {
        return true;
    }
    if h.has_custom_buckets() {
        if !previous.has_custom_buckets() {
            return true;
        }
        return custom_reset(h, previous);
    }
    if h.schema > previous.schema || h.zero_threshold < previous.zero_threshold {
        return true;
    }
    match zero_count_within(previous, h.zero_threshold) {
        None => return true,
        Some(zero) if h.zero_count < zero => return true,
        Some(_) => {}
    }
    has_shrunk(h, &h.positive, previous, &previous.positive)
        || has_shrunk(h, &h.negative, previous, &previous.negative)
}

fn has_shrunk(h: &Histogram, now: &[BucketCount], before: &Histogram, earlier: &[BucketCount]) -> bool {
    let mut rest = earlier.iter().peekable();
    while let Some(first) = rest.next() {
        let index = coarser_index(first.index, before.schema, h.schema);
        let mut count = first.count;
        while let Some(b) = rest.next_if(|b| coarser_index(b.index, before.schema, h.schema) == index) {
            count += b.count;
        }
        if count == 0.0 || bound(h, index) <= h.zero_threshold {
            continue;
        }
        match now.binary_search_by_key(&index, |b| b.index) {
            Ok(at) if now[at].count >= count => {}
            _ => return true,
        }
    }
    false
}

/// Compares at the bounds that both have.
fn custom_reset(h: &Histogram, previous: &Histogram) -> bool {
    let both = h.custom_values.iter().filter(|v| previous.custom_values.contains(v)).copied();
    let (mut now_at, mut before_at) = (0, 0);
    let below = |h: &Histogram, at: &mut usize, limit: f64| {
        let mut count = 0.0;
        while let Some(b) = h.positive.get(*at).filter(|b| bound(h, b.index) <= limit) {
            count += b.count;
            *at += 1;
        }
        count
    };
    both.chain([f64::INFINITY])
        .any(|limit| below(h, &mut now_at, limit) < below(previous, &mut before_at, limit))
}
