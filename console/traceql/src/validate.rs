//! Types and meaning, before evaluation.
//!
//! What is wrong comes before what is merely unsupported, except that something of the parent span is refused first:
//! its type is unknown.

use regex::Regex;

use crate::{ast::*, error::Error};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    /// An attribute: known only at evaluation.
    Unknown,
    Nil,
    Bool,
    Int,
    Float,
    String,
    Duration,
    Status,
    Kind,
}

impl Type {
    fn is_number(self) -> bool {
        matches!(self, Self::Unknown | Self::Int | Self::Float | Self::Duration)
    }

    fn is_bool(self) -> bool {
        matches!(self, Self::Unknown | Self::Bool)
    }

    fn fits(self, other: Self) -> bool {
        self == other
            || self == Self::Unknown
            || other == Self::Unknown
            || self.is_number() && other.is_number()
    }
}

/// Checks a parsed query.
pub fn validate(query: &Query) -> Result<(), Error> {
    match query {
        Query::Spans(stages) => check_stages(stages),
        Query::ScalarPipelines => Err(Error::Unsupported("comparing aggregates of whole pipelines".into())),
        Query::Metrics(metrics) => check_metrics(metrics).map(|_| ()),
    }
}

fn check_stages(stages: &[Stage]) -> Result<(), Error> {
    stages.iter().try_for_each(|stage| match stage {
        Stage::Spansets(s) => check_spanset(s),
        Stage::Scalar { left, op: _, right } => check_scalar_filter(left, right),
        Stage::GroupBy(field) => {
            type_of(field)?;
            if !references_span(field) {
                return Err(Error::Invalid("by() must use something of the span".into()));
            }
            Ok(())
        }
        Stage::Coalesce => Ok(()),
        Stage::Select(attributes) => attributes.iter().try_for_each(|a| attribute_type(a).map(|_| ())),
    })
}

fn check_spanset(spanset: &Spanset) -> Result<(), Error> {
    match spanset {
        Spanset::Filter(None) => Ok(()),
        Spanset::Filter(Some(field)) => {
            if type_of(field)?.is_bool() {
                Ok(())
            } else {
                Err(Error::Invalid("a span filter must be true or false".into()))
            }
        }
        Spanset::Pipeline(stages) => check_stages(stages),
        Spanset::Binary { left, right, .. } => check_spanset(left).and_then(|()| check_spanset(right)),
    }
}

fn check_scalar_filter(left: &Scalar, right: &Scalar) -> Result<(), Error> {
    let (l, r) = (scalar_type(left)?, scalar_type(right)?);
    if !l.fits(r) {
        return Err(Error::Invalid("the sides of the comparison have different types".into()));
    }
    if !matches!(left, Scalar::Aggregate { .. }) || constant(right).is_none() {
        return Err(Error::Unsupported("arithmetic with aggregates, or comparing two of them".into()));
    }
    Ok(())
}

fn scalar_type(scalar: &Scalar) -> Result<Type, Error> {
    match scalar {
        Scalar::Static(Static::Int(_)) => Ok(Type::Int),
        Scalar::Static(Static::Float(_)) => Ok(Type::Float),
        Scalar::Static(Static::Duration(_)) => Ok(Type::Duration),
        Scalar::Static(_) => Err(Error::Invalid("aggregates compare with numbers".into())),
        Scalar::Aggregate { of: None, .. } => Ok(Type::Int),
        Scalar::Aggregate { of: Some(field), function } => {
            let t = type_of(field)?;
            if !t.is_number() {
                return Err(Error::Invalid(format!("{function:?} needs a number").to_lowercase()));
            }
            if !references_span(field) {
                return Err(Error::Invalid("an aggregate must use something of the span".into()));
            }
            Ok(t)
        }
        Scalar::Binary { left, right, .. } => {
            scalar_type(left)?;
            scalar_type(right)
        }
    }
}

/// The value of a scalar without aggregates.
pub(crate) fn constant(scalar: &Scalar) -> Option<f64> {
    Some(match scalar {
        Scalar::Static(Static::Int(i)) => *i as f64,
        Scalar::Static(Static::Float(f)) => *f,
        Scalar::Static(Static::Duration(d)) => *d as f64,
        Scalar::Static(_) | Scalar::Aggregate { .. } => return None,
        Scalar::Binary { op, left, right } => {
            crate::value::arithmetic(*op, constant(left)?, constant(right)?)?
        }
    })
}

fn references_span(field: &Field) -> bool {
    match field {
        Field::Static(_) => false,
        Field::Attribute(_) => true,
        Field::Not(of) | Field::Negate(of) => references_span(of),
        Field::Binary { left, right, .. } => references_span(left) || references_span(right),
    }
}

fn attribute_type(attribute: &Attribute) -> Result<Type, Error> {
    match attribute {
        Attribute::Named { .. } => Ok(Type::Unknown),
        Attribute::OfParent(what) => {
            Err(Error::Unsupported(format!("attributes of the parent span ({what})")))
        }
        Attribute::Intrinsic(i) => Ok(match i {
            Intrinsic::Duration | Intrinsic::TraceDuration | Intrinsic::EventTimeSinceStart => Type::Duration,
            Intrinsic::Status => Type::Status,
            Intrinsic::Kind => Type::Kind,
            Intrinsic::ChildCount
            | Intrinsic::NestedSetLeft
            | Intrinsic::NestedSetRight
            | Intrinsic::NestedSetParent => Type::Int,
            _ => Type::String,
        }),
    }
}

