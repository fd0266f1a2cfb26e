//! Samples, series and query values of metrics.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Labels, histogram::Histogram};

/// The bit pattern of Prometheus' staleness marker (prometheus/model/value: `StaleNaN`).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The staleness marker as a value. Only its bits tell it from any other NaN.
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

pub fn is_stale_nan(v: f64) -> bool {
    v.to_bits() == STALE_NAN_BITS
}

/// One float sample; `t_ms` in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub t_ms: i64,
    pub v: f64,
}

/// A series and its samples, in order of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub labels: Labels,
    pub samples: Vec<Sample>,
}

/// One native histogram; `t_ms` in milliseconds since the Unix epoch. A stale one has the staleness marker as its sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistogramSample {
    pub t_ms: i64,
    pub h: Arc<Histogram>,
}

/// A series with samples of both kinds, each in order of time. No timestamp has both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSeries {
    pub labels: Labels,
    pub samples: Vec<Sample>,
    pub histograms: Vec<HistogramSample>,
}

/// A value of a series at some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Point {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// One example behind a sample: its own labels (a trace id, above all), value and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exemplar {
    pub labels: Labels,
    pub value: f64,
    pub t_ms: i64,
}

/// A series and its exemplars, in order of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExemplarSeries {
    pub labels: Labels,
    pub exemplars: Vec<Exemplar>,
}

/// What a PromQL (or LogQL metric) query evaluates to.
///
/// Vectors and matrices come in two forms, so that a reader who can only use floats says what becomes of the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum QueryValue {
    Scalar(Sample),
    String {
        t_ms: i64,
        value: String,
    },
    /// One sample a series, all at the evaluation time.
    Vector(Vec<(Labels, Sample)>),
    Matrix(Vec<Series>),
    /// A vector in which some element is a native histogram.
    PointVector {
        t_ms: i64,
        elements: Vec<(Labels, Point)>,
    },
    /// A matrix in which some series has native histograms.
    PointMatrix(Vec<PointSeries>),
}

impl QueryValue {
    /// Rows of a vector or matrix; 1 for a scalar or string.
    pub fn rows(&self) -> usize {
        match self {
            Self::Scalar(_) | Self::String { .. } => 1,
            Self::Vector(rows) => rows.len(),
            Self::Matrix(rows) => rows.len(),
            Self::PointVector { elements, .. } => elements.len(),
            Self::PointMatrix(rows) => rows.len(),
        }
    }

    /// The same with native histograms left out, and how many rows held some.
    #[must_use]
    pub fn floats(self) -> (Self, usize) {
        match self {
            Self::PointVector { t_ms, elements } => {
                let all = elements.len();
                let float = |(labels, point)| match point {
                    Point::Float(v) => Some((labels, Sample { t_ms, v })),
                    Point::Histogram(_) => None,
                };
                let floats: Vec<_> = elements.into_iter().filter_map(float).collect();
                let left_out = all - floats.len();
                (Self::Vector(floats), left_out)
            }
            Self::PointMatrix(series) => {
                let left_out = series.iter().filter(|s| !s.histograms.is_empty()).count();
                let floats = series
                    .into_iter()
                    .filter(|s| !s.samples.is_empty())
                    .map(|s| Series { labels: s.labels, samples: s.samples });
                (Self::Matrix(floats.collect()), left_out)
            }
            other => (other, 0),
        }
    }
}

/// A query's value with what should be known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryAnswer {
    pub value: QueryValue,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    pub stats: QueryStats,
}

/// What a query cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryStats {
    pub series: u64,
    pub samples: u64,
    pub bytes: u64,
    pub duration_us: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    Unknown,
}

/// `# TYPE`, `# HELP`, `# UNIT` of a metric family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricMetadata {
    pub metric: String,
    pub kind: MetricKind,
    pub help: String,
    pub unit: String,
}
