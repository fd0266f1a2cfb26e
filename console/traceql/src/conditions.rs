//! What a store may skip by: conditions that a trace without a match cannot all meet.
//!
//! What holds: a trace that the query matches has for each pattern a span that meets all its conditions. What could make
//! that untrue gives no condition: alternatives, negations, comparisons with `nil`, attributes of parents.

use console_model::span::AttributeValue;
use console_storage::traces::{AttributeScope, ConditionOp, SpanCondition, SpanPattern};

use crate::ast::*;

/// What the resource of spans without a service is called: not an attribute that a store could find.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// Patterns of a query, without repetition.
pub fn patterns(body: &Body) -> Vec<SpanPattern> {
    let mut out: Vec<SpanPattern> = Vec::new();
    let found = match body {
        Body::Spans(stages) => of_stages(stages),
        // A side that finds nothing still counts: nothing is certain.
        Body::Compare { .. } => Vec::new(),
        Body::Metrics(metrics) => of_metrics(metrics).unwrap_or_default(),
    };
    for pattern in found {
        if !out.contains(&pattern) {
            out.push(pattern);
        }
    }
    out
}

fn of_stages(stages: &[Stage]) -> Vec<SpanPattern> {
    stages
        .iter()
        .flat_map(|stage| match stage {
            Stage::Spansets(s) => of_spanset(s),
            Stage::Scalar { .. } | Stage::GroupBy(_) | Stage::Coalesce | Stage::Select(_) => Vec::new(),
        })
        .collect()
}

/// None for a number without series, which wants no traces.
fn of_metrics(metrics: &Metrics) -> Option<Vec<SpanPattern>> {
    match metrics {
        Metrics::Number(_) => None,
        Metrics::Series { pipeline, .. } => Some(of_stages(pipeline)),
        Metrics::Parenthesised(of) | Metrics::TopK { of, .. } | Metrics::Filter { of, .. } => of_metrics(of),
        Metrics::Binary { left, right, .. } => match (of_metrics(left), of_metrics(right)) {
            (Some(l), Some(r)) => Some(common(l, &r)),
            (one, other) => one.or(other),
        },
    }
}

fn common<T: PartialEq>(mut left: Vec<T>, right: &[T]) -> Vec<T> {
    left.retain(|item| right.contains(item));
    left
}

fn of_spanset(spanset: &Spanset) -> Vec<SpanPattern> {
    match spanset {
        Spanset::Filter(None) => Vec::new(),
        Spanset::Filter(Some(field)) => {
            let conditions = of_field(field);
            if conditions.is_empty() { Vec::new() } else { vec![conditions] }
        }
        Spanset::Pipeline(stages) => of_stages(stages),
        Spanset::Binary { op: SpansetOp::Or, left, right } => common(of_spanset(left), &of_spanset(right)),
        Spanset::Binary { op: SpansetOp::Structural { mode: Mode::Negated, .. }, right, .. } => {
            of_spanset(right)
        }
        Spanset::Binary { left, right, .. } => {
            let mut both = of_spanset(left);
            both.extend(of_spanset(right));
            both
        }
    }
}

