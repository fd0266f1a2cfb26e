//! Numbers, after sprig: what is no number counts as 0.

use super::{super::decimal, strings::integer, wrong_count};
use crate::{functions::Answer, value::Value};

pub(super) fn call(name: &str, a: &[Value]) -> Answer {
    let (first, rest) = a.split_first().ok_or_else(|| wrong_count("at least 1", a))?;
    let ints = |f: fn(i64, i64) -> i64| Ok(Value::Int(rest.iter().map(whole).fold(whole(first), f)));
    let floats = |f: fn(f64, f64) -> f64| Ok(Value::Float(rest.iter().map(float).fold(float(first), f)));
    match (name, a) {
        ("int", [v]) => Ok(Value::Int(whole(v))),
        ("float64", [v]) => Ok(Value::Float(float(v))),
        ("ceil", [v]) => Ok(Value::Float(float(v).ceil())),
        ("floor", [v]) => Ok(Value::Float(float(v).floor())),
        ("round", [v, places]) => Ok(Value::Float(round(float(v), integer(places)?, 0.5))),
        ("round", [v, places, on, ..]) => Ok(Value::Float(round(float(v), integer(places)?, float(on)))),
        ("add", _) => ints(i64::wrapping_add),
        ("mul", _) => ints(i64::wrapping_mul),
        ("max", _) => ints(i64::max),
        ("min", _) => ints(i64::min),
        ("sub", [x, y]) => Ok(Value::Int(whole(x).wrapping_sub(whole(y)))),
        ("div" | "mod", [x, y]) => {
            let (x, y) = (whole(x), whole(y));
            if y == 0 {
                return Err("integer divide by zero".to_owned());
            }
            Ok(Value::Int(if name == "div" { x.wrapping_div(y) } else { x.wrapping_rem(y) }))
        }
        ("addf", _) => floats(decimal::add),
        ("subf", _) => floats(|x, y| decimal::add(x, -y)),
        ("mulf", _) => floats(decimal::multiply),
        ("divf", _) if rest.iter().any(|v| float(v) == 0.0) => Err("decimal division by 0".to_owned()),
        ("divf", _) => floats(|x, y| x / y),
        ("maxf", _) => floats(f64::max),
        ("minf", _) => floats(f64::min),
        _ => Err(wrong_count("another number", a)),
    }
}

/// A value as a whole number; fractions are cut off.
fn whole(v: &Value) -> i64 {
    match v {
        Value::Int(n) => *n,
        Value::Float(f) => *f as i64,
        Value::Bool(b) => i64::from(*b),
        Value::Str(s) => whole_text(s.trim_matches(' ')),
        _ => 0,
    }
}

fn whole_text(s: &str) -> i64 {
    let (sign, digits) = match s.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, s.strip_prefix('+').unwrap_or(s)),
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).map_or(0, |n| n.wrapping_mul(sign));
    }
    // A fraction of zeros alone is none.
    let digits = match digits.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        _ => digits,
    };
    digits.parse::<i64>().map_or(0, |n| n.wrapping_mul(sign))
}

fn float(v: &Value) -> f64 {
    match v {
        Value::Int(n) => *n as f64,
        Value::Float(f) => *f,
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(s) => s.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// What lies `on` or more above a step goes up.
fn round(v: f64, places: i64, on: f64) -> f64 {
    let scale = 10f64.powi(places.clamp(-400, 400) as i32);
    let shifted = v * scale;
    if !shifted.is_finite() {
        return v;
    }
    let up = shifted.fract() >= on;
    (if up { shifted.ceil() } else { shifted.floor() }) / scale
}
