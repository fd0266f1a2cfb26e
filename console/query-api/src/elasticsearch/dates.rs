//! Times in queries: milliseconds, dates, and date math such as `now-15m/m`.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};
use serde_json::Value;

/// Where a rounded date is put: at the beginning of its unit, or where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    Down,
    Up,
}

const MAX_BYTES: usize = 128;
const LOCAL: [&str; 3] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f"];

/// Nanoseconds since the Unix epoch, and whether the date was rounded up.
pub fn parse(value: &Value, rounding: Rounding, now_ns: i64) -> Result<(i64, bool), String> {
    let shown = || value.to_string().chars().take(MAX_BYTES).collect::<String>();
    let failed = || format!("failed to parse date field [{}]", shown());
    match value {
        Value::Number(n) => {
            let ms = n.as_i64().or_else(|| n.as_f64().filter(|f| f.abs() < 9e15).map(|f| f as i64));
            Ok((ms.and_then(|ms| ms.checked_mul(1_000_000)).ok_or_else(failed)?, false))
        }
        Value::String(text) if text.len() <= MAX_BYTES => {
            math(text.trim(), rounding, now_ns).ok_or_else(failed)
        }
        _ => Err(failed()),
    }
}

fn math(text: &str, rounding: Rounding, now_ns: i64) -> Option<(i64, bool)> {
    let (mut at, mut rest) = match text.strip_prefix("now") {
        Some(rest) => (DateTime::from_timestamp_nanos(now_ns), rest),
        None => match text.split_once("||") {
            Some((date, rest)) => (fixed(date)?, rest),
            None => (fixed(text)?, ""),
        },
    };
    let mut rounded_up = false;
    while let Some(op) = rest.chars().next() {
        rest = rest.strip_prefix(['+', '-', '/'])?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let unit = after.chars().next()?;
        rest = &after[unit.len_utf8()..];
        if op == '/' {
            at = floor(at, unit)?;
            rounded_up = rounding == Rounding::Up;
            if rounded_up {
                at = shift(at, unit, 1)?;
            }
            continue;
        }
        let count: i64 = if number.is_empty() { 1 } else { number.parse().ok()? };
        at = shift(at, unit, if op == '-' { -count } else { count })?;
    }
    Some((at.timestamp_nanos_opt()?, rounded_up))
}

fn fixed(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(ms) = text.parse::<i64>() {
        // Four digits are a year.
        if text.len() > 4 {
            return DateTime::from_timestamp_millis(ms);
        }
        return Some(NaiveDate::from_ymd_opt(i32::try_from(ms).ok()?, 1, 1)?.and_hms_opt(0, 0, 0)?.and_utc());
    }
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Some(t.to_utc());
    }
    let local = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if let Some(t) = LOCAL.iter().find_map(|f| NaiveDateTime::parse_from_str(local, f).ok()) {
        return Some(t.and_utc());
    }
    Some(NaiveDate::parse_from_str(local, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?.and_utc())
}

fn shift(at: DateTime<Utc>, unit: char, count: i64) -> Option<DateTime<Utc>> {
    let months = |n: i64| {
        let by = Months::new(u32::try_from(n.unsigned_abs()).ok()?);
        if n < 0 { at.checked_sub_months(by) } else { at.checked_add_months(by) }
    };
    let by = match unit {
        'y' => return months(count.checked_mul(12)?),
        'M' => return months(count),
        'w' => TimeDelta::try_weeks(count)?,
        'd' => TimeDelta::try_days(count)?,
        'h' | 'H' => TimeDelta::try_hours(count)?,
        'm' => TimeDelta::try_minutes(count)?,
        's' => TimeDelta::try_seconds(count)?,
        _ => return None,
    };
    at.checked_add_signed(by)
}

fn floor(at: DateTime<Utc>, unit: char) -> Option<DateTime<Utc>> {
    let day = at.date_naive();
    let time = |hour, minute, second| day.and_hms_opt(hour, minute, second).map(|t| t.and_utc());
    match unit {
        'y' => Some(day.with_day(1)?.with_month(1)?.and_hms_opt(0, 0, 0)?.and_utc()),
        'M' => Some(day.with_day(1)?.and_hms_opt(0, 0, 0)?.and_utc()),
        'w' => {
            let monday = day.week(chrono::Weekday::Mon).first_day();
            Some(monday.and_hms_opt(0, 0, 0)?.and_utc())
        }
        'd' => time(0, 0, 0),
        'h' | 'H' => time(at.hour(), 0, 0),
        'm' => time(at.hour(), at.minute(), 0),
        's' => time(at.hour(), at.minute(), at.second()),
        _ => None,
    }
}

/// As answers write them.
pub fn iso(ns: i64) -> String {
    let at = DateTime::from_timestamp_nanos(ns);
    let format =
        if ns.rem_euclid(1_000_000) == 0 { "%Y-%m-%dT%H:%M:%S%.3fZ" } else { "%Y-%m-%dT%H:%M:%S%.9fZ" };
    at.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// 2026-12-01T02:03:04.500Z, a Tuesday.
    const NOW: i64 = 1_796_090_584_500_000_000;

    fn at(value: Value, rounding: Rounding) -> String {
        iso(parse(&value, rounding, NOW).unwrap().0)
    }

    #[test]
    fn date_math_moves_and_rounds() {
        let cases = [
            ("now", "2026-12-01T02:03:04.500Z"),
            ("now-15m", "2026-12-01T01:48:04.500Z"),
            ("now-1d/d", "2026-11-30T00:00:00.000Z"),
            ("now/w", "2026-11-30T00:00:00.000Z"),
            ("now-1M/M", "2026-11-01T00:00:00.000Z"),
            ("2026-12-01||+1h/h", "2026-12-01T01:00:00.000Z"),
            ("2026-12-01T03:00:00+01:00", "2026-12-01T02:00:00.000Z"),
            ("1796090584500", "2026-12-01T02:03:04.500Z"),
            ("2026", "2026-01-01T00:00:00.000Z"),
        ];
        for (text, want) in cases {
            assert_eq!(at(json!(text), Rounding::Down), want, "{text}");
        }
        assert_eq!(at(json!("now/d"), Rounding::Up), "2026-12-02T00:00:00.000Z");
        assert_eq!(at(json!(1_796_090_584_500i64), Rounding::Down), "2026-12-01T02:03:04.500Z");
    }

    #[test]
    fn what_is_no_date_is_shown() {
        for wrong in [
            json!("soon"),
            json!("now-"),
            json!("now-1x"),
            json!("now*2"),
            json!(true),
            json!("now-99999999999999y"),
        ] {
            assert!(
                parse(&wrong, Rounding::Down, NOW).unwrap_err().contains("failed to parse date"),
                "{wrong}"
            );
        }
    }
}
