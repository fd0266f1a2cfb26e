//! Binary operators, after Prometheus' vector matching.

use std::collections::{HashMap, HashSet};

use console_model::Labels;
use console_storage::SourceError;

use super::{Value, Vector};
use crate::{
    ast::{Binary, BinaryOp, Cardinality},
    stage::filter::compare,
};

pub(super) fn apply(b: &Binary, left: Value, right: Value) -> Result<Value, SourceError> {
    Ok(match (left, right) {
        (Value::Scalar(l), Value::Scalar(r)) if b.op.is_comparison() => {
            Value::Scalar(f64::from(u8::from(compare(b.op, l, r))))
        }
        (Value::Scalar(l), Value::Scalar(r)) => Value::Scalar(arithmetic(b.op, l, r)),
        (Value::Vector(v), Value::Scalar(s)) => {
            Value::Vector(v.into_iter().filter_map(|(l, v)| value(b, v, s, v).map(|v| (l, v))).collect())
        }
        // A comparison keeps the vector's value, whichever side it stands on.
        (Value::Scalar(s), Value::Vector(v)) => {
            Value::Vector(v.into_iter().filter_map(|(l, v)| value(b, s, v, v).map(|v| (l, v))).collect())
        }
        (Value::Vector(l), Value::Vector(r)) if b.op.is_set() => Value::Vector(set(b, l, r)),
        (Value::Vector(l), Value::Vector(r)) => Value::Vector(matched(b, l, r)?),
    })
}

/// `kept` is the value of a comparison that holds; `None` where it does not.
fn value(b: &Binary, left: f64, right: f64, kept: f64) -> Option<f64> {
    if !b.op.is_comparison() {
        return Some(arithmetic(b.op, left, right));
    }
    let holds = compare(b.op, left, right);
    if b.return_bool { Some(f64::from(u8::from(holds))) } else { holds.then_some(kept) }
}

/// Division and modulo by zero are NaN in LogQL.
fn arithmetic(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div | BinaryOp::Mod if b == 0.0 => f64::NAN,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        _ => f64::NAN,
    }
}

/// The labels that both sides must share.
fn signature(b: &Binary, labels: &Labels) -> Labels {
    labels.filter(|name| b.matching.iter().any(|l| l == name) == b.on)
}

fn set(b: &Binary, left: Vector, right: Vector) -> Vector {
    let of = |v: &Vector| v.iter().map(|(l, _)| signature(b, l)).collect::<HashSet<_>>();
    match b.op {
        BinaryOp::And => {
            let there = of(&right);
            left.into_iter().filter(|(l, _)| there.contains(&signature(b, l))).collect()
        }
        BinaryOp::Unless => {
            let there = of(&right);
            left.into_iter().filter(|(l, _)| !there.contains(&signature(b, l))).collect()
        }
        _ => {
            let there = of(&left);
            let more = right.into_iter().filter(|(l, _)| !there.contains(&signature(b, l)));
            left.into_iter().chain(more).collect()
        }
    }
}

fn matched(b: &Binary, left: Vector, right: Vector) -> Result<Vector, SourceError> {
    let swapped = b.cardinality == Cardinality::OneToMany;
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let mut by_signature: HashMap<Labels, (Labels, f64)> = HashMap::new();
    for (labels, v) in one {
        let key = signature(b, &labels);
        if by_signature.insert(key.clone(), (labels, v)).is_some() {
            let side = if swapped { "left" } else { "right" };
            return Err(SourceError::Execution(format!(
                "found duplicate series on the {side} hand-side for {key};many-to-many matching not allowed: matching \
                 labels must be unique on one side"
            )));
        }
    }
    let mut used: HashSet<Labels> = HashSet::new();
    let mut results: HashSet<Labels> = HashSet::new();
    let mut out = Vec::new();
    for (labels, v) in many {
        let key = signature(b, &labels);
        let Some((other, other_v)) = by_signature.get(&key) else { continue };
        let (l, r) = if swapped { (*other_v, v) } else { (v, *other_v) };
        if b.cardinality == Cardinality::OneToOne && !used.insert(key) {
            return Err(SourceError::Execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                    .into(),
            ));
        }
        let Some(value) = value(b, l, r, l) else { continue };
        let labels = result_labels(b, &labels, other);
        if b.cardinality != Cardinality::OneToOne && !results.insert(labels.clone()) {
            return Err(SourceError::Execution(
                "multiple matches for labels: grouping labels must ensure unique matches".into(),
            ));
        }
        out.push((labels, value));
    }
    Ok(out)
}

fn result_labels(b: &Binary, many: &Labels, one: &Labels) -> Labels {
    if b.cardinality == Cardinality::OneToOne {
        return many.filter(|name| b.matching.iter().any(|l| l == name) == b.on);
    }
    b.include.iter().fold(many.clone(), |labels, name| labels.with(name, one.get(name).unwrap_or_default()))
}
