//! A histogram as text, which `count_values` makes a label of.

use console_model::histogram::Histogram;

use super::{Bucket, negative_bucket, positive_bucket, zero_bucket};
use crate::gofmt::general;

/// `{count:20, sum:10, [-2,-1):2, [-0.001,0.001]:2, (0.5,1]:1}`.
pub(crate) fn describe(h: &Histogram) -> String {
    let mut out = format!("{{count:{}, sum:{}", general(h.count), general(h.sum));
    let mut bucket = |b: Bucket, open: char, close: char| {
        if b.count != 0.0 {
            let (lower, upper, count) = (general(b.lower), general(b.upper), general(b.count));
            out += &format!(", {open}{lower},{upper}{close}:{count}");
        }
    };
    h.negative.iter().rev().for_each(|b| bucket(negative_bucket(h, *b), '[', ')'));
    bucket(zero_bucket(h), '[', ']');
    for b in &h.positive {
        let open = if h.has_custom_buckets() && b.index == 0 { '[' } else { '(' };
        bucket(positive_bucket(h, *b), open, ']');
    }
    out.push('}');
    out
}
