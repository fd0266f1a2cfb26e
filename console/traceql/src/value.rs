//! Values during evaluation, and operators on them.
//!
//! Whole numbers calculate to whole numbers (`7 / 2` is 3), as in Tempo; with a fraction or a duration on a side the
//! result is a fraction. Division of whole numbers by zero has no result.

use std::{borrow::Cow, cmp::Ordering};

use console_model::span::{AttributeValue, SpanKind, SpanStatus};

use crate::ast::{Op, Static};

#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// The attribute is not there.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    String(Cow<'a, str>),
    Status(SpanStatus),
    Kind(SpanKind),
    /// An attribute that is an array: `=` and `=~` ask for any element, `!=` and `!~` for none.
    Array(Vec<Value<'a>>),
    /// One value of each event or link, of which any may meet the whole condition.
    Each(Vec<Value<'a>>),
}

impl<'a> From<&'a AttributeValue> for Value<'a> {
    fn from(v: &'a AttributeValue) -> Self {
        match v {
            AttributeValue::String(s) => Self::String(Cow::Borrowed(s)),
            AttributeValue::Bool(b) => Self::Bool(*b),
            AttributeValue::Int(i) => Self::Int(*i),
            AttributeValue::Double(d) => Self::Float(*d),
            AttributeValue::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            AttributeValue::Bytes(_) | AttributeValue::Map(_) => Self::String(Cow::Owned(v.to_string())),
        }
    }
}

impl<'a> From<&'a Static> for Value<'a> {
    fn from(s: &'a Static) -> Self {
        match s {
            Static::Nil => Self::Nil,
            Static::Bool(b) => Self::Bool(*b),
            Static::Int(i) => Self::Int(*i),
            Static::Duration(i) => Self::Duration(*i),
            Static::Float(f) => Self::Float(*f),
            Static::String(s) => Self::String(Cow::Borrowed(s)),
            Static::Status(s) => Self::Status(*s),
            Static::Kind(k) => Self::Kind(*k),
        }
    }
}

impl Value<'_> {
    pub fn is_true(&self) -> bool {
        match self {
            Self::Bool(b) => *b,
            Self::Array(items) | Self::Each(items) => items.iter().any(Self::is_true),
            _ => false,
        }
    }

    /// Nothing is there: no attribute, or no event or link that has it.
    pub fn is_nil(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::Each(items) => items.iter().all(Self::is_nil),
            _ => false,
        }
    }

    /// Durations in nanoseconds.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(i) | Self::Duration(i) => Some(*i as f64),
            Self::Float(f) => Some(*f),
            _ => None,
        }
    }

    fn whole(&self) -> Option<i64> {
        match self {
            Self::Int(i) | Self::Duration(i) => Some(*i),
            _ => None,
        }
    }

    /// The text that a label or a group has; equal exactly for equal values of a type.
    pub fn text(&self) -> String {
        match self {
            Self::Nil => "nil".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Int(i) => i.to_string(),
            Self::Float(f) => f.to_string(),
            Self::Duration(ns) => duration_text(*ns),
            Self::String(s) => s.to_string(),
            Self::Status(s) => s.word().to_owned(),
            Self::Kind(k) => k.word().to_owned(),
            Self::Array(items) | Self::Each(items) => {
                format!("[{}]", items.iter().map(Value::text).collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// A key that tells values of different types apart.
    pub fn key(&self) -> (u8, String) {
        let kind = match self {
            Self::Nil => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float(_) => 3,
            Self::Duration(_) => 4,
            Self::String(_) => 5,
            Self::Status(_) => 6,
            Self::Kind(_) => 7,
            Self::Array(_) => 8,
            Self::Each(_) => 9,
        };
        (kind, self.text())
    }
}

/// As Go writes a duration's largest unit: `1.5s`, `20ms`, `3µs`.
fn duration_text(ns: i64) -> String {
    let size = ns.unsigned_abs();
    let (unit, name) = match size {
        0 => return "0s".to_owned(),
        n if n >= 1_000_000_000 => (1e9, "s"),
        n if n >= 1_000_000 => (1e6, "ms"),
        n if n >= 1000 => (1e3, "µs"),
        _ => (1.0, "ns"),
    };
    format!("{}{name}", ns as f64 / unit)
}

/// Whether a condition on one element holds for an array: `none` for the negated operators.
pub fn over_elements<T>(op: Op, items: &[T], mut holds: impl FnMut(&T) -> bool) -> bool {
    match op {
        Op::NotEqual | Op::NotRegex => items.iter().all(holds),
        _ => items.iter().any(&mut holds),
    }
}

/// Compares; values of different types, and missing ones, are in no relation, not even `!=`.
pub fn compare(op: Op, left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Nil, _) | (_, Value::Nil) => return false,
        (Value::Each(items), other) => return items.iter().any(|i| compare(op, i, other)),
        (other, Value::Each(items)) => return items.iter().any(|i| compare(op, other, i)),
        (Value::Array(items), other) => return over_elements(op, items, |i| compare(op, i, other)),
        (other, Value::Array(items)) => return over_elements(op, items, |i| compare(op, other, i)),
        _ => {}
    }
    let ordering = match (left, right) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => return equality(op, a == b),
        (Value::Status(a), Value::Status(b)) => return equality(op, a == b),
        (Value::Kind(a), Value::Kind(b)) => return equality(op, a == b),
        _ => match (left.whole(), right.whole(), left.number(), right.number()) {
            (Some(a), Some(b), ..) => a.cmp(&b),
            (_, _, Some(a), Some(b)) => match a.partial_cmp(&b) {
                Some(o) => o,
                None => return op == Op::NotEqual,
            },
            _ => return false,
        },
    };
    ordered(op, ordering)
}

