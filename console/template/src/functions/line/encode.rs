//! Encodings: base64, URLs, JSON, and sizes and durations as people write them.

use base64::{DecodeError, Engine, engine::general_purpose::STANDARD};

use super::{
    super::{Answer, one},
    wrong_count,
};
use crate::{functions::text, value::Value};

pub(super) fn call(name: &str, a: &[Value]) -> Answer {
    let given = text::string(one(a).map_err(|_| wrong_count("1", a))?)?;
    Ok(match name {
        "b64enc" => Value::Str(STANDARD.encode(&given)),
        "b64dec" => Value::Str(decode(&given)),
        "urlencode" => Value::Str(text::url_query(&given)),
        "urldecode" => Value::Str(url_decode(&given)?),
        "fromJson" => json(&given),
        "bytes" => Value::Float(bytes(&given)?),
        _ => Value::Float(duration_seconds(&given)?),
    })
}

/// As in sprig, what cannot be decoded becomes the text of its error.
fn decode(text: &str) -> String {
    match STANDARD.decode(text) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol(at, _)) => {
            format!("illegal base64 data at input byte {at}")
        }
        Err(_) => format!("illegal base64 data at input byte {}", text.len() / 4 * 4),
    }
}

fn url_decode(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(byte) = rest.bytes().next() {
        match byte {
            b'%' => {
                let digits = rest.get(1..3).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                let escape = rest.get(..3).unwrap_or(rest);
                let value = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
                out.push(value.ok_or_else(|| format!("invalid URL escape {escape:?}"))?);
                rest = &rest[3..];
            }
            b'+' => {
                out.push(b' ');
                rest = &rest[1..];
            }
            _ => {
                let length = rest.find(['%', '+']).unwrap_or(rest.len());
                out.extend_from_slice(&rest.as_bytes()[..length]);
                rest = &rest[length..];
            }
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// What is no JSON is the empty string.
fn json(text: &str) -> Value {
    serde_json::from_str(text).map_or_else(|_| Value::Str(String::new()), of_json)
}

fn of_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(b),
        // Every number is a float64 to Go.
        serde_json::Value::Number(n) => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(s) => Value::Str(s),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(of_json).collect()),
        serde_json::Value::Object(members) => {
            Value::Map(members.into_iter().map(|(k, v)| (k, of_json(v))).collect())
        }
    }
}

/// `1.5 KB`, `2MiB`: whole bytes, as github.com/dustin/go-humanize reads them.
fn bytes(text: &str) -> Result<f64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let number = text[..digits].replace(',', "");
    let value: f64 =
        number.parse().map_err(|_| format!("strconv.ParseFloat: parsing {number:?}: invalid syntax"))?;
    let unit = text[digits..].trim().to_ascii_lowercase();
    let (prefix, binary) = match unit.strip_suffix('b').unwrap_or(&unit) {
        short if short.ends_with('i') => (&short[..short.len() - 1], true),
        short => (short, false),
    };
    let power = ["", "k", "m", "g", "t", "p", "e"].iter().position(|p| *p == prefix);
    let power = power.filter(|p| *p > 0 || !binary).ok_or_else(|| format!("unhandled size name: {unit}"))?;
    let total = value * (if binary { 1024f64 } else { 1000f64 }).powi(power as i32);
    if total >= u64::MAX as f64 { Err(format!("too large: {text}")) } else { Ok(total.trunc()) }
}

/// Seconds of a duration as Go writes it (`1h30m`, `250ms`).
fn duration_seconds(text: &str) -> Result<f64, String> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("μs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    let invalid = || format!("time: invalid duration {text:?}");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let (mut rest, mut total) = (unsigned, 0.0);
    if unsigned == "0" {
        return Ok(0.0);
    }
    if unsigned.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        if end == 0 {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let unit = UNITS.iter().find(|(u, _)| *u == &rest[..end]);
        let (_, seconds) =
            unit.ok_or_else(|| format!("time: unknown unit {:?} in duration {text:?}", &rest[..end]))?;
        total += number * seconds;
        rest = &rest[end..];
    }
    Ok(sign * total)
}
