//! An answer of the query API, read.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::peer::Answer;

pub type Labels = BTreeMap<String, String>;

/// Milliseconds and value.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub t_ms: i64,
    pub v: f64,
}

/// What a query came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    Failed {
        status: u16,
        kind: String,
        message: String,
    },
    Scalar(Point),
    Text(String),
    Vector(Vec<(Labels, Point)>),
    Matrix(Vec<(Labels, Vec<Point>)>),
    /// Not what the API promises.
    Malformed(String),
}

impl Outcome {
    pub fn read(answer: &Answer) -> Self {
        let body = &answer.body;
        if body["status"] == "error" {
            let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
            return Self::Failed { status: answer.status, kind: text("errorType"), message: text("error") };
        }
        success(&body["data"]).unwrap_or_else(|| Self::Malformed(format!("status {}: {body}", answer.status)))
    }

    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    /// No series at all.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Vector(rows) => rows.is_empty(),
            Self::Matrix(rows) => rows.is_empty(),
            _ => false,
        }
    }
}

fn success(data: &Value) -> Option<Outcome> {
    let result = &data["result"];
    Some(match data["resultType"].as_str()? {
        "scalar" => Outcome::Scalar(point(result)?),
        "string" => Outcome::Text(result.get(1)?.as_str()?.to_owned()),
        "vector" => {
            let element = |e: &Value| Some((labels(e)?, point(&e["value"])?));
            Outcome::Vector(result.as_array()?.iter().map(element).collect::<Option<_>>()?)
        }
        "matrix" => {
            let series = |e: &Value| {
                let points = e["values"].as_array()?.iter().map(point).collect::<Option<Vec<_>>>()?;
                Some((labels(e)?, points))
            };
            Outcome::Matrix(result.as_array()?.iter().map(series).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn labels(element: &Value) -> Option<Labels> {
    let pair = |(n, v): (&String, &Value)| Some((n.clone(), v.as_str()?.to_owned()));
    element["metric"].as_object()?.iter().map(pair).collect()
}

fn point(value: &Value) -> Option<Point> {
    let t_ms = (value.get(0)?.as_f64()? * 1000.0).round() as i64;
    let v = match value.get(1)?.as_str()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().ok()?,
    };
    Some(Point { t_ms, v })
}
