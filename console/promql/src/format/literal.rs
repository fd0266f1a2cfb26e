//! Numbers, moments, strings and names.

use std::fmt::{self, Write};

use console_model::{MatchOp, Matcher, names::is_label_name};

use crate::{
    ast::{At, Extent, duration::DurationExpr},
    gofmt,
    parser::{duration_ms, format_duration},
};

/// A number as it was written: as a duration where `source` is one, otherwise without an exponent.
pub fn number(out: &mut dyn Write, v: f64, source: &str) -> fmt::Result {
    let source = source.trim_start_matches(|c: char| matches!(c, '+' | '-') || c.is_whitespace());
    let is_duration = source.ends_with(|c: char| c.is_ascii_alphabetic())
        && source.starts_with(|c: char| c.is_ascii_digit())
        && duration_ms(source).is_some();
    if is_duration {
        // As Prometheus, which goes by nanoseconds and drops what is below a millisecond.
        return signed_duration(out, (v * 1e9) as i64 / 1_000_000);
    }
    out.write_str(&gofmt::plain(v))
}

pub fn signed_duration(out: &mut dyn Write, ms: i64) -> fmt::Result {
    if ms < 0 {
        out.write_char('-')?;
    }
    out.write_str(&format_duration(ms.saturating_abs()))
}

/// ` @ 1.500`, ` @ start()`, or nothing.
pub fn at(out: &mut dyn Write, at: Option<At>) -> fmt::Result {
    match at {
        None => Ok(()),
        Some(At::Time(ms)) => write!(out, " @ {:.3}", ms as f64 / 1000.0),
        Some(At::Start) => out.write_str(" @ start()"),
        Some(At::End) => out.write_str(" @ end()"),
    }
}

/// A duration, or what it is computed from.
pub fn duration(out: &mut dyn Write, ms: i64, expr: Option<&DurationExpr>) -> fmt::Result {
    match expr {
        Some(expr) => write!(out, "{expr}"),
        None => signed_duration(out, ms),
    }
}

/// ` offset 5m`, or nothing.
pub fn offset(out: &mut dyn Write, ms: i64, expr: Option<&DurationExpr>) -> fmt::Result {
    if ms == 0 && expr.is_none() {
        return Ok(());
    }
    out.write_str(" offset ")?;
    duration(out, ms, expr)
}

/// ` anchored`, ` smoothed`, or nothing.
pub fn extent(out: &mut dyn Write, extent: Extent) -> fmt::Result {
    out.write_str(match extent {
        Extent::Plain => "",
        Extent::Anchored => " anchored",
        Extent::Smoothed => " smoothed",
    })
}

/// A label's name, in quotes where it would not be read otherwise.
pub fn label_name(out: &mut dyn Write, name: &str) -> fmt::Result {
    if is_label_name(name) { out.write_str(name) } else { out.write_str(&gofmt::quote(name.as_bytes())) }
}

pub fn label_names(out: &mut dyn Write, names: &[impl AsRef<str>]) -> fmt::Result {
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            out.write_str(", ")?;
        }
        label_name(out, name.as_ref())?;
    }
    Ok(())
}

pub fn operator(op: MatchOp) -> &'static str {
    match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    }
}

/// `job="x"`.
pub fn matcher(m: &Matcher) -> String {
    let mut out = String::new();
    // A string takes all that is written to it.
    let _ = label_name(&mut out, &m.name);
    out.push_str(operator(m.op));
    out.push_str(&gofmt::quote(m.value.as_bytes()));
    out
}
