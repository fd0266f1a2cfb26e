//! Exponential histograms as native ones, as Prometheus translates them
//! (prometheus/storage/remote/otlptranslator, "exponentialToNativeHistogram").

use console_model::{
    histogram::{BucketCount, Histogram},
    metric::stale_nan,
};
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, exponential_histogram_data_point::Buckets,
};

use super::value::ItemError;

/// The finest and the coarsest resolution of native histograms.
const FINEST: i32 = 8;
const COARSEST: i32 = -4;
/// Of a sender that says none.
const ZERO_THRESHOLD: f64 = 1e-128;

/// The native histogram of a data point. `max` buckets a side.
pub fn native(
    point: &ExponentialHistogramDataPoint,
    stale: bool,
    max: usize,
) -> Result<Histogram, ItemError> {
    if stale {
        return Ok(Histogram { sum: stale_nan(), ..Histogram::default() });
    }
    let invalid = |message: String| ItemError::new("invalid_histogram", message);
    if point.scale < COARSEST {
        return Err(invalid(format!(
            "scale {} is below {COARSEST}, the coarsest of native histograms",
            point.scale
        )));
    }
    let merged = u32::try_from(point.scale - FINEST).unwrap_or(0);
    let side = |buckets: &Option<Buckets>| match buckets {
        Some(b) if b.bucket_counts.len() > max => Err(ItemError::new(
            "too_many_buckets",
            format!("{} buckets, more than max_buckets ({max})", b.bucket_counts.len()),
        )),
        Some(b) => side(b, merged).ok_or_else(|| invalid("buckets are out of range".to_owned())),
        None => Ok(Vec::new()),
    };
    let (positive, negative) = (side(&point.positive)?, side(&point.negative)?);
    let zero_count = point.zero_count as f64;
    let observed = positive.iter().chain(&negative).map(|b| b.count).sum::<f64>() + zero_count;
    let (count, sum) = (point.count as f64, point.sum.unwrap_or(0.0));
    if observed > count {
        return Err(invalid(format!("{observed} observations in buckets, but the count is {count}")));
    }
    Ok(Histogram {
        schema: point.scale.min(FINEST),
        zero_threshold: if point.zero_threshold > 0.0 { point.zero_threshold } else { ZERO_THRESHOLD },
        zero_count,
        count,
        // No sent NaN may pass for a staleness marker.
        sum: if sum.is_nan() { f64::NAN } else { sum },
        positive,
        negative,
        ..Histogram::default()
    })
}

/// Buckets by index; `merged` times two neighbours become one. None where an index does not fit.
fn side(buckets: &Buckets, merged: u32) -> Option<Vec<BucketCount>> {
    let mut out: Vec<BucketCount> = Vec::with_capacity(buckets.bucket_counts.len());
    for (i, n) in buckets.bucket_counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        let lower = i64::from(buckets.offset) + i as i64;
        // A bucket is named by its lower bound there, by its upper one here.
        let index = i32::try_from((lower >> merged.min(63)) + 1).ok()?;
        match out.last_mut().filter(|b| b.index == index) {
            Some(same) => same.count += *n as f64,
            None => out.push(BucketCount { index, count: *n as f64 }),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(scale: i32, offset: i32, counts: &[u64]) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            scale,
            count: counts.iter().sum::<u64>() + 1,
            sum: Some(2.5),
            zero_count: 1,
            positive: Some(Buckets { offset, bucket_counts: counts.to_vec() }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn buckets(h: &Histogram) -> Vec<(i32, f64)> {
        h.positive.iter().map(|b| (b.index, b.count)).collect()
    }

    #[test]
    fn buckets_move_by_one_and_fine_ones_are_merged() {
        let h = native(&point(3, -2, &[4, 0, 1]), false, 10).unwrap();
        assert_eq!((h.schema, h.count, h.zero_count, buckets(&h)), (3, 6.0, 1.0, vec![(-1, 4.0), (1, 1.0)]));
        // (2^(k/1024), ...] are four to one at scale 8.
        let h = native(&point(10, -1, &[1, 2, 3, 4, 5, 6]), false, 10).unwrap();
        assert_eq!((h.schema, buckets(&h)), (8, vec![(0, 1.0), (1, 14.0), (2, 6.0)]));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let said = |p, max| native(&p, false, max).unwrap_err().message;
        assert!(said(point(-5, 0, &[1]), 10).contains("scale -5"));
        assert!(said(point(0, 0, &[1, 1]), 1).contains("max_buckets (1)"));
        assert!(said(point(0, i32::MAX, &[1, 1]), 10).contains("out of range"));
        assert!(
            said(ExponentialHistogramDataPoint { count: 1, ..point(0, 0, &[1]) }, 10)
                .contains("2 observations")
        );
        assert_eq!(native(&point(-9, 0, &[1]), true, 1).unwrap().sum.to_bits(), stale_nan().to_bits());
    }
}
