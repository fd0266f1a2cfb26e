//! `eq`, `ne`, `lt`, `le`, `gt`, `ge`. As in Go, only values of one basic kind compare, and `eq` takes alternatives.

use std::cmp::Ordering;

use super::Answer;
use crate::value::Value;

pub(super) fn compare(name: &str, a: &[Value]) -> Answer {
    let (first, others) = a.split_first().ok_or("missing argument for comparison")?;
    if others.is_empty() || (name != "eq" && others.len() != 1) {
        return Err("missing or extra argument for comparison".to_owned());
    }
    if name == "eq" {
        for other in others {
            if equal(first, other)? {
                return Ok(Value::Bool(true));
            }
        }
        return Ok(Value::Bool(false));
    }
    let other = &others[0];
    if name == "ne" {
        return Ok(Value::Bool(!equal(first, other)?));
    }
    let Some(order) = order(first, other)? else { return Ok(Value::Bool(false)) };
    Ok(Value::Bool(match name {
        "lt" => order == Ordering::Less,
        "le" => order != Ordering::Greater,
        "gt" => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }))
}

fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Bool(x), Value::Bool(y)) => Ok(x == y),
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        _ => Ok(order(a, b)? == Some(Ordering::Equal)),
    }
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Ok(Some(x.cmp(y))),
        (Value::Float(x), Value::Float(y)) => Ok(x.partial_cmp(y)),
        (Value::Str(x), Value::Str(y)) => Ok(Some(x.cmp(y))),
        (Value::Time(x), Value::Time(y)) => Ok(x.partial_cmp(y)),
        _ => Err(format!("incompatible types for comparison: {} and {}", a.kind(), b.kind())),
    }
}
