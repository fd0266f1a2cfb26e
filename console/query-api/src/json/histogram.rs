//! Native histograms.

use console_model::histogram::Histogram;
use console_promql::histogram::{Bucket, all_buckets};

use super::{list, number::sample};

/// `{"count":"42","sum":"3.5","buckets":[[3,"-0.25","0.25","3"],…]}`; empty buckets are left out.
pub fn histogram(out: &mut Vec<u8>, h: &Histogram) {
    out.extend_from_slice(b"{\"count\":");
    sample(out, h.count);
    out.extend_from_slice(b",\"sum\":");
    sample(out, h.sum);
    let buckets: Vec<Bucket> = all_buckets(h).into_iter().filter(|b| b.count != 0.0).collect();
    if !buckets.is_empty() {
        out.extend_from_slice(b",\"buckets\":");
        list(out, buckets, |out, bucket| {
            out.extend_from_slice(&[b'[', b'0' + boundaries(h, &bucket)]);
            for v in [bucket.lower, bucket.upper, bucket.count] {
                out.push(b',');
                sample(out, v);
            }
            out.push(b']');
        });
    }
    out.push(b'}');
}

/// Which bounds belong to a bucket: 0 the upper one, 1 the lower one, 2 none, 3 both.
fn boundaries(h: &Histogram, bucket: &Bucket) -> u8 {
    let (lower, upper) = if h.has_custom_buckets() {
        (bucket.lower == f64::NEG_INFINITY, true)
    } else {
        let is_zero = bucket.lower == -bucket.upper;
        (is_zero || bucket.lower < 0.0, is_zero || bucket.upper > 0.0)
    };
    match (lower, upper) {
        (false, true) => 0,
        (true, false) => 1,
        (false, false) => 2,
        (true, true) => 3,
    }
}

#[cfg(test)]
mod tests {
    use console_model::histogram::{BucketCount, CUSTOM_BUCKETS};

    use super::*;

    fn written(h: &Histogram) -> String {
        let mut out = Vec::new();
        histogram(&mut out, h);
        String::from_utf8(out).unwrap()
    }

    fn buckets(counts: &[(i32, f64)]) -> Vec<BucketCount> {
        counts.iter().map(|(index, count)| BucketCount { index: *index, count: *count }).collect()
    }

    #[test]
    fn bounds_say_to_which_bucket_they_belong() {
        // From prometheus/web/api/v1/json_codec_test.go.
        let h = Histogram {
            schema: 2,
            zero_threshold: 0.001,
            zero_count: 12.0,
            count: 10.0,
            sum: 20.0,
            positive: buckets(&[(3, 1.0), (4, 2.0), (6, 2.0), (7, 1.0), (8, 1.0)]),
            negative: buckets(&[(2, 2.0), (3, 1.0)]),
            ..Histogram::default()
        };
        assert_eq!(
            written(&h),
            concat!(
                r#"{"count":"10","sum":"20","buckets":["#,
                r#"[1,"-1.6817928305074288","-1.414213562373095","1"],"#,
                r#"[1,"-1.414213562373095","-1.189207115002721","2"],[3,"-0.001","0.001","12"],"#,
                r#"[0,"1.414213562373095","1.6817928305074288","1"],[0,"1.6817928305074288","2","2"],"#,
                r#"[0,"2.378414230005442","2.82842712474619","2"],"#,
                r#"[0,"2.82842712474619","3.3635856610148576","1"],[0,"3.3635856610148576","4","1"]]}"#,
            )
        );
    }

    #[test]
    fn custom_buckets_begin_and_end_at_infinity_and_empty_ones_are_left_out() {
        let h = Histogram {
            schema: CUSTOM_BUCKETS,
            count: 4.0,
            sum: 7.5,
            positive: buckets(&[(0, 1.0), (1, 0.0), (2, 3.0)]),
            custom_values: [0.5, 2.0].into(),
            ..Histogram::default()
        };
        assert_eq!(
            written(&h),
            r#"{"count":"4","sum":"7.5","buckets":[[3,"-Inf","0.5","1"],[0,"2","+Inf","3"]]}"#
        );
        assert_eq!(written(&Histogram::default()), r#"{"count":"0","sum":"0"}"#);
    }
}
