//! Native histograms. The API tells the bounds of buckets that are not empty, not the schema behind them: it is found
//! again from the bounds.

use std::sync::Arc;

use console_model::histogram::{BucketCount, CUSTOM_BUCKETS, Histogram};
use serde::Deserialize;

use super::number::Number;

/// Exponential schemas, the coarsest first.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;
/// Bounds are exact to some digits; the next finer schema is far beyond that.
const TOLERANCE: f64 = 1e-9;

/// `{"count":"3","sum":"4.5","buckets":[[0,"1","2","3"],…]}`.
#[derive(Debug, Deserialize)]
pub struct Told {
    count: Number,
    sum: Number,
    /// Which bounds belong to the bucket, lower and upper bound, count.
    #[serde(default)]
    buckets: Vec<(u8, Number, Number, Number)>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    lower: f64,
    upper: f64,
    count: f64,
}

impl Bucket {
    /// The one around zero.
    fn is_zero(&self) -> bool {
        self.lower == -self.upper
    }

    /// The bound farther from zero, and the nearer one.
    fn reach(&self) -> (f64, f64) {
        let (lower, upper) = (self.lower.abs(), self.upper.abs());
        (lower.max(upper), lower.min(upper))
    }
}

impl Told {
    pub fn build(self) -> Histogram {
        let bucket = |(_, lower, upper, count): &(u8, Number, Number, Number)| Bucket {
            lower: lower.0,
            upper: upper.0,
            count: count.0,
        };
        let buckets: Vec<Bucket> = self.buckets.iter().map(bucket).collect();
        let whole = Histogram { count: self.count.0, sum: self.sum.0, ..Histogram::default() };
        match schema(&buckets) {
            Some(schema) => exponential(whole, schema, &buckets),
            None => custom(whole, &buckets),
        }
    }
}

/// The exponential schema that all bounds fit; none where there is none, as with custom buckets.
fn schema(buckets: &[Bucket]) -> Option<i32> {
    let sided: Vec<Bucket> = buckets.iter().copied().filter(|b| !b.is_zero()).collect();
    if sided.is_empty() {
        return Some(0);
    }
    let threshold = buckets.iter().find(|b| b.is_zero()).map_or(0.0, |b| b.upper);
    // A bucket that the one around zero reaches into is cut there.
    let is_cut = |b: &Bucket| threshold > 0.0 && b.reach().1 == threshold;
    let fits = |schema: i32, b: &Bucket| {
        let (far, near) = b.reach();
        let is_same_side = b.lower.is_sign_negative() == b.upper.is_sign_negative();
        let width = place(schema, far) - place(schema, near);
        is_same_side && near > 0.0 && (is_cut(b) || (is_whole(place(schema, far)) && is_one(width, far)))
    };
    let is_told = sided.iter().any(|b| !is_cut(b));
    SCHEMAS.into_iter().find(|schema| is_told && sided.iter().all(|b| fits(*schema, b)))
}

/// Where a bound lies between buckets: `2^(place / 2^schema)`.
fn place(schema: i32, bound: f64) -> f64 {
    bound.log2() * 2f64.powi(schema)
}

fn is_whole(place: f64) -> bool {
    place.is_infinite() || (place - place.round()).abs() < TOLERANCE * place.abs().max(1.0)
}

/// The last bucket of regular numbers ends at the largest of them, the one beyond at infinity.
fn is_one(width: f64, far: f64) -> bool {
    far.is_infinite() || (width - 1.0).abs() < TOLERANCE * far.log2().abs().max(1.0) * 256.0
}

fn exponential(mut h: Histogram, schema: i32, buckets: &[Bucket]) -> Histogram {
    h.schema = schema;
    let last = place(schema, 2f64.powi(1023)) + 2f64.powi(schema);
    for b in buckets {
        if b.is_zero() {
            (h.zero_threshold, h.zero_count) = (b.upper, b.count);
            continue;
        }
        let far = b.reach().0;
        let index = if far.is_infinite() { last + 1.0 } else { place(schema, far).round() } as i32;
        let side = if b.upper > 0.0 { &mut h.positive } else { &mut h.negative };
        side.push(BucketCount { index, count: b.count });
    }
    h.positive.sort_by_key(|b| b.index);
    h.negative.sort_by_key(|b| b.index);
    h
}

