//! Numbers for people, after prometheus/template.go.

use super::Answer;
use crate::{
    float::{format_float, format_significant},
    value::Value,
};

pub(super) fn call(name: &str, v: &Value) -> Answer {
    if name == "parseDuration" {
        let Value::Str(text) = v else { return Err(format!("can't parse {} as a duration", v.kind())) };
        return duration_seconds(text)
            .map(Value::Float)
            .ok_or_else(|| format!("not a valid duration string: {text:?}"));
    }
    let n = number(v)?;
    Ok(match name {
        "humanize" => Value::Str(humanize(n)),
        "humanize1024" => Value::Str(humanize_1024(n)),
        "humanizeDuration" => Value::Str(humanize_duration(n)),
        "humanizePercentage" => Value::Str(format!("{}%", format_significant(n * 100.0, 4))),
        "toTime" => Value::time_ms((n * 1000.0) as i64),
        _ if !n.is_finite() => Value::Str(format_float(n)),
        _ => Value::Str(Value::time_ms((n * 1000.0) as i64).print()),
    })
}

fn number(v: &Value) -> Result<f64, String> {
    match v {
        Value::Float(f) => Ok(*f),
        Value::Int(i) => Ok(*i as f64),
        Value::Str(s) => s.parse().map_err(|_| format!("can't convert {s:?} to a number")),
        other => Err(format!("can't convert {} to a number", other.kind())),
    }
}

fn humanize(mut v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return format_significant(v, 4);
    }
    let mut prefix = "";
    if v.abs() >= 1.0 {
        for p in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
            if v.abs() < 1000.0 {
                break;
            }
            prefix = p;
            v /= 1000.0;
        }
    } else {
        for p in ["m", "u", "n", "p", "f", "a", "z", "y"] {
            if v.abs() >= 1.0 {
                break;
            }
            prefix = p;
            v *= 1000.0;
        }
    }
    format!("{}{prefix}", format_significant(v, 4))
}

fn humanize_1024(mut v: f64) -> String {
    if v.abs() <= 1.0 || !v.is_finite() {
        return format_significant(v, 4);
    }
    let mut prefix = "";
    for p in ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"] {
        if v.abs() < 1024.0 {
            break;
        }
        prefix = p;
        v /= 1024.0;
    }
    format!("{}{prefix}", format_significant(v, 4))
}

fn humanize_duration(v: f64) -> String {
    if !v.is_finite() {
        return format_significant(v, 4);
    }
    if v == 0.0 {
        return "0s".to_owned();
    }
    if v.abs() >= 1.0 {
        let sign = if v < 0.0 { "-" } else { "" };
        let whole = v.abs() as i64;
        let (s, m, h, d) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86400);
        return if d != 0 {
            format!("{sign}{d}d {h}h {m}m {s}s")
        } else if h != 0 {
            format!("{sign}{h}h {m}m {s}s")
        } else if m != 0 {
            format!("{sign}{m}m {s}s")
        } else {
            format!("{}s", format_significant(v, 4))
        };
    }
    let (mut v, mut prefix) = (v, "");
    for p in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = p;
        v *= 1000.0;
    }
    format!("{}{prefix}s", format_significant(v, 4))
}

/// A Prometheus duration (`1h30m`) in seconds.
fn duration_seconds(text: &str) -> Option<f64> {
    if text == "0" {
        return Some(0.0);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|i| *i > 0)?;
        let n: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let units = [
            ("ms", 0.001),
            ("y", 31_536_000.0),
            ("w", 604_800.0),
            ("d", 86400.0),
            ("h", 3600.0),
            ("m", 60.0),
            ("s", 1.0),
        ];
        let (unit, seconds) = units.iter().find(|(u, _)| rest.starts_with(u))?;
        total += n * seconds;
        rest = &rest[unit.len()..];
    }
    (!text.is_empty()).then_some(total)
}
