//! Dates. The server's own zone is UTC, here as everywhere in this house.

use super::wrong_count;
use crate::{
    functions::{Answer, text},
    moment::Moment,
    value::Value,
};

pub(super) fn call(name: &str, a: &[Value]) -> Answer {
    Ok(match (name, a) {
        ("date", [layout, Value::Time(t)]) => Value::Str(t.format(&text::string(layout)?)),
        ("date", [layout, Value::Int(seconds)]) => {
            Value::Str(Moment::from_ms(seconds.saturating_mul(1000)).format(&text::string(layout)?))
        }
        ("date", [_, other]) => return Err(format!("date takes a layout and a time, got {}", other.kind())),
        ("toDate", [layout, s]) => parse(layout, "UTC", s)?,
        ("toDateInZone", [layout, zone, s]) => parse(layout, &text::string(zone)?, s)?,
        ("unixEpoch", [Value::Time(t)]) => Value::Str(t.seconds().to_string()),
        ("unixEpochMillis", [Value::Time(t)]) => Value::Str(t.ms().to_string()),
        ("unixEpochNanos", [Value::Time(t)]) => Value::Str(t.ns().to_string()),
        ("unixToTime", [epoch]) => Value::Time(from_epoch(&text::string(epoch)?)?),
        ("unixEpoch" | "unixEpochMillis" | "unixEpochNanos", [other]) => {
            return Err(format!("wrong type for value; expected time.Time; got {}", other.kind()));
        }
        _ => return Err(wrong_count("another number", a)),
    })
}

/// As in Loki, what is no date is the first of January of the year 1.
fn parse(layout: &Value, zone: &str, s: &Value) -> Answer {
    let (layout, s) = (text::string(layout)?, text::string(s)?);
    Ok(Value::Time(Moment::parse(&layout, zone, &s).unwrap_or_else(Moment::zero)))
}

/// Days, seconds, milliseconds, microseconds or nanoseconds: their number of digits tells which.
fn from_epoch(epoch: &str) -> Result<Moment, String> {
    let scale = match epoch.len() {
        5 => 86_400_000_000_000,
        10 => 1_000_000_000,
        13 => 1_000_000,
        16 => 1_000,
        19 => 1,
        _ => 0,
    };
    let n = epoch.parse::<i64>().ok().filter(|_| scale > 0).and_then(|n| n.checked_mul(scale));
    n.map(Moment::from_ns).ok_or_else(|| format!("unable to parse time '{epoch}'"))
}
