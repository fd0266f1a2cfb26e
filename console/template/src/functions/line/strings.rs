//! Strings and regular expressions.

use super::{super::text, wrong_count};
use crate::{functions::Answer, value::Value};

pub(super) fn call(name: &str, a: &[Value], budget: usize) -> Answer {
    let out = match (name, a) {
        ("default", [preset]) => return Ok(preset.clone()),
        ("default", [preset, given, ..]) => {
            return Ok(if given.truth() { given.clone() } else { preset.clone() });
        }
        ("lower" | "ToLower", [s]) => text::string(s)?.to_lowercase(),
        ("upper" | "ToUpper", [s]) => text::string(s)?.to_uppercase(),
        ("title", [s]) => text::title(&text::string(s)?),
        ("trim" | "TrimSpace", [s]) => text::string(s)?.trim().to_owned(),
        ("trunc", [n, s]) => truncated(integer(n)?, &text::string(s)?),
        ("substr", [from, to, s]) => substring(integer(from)?, integer(to)?, &text::string(s)?),
        ("alignLeft", [n, s]) => aligned(integer(n)?, &text::string(s)?, budget, Side::Left)?,
        ("alignRight", [n, s]) => aligned(integer(n)?, &text::string(s)?, budget, Side::Right)?,
        ("indent", [n, s]) => indented(integer(n)?, &text::string(s)?, budget)?,
        ("nindent", [n, s]) => format!("\n{}", indented(integer(n)?, &text::string(s)?, budget)?),
        ("repeat", [n, s]) => repeated(integer(n)?, &text::string(s)?, budget)?,
        ("Replace", [s, old, new, n]) => {
            let limit = usize::try_from(integer(n)?).unwrap_or(usize::MAX);
            replaced(&text::string(s)?, &text::string(old)?, &text::string(new)?, limit, budget)?
        }
        ("count", [pattern, s]) => {
            let found = text::regex(&text::string(pattern)?)?.find_iter(&text::string(s)?).count();
            return Ok(Value::Int(found as i64));
        }
        (_, [x, y]) => return two(name, &text::string(x)?, &text::string(y)?),
        (_, [x, y, z]) => three(name, [text::string(x)?, text::string(y)?, text::string(z)?], budget)?,
        _ => return Err(wrong_count("another number", a)),
    };
    Ok(Value::Str(out))
}

/// Of the functions without capitals the text comes last, of the older ones first.
fn two(name: &str, x: &str, y: &str) -> Answer {
    let any = |set: &str| {
        let set: Vec<char> = set.chars().collect();
        move |c: char| set.contains(&c)
    };
    let out = match name {
        "contains" => return Ok(Value::Bool(y.contains(x))),
        "hasPrefix" => return Ok(Value::Bool(y.starts_with(x))),
        "hasSuffix" => return Ok(Value::Bool(y.ends_with(x))),
        "trimAll" => y.trim_matches(any(x)),
        "trimPrefix" => y.strip_prefix(x).unwrap_or(y),
        "trimSuffix" => y.strip_suffix(x).unwrap_or(y),
        "Trim" => x.trim_matches(any(y)),
        "TrimLeft" => x.trim_start_matches(any(y)),
        "TrimRight" => x.trim_end_matches(any(y)),
        "TrimPrefix" => x.strip_prefix(y).unwrap_or(x),
        "TrimSuffix" => x.strip_suffix(y).unwrap_or(x),
        _ => return Err("wrong number of args: got 2".to_owned()),
    };
    Ok(Value::Str(out.to_owned()))
}

fn three(name: &str, [x, y, z]: [String; 3], budget: usize) -> Result<String, String> {
    match name {
        "replace" => replaced(&z, &x, &y, usize::MAX, budget),
        "regexReplaceAll" | "regexReplaceAllLiteral" => {
            let regex = text::regex(&x)?;
            // Each match grows by the replacement, and by as many copies of its groups as it names.
            let matches = regex.find_iter(&y).count();
            let copies = 1 + z.matches('$').count();
            if matches.saturating_mul(z.len()).saturating_add(copies.saturating_mul(y.len()))
                > 4 * budget.max(y.len())
            {
                return Err(format!("result exceeds {budget} bytes"));
            }
            Ok(match name {
                "regexReplaceAll" => regex.replace_all(&y, z.as_str()).into_owned(),
                _ => regex.replace_all(&y, regex::NoExpand(&z)).into_owned(),
            })
        }
        _ => Err("wrong number of args: got 3".to_owned()),
    }
}

pub(super) fn integer(v: &Value) -> Result<i64, String> {
    match v {
        Value::Int(n) => Ok(*n),
        other => Err(format!("wrong type for value; expected int; got {}", other.kind())),
    }
}

fn truncated(n: i64, s: &str) -> String {
    let length = s.chars().count();
    let count = usize::try_from(n.unsigned_abs()).unwrap_or(usize::MAX);
    if n < 0 && count < length {
        return s.chars().skip(length - count).collect();
    }
    if n >= 0 { s.chars().take(count).collect() } else { s.to_owned() }
}

fn substring(from: i64, to: i64, s: &str) -> String {
    let (start, end) = (usize::try_from(from).ok(), usize::try_from(to).ok());
    match (start, end) {
        (None, None) => String::new(),
        (None, Some(end)) => s.chars().take(end).collect(),
        (Some(start), None) => s.chars().skip(start).collect(),
        (Some(start), Some(end)) => s.chars().take(end).skip(start).collect(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

fn aligned(n: i64, s: &str, budget: usize, side: Side) -> Result<String, String> {
    let Ok(width) = usize::try_from(n) else { return Ok(s.to_owned()) };
    let length = s.chars().count();
    if width > budget {
        return Err(format!("result exceeds {budget} bytes"));
    }
    let padding = " ".repeat(width.saturating_sub(length));
    Ok(match side {
        Side::Left => s.chars().take(width).collect::<String>() + &padding,
        Side::Right => padding + &s.chars().skip(length.saturating_sub(width)).collect::<String>(),
    })
}

fn indented(n: i64, s: &str, budget: usize) -> Result<String, String> {
    let n = usize::try_from(n).map_err(|_| "indent needs a number above 0".to_owned())?;
    let lines = 1 + s.matches('\n').count();
    if n.saturating_mul(lines).saturating_add(s.len()) > budget {
        return Err(format!("result exceeds {budget} bytes"));
    }
    let padding = " ".repeat(n);
    Ok(format!("{padding}{}", s.replace('\n', &format!("\n{padding}"))))
}

fn repeated(n: i64, s: &str, budget: usize) -> Result<String, String> {
    let n = usize::try_from(n).map_err(|_| "negative repeat count".to_owned())?;
    if n.saturating_mul(s.len()) > budget {
        return Err(format!("result exceeds {budget} bytes"));
    }
    Ok(s.repeat(n))
}

fn replaced(s: &str, old: &str, new: &str, limit: usize, budget: usize) -> Result<String, String> {
    let found = s.matches(old).count().min(limit);
    if found.saturating_mul(new.len()).saturating_add(s.len()) > budget.max(s.len()) {
        return Err(format!("result exceeds {budget} bytes"));
    }
    Ok(s.replacen(old, new, limit))
}
