//! Types and meaning, before evaluation.
//!
//! Attributes are of no known type until they are read; what is written about them is checked as far as that goes.

use regex::Regex;

use crate::{ast::*, error::Error};

/// Attributes that series are told apart by.
const MAX_GROUP_BY: usize = 8;
const MAX_COMPARED_VALUES: i64 = 1000;

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
    /// The parent span itself.
    Span,
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
    check_hints(&query.hints)?;
    match &query.body {
        Body::Spans(stages) => check_stages(stages),
        Body::Compare { left, right, .. } => {
            let (l, r) = (pipeline_type(left)?, pipeline_type(right)?);
            if !l.fits(r) {
                return Err(Error::Invalid("the sides of the comparison have different types".into()));
            }
            match grouped(left) + grouped(right) {
                0 | 1 => Ok(()),
                _ => Err(Error::Unsupported {
                    what: "by() in more than one pipeline of a comparison".to_owned(),
                    position: None,
                }),
            }
        }
        Body::Metrics(metrics) => check_metrics(metrics).map(|_| ()),
    }
}

/// Hints that change nothing here are taken all the same; one that is known must be of its type.
fn check_hints(hints: &[(String, Static)]) -> Result<(), Error> {
    for (name, value) in hints {
        let fits = match (name.as_str(), value) {
            ("most_recent", Static::Bool(_)) => true,
            ("most_recent", _) => false,
            ("exemplars", Static::Bool(_)) => true,
            ("exemplars", Static::Int(n)) => *n >= 0,
            ("exemplars", _) => false,
            _ => true,
        };
        if !fits {
            return Err(Error::Invalid(format!("hint {name} has a value of the wrong type")));
        }
    }
    Ok(())
}

fn pipeline_type(number: &PipelineNumber) -> Result<Type, Error> {
    match number {
        PipelineNumber::Static(s) => scalar_type(&Scalar::Static(s.clone())),
        PipelineNumber::Pipeline { stages, of } => {
            check_stages(stages)?;
            scalar_type(of)
        }
        PipelineNumber::Binary { left, right, .. } => {
            pipeline_type(left)?;
            pipeline_type(right)
        }
    }
}

/// In how many pipelines spans are grouped.
fn grouped(number: &PipelineNumber) -> usize {
    match number {
        PipelineNumber::Static(_) => 0,
        PipelineNumber::Pipeline { stages, .. } => {
            usize::from(stages.iter().any(|s| matches!(s, Stage::GroupBy(_))))
        }
        PipelineNumber::Binary { left, right, .. } => grouped(left) + grouped(right),
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
        Attribute::OfParent(of) => attribute_type(of),
        Attribute::Intrinsic(i) => Ok(match i {
            Intrinsic::Duration | Intrinsic::TraceDuration | Intrinsic::EventTimeSinceStart => Type::Duration,
            Intrinsic::Status => Type::Status,
            Intrinsic::Kind => Type::Kind,
            Intrinsic::ChildCount
            | Intrinsic::NestedSetLeft
            | Intrinsic::NestedSetRight
            | Intrinsic::NestedSetParent => Type::Int,
            Intrinsic::Parent => Type::Span,
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
        Op::Equal | Op::NotEqual if l != Type::Span && r != Type::Span => Ok(Type::Bool),
        Op::Equal | Op::NotEqual => wrong("the parent span compares only with nil"),
        Op::Regex | Op::NotRegex => {
            let text = |t: Type| matches!(t, Type::String | Type::Unknown);
            if !text(l) || !text(r) {
                return wrong("=~ and !~ need strings");
            }
            match right {
                Field::Static(Static::String(pattern)) => regex(pattern).map(|_| Type::Bool),
                _ => wrong("=~ and !~ need a literal string on the right"),
            }
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
        Field::Attribute(Attribute::Intrinsic(i)) => *i != Intrinsic::Parent,
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

fn check_function(function: &MetricsFunction) -> Result<(), Error> {
    match function {
        MetricsFunction::Rate | MetricsFunction::CountOverTime => Ok(()),
        MetricsFunction::Over { of, .. } | MetricsFunction::Histogram { of } => check_measured(of),
        MetricsFunction::Quantile { of, quantiles } => {
            check_measured(of)?;
            match quantiles.iter().find(|q| !(0.0..=1.0).contains(*q)) {
                Some(q) => Err(Error::Invalid(format!("quantile {q} is not between 0 and 1"))),
                None => Ok(()),
            }
        }
        MetricsFunction::Compare(c) => {
            if !type_of(&c.selection)?.is_bool() {
                return Err(Error::Invalid("the selection of compare() must be true or false".into()));
            }
            if !(1..=MAX_COMPARED_VALUES).contains(&c.top_n) {
                return Err(Error::Invalid(format!(
                    "compare() tells between 1 and {MAX_COMPARED_VALUES} values of an attribute, not {}",
                    c.top_n
                )));
            }
            match c.within {
                Some((start, end)) if start >= end => {
                    Err(Error::Invalid("compare() must start before it ends".into()))
                }
                _ => Ok(()),
            }
        }
    }
}

fn check_measured(of: &Field) -> Result<(), Error> {
    if !type_of(of)?.is_number() {
        return Err(Error::Invalid("a metrics function needs a number".into()));
    }
    if !references_span(of) {
        return Err(Error::Invalid("a metrics function must use something of the span".into()));
    }
    Ok(())
}

/// Whether the query is `compare()`, which nothing can follow.
fn check_metrics(metrics: &Metrics) -> Result<bool, Error> {
    let after_compare = || Err(Error::Invalid("nothing can follow compare()".into()));
    match metrics {
        Metrics::Number(_) => Ok(false),
        Metrics::Parenthesised(of) => check_metrics(of),
        Metrics::Series { pipeline, function, by } => {
            check_stages(pipeline)?;
            check_function(function)?;
            if by.len() > MAX_GROUP_BY {
                return Err(Error::Invalid(format!("by() takes at most {MAX_GROUP_BY} attributes")));
            }
            by.iter().try_for_each(|a| attribute_type(a).map(|_| ()))?;
            match function {
                MetricsFunction::Compare(_) if !by.is_empty() => {
                    Err(Error::Invalid("compare() groups by every attribute and takes no by()".into()))
                }
                function => Ok(matches!(function, MetricsFunction::Compare(_))),
            }
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
        Metrics::TopK { of, k, .. } => {
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
