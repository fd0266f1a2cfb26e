//! What Loki adds for `line_format` and `label_format`: functions of its own, and the part of sprig that it lets in.
//!
//! Positions in texts count characters, so that none is cut in two.

mod dates;
mod encode;
mod numbers;
mod strings;

use super::Answer;
use crate::value::Value;

/// Everything of its documentation, and the older names that it still takes.
pub(super) const NAMES: &[&str] = &[
    // Strings.
    "lower",
    "upper",
    "title",
    "trunc",
    "substr",
    "contains",
    "hasPrefix",
    "hasSuffix",
    "indent",
    "nindent",
    "replace",
    "repeat",
    "trim",
    "trimAll",
    "trimSuffix",
    "trimPrefix",
    "alignLeft",
    "alignRight",
    "default",
    "count",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "ToLower",
    "ToUpper",
    "Replace",
    "Trim",
    "TrimLeft",
    "TrimRight",
    "TrimPrefix",
    "TrimSuffix",
    "TrimSpace",
    // Encodings.
    "b64enc",
    "b64dec",
    "urlencode",
    "urldecode",
    "fromJson",
    "bytes",
    "duration",
    "duration_seconds",
    // Numbers.
    "int",
    "float64",
    "add",
    "sub",
    "mul",
    "div",
    "mod",
    "addf",
    "subf",
    "mulf",
    "divf",
    "max",
    "min",
    "maxf",
    "minf",
    "ceil",
    "floor",
    "round",
    // Times; `now` is the caller's.
    "date",
    "toDate",
    "toDateInZone",
    "unixEpoch",
    "unixEpochMillis",
    "unixEpochNanos",
    "unixToTime",
];

/// Calls one of [`NAMES`]. No text that it builds is longer than `budget` bytes.
pub(super) fn call(name: &str, a: &[Value], budget: usize) -> Answer {
    match name {
        "b64enc" | "b64dec" | "urlencode" | "urldecode" | "fromJson" | "bytes" | "duration"
        | "duration_seconds" => encode::call(name, a),
        "int" | "float64" | "add" | "sub" | "mul" | "div" | "mod" | "addf" | "subf" | "mulf" | "divf"
        | "max" | "min" | "maxf" | "minf" | "ceil" | "floor" | "round" => numbers::call(name, a),
        "date" | "toDate" | "toDateInZone" | "unixEpoch" | "unixEpochMillis" | "unixEpochNanos"
        | "unixToTime" => dates::call(name, a),
        _ => strings::call(name, a, budget),
    }
}

fn wrong_count(wanted: &str, a: &[Value]) -> String {
    format!("wrong number of args: want {wanted} got {}", a.len())
}
