//! The syntax tree as JSON, in the form that Prometheus' own pages read.

use console_model::Matcher;
use serde_json::{Value, json};

use super::{line::is_matched, literal};
use crate::{
    ast::{
        At, Binary, Cardinality, Expr, ExprKind, Extent, Selector, ValueType,
        duration::{DurationExpr, DurationKind, Extreme},
    },
    function::Function,
    gofmt,
};

pub fn of(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number(v) => json!({"type": "numberLiteral", "val": gofmt::plain(*v)}),
        ExprKind::String(s) => json!({"type": "stringLiteral", "val": s.value}),
        ExprKind::Selector(s) => selector("vectorSelector", s),
        ExprKind::Range { selector: s, range_ms, range } => {
            let mut node = selector("matrixSelector", s);
            node["range"] = json!(range_ms);
            node["rangeExpr"] = duration(range.as_deref());
            node
        }
        ExprKind::Subquery(s) => json!({
            "type": "subquery", "expr": of(&s.expr), "range": s.range_ms,
            "rangeExpr": duration(s.range.as_deref()), "offset": s.offset_ms,
            "offsetExpr": duration(s.offset.as_deref()), "step": s.step_ms.unwrap_or(0),
            "stepExpr": duration(s.step.as_deref()),
            "timestamp": timestamp(s.at), "startOrEnd": start_or_end(s.at),
        }),
        ExprKind::Call { function, args } => json!({
            "type": "call", "func": signature(*function),
            "args": args.iter().map(of).collect::<Vec<_>>(),
        }),
        ExprKind::Aggregate(a) => json!({
            "type": "aggregation", "op": a.op.name(), "expr": of(&a.expr),
            "param": a.parameter.as_ref().map(of),
            "grouping": a.grouping.written, "without": a.grouping.without,
        }),
        ExprKind::Negate(inner) => json!({"type": "unaryExpr", "op": "-", "expr": of(inner)}),
        ExprKind::Plus(inner) => json!({"type": "unaryExpr", "op": "+", "expr": of(inner)}),
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": of(inner)}),
        ExprKind::Binary(b) => json!({
            "type": "binaryExpr", "op": b.op.symbol(), "lhs": of(&b.left), "rhs": of(&b.right),
            "matching": is_matched(b).then(|| matching(b)), "bool": b.return_bool,
        }),
    }
}

fn selector(kind: &str, s: &Selector) -> Value {
    json!({
        "type": kind, "name": s.name.as_deref().unwrap_or_default(), "offset": s.offset_ms,
        "offsetExpr": duration(s.offset.as_deref()),
        "matchers": s.matchers.iter().map(matcher).collect::<Vec<_>>(),
        "timestamp": timestamp(s.at), "startOrEnd": start_or_end(s.at), "anchored": s.extent == Extent::Anchored, "smoothed": s.extent == Extent::Smoothed,
    })
}

fn duration(expr: Option<&DurationExpr>) -> Value {
    let Some(expr) = expr else { return Value::Null };
    let operation = |op: &str, left: Option<&DurationExpr>, right: Option<&DurationExpr>| {
        json!({
            "type": "durationExpr", "op": op, "lhs": duration(left), "rhs": duration(right),
            "wrapped": expr.is_wrapped,
        })
    };
    match &expr.kind {
        DurationKind::Seconds { value, is_duration } => {
            json!({"type": "numberLiteral", "val": gofmt::plain(*value), "duration": is_duration})
        }
        DurationKind::Step => operation("step", None, None),
        DurationKind::Range => operation("range", None, None),
        DurationKind::Sign { is_negative, of } => {
            operation(if *is_negative { "-" } else { "+" }, None, Some(of))
        }
        DurationKind::Binary { op, left, right } => operation(op.symbol(), Some(left), Some(right)),
        DurationKind::Extreme { extreme, left, right } => {
            let name = if *extreme == Extreme::Max { "max_of" } else { "min_of" };
            operation(name, Some(left), Some(right))
        }
    }
}

fn matcher(m: &Matcher) -> Value {
    json!({"name": m.name, "value": m.value, "type": literal::operator(m.op)})
}

fn timestamp(at: Option<At>) -> Option<i64> {
    if let Some(At::Time(ms)) = at { Some(ms) } else { None }
}

fn start_or_end(at: Option<At>) -> Option<&'static str> {
    match at {
        Some(At::Start) => Some("start"),
        Some(At::End) => Some("end"),
        Some(At::Time(_)) | None => None,
    }
}

fn signature(function: Function) -> Value {
    let signature = function.signature();
    let args: Vec<&str> = signature.args.iter().map(|t| kind(*t)).collect();
    json!({
        "name": function.name(), "argTypes": args, "variadic": signature.variadic,
        "returnType": kind(signature.returns),
    })
}

fn kind(t: ValueType) -> &'static str {
    match t {
        ValueType::Scalar => "scalar",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
        ValueType::String => "string",
    }
}

fn matching(b: &Binary) -> Value {
    let m = &b.matching;
    let cardinality = match m.cardinality {
        Cardinality::OneToOne => "one-to-one",
        Cardinality::ManyToOne => "many-to-one",
        Cardinality::OneToMany => "one-to-many",
        Cardinality::ManyToMany => "many-to-many",
    };
    json!({
        "card": cardinality, "labels": m.labels, "on": m.on, "include": m.include,
        "fillValues": {"lhs": m.fill_left, "rhs": m.fill_right},
    })
}
