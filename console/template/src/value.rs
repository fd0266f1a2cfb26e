//! Values that templates compute with.

use std::collections::BTreeMap;

use crate::{float::format_float, moment::Moment};

/// A value. `Map` answers a missing key with the empty string (Go: `map[string]string` with `missingkey=zero`),
/// `Struct` with an error, so that a misspelt field is found.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Time(Moment),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    Struct(&'static str, BTreeMap<&'static str, Value>),
}

impl Value {
    /// A string map, as label sets and annotations are.
    pub fn map<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::Map(pairs.into_iter().map(|(k, v)| (k.to_owned(), Self::Str(v.to_owned()))).collect())
    }

    /// A struct with the given fields.
    pub fn record(name: &'static str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        Self::Struct(name, fields.into_iter().collect())
    }

    /// A time, from milliseconds since the Unix epoch.
    pub fn time_ms(ms: i64) -> Self {
        Self::Time(Moment::from_ms(ms))
    }

    /// Go's notion of truth: not the zero value.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(i) => *i != 0,
            Self::Float(f) => *f != 0.0,
            Self::Str(s) => !s.is_empty(),
            Self::List(l) => !l.is_empty(),
            Self::Map(m) => !m.is_empty(),
            Self::Time(_) | Self::Struct(..) => true,
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Time(_) => "time",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Struct(name, _) => name,
        }
    }

    /// `%v`.
    pub(crate) fn print(&self) -> String {
        match self {
            Self::Nil => "<no value>".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Int(i) => i.to_string(),
            Self::Float(f) => format_float(*f),
            Self::Str(s) => s.clone(),
            Self::Time(t) => t.print(),
            Self::List(l) => format!("[{}]", l.iter().map(Self::print).collect::<Vec<_>>().join(" ")),
            Self::Map(m) => {
                let all: Vec<String> = m.iter().map(|(k, v)| format!("{k}:{}", v.print())).collect();
                format!("map[{}]", all.join(" "))
            }
            Self::Struct(_, m) => {
                format!("{{{}}}", m.values().map(Self::print).collect::<Vec<_>>().join(" "))
            }
        }
    }

    /// `.name` on this value: a field, a key, or one of the few methods that notification templates use.
    pub(crate) fn field(&self, name: &str) -> Result<Self, String> {
        match self {
            Self::Struct(ty, fields) => {
                fields.get(name).cloned().ok_or_else(|| format!("can't evaluate field {name} in type {ty}"))
            }
            Self::Map(m) => Ok(match (m.get(name), name) {
                (_, "SortedPairs") => Self::List(pairs(m)),
                (Some(v), _) => v.clone(),
                (None, "Names") => Self::List(m.keys().cloned().map(Self::Str).collect()),
                (None, "Values") => Self::List(m.values().cloned().collect()),
                (None, _) => Self::Str(String::new()),
            }),
            Self::List(l) => match name {
                "Firing" => Ok(with_status(l, "firing")),
                "Resolved" => Ok(with_status(l, "resolved")),
                "Names" => l.iter().map(|v| v.field("Name")).collect::<Result<_, _>>().map(Self::List),
                "Values" => l.iter().map(|v| v.field("Value")).collect::<Result<_, _>>().map(Self::List),
                _ => Err(format!("can't evaluate field {name} in a list")),
            },
            Self::Time(t) => match name {
                "UTC" | "Local" => Ok(Self::Time(t.in_utc())),
                "Unix" => Ok(Self::Int(t.seconds())),
                "UnixMilli" => Ok(Self::Int(t.ms())),
                "UnixNano" => Ok(Self::Int(t.ns())),
                _ => Err(format!("can't evaluate field {name} in a time")),
            },
            Self::Nil => Err(format!("nil value; can't evaluate field {name}")),
            other => Err(format!("can't evaluate field {name} in type {}", other.kind())),
        }
    }

    /// `.name arguments…`: the methods that take arguments.
    pub(crate) fn method(&self, name: &str, arguments: &[Self]) -> Result<Self, String> {
        match (self, name, arguments) {
            (Self::Time(t), "Format", [Self::Str(layout)]) => Ok(Self::Str(t.format(layout))),
            (Self::Map(m), "Remove", [Self::List(keys)]) => {
                let mut left = m.clone();
                for key in keys {
                    left.remove(&key.print());
                }
                Ok(Self::Map(left))
            }
            _ => Err(format!("{name} is not a method of {} with {} arguments", self.kind(), arguments.len())),
        }
    }
}

fn pairs(m: &BTreeMap<String, Value>) -> Vec<Value> {
    // Alertmanager puts `alertname` first.
    let (first, rest): (Vec<_>, Vec<_>) = m.iter().partition(|(k, _)| *k == "alertname");
    first
        .into_iter()
        .chain(rest)
        .map(|(k, v)| Value::record("Pair", [("Name", Value::Str(k.clone())), ("Value", v.clone())]))
        .collect()
}

fn with_status(list: &[Value], status: &str) -> Value {
    let of = |v: &Value| v.field("Status").is_ok_and(|s| s == Value::Str(status.to_owned()));
    Value::List(list.iter().filter(|v| of(v)).cloned().collect())
}