fn ordered(op: Op, ordering: Ordering) -> bool {
    match op {
        Op::Equal => ordering == Ordering::Equal,
        Op::NotEqual => ordering != Ordering::Equal,
        Op::Less => ordering == Ordering::Less,
        Op::LessEqual => ordering != Ordering::Greater,
        Op::Greater => ordering == Ordering::Greater,
        Op::GreaterEqual => ordering != Ordering::Less,
        _ => false,
    }
}

fn equality(op: Op, equal: bool) -> bool {
    match op {
        Op::Equal => equal,
        Op::NotEqual => !equal,
        _ => false,
    }
}

/// Compares numbers; what is no number is in no relation but `!=`.
pub fn compare_numbers(op: Op, left: f64, right: f64) -> bool {
    left.partial_cmp(&right).map_or(op == Op::NotEqual, |o| ordered(op, o))
}

/// Arithmetic on numbers; `None` for an operator that is none.
pub fn arithmetic(op: Op, a: f64, b: f64) -> Option<f64> {
    Some(match op {
        Op::Add => a + b,
        Op::Sub => a - b,
        Op::Mul => a * b,
        Op::Div => a / b,
        Op::Mod => a % b,
        Op::Pow => a.powf(b),
        _ => return None,
    })
}

/// Arithmetic on values. What does not fit 64 bits becomes a fraction.
pub fn calculate(op: Op, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    match (left, right) {
        (Value::Each(items), other) => {
            return Value::Each(items.iter().map(|i| calculate(op, i, other)).collect());
        }
        (other, Value::Each(items)) => {
            return Value::Each(items.iter().map(|i| calculate(op, other, i)).collect());
        }
        _ => {}
    }
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        let whole = match op {
            Op::Add => a.checked_add(*b),
            Op::Sub => a.checked_sub(*b),
            Op::Mul => a.checked_mul(*b),
            Op::Div | Op::Mod if *b == 0 => return Value::Nil,
            Op::Div => a.checked_div(*b),
            Op::Mod => a.checked_rem(*b),
            Op::Pow => u32::try_from(*b).ok().and_then(|b| a.checked_pow(b)),
            _ => None,
        };
        if let Some(v) = whole {
            return Value::Int(v);
        }
    }
    match (left.number(), right.number()) {
        (Some(a), Some(b)) => arithmetic(op, a, b).map_or(Value::Nil, Value::Float),
        _ => Value::Nil,
    }
}

/// `-v`
pub fn negate(v: &Value<'_>) -> Value<'static> {
    match v {
        Value::Int(i) => i.checked_neg().map_or(Value::Float(-(*i as f64)), Value::Int),
        Value::Duration(i) => Value::Duration(i.saturating_neg()),
        Value::Float(f) => Value::Float(-f),
        Value::Each(items) => Value::Each(items.iter().map(negate).collect()),
        _ => Value::Nil,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Value<'static> {
        Value::String(Cow::Owned(s.to_owned()))
    }

    #[test]
    fn a_missing_attribute_is_not_unequal_to_a_value() {
        assert!(!compare(Op::NotEqual, &Value::Nil, &Value::Int(1)));
        assert!(!compare(Op::Equal, &Value::Nil, &Value::Nil));
        assert!(!compare(Op::NotEqual, &text("x"), &Value::Int(1)));
        assert!(compare(Op::Equal, &Value::Int(2), &Value::Float(2.0)));
        assert!(compare(Op::Equal, &Value::Int(2), &Value::Duration(2)));
    }

    #[test]
    fn negated_operators_ask_for_no_element_of_an_array_and_for_any_event() {
        let items = vec![text("a"), text("b")];
        assert!(!compare(Op::NotEqual, &Value::Array(items.clone()), &text("a")));
        assert!(compare(Op::NotEqual, &Value::Array(items.clone()), &text("c")));
        assert!(compare(Op::NotEqual, &Value::Each(items), &text("a")));
        assert!(compare(Op::NotEqual, &Value::Array(vec![]), &text("a")));
        assert!(!compare(Op::NotEqual, &Value::Array(vec![]), &Value::Nil));
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let int = Value::Int;
        assert_eq!(calculate(Op::Div, &int(7), &int(2)), int(3));
        assert_eq!(calculate(Op::Div, &int(-7), &int(2)), int(-3));
        assert_eq!(calculate(Op::Div, &int(7), &int(0)), Value::Nil);
        assert_eq!(calculate(Op::Div, &Value::Duration(7), &int(2)), Value::Float(3.5));
        assert_eq!(calculate(Op::Pow, &int(2), &int(10)), int(1024));
        assert_eq!(calculate(Op::Pow, &int(2), &int(-1)), Value::Float(0.5));
        assert_eq!(calculate(Op::Add, &int(i64::MAX), &int(1)), Value::Float(i64::MAX as f64 + 1.0));
        assert_eq!(negate(&int(i64::MIN)), Value::Float(-(i64::MIN as f64)));
    }
}
