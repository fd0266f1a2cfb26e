//! `@timestamp`, in the formats of Elasticsearch's default (`strict_date_optional_time||epoch_millis`) and those that
//! loggers write instead.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;

const NS_PER_MS: i64 = 1_000_000;
const MAX_BYTES: usize = 64;

/// Local times, which Elasticsearch takes for UTC.
const LOCAL: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
/// With an offset, its colon or minutes left out or not.
const OFFSET: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z"];

/// Nanoseconds since the Unix epoch; the refusal shows the value.
pub fn parse(value: &Value) -> Result<i64, String> {
    let found = match value {
        Value::Number(n) => match n.as_i64() {
            Some(ms) => ms.checked_mul(NS_PER_MS),
            None => n.as_f64().and_then(from_ms),
        },
        Value::String(text) => text_ns(text.trim()),
        // As Elasticsearch reads a field of several values: one is as good as none of a list.
        Value::Array(values) if values.len() == 1 && !values[0].is_array() => return parse(&values[0]),
        _ => None,
    };
    found.ok_or_else(|| {
        let shown: String = value.to_string().chars().take(MAX_BYTES).collect();
        format!("failed to parse field [@timestamp] of type [date]: {shown} is no time from 1678 to 2262")
    })
}

fn from_ms(ms: f64) -> Option<i64> {
    let ns = ms * NS_PER_MS as f64;
    (ns.abs() < i64::MAX as f64).then_some(ns as i64)
}

fn text_ns(text: &str) -> Option<i64> {
    if text.len() > MAX_BYTES {
        return None;
    }
    if let Ok(ms) = text.parse::<i64>() {
        return ms.checked_mul(NS_PER_MS);
    }
    if text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && let Ok(ms) = text.parse::<f64>()
    {
        return from_ms(ms);
    }
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return t.timestamp_nanos_opt();
    }
    // Python's logging writes a comma before the fraction.
    let text = text.replace(',', ".");
    let zulu = text.strip_suffix(['Z', 'z']);
    let local = zulu.unwrap_or(&text);
    if let Some(t) = LOCAL.iter().find_map(|format| NaiveDateTime::parse_from_str(local, format).ok()) {
        return t.and_utc().timestamp_nanos_opt();
    }
    if let Ok(day) = NaiveDate::parse_from_str(local, "%Y-%m-%d") {
        return day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_nanos_opt();
    }
    OFFSET.iter().find_map(|format| DateTime::parse_from_str(&text, format).ok())?.timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_that_shippers_write_is_the_same_moment() {
        let cases = [
            json!("2026-12-01T02:03:04.500Z"),
            json!("2026-12-01T02:03:04.500000000Z"),
            json!("2026-12-01T03:03:04.5+01:00"),
            json!("2026-12-01T03:03:04.5+0100"),
            json!("2026-12-01T03:03:04.5+01"),
            json!("2026-12-01T02:03:04.5"),
            json!("2026-12-01 02:03:04,500"),
            json!("2026-12-01 03:03:04.500 +0100"),
            json!("1796090584500"),
            json!(1_796_090_584_500i64),
            json!(1_796_090_584_500.0),
            json!(["2026-12-01T02:03:04.500Z"]),
        ];
        for case in cases {
            assert_eq!(parse(&case), Ok(1_796_090_584_500_000_000), "{case}");
        }
        assert_eq!(parse(&json!("2026-12-01")), Ok(1_796_083_200_000_000_000));
        assert_eq!(parse(&json!("2026-12-01T02:03Z")), Ok(1_796_090_580_000_000_000));
        assert_eq!(parse(&json!("2026-12-01T02:03:04.123456789Z")), Ok(1_796_090_584_123_456_789));
    }

    #[test]
    fn what_is_no_time_is_shown() {
        for wrong in
            [json!("soon"), json!(true), json!({}), json!([]), json!(1e300), json!(i64::MAX), json!("")]
        {
            let told = parse(&wrong).unwrap_err();
            assert!(told.contains("[@timestamp]"), "{told}");
        }
    }
}
