//! Native histograms: exponential buckets, or custom ones with bounds of their own.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The schema number of custom buckets (prometheus/model/histogram: `CustomBucketsSchema`).
pub const CUSTOM_BUCKETS: i32 = -53;

/// What is known about a counter reset between a histogram and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetHint {
    #[default]
    Unknown,
    Reset,
    NotReset,
    /// Not a counter at all.
    Gauge,
}

/// The count of one bucket. `index` is the bucket's place in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BucketCount {
    pub index: i32,
    pub count: f64,
}

/// A histogram with float counts. Buckets are sorted by index and absolute; those left out are empty.
///
/// With an exponential schema `n` (-4 to 8) bucket `i` covers `(2^((i-1)/2^n), 2^(i/2^n)]`, mirrored for `negative`. With
/// [`CUSTOM_BUCKETS`], bucket `i` ends at `custom_values[i]`, the one after the last bound at infinity; zero bucket and
/// `negative` are not used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    pub reset_hint: ResetHint,
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: f64,
    pub count: f64,
    pub sum: f64,
    pub positive: Vec<BucketCount>,
    pub negative: Vec<BucketCount>,
    pub custom_values: Arc<[f64]>,
}

impl Histogram {
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS
    }
}