fn type_of(field: &Field) -> Result<Type, Error> {
    match field {
        Field::Static(s) => Ok(match s {
            Static::Nil => Type::Nil,
            Static::Bool(_) => Type::Bool,
            Static::Int(_) => Type::Int,
            Static::Float(_) => Type::Float,
            Static::String(_) => Type::String,
            Static::Duration(_) => Type::Duration,
            Static::Status(_) => Type::Status,
            Static::Kind(_) => Type::Kind,
        }),
        Field::Attribute(a) => attribute_type(a),
        Field::Not(of) => match type_of(of)? {
            t if t.is_bool() => Ok(Type::Bool),
            _ => Err(Error::Invalid("! needs true or false".into())),
        },
        Field::Negate(of) => match type_of(of)? {
            t if t.is_number() => Ok(t),
            _ => Err(Error::Invalid("- needs a number".into())),
        },
        Field::Binary { op, left, right } => binary_type(*op, left, right),
    }
}

fn binary_type(op: Op, left: &Field, right: &Field) -> Result<Type, Error> {
    let (l, r) = (type_of(left)?, type_of(right)?);
    let wrong = |message: &str| Err(Error::Invalid(message.to_owned()));
    if l == Type::Nil || r == Type::Nil {
        return nil_comparison(op, left, right);
    }
    if !l.fits(r) {
        return wrong("the sides of an operator have different types");
    }
    match op {
        Op::And | Op::Or if l.is_bool() && r.is_bool() => Ok(Type::Bool),
        Op::And | Op::Or => wrong("&& and || need true or false on both sides"),
        Op::Equal | Op::NotEqual => Ok(Type::Bool),
        Op::Regex | Op::NotRegex => {
            let text = |t: Type| matches!(t, Type::String | Type::Unknown);
            if !text(l) || !text(r) {
                return wrong("=~ and !~ need strings");
            }
            let Field::Static(Static::String(pattern)) = right else {
                return Err(Error::Unsupported("a regular expression that is not a literal".into()));
            };
            regex(pattern)?;
            Ok(Type::Bool)
        }
        Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
            let ordered = |t: Type| t.is_number() || t == Type::String;
            if ordered(l) && ordered(r) { Ok(Type::Bool) } else { wrong("< and > need numbers or strings") }
        }
        _ if l.is_number() && r.is_number() => Ok(match (l, r) {
            (Type::Duration, _) | (_, Type::Duration) => Type::Duration,
            (Type::Unknown, t) | (t, Type::Unknown) => t,
            (Type::Int, Type::Int) if op != Op::Div => Type::Int,
            _ => Type::Float,
        }),
        _ => wrong("arithmetic needs numbers"),
    }
}

/// `nil` may be compared with `=` and `!=`. What every span has is never nil.
fn nil_comparison(op: Op, left: &Field, right: &Field) -> Result<Type, Error> {
    if !matches!(op, Op::Equal | Op::NotEqual) {
        return Err(Error::Invalid("nil compares only with = and !=".into()));
    }
    let always_there = |f: &Field| match f {
        Field::Attribute(Attribute::Intrinsic(_)) => true,
        Field::Attribute(Attribute::Named { scope: Scope::Resource, name }) => name == "service.name",
        _ => false,
    };
    if op == Op::Equal && (always_there(left) || always_there(right)) {
        return Err(Error::Invalid("an intrinsic or resource.service.name is never nil".into()));
    }
    Ok(Type::Bool)
}

/// A fully anchored regular expression.
pub(crate) fn regex(pattern: &str) -> Result<Regex, Error> {
    Regex::new(&format!("^(?s:{pattern})$")).map_err(|e| Error::Invalid(format!("regular expression: {e}")))
}

/// Whether the query is `compare()`, which nothing can follow.
fn check_metrics(metrics: &Metrics) -> Result<bool, Error> {
    let after_compare = || Err(Error::Invalid("nothing can follow compare()".into()));
    match metrics {
        Metrics::Number(_) => Ok(false),
        Metrics::Parenthesised(of) => check_metrics(of),
        Metrics::Series { pipeline, function, args, by } => {
            check_stages(pipeline)?;
            args.iter().try_for_each(|a| type_of(a).map(|_| ()))?;
            by.iter().try_for_each(|a| attribute_type(a).map(|_| ()))?;
            Ok(function == "compare")
        }
        Metrics::Binary { left, right, .. } => {
            if check_metrics(left)? || check_metrics(right)? {
                return after_compare();
            }
            Ok(false)
        }
        Metrics::Filter { of, .. } => {
            if check_metrics(of)? {
                after_compare()
            } else {
                Ok(false)
            }
        }
        Metrics::TopK { of, k } => {
            if check_metrics(of)? {
                return after_compare();
            }
            if *k <= 0 {
                return Err(Error::Invalid("topk and bottomk need a number above 0".into()));
            }
            Ok(false)
        }
    }
}
