//! OTLP attributes and values, checked.

use console_model::span::{AttributeValue, Attributes, SpanId, TraceId};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

/// What is wrong with one item. Names the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    pub reason: &'static str,
    pub message: String,
}

impl ItemError {
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// Puts the item's name before the message.
    pub fn of(self, item: &str) -> Self {
        Self { message: format!("{item}: {}", self.message), ..self }
    }
}

/// The attributes of `field`, the last of equal keys winning.
pub fn attributes(field: &str, given: Vec<KeyValue>, max: usize) -> Result<Attributes, ItemError> {
    if given.len() > max {
        let message = format!("{field} has {} attributes, more than max_attributes ({max})", given.len());
        return Err(ItemError::new("too_many_attributes", message));
    }
    let mut out: Attributes = Vec::with_capacity(given.len());
    for KeyValue { key, value, .. } in given {
        if key.is_empty() {
            return Err(ItemError::new("invalid_attribute", format!("{field} has an attribute without key")));
        }
        // An attribute without value says nothing that its absence would not say.
        let Some(value) = any_value(value) else { continue };
        match out.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => out.push((key, value)),
        }
    }
    Ok(out)
}

/// `None` for an empty value. Depth is bounded by the decoders (prost: 100, JSON: `max_json_depth`).
pub fn any_value(value: Option<AnyValue>) -> Option<AttributeValue> {
    Some(match value?.value? {
        Value::StringValue(s) => AttributeValue::String(s),
        Value::BoolValue(b) => AttributeValue::Bool(b),
        Value::IntValue(i) => AttributeValue::Int(i),
        Value::DoubleValue(d) => AttributeValue::Double(d),
        Value::BytesValue(b) => AttributeValue::Bytes(b),
        Value::ArrayValue(a) => {
            let empty = || AttributeValue::String(String::new());
            AttributeValue::Array(
                a.values.into_iter().map(|v| any_value(Some(v)).unwrap_or_else(empty)).collect(),
            )
        }
        Value::KvlistValue(m) => AttributeValue::Map(
            m.values.into_iter().filter_map(|kv| Some((kv.key, any_value(kv.value)?))).collect(),
        ),
        // Refers to a dictionary that only the profiles signal has.
        Value::StringValueStrindex(_) => return None,
    })
}

/// A value as text: plain for scalars, JSON for arrays and maps, base64 for bytes as OTLP/JSON writes them.
pub fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::Array(_) | AttributeValue::Map(_) => json(value).to_string(),
        AttributeValue::Double(d) => number(*d),
        other => other.to_string(),
    }
}

fn json(value: &AttributeValue) -> serde_json::Value {
    match value {
        AttributeValue::String(s) => s.as_str().into(),
        AttributeValue::Bool(b) => (*b).into(),
        AttributeValue::Int(i) => (*i).into(),
        AttributeValue::Double(d) if d.is_finite() => (*d).into(),
        AttributeValue::Double(_) | AttributeValue::Bytes(_) => value.to_string().into(),
        AttributeValue::Array(a) => a.iter().map(json).collect(),
        AttributeValue::Map(m) => {
            m.iter().map(|(k, v)| (k.clone(), json(v))).collect::<serde_json::Map<_, _>>().into()
        }
    }
}

/// A float as Prometheus writes it in `le` and `quantile`: `1`, `0.25`, `+Inf`.
pub fn number(v: f64) -> String {
    if v.is_nan() {
        "NaN".to_owned()
    } else if v.is_infinite() {
        if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else if v != 0.0 && (v.abs() < 1e-4 || v.abs() >= 1e21) {
        exponent(v)
    } else {
        format!("{v}")
    }
}

/// Go's `%g`: at least two digits of exponent, with sign.
fn exponent(v: f64) -> String {
    let text = format!("{v:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// 16 bytes, not all zero; `None` when empty.
pub fn trace_id(field: &str, bytes: &[u8]) -> Result<Option<TraceId>, ItemError> {
    id::<16>(field, bytes).map(|id| id.map(TraceId))
}

/// 8 bytes, not all zero; `None` when empty.
pub fn span_id(field: &str, bytes: &[u8]) -> Result<Option<SpanId>, ItemError> {
    id::<8>(field, bytes).map(|id| id.map(SpanId))
}

fn id<const N: usize>(field: &str, bytes: &[u8]) -> Result<Option<[u8; N]>, ItemError> {
    match <[u8; N]>::try_from(bytes) {
        Ok(id) if id == [0; N] => Ok(None),
        Ok(id) => Ok(Some(id)),
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => {
            Err(ItemError::new("invalid_id", format!("{field} has {} bytes instead of {N}", bytes.len())))
        }
    }
}

/// Nanoseconds as the stores count them; a time past the year 2262 does not fit.
pub fn time_ns(field: &str, ns: u64) -> Result<i64, ItemError> {
    i64::try_from(ns).map_err(|_| {
        ItemError::new("invalid_timestamp", format!("{field} {ns} is past what nanoseconds can count"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        let cases = [
            (1.0, "1"),
            (0.25, "0.25"),
            (0.005, "0.005"),
            (1e21, "1e+21"),
            (2.5e-7, "2.5e-07"),
            (f64::INFINITY, "+Inf"),
            (10_000_000.0, "10000000"),
        ];
        for (v, want) in cases {
            assert_eq!(number(v), want);
        }
    }

    #[test]
    fn an_id_of_the_wrong_length_is_named() {
        assert_eq!(trace_id("traceId", &[0; 16]), Ok(None));
        assert_eq!(trace_id("traceId", &[1; 15]).unwrap_err().message, "traceId has 15 bytes instead of 16");
    }
}
