//! Strings.

use std::{cell::RefCell, collections::HashMap};

use regex::{Regex, RegexBuilder};

use super::{Answer, one};
use crate::{printf, value::Value};

const MAX_REGEX_BYTES: usize = 1 << 20;
const MAX_COMPILED: usize = 16;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}

pub(super) fn call(name: &str, a: &[Value]) -> Answer {
    let text = match name {
        "print" => print(a),
        "println" => a.iter().map(Value::print).collect::<Vec<_>>().join(" ") + "\n",
        "printf" => {
            let (format, rest) =
                a.split_first().ok_or("wrong number of args for printf: want at least 1 got 0")?;
            printf::printf(&string(format)?, rest)
        }
        "html" => html(&print(a)),
        "js" => {
            print(a).replace('\\', "\\\\").replace('\'', "\\'").replace('"', "\\\"").replace('\n', "\\u000A")
        }
        "urlquery" => url_query(&print(a)),
        "title" => title(&string(one(a)?)?),
        "toUpper" => string(one(a)?)?.to_uppercase(),
        "toLower" => string(one(a)?)?.to_lowercase(),
        "trimSpace" => string(one(a)?)?.trim().to_owned(),
        "safeHtml" => string(one(a)?)?,
        "stripPort" => strip_port(&string(one(a)?)?),
        "stripDomain" => strip_domain(&string(one(a)?)?),
        "match" => {
            let [pattern, text] = two(a)?;
            return Ok(Value::Bool(regex(&pattern)?.is_match(&text)));
        }
        "reReplaceAll" => {
            let [pattern, replacement, text] = a else {
                return Err(format!("wrong number of args: want 3 got {}", a.len()));
            };
            let (pattern, replacement, text) = (string(pattern)?, string(replacement)?, string(text)?);
            regex(&pattern)?.replace_all(&text, replacement.as_str()).into_owned()
        }
        "stringSlice" => return Ok(Value::List(a.to_vec())),
        "join" => match a {
            [separator, Value::List(items)] => {
                items.iter().map(Value::print).collect::<Vec<_>>().join(&string(separator)?)
            }
            _ => return Err("join takes a separator and a list".to_owned()),
        },
        "date" => match a {
            [layout, time @ Value::Time(_)] => return time.method("Format", std::slice::from_ref(layout)),
            _ => return Err("date takes a layout and a time".to_owned()),
        },
        _ => return Err("is not defined".to_owned()),
    };
    Ok(Value::Str(text))
}

pub(super) fn string(v: &Value) -> Result<String, String> {
    match v {
        Value::Str(s) => Ok(s.clone()),
        other => Err(format!("wrong type for value; expected string; got {}", other.kind())),
    }
}

fn two(a: &[Value]) -> Result<[String; 2], String> {
    match a {
        [x, y] => Ok([string(x)?, string(y)?]),
        _ => Err(format!("wrong number of args: want 2 got {}", a.len())),
    }
}

/// Compiled, and remembered by this thread: a template meets the same few expressions on every line.
pub(super) fn regex(pattern: &str) -> Result<Regex, String> {
    if let Some(known) = COMPILED.with_borrow(|all| all.get(pattern).cloned()) {
        return Ok(known);
    }
    let compiled =
        RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build().map_err(|e| e.to_string())?;
    COMPILED.with_borrow_mut(|all| {
        if all.len() >= MAX_COMPILED {
            all.clear();
        }
        all.insert(pattern.to_owned(), compiled.clone());
    });
    Ok(compiled)
}

/// Go's fmt.Sprint: spaces between operands when neither is a string.
fn print(a: &[Value]) -> String {
    let mut out = String::new();
    for (i, v) in a.iter().enumerate() {
        let both_plain = i > 0 && !matches!(v, Value::Str(_)) && !matches!(a[i - 1], Value::Str(_));
        if both_plain {
            out.push(' ');
        }
        out.push_str(&v.print());
    }
    out
}

pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for c in text.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.push(c);
        }
        start = !(c.is_alphanumeric() || c == '_' || c == '\'');
    }
    out
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

pub(super) fn url_query(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(b as char),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{b:02X}")),
        }
        out
    })
}

fn strip_port(host: &str) -> String {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.starts_with('[')) =>
        {
            name.trim_matches(['[', ']']).to_owned()
        }
        _ => host.to_owned(),
    }
}

fn strip_domain(host: &str) -> String {
    let (name, port) = match host.rsplit_once(':') {
        Some((n, p)) if !n.contains(':') => (n, format!(":{p}")),
        _ => (host, String::new()),
    };
    let is_ip = name.parse::<std::net::IpAddr>().is_ok();
    let short = if is_ip { name } else { name.split('.').next().unwrap_or(name) };
    format!("{short}{port}")
}
