//! One field expression over one span of a trace.

use std::borrow::Cow;

use console_model::span::{Attributes, Span};
use regex::Regex;

use crate::{
    ast::*,
    context::Context,
    error::Error,
    validate::regex,
    value::{Value, calculate, compare, negate, over_elements},
};

/// A field expression ready to run: regular expressions compiled.
#[derive(Debug)]
pub enum Compiled {
    Literal(Static),
    Attribute(Attribute),
    Not(Box<Compiled>),
    Negate(Box<Compiled>),
    Match { of: Box<Compiled>, regex: Regex, op: Op },
    Exists { of: Box<Compiled>, wanted: bool },
    Binary { op: Op, left: Box<Compiled>, right: Box<Compiled> },
}

impl Compiled {
    pub fn new(field: &Field) -> Result<Self, Error> {
        let boxed = |f: &Field| Self::new(f).map(Box::new);
        let nil = |f: &Field| *f == Field::Static(Static::Nil);
        Ok(match field {
            Field::Static(s) => Self::Literal(s.clone()),
            Field::Attribute(a) => Self::Attribute(a.clone()),
            Field::Not(of) => Self::Not(boxed(of)?),
            Field::Negate(of) => Self::Negate(boxed(of)?),
            Field::Binary { op: op @ (Op::Regex | Op::NotRegex), left, right } => {
                let Field::Static(Static::String(pattern)) = &**right else {
                    return Err(Error::Invalid("=~ and !~ need a literal string on the right".into()));
                };
                Self::Match { of: boxed(left)?, regex: regex(pattern)?, op: *op }
            }
            // Neither equals nor differs: what is not written down is no attribute that could be missing.
            Field::Binary { op: Op::Equal | Op::NotEqual, left, right } if nil(left) && nil(right) => {
                Self::Literal(Static::Bool(false))
            }
            Field::Binary { op: op @ (Op::Equal | Op::NotEqual), left, right } if nil(left) || nil(right) => {
                let of = if nil(right) { left } else { right };
                Self::Exists { of: boxed(of)?, wanted: *op == Op::NotEqual }
            }
            Field::Binary { op, left, right } => {
                Self::Binary { op: *op, left: boxed(left)?, right: boxed(right)? }
            }
        })
    }

    /// The value for the span at position `i` of the trace.
    pub fn eval<'v>(&'v self, at: &'v Context<'_>, i: usize) -> Value<'v> {
        match self {
            Self::Literal(s) => s.into(),
            Self::Attribute(a) => attribute(at, a, i),
            Self::Not(of) => match of.eval(at, i) {
                Value::Bool(b) => Value::Bool(!b),
                _ => Value::Nil,
            },
            Self::Negate(of) => negate(&of.eval(at, i)),
            Self::Match { of, regex, op } => Value::Bool(matches(&of.eval(at, i), regex, *op)),
            Self::Exists { of, wanted } => Value::Bool(of.eval(at, i).is_nil() != *wanted),
            Self::Binary { op: Op::And, left, right } => {
                Value::Bool(left.eval(at, i).is_true() && right.eval(at, i).is_true())
            }
            Self::Binary { op: Op::Or, left, right } => {
                Value::Bool(left.eval(at, i).is_true() || right.eval(at, i).is_true())
            }
            Self::Binary { op, left, right } if op.is_comparison() => {
                Value::Bool(compare(*op, &left.eval(at, i), &right.eval(at, i)))
            }
            Self::Binary { op, left, right } => calculate(*op, &left.eval(at, i), &right.eval(at, i)),
        }
    }
}

fn matches(value: &Value<'_>, regex: &Regex, op: Op) -> bool {
    match value {
        Value::String(s) => regex.is_match(s) == (op == Op::Regex),
        Value::Array(items) => over_elements(op, items, |i| matches(i, regex, op)),
        Value::Each(items) => items.iter().any(|i| matches(i, regex, op)),
        _ => false,
    }
}