/// Bounds as they are told; empty buckets between them are one.
fn custom(mut h: Histogram, buckets: &[Bucket]) -> Histogram {
    let mut bounds: Vec<f64> = buckets.iter().flat_map(|b| [b.lower, b.upper]).collect();
    bounds.retain(|b| b.is_finite());
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let index = |b: &Bucket| bounds.iter().position(|v| *v == b.upper).unwrap_or(bounds.len());
    h.schema = CUSTOM_BUCKETS;
    h.positive = buckets.iter().map(|b| BucketCount { index: index(b) as i32, count: b.count }).collect();
    h.positive.sort_by_key(|b| b.index);
    h.custom_values = Arc::from(bounds);
    h
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(buckets: &str) -> Histogram {
        let text = format!(r#"{{"count":"9","sum":"-1.5","buckets":{buckets}}}"#);
        serde_json::from_str::<Told>(&text).unwrap().build()
    }

    fn places(buckets: &[BucketCount]) -> Vec<(i32, f64)> {
        buckets.iter().map(|b| (b.index, b.count)).collect()
    }

    #[test]
    fn schema_and_places_are_found_from_the_bounds() {
        // As the API writes a histogram of schema 2 (prometheus/web/api/v1/json_codec_test.go).
        let h = built(concat!(
            r#"[[1,"-1.6817928305074288","-1.414213562373095","1"],[3,"-0.001","0.001","12"],"#,
            r#"[0,"1.414213562373095","1.6817928305074288","1"],[0,"2.82842712474619","3.3635856610148576","2"]]"#,
        ));
        assert_eq!((h.schema, h.zero_threshold, h.zero_count, h.count, h.sum), (2, 0.001, 12.0, 9.0, -1.5));
        assert_eq!(places(&h.positive), [(3, 1.0), (7, 2.0)]);
        assert_eq!(places(&h.negative), [(3, 1.0)]);
    }

    #[test]
    fn every_schema_is_told_from_its_neighbours() {
        for schema in SCHEMAS {
            let bound = |index: i32| 2f64.powf(f64::from(index) / 2f64.powi(schema));
            for index in [-900, -17, 0, 1, 13, 800].map(|i| if schema < 0 { i >> -schema } else { i }) {
                let h = built(&format!(r#"[[0,"{}","{}","4"]]"#, bound(index - 1), bound(index)));
                assert_eq!((h.schema, places(&h.positive)), (schema, vec![(index, 4.0)]), "{schema} {index}");
            }
        }
    }

    #[test]
    fn buckets_beyond_the_regular_numbers_have_their_place() {
        let h = built(
            r#"[[0,"8.98846567431158e+307","1.7976931348623157e+308","1"],[0,"1.7976931348623157e+308","+Inf","2"]]"#,
        );
        assert_eq!((h.schema, places(&h.positive)), (0, vec![(1024, 1.0), (1025, 2.0)]));
    }

    #[test]
    fn a_bucket_may_be_cut_by_the_one_around_zero() {
        let h = built(r#"[[3,"-1.5","1.5","1"],[0,"1.5","2","3"],[0,"2","4","1"]]"#);
        assert_eq!((h.schema, h.zero_threshold, places(&h.positive)), (0, 1.5, vec![(1, 3.0), (2, 1.0)]));
    }

    #[test]
    fn other_bounds_are_custom() {
        let h = built(r#"[[3,"-Inf","0.5","1"],[0,"2","5","3"],[0,"5","+Inf","1"]]"#);
        assert!(h.has_custom_buckets());
        assert_eq!(&*h.custom_values, [0.5, 2.0, 5.0]);
        assert_eq!(places(&h.positive), [(0, 1.0), (2, 3.0), (3, 1.0)]);
        let empty = serde_json::from_str::<Told>(r#"{"count":"0","sum":"0"}"#).unwrap().build();
        assert_eq!(empty, Histogram::default());
    }
}
