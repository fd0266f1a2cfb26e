//! Functions: Go's own, then those of Prometheus and Alertmanager, or those of Loki.

mod compare;
mod decimal;
mod human;
mod line;
mod text;

use crate::value::Value;

type Answer = Result<Value, String>;

/// Which functions a template may call besides Go's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Functions {
    /// Prometheus' and Alertmanager's.
    #[default]
    Alerting,
    /// Loki's, for `line_format` and `label_format`.
    Line,
}

const OF_GO: &[&str] = &[
    "and", "or", "not", "len", "index", "slice", "print", "println", "printf", "html", "js", "urlquery",
    "eq", "ne", "lt", "le", "gt", "ge",
];

const OF_ALERTING: &[&str] = &[
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "title",
    "toUpper",
    "toLower",
    "trimSpace",
    "match",
    "reReplaceAll",
    "stringSlice",
    "join",
    "safeHtml",
    "toTime",
    "stripPort",
    "stripDomain",
    "parseDuration",
    "externalURL",
    "pathPrefix",
    "date",
    "since",
    "tz",
];

impl Functions {
    pub(crate) fn knows(self, name: &str) -> bool {
        OF_GO.contains(&name)
            || match self {
                Self::Alerting => OF_ALERTING.contains(&name),
                Self::Line => line::NAMES.contains(&name),
            }
    }

    /// Whether the caller answers for this name.
    pub(crate) fn is_host(self, name: &str) -> bool {
        self == Self::Line && matches!(name, "__line__" | "__timestamp__" | "now")
    }
}

/// Calls a function. `budget` bounds the bytes of a string that it may build.
pub(crate) fn call(set: Functions, name: &str, a: &[Value], budget: usize) -> Answer {
    let value = match name {
        _ if set == Functions::Line && line::NAMES.contains(&name) => line::call(name, a, budget),
        "not" => Ok(Value::Bool(!one(a)?.truth())),
        "and" | "or" => one(a).cloned(),
        "len" => length(one(a)?),
        "index" => index(a),
        "slice" => slice(a),
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" => compare::compare(name, a),
        "humanize" | "humanize1024" | "humanizeDuration" | "humanizePercentage" | "humanizeTimestamp"
        | "toTime" | "parseDuration" => human::call(name, one(a)?),
        "externalURL" | "pathPrefix" => {
            Err("no value here: use $externalURL, which alerts define".to_owned())
        }
        "since" | "tz" => Err("is not supported".to_owned()),
        _ => text::call(name, a),
    }?;
    match &value {
        Value::Str(s) if s.len() > budget => Err(format!("result exceeds {budget} bytes")),
        _ => Ok(value),
    }
}

fn one(a: &[Value]) -> Result<&Value, String> {
    match a {
        [v] => Ok(v),
        _ => Err(format!("wrong number of args: want 1 got {}", a.len())),
    }
}

fn length(v: &Value) -> Answer {
    Ok(Value::Int(match v {
        Value::Str(s) => s.len(),
        Value::List(l) => l.len(),
        Value::Map(m) => m.len(),
        other => return Err(format!("len of type {}", other.kind())),
    } as i64))
}

fn index(a: &[Value]) -> Answer {
    let (first, keys) = a.split_first().ok_or("wrong number of args: want at least 1 got 0")?;
    let mut value = first.clone();
    for key in keys {
        value = match (&value, key) {
            (Value::List(l), Value::Int(i)) => {
                let found = usize::try_from(*i).ok().and_then(|i| l.get(i).cloned());
                found.ok_or_else(|| format!("index out of range: {i}"))?
            }
            (Value::Map(m), Value::Str(k)) => m.get(k).cloned().unwrap_or(Value::Str(String::new())),
            (Value::Struct(..), Value::Str(k)) => value.field(k)?,
            (v, k) => return Err(format!("can't index {} with {}", v.kind(), k.kind())),
        };
    }
    Ok(value)
}

fn slice(a: &[Value]) -> Answer {
    let bound = |i: usize, default: usize, length: usize| match a.get(i) {
        None => Ok(default),
        Some(Value::Int(n)) if *n >= 0 && *n as usize <= length => Ok(*n as usize),
        Some(other) => Err(format!("index out of range: {}", other.print())),
    };
    match a.first() {
        Some(Value::Str(s)) => {
            let (from, to) = (bound(1, 0, s.len())?, bound(2, s.len(), s.len())?);
            let part = s.get(from..to).ok_or("index out of range, or inside a character")?;
            Ok(Value::Str(part.to_owned()))
        }
        Some(Value::List(l)) => {
            let (from, to) = (bound(1, 0, l.len())?, bound(2, l.len(), l.len())?);
            Ok(Value::List(l.get(from..to).ok_or("index out of range")?.to_vec()))
        }
        _ => Err("slice takes a string or a list".to_owned()),
    }
}
