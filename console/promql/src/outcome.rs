//! What an evaluation gives: values that may be native histograms, notes, and what it cost.

use std::sync::Arc;

use console_model::{
    Labels,
    histogram::Histogram,
    metric::{PointSeries, QueryValue, Sample, Series},
};
use console_storage::SourceError;

/// One value of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// A query's value before it takes a protocol's form.
#[derive(Clone, Debug, PartialEq)]
pub enum OutcomeValue {
    Scalar(Sample),
    String { t_ms: i64, value: String },
    Vector { t_ms: i64, elements: Vec<(Labels, Point)> },
    Matrix(Vec<PointSeries>),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub value: OutcomeValue,
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
    /// Samples and series read from the store.
    pub samples: u64,
    pub series: u64,
}

impl OutcomeValue {
    /// The value in the model's form, which has floats only: native histograms are named as unsupported.
    pub fn into_query_value(self) -> Result<QueryValue, SourceError> {
        let unsupported =
            || SourceError::Unsupported("native histograms in a query's result are not supported".to_owned());
        match self {
            Self::Scalar(sample) => Ok(QueryValue::Scalar(sample)),
            Self::String { t_ms, value } => Ok(QueryValue::String { t_ms, value }),
            Self::Vector { t_ms, elements } => {
                let float = |(labels, point)| match point {
                    Point::Float(v) => Ok((labels, Sample { t_ms, v })),
                    Point::Histogram(_) => Err(unsupported()),
                };
                Ok(QueryValue::Vector(elements.into_iter().map(float).collect::<Result<_, _>>()?))
            }
            Self::Matrix(series) => {
                let floats = |s: PointSeries| {
                    if s.histograms.is_empty() {
                        Ok(Series { labels: s.labels, samples: s.samples })
                    } else {
                        Err(unsupported())
                    }
                };
                Ok(QueryValue::Matrix(series.into_iter().map(floats).collect::<Result<_, _>>()?))
            }
        }
    }
}
