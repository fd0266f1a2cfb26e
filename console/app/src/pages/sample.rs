//! Answers of metric queries as plain numbers.

use std::collections::BTreeMap;

use console_model::{
    Labels,
    metric::{Point, QueryAnswer, QueryValue},
};
use console_storage::SourceError;

use super::query::{self, answer};
use crate::{
    backends::Backends,
    view::{
        chart::Unit,
        chart_series::{self, Steps},
    },
};

pub type Asked = Result<QueryAnswer, SourceError>;

/// An instant query, bounded in time.
pub async fn instant(backends: &Backends, expr: &str, at_ms: i64) -> Asked {
    answer(backends.metrics.query(expr, at_ms)).await
}

/// A range query, bounded in time.
pub async fn over(backends: &Backends, expr: &str, steps: Steps) -> Asked {
    query::floats(backends, expr, steps).await
}

/// Label sets and finite values of an instant answer.
pub fn values(answer: &QueryAnswer) -> Vec<(Labels, f64)> {
    let all = match &answer.value {
        QueryValue::Vector(samples) => samples.iter().map(|(l, s)| (l.clone(), s.v)).collect(),
        QueryValue::Scalar(sample) => vec![(Labels::default(), sample.v)],
        QueryValue::PointVector { elements, .. } => {
            let float = |(l, p): &(Labels, Point)| match p {
                Point::Float(v) => Some((l.clone(), *v)),
                Point::Histogram(_) => None,
            };
            elements.iter().filter_map(float).collect()
        }
        QueryValue::Matrix(_) | QueryValue::PointMatrix(_) | QueryValue::String { .. } => Vec::new(),
    };
    all.into_iter().filter(|(_, v)| v.is_finite()).collect()
}

/// The value of an answer that has one; none when nothing matched.
pub fn single(asked: &Asked) -> Option<f64> {
    asked.as_ref().ok().and_then(|a| values(a).first().map(|(_, v)| *v))
}

/// Values by the label `job`.
pub fn by_job(asked: &Asked) -> BTreeMap<String, f64> {
    let all = asked.as_ref().map(values).unwrap_or_default();
    all.into_iter().filter_map(|(l, v)| Some((l.get("job")?.to_owned(), v))).collect()
}

/// Points by the label `job`, one for each step; a missing one is none.
pub fn lines_by_job(asked: &Asked, steps: Steps) -> BTreeMap<String, Vec<Option<f64>>> {
    let Ok(answer) = asked else { return BTreeMap::new() };
    let chart = chart_series::lines(&answer.value, steps, "job", Unit::Number);
    chart.lines.into_iter().map(|l| (l.label, l.values)).collect()
}

/// What went wrong, each reason once.
pub fn problems(asked: &[&Asked]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for error in asked.iter().filter_map(|a| a.as_ref().err()) {
        let words = error.to_string();
        if !found.contains(&words) {
            found.push(words);
        }
    }
    found
}