/// An attribute or intrinsic of the span at position `i`.
pub fn attribute<'v>(at: &'v Context<'_>, attribute: &Attribute, i: usize) -> Value<'v> {
    match attribute {
        Attribute::OfParent(of) => at.parent(i).map_or(Value::Nil, |p| self::attribute(at, of, p)),
        Attribute::Intrinsic(x) => intrinsic(at, *x, i),
        Attribute::Named { scope, name } => named(*scope, name, &at.trace.spans[i]),
    }
}

fn intrinsic<'v>(at: &'v Context<'_>, intrinsic: Intrinsic, i: usize) -> Value<'v> {
    fn text(s: &str) -> Value<'_> {
        Value::String(Cow::Borrowed(s))
    }
    fn owned(s: String) -> Value<'static> {
        Value::String(Cow::Owned(s))
    }
    let span = &at.trace.spans[i];
    match intrinsic {
        Intrinsic::Duration => Value::Duration(span.duration_ns),
        Intrinsic::Name => text(&span.name),
        Intrinsic::Status => Value::Status(span.status),
        Intrinsic::StatusMessage => text(&span.status_message),
        Intrinsic::Kind => Value::Kind(span.kind),
        Intrinsic::ChildCount => Value::Int(at.child_count(span.span_id)),
        Intrinsic::SpanId => owned(span.span_id.to_string()),
        Intrinsic::ParentId => owned(span.parent_span_id.map(|p| p.to_string()).unwrap_or_default()),
        Intrinsic::TraceId => owned(span.trace_id.to_string()),
        Intrinsic::TraceDuration => Value::Duration(at.duration_ns()),
        Intrinsic::RootName => text(at.root.map(|r| r.name.as_str()).unwrap_or_default()),
        Intrinsic::RootService => text(at.root.map(|r| r.service.as_str()).unwrap_or_default()),
        Intrinsic::EventName => Value::Each(span.events.iter().map(|e| text(&e.name)).collect()),
        Intrinsic::EventTimeSinceStart => Value::Each(
            span.events.iter().map(|e| Value::Duration(e.t_ns.saturating_sub(span.start_ns))).collect(),
        ),
        Intrinsic::LinkTraceId => {
            Value::Each(span.links.iter().map(|l| owned(l.trace_id.to_string())).collect())
        }
        Intrinsic::LinkSpanId => {
            Value::Each(span.links.iter().map(|l| owned(l.span_id.to_string())).collect())
        }
        Intrinsic::ScopeName => text(&span.scope_name),
        Intrinsic::ScopeVersion => text(&span.scope_version),
        Intrinsic::NestedSetLeft => Value::Int(at.nested_set(i).left),
        Intrinsic::NestedSetRight => Value::Int(at.nested_set(i).right),
        Intrinsic::NestedSetParent => Value::Int(at.nested_set(i).parent),
        Intrinsic::Parent => match span.parent_span_id {
            Some(p) if !p.is_zero() => owned(p.to_string()),
            _ => Value::Nil,
        },
    }
}

fn named<'v>(scope: Scope, name: &str, span: &'v Span) -> Value<'v> {
    let one = |list: &'v Attributes| list.iter().find(|(k, _)| k == name).map(|(_, v)| Value::from(v));
    let of_span = || one(&span.attributes);
    let of_resource = || {
        one(&span.resource)
            .or_else(|| (name == "service.name").then(|| Value::String(Cow::Borrowed(&span.service))))
    };
    let of_events = || each(span.events.iter().map(|e| &e.attributes), name);
    let of_links = || each(span.links.iter().map(|l| &l.attributes), name);
    let of_scope = || one(&span.scope_attributes);
    let found = match scope {
        Scope::Span => of_span(),
        Scope::Resource => of_resource(),
        Scope::Event => of_events(),
        Scope::Link => of_links(),
        Scope::Instrumentation => of_scope(),
        Scope::Any => of_span().or_else(of_resource),
    };
    found.unwrap_or(Value::Nil)
}

fn each<'v>(lists: impl Iterator<Item = &'v Attributes>, name: &str) -> Option<Value<'v>> {
    let found: Vec<Value<'v>> =
        lists.flatten().filter(|(k, _)| k == name).map(|(_, v)| Value::from(v)).collect();
    (!found.is_empty()).then_some(Value::Each(found))
}
