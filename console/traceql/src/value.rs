//! Values during evaluation, and operators on them.

use std::cmp::Ordering;

use console_model::span::{AttributeValue, SpanKind, SpanStatus};

use crate::ast::{Op, Static};

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The attribute is not there.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    Status(SpanStatus),
    Kind(SpanKind),
    /// Several, of which any may match: arrays, events, links.
    Many(Vec<Value>),
}

impl From<&AttributeValue> for Value {
    fn from(v: &AttributeValue) -> Self {
        match v {
            AttributeValue::String(s) => Self::String(s.clone()),
            AttributeValue::Bool(b) => Self::Bool(*b),
            AttributeValue::Int(i) => Self::Int(*i),
            AttributeValue::Double(d) => Self::Float(*d),
            AttributeValue::Array(items) => Self::Many(items.iter().map(Self::from).collect()),
            AttributeValue::Bytes(_) | AttributeValue::Map(_) => Self::String(v.to_string()),
        }
    }
}

impl From<&Static> for Value {
    fn from(s: &Static) -> Self {
        match s {
            Static::Nil => Self::Nil,
            Static::Bool(b) => Self::Bool(*b),
            Static::Int(i) | Static::Duration(i) => Self::Int(*i),
            Static::Float(f) => Self::Float(*f),
            Static::String(s) => Self::String(s.clone()),
            Static::Status(s) => Self::Status(*s),
            Static::Kind(k) => Self::Kind(*k),
        }
    }
}

impl Value {
    pub fn is_true(&self) -> bool {
        match self {
            Self::Bool(b) => *b,
            Self::Many(items) => items.iter().any(Self::is_true),
            _ => false,
        }
    }

    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(i) => Some(*i as f64),
            Self::Float(f) => Some(*f),
            _ => None,
        }
    }
}

/// Compares; values of different types, and missing ones, are in no relation, not even `!=`.
pub fn compare(op: Op, left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Many(items), other) => return items.iter().any(|i| compare(op, i, other)),
        (other, Value::Many(items)) => return items.iter().any(|i| compare(op, other, i)),
        _ => {}
    }
    let ordering = match (left, right) {
        (Value::Nil, Value::Nil) => return op == Op::Equal,
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Status(a), Value::Status(b)) => return equality(op, a == b),
        (Value::Kind(a), Value::Kind(b)) => return equality(op, a == b),
        _ => match (left.number(), right.number()) {
            (Some(a), Some(b)) => match a.partial_cmp(&b) {
                Some(o) => o,
                None => return op == Op::NotEqual,
            },
            _ => return false,
        },
    };
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

/// Arithmetic on values: whole numbers stay whole where they can.
pub fn calculate(op: Op, left: &Value, right: &Value) -> Value {
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        let whole = match op {
            Op::Add => a.checked_add(*b),
            Op::Sub => a.checked_sub(*b),
            Op::Mul => a.checked_mul(*b),
            Op::Div if *b != 0 && a % b == 0 => Some(a / b),
            Op::Mod => a.checked_rem(*b),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_attribute_is_not_unequal_to_a_value() {
        assert!(!compare(Op::NotEqual, &Value::Nil, &Value::Int(1)));
        assert!(!compare(Op::NotEqual, &Value::String("x".into()), &Value::Int(1)));
        assert!(compare(Op::Equal, &Value::Int(2), &Value::Float(2.0)));
    }
}