/// Conditions that every span has for which the expression is true.
fn of_field(field: &Field) -> Vec<SpanCondition> {
    match field {
        Field::Binary { op: Op::And, left, right } => {
            let mut both = of_field(left);
            both.extend(of_field(right));
            both
        }
        Field::Binary { op: Op::Or, left, right } => common(of_field(left), &of_field(right)),
        Field::Binary { op, left, right } if op.is_comparison() => of_comparison(*op, left, right),
        Field::Attribute(a) => condition(a, ConditionOp::Equal, Some(AttributeValue::Bool(true))),
        Field::Not(of) => match &**of {
            Field::Attribute(a) => condition(a, ConditionOp::Equal, Some(AttributeValue::Bool(false))),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn of_comparison(op: Op, left: &Field, right: &Field) -> Vec<SpanCondition> {
    match (left, right) {
        (Field::Attribute(a), Field::Static(Static::Nil))
        | (Field::Static(Static::Nil), Field::Attribute(a)) => {
            if op == Op::NotEqual {
                condition(a, ConditionOp::Exists, None)
            } else {
                Vec::new()
            }
        }
        (Field::Attribute(a), Field::Static(s)) => of_literal(a, op, s),
        (Field::Static(s), Field::Attribute(a)) => of_literal(a, flipped(op), s),
        // What is missing compares with nothing.
        _ => {
            let mut out = Vec::new();
            for side in [left, right] {
                if let Field::Attribute(a) = side {
                    out.extend(condition(a, ConditionOp::Exists, None));
                }
            }
            out
        }
    }
}

fn flipped(op: Op) -> Op {
    match op {
        Op::Less => Op::Greater,
        Op::LessEqual => Op::GreaterEqual,
        Op::Greater => Op::Less,
        Op::GreaterEqual => Op::LessEqual,
        other => other,
    }
}

fn of_literal(attribute: &Attribute, op: Op, literal: &Static) -> Vec<SpanCondition> {
    let value = match literal {
        Static::Nil => return Vec::new(),
        Static::Bool(b) => AttributeValue::Bool(*b),
        Static::Int(i) | Static::Duration(i) => AttributeValue::Int(*i),
        Static::Float(f) => AttributeValue::Double(*f),
        Static::String(s) => AttributeValue::String(s.clone()),
        Static::Status(s) => AttributeValue::String(s.word().to_owned()),
        Static::Kind(k) => AttributeValue::String(k.word().to_owned()),
    };
    // A word of an attribute is no status: such a comparison matches nothing, and is left to the engine.
    if matches!(literal, Static::Status(_) | Static::Kind(_))
        && !matches!(attribute, Attribute::Intrinsic(Intrinsic::Status | Intrinsic::Kind))
    {
        return Vec::new();
    }
    let op = match op {
        Op::Equal => ConditionOp::Equal,
        Op::NotEqual => ConditionOp::NotEqual,
        Op::Less => ConditionOp::Less,
        Op::LessEqual => ConditionOp::LessOrEqual,
        Op::Greater => ConditionOp::Greater,
        Op::GreaterEqual => ConditionOp::GreaterOrEqual,
        _ => return condition(attribute, ConditionOp::Exists, None),
    };
    condition(attribute, op, Some(value))
}

fn condition(attribute: &Attribute, op: ConditionOp, value: Option<AttributeValue>) -> Vec<SpanCondition> {
    let (scope, name) = match attribute {
        Attribute::OfParent(_) => return Vec::new(),
        Attribute::Intrinsic(i) => match intrinsic(*i) {
            Some(name) if value.is_some() => (Some(AttributeScope::Intrinsic), name.to_owned()),
            _ => return Vec::new(),
        },
        Attribute::Named { scope, name } => (named(*scope), name.clone()),
    };
    if name == "service.name" && matches!(scope, None | Some(AttributeScope::Resource)) {
        let findable = matches!(&value, Some(AttributeValue::String(s)) if s != UNKNOWN_SERVICE);
        if op != ConditionOp::Equal || !findable {
            return Vec::new();
        }
    }
    vec![SpanCondition { scope, name, op, value }]
}

fn named(scope: Scope) -> Option<AttributeScope> {
    match scope {
        Scope::Any => None,
        Scope::Span => Some(AttributeScope::Span),
        Scope::Resource => Some(AttributeScope::Resource),
        Scope::Event => Some(AttributeScope::Event),
        Scope::Link => Some(AttributeScope::Link),
        Scope::Instrumentation => Some(AttributeScope::Instrumentation),
    }
}

/// Intrinsics that a span has by itself.
fn intrinsic(intrinsic: Intrinsic) -> Option<&'static str> {
    Some(match intrinsic {
        Intrinsic::Duration => "duration",
        Intrinsic::Name => "name",
        Intrinsic::Status => "status",
        Intrinsic::StatusMessage => "statusMessage",
        Intrinsic::Kind => "kind",
        Intrinsic::EventName => "event:name",
        Intrinsic::ScopeName => "instrumentation:name",
        Intrinsic::ScopeVersion => "instrumentation:version",
        _ => return None,
    })
}
