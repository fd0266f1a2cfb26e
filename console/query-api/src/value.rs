//! Query values as JSON, in the form that Prometheus and Loki share.

use console_model::{
    Labels,
    metric::{QueryValue, Sample},
};
use serde_json::{Map, Number, Value, json};

/// A sample's value as Go prints it (`strconv.FormatFloat(v, 'f', -1, 64)`).
pub fn number(v: f64) -> String {
    if v.is_nan() {
        "NaN".to_owned()
    } else if v.is_infinite() {
        if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        // Rust's Display is the shortest that reads back, without an exponent, as Go's is.
        v.to_string()
    }
}

/// Seconds with up to three decimals, as a JSON number.
pub fn seconds(t_ms: i64) -> Value {
    if t_ms % 1000 == 0 {
        return Value::from(t_ms / 1000);
    }
    Number::from_f64(t_ms as f64 / 1000.0).map_or(Value::Null, Value::Number)
}

pub fn labels(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|l| (l.name.to_string(), Value::from(&*l.value))).collect::<Map<_, _>>())
}

fn pair(sample: &Sample) -> Value {
    json!([seconds(sample.t_ms), number(sample.v)])
}

/// `resultType` and `result`.
pub fn query_value(value: &QueryValue) -> (&'static str, Value) {
    match value {
        QueryValue::Scalar(s) => ("scalar", pair(s)),
        QueryValue::String { t_ms, value } => ("string", json!([seconds(*t_ms), value])),
        QueryValue::Vector(rows) => {
            let row = |(l, s): &(Labels, Sample)| json!({"metric": labels(l), "value": pair(s)});
            ("vector", rows.iter().map(row).collect())
        }
        QueryValue::Matrix(series) => {
            let values = |samples: &[Sample]| samples.iter().map(pair).collect::<Vec<_>>();
            let row = |s: &console_model::metric::Series| json!({"metric": labels(&s.labels), "values": values(&s.samples)});
            ("matrix", series.iter().map(row).collect())
        }
        QueryValue::PointVector { .. } | QueryValue::PointMatrix(_) => query_value(&value.clone().floats().0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (v, text) in [
            (1.0, "1"),
            (0.1, "0.1"),
            (1e21, "1000000000000000000000"),
            (-0.0, "-0"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(number(v), text);
        }
        assert_eq!(number(f64::NAN), "NaN");
        assert_eq!((seconds(1500), seconds(2000)), (json!(1.5), json!(2)));
    }
}
