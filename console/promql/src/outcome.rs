//! What an evaluation gives: values that may be native histograms, notes, and what it cost.

pub use console_model::metric::Point;
use console_model::{
    Labels,
    metric::{PointSeries, QueryValue, Sample},
    profile::QueryProfile,
};

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
    /// What fell to each step, where [`crate::PromqlLimits::profiled`] asks for it.
    pub profile: Option<QueryProfile>,
}

impl OutcomeValue {
    /// The value in the model's form.
    pub fn into_query_value(self) -> QueryValue {
        match self {
            Self::Scalar(sample) => QueryValue::Scalar(sample),
            Self::String { t_ms, value } => QueryValue::String { t_ms, value },
            Self::Vector { t_ms, elements } => {
                if elements.iter().all(|(_, point)| matches!(point, Point::Float(_))) {
                    return QueryValue::PointVector { t_ms, elements }.floats().0;
                }
                QueryValue::PointVector { t_ms, elements }
            }
            Self::Matrix(series) => {
                if series.iter().all(|s| s.histograms.is_empty()) {
                    return QueryValue::PointMatrix(series).floats().0;
                }
                QueryValue::PointMatrix(series)
            }
        }
    }
}
