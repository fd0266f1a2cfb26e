//! Native histograms of one series as bytes, one after the other, each against the one before.
//!
//! Integers are those of `console_blockkit::record`. A chunk has no header; a histogram is:
//!
//! | field | meaning |
//! |---|---|
//! | int | time against the histogram before (the first: against 0), milliseconds |
//! | u8 | bits 0 and 1: reset hint (0 unknown, 1 reset, 2 not reset, 3 gauge); bit 2: layout as before; bit 3: whole counts |
//! | layout | unless as before, see below |
//! | 8 bytes | sum, IEEE 754, little endian (a staleness marker keeps its bits) |
//! | counts | zero bucket, all, then each positive and each negative bucket |
//!
//! Layout: int schema; 8 bytes zero threshold; uint number of custom bounds and 8 bytes each; then for the positive and for
//! the negative side a uint number of buckets and for each an int, its index against the one before (the first: against 0).
//!
//! Counts: whole ones are an int each, the difference to the same bucket of the histogram before (0 where the layout is new);
//! others are 8 bytes each.

use std::sync::Arc;

use console_blockkit::record::{Reader, RecordError, Writer};
use console_model::{
    histogram::{BucketCount, Histogram, ResetHint},
    metric::HistogramSample,
};

const HINTS: [ResetHint; 4] = [ResetHint::Unknown, ResetHint::Reset, ResetHint::NotReset, ResetHint::Gauge];
const SAME_LAYOUT: u8 = 1 << 2;
const WHOLE_COUNTS: u8 = 1 << 3;
/// Whole numbers above this are not exact in a float.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

/// A chunk of histograms being filled.
#[derive(Debug, Default)]
pub struct HistogramWriter {
    out: Writer,
    last: Option<HistogramSample>,
}

fn same_layout(a: &Histogram, b: &Histogram) -> bool {
    let indexes = |x: &[BucketCount], y: &[BucketCount]| {
        x.len() == y.len() && x.iter().zip(y).all(|(x, y)| x.index == y.index)
    };
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.custom_values.len() == b.custom_values.len()
        && a.custom_values.iter().zip(b.custom_values.iter()).all(|(x, y)| x.to_bits() == y.to_bits())
        && indexes(&a.positive, &b.positive)
        && indexes(&a.negative, &b.negative)
}

fn counts(h: &Histogram) -> impl Iterator<Item = f64> {
    [h.zero_count, h.count].into_iter().chain(h.positive.iter().chain(&h.negative).map(|b| b.count))
}

fn is_whole(v: f64) -> bool {
    v.fract() == 0.0 && v.abs() <= MAX_WHOLE && (v != 0.0 || v.is_sign_positive())
}

impl HistogramWriter {
    pub fn push(&mut self, sample: &HistogramSample) {
        let h = &*sample.h;
        let w = &mut self.out;
        let before = self.last.as_ref();
        w.int(sample.t_ms.wrapping_sub(before.map_or(0, |b| b.t_ms)));
        let same = before.filter(|b| same_layout(&b.h, h));
        let whole = counts(h).all(is_whole) && same.is_none_or(|b| counts(&b.h).all(is_whole));
        let hint = HINTS.iter().position(|x| *x == h.reset_hint).unwrap_or(0) as u8;
        w.u8(hint | if same.is_some() { SAME_LAYOUT } else { 0 } | if whole { WHOLE_COUNTS } else { 0 });
        if same.is_none() {
            w.int(i64::from(h.schema));
            w.raw(&h.zero_threshold.to_bits().to_le_bytes());
            w.uint(h.custom_values.len() as u64);
            h.custom_values.iter().for_each(|v| w.raw(&v.to_bits().to_le_bytes()));
            for side in [&h.positive, &h.negative] {
                w.uint(side.len() as u64);
                let mut last = 0;
                for b in side {
                    w.int(i64::from(b.index) - i64::from(last));
                    last = b.index;
                }
            }
        }
        w.raw(&h.sum.to_bits().to_le_bytes());
        if whole {
            let mut old = same.into_iter().flat_map(|b| counts(&b.h));
            for v in counts(h) {
                w.int(v as i64 - old.next().unwrap_or(0.0) as i64);
            }
        } else {
            counts(h).for_each(|v| w.raw(&v.to_bits().to_le_bytes()));
        }
        self.last = Some(sample.clone());
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.out.bytes
    }
}

/// Histograms as a chunk's bytes.
pub fn encode(samples: &[HistogramSample]) -> Vec<u8> {
    let mut w = HistogramWriter::default();
    for s in samples {
        w.push(s);
    }
    w.out.bytes
}

/// The histograms of a whole chunk. Never allocates more than the bytes could fill.
pub fn decode(bytes: &[u8]) -> Result<Vec<HistogramSample>, RecordError> {
    let mut r = Reader::new(bytes);
    let mut out: Vec<HistogramSample> = Vec::new();
    while !r.is_empty() {
        let next = read(&mut r, out.last())?;
        out.push(next);
    }
    Ok(out)
}

fn float(r: &mut Reader<'_>) -> Result<f64, RecordError> {
    r.array().map(|b| f64::from_bits(u64::from_le_bytes(b)))
}

fn read(r: &mut Reader<'_>, before: Option<&HistogramSample>) -> Result<HistogramSample, RecordError> {
    let t_ms = before.map_or(0, |b| b.t_ms).wrapping_add(r.int()?);
    let flags = r.u8()?;
    if flags >= 1 << 4 {
        return Err(RecordError::Tag);
    }
    let same = flags & SAME_LAYOUT != 0;
    let mut h = match before {
        Some(b) if same => Histogram::clone(&b.h),
        None if same => return Err(RecordError::Tag),
        _ => read_layout(r)?,
    };
    h.reset_hint = HINTS[usize::from(flags & 3)];
    h.sum = float(r)?;
    let whole = flags & WHOLE_COUNTS != 0;
    let Histogram { zero_count, count, positive, negative, .. } = &mut h;
    let buckets = positive.iter_mut().chain(negative).map(|b| &mut b.count);
    for slot in [zero_count, count].into_iter().chain(buckets) {
        *slot = if whole { (*slot as i64).wrapping_add(r.int()?) as f64 } else { float(r)? };
    }
    Ok(HistogramSample { t_ms, h: Arc::new(h) })
}

fn read_layout(r: &mut Reader<'_>) -> Result<Histogram, RecordError> {
    let narrow = |v: i64| i32::try_from(v).map_err(|_| RecordError::Overflow);
    let schema = narrow(r.int()?)?;
    let zero_threshold = float(r)?;
    let n = r.count()?;
    let custom_values: Vec<f64> = (0..n).map(|_| float(r)).collect::<Result<_, _>>()?;
    let mut side = || -> Result<Vec<BucketCount>, RecordError> {
        let mut last = 0i64;
        let n = r.count()?;
        let mut all = Vec::with_capacity(n);
        for _ in 0..n {
            last = last.checked_add(r.int()?).ok_or(RecordError::Overflow)?;
            all.push(BucketCount { index: narrow(last)?, count: 0.0 });
        }
        Ok(all)
    };
    let (positive, negative) = (side()?, side()?);
    let custom_values = custom_values.into();
    Ok(Histogram { schema, zero_threshold, custom_values, positive, negative, ..Histogram::default() })
}

#[cfg(test)]
mod tests {
    use console_model::{histogram::CUSTOM_BUCKETS, metric::stale_nan};

    use super::*;

    fn buckets(all: &[(i32, f64)]) -> Vec<BucketCount> {
        all.iter().map(|(index, count)| BucketCount { index: *index, count: *count }).collect()
    }

    #[test]
    fn histograms_come_back_bit_by_bit() {
        let plain = Histogram {
            schema: 3,
            zero_threshold: 1e-128,
            zero_count: 2.0,
            count: 9.0,
            sum: 1.25,
            positive: buckets(&[(-3, 4.0), (7, 1.0)]),
            negative: buckets(&[(0, 2.0)]),
            ..Histogram::default()
        };
        let more = Histogram { count: 12.0, positive: buckets(&[(-3, 7.0), (7, 1.0)]), ..plain.clone() };
        let fewer = Histogram { reset_hint: ResetHint::Reset, count: 0.5, ..more.clone() };
        let custom = Histogram {
            schema: CUSTOM_BUCKETS,
            count: 1e300,
            custom_values: [0.5, f64::INFINITY].into(),
            positive: buckets(&[(1, -0.0)]),
            ..Histogram::default()
        };
        let stale = Histogram { sum: stale_nan(), ..Histogram::default() };
        let all: Vec<_> = [plain.clone(), more, fewer, plain, custom, stale]
            .into_iter()
            .enumerate()
            .map(|(i, h)| HistogramSample { t_ms: 15_000 * i as i64 - 20, h: Arc::new(h) })
            .collect();
        let bytes = encode(&all);
        let back = decode(&bytes).unwrap();
        // NaN is not equal to itself: the debug form and the bytes are.
        assert_eq!(format!("{all:?}"), format!("{back:?}"));
        assert_eq!(encode(&back), bytes);
        assert_eq!(back[5].h.sum.to_bits(), stale_nan().to_bits());
        for end in 0..bytes.len() {
            let _ = decode(&bytes[..end]);
        }
    }
}
