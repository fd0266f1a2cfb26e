//! One field expression over one span of a trace.

use std::collections::HashMap;

use console_model::span::{Attributes, Span, SpanId, Trace};
use regex::Regex;

use crate::{
    ast::*,
    error::Error,
    validate::regex,
    value::{Value, calculate, compare},
};

/// A field expression ready to run: regular expressions compiled.
#[derive(Debug)]
pub enum Compiled {
    Value(Value),
    Attribute(Attribute),
    Not(Box<Compiled>),
    Negate(Box<Compiled>),
    Match { of: Box<Compiled>, regex: Regex, wanted: bool },
    Exists { of: Box<Compiled>, wanted: bool },
    Binary { op: Op, left: Box<Compiled>, right: Box<Compiled> },
}

impl Compiled {
    pub fn new(field: &Field) -> Result<Self, Error> {
        let boxed = |f: &Field| Self::new(f).map(Box::new);
        Ok(match field {
            Field::Static(s) => Self::Value(s.into()),
            Field::Attribute(Attribute::OfParent(what)) => {
                return Err(Error::Unsupported(format!("attributes of the parent span ({what})")));
            }
            Field::Attribute(Attribute::Intrinsic(
                Intrinsic::NestedSetLeft | Intrinsic::NestedSetRight | Intrinsic::NestedSetParent,
            )) => return Err(Error::Unsupported("nestedSetLeft, nestedSetRight and nestedSetParent".into())),
            Field::Attribute(a) => Self::Attribute(a.clone()),
            Field::Not(of) => Self::Not(boxed(of)?),
            Field::Negate(of) => Self::Negate(boxed(of)?),
            Field::Binary { op: op @ (Op::Regex | Op::NotRegex), left, right } => {
                let Field::Static(Static::String(pattern)) = &**right else {
                    return Err(Error::Unsupported("a regular expression that is not a literal".into()));
                };
                Self::Match { of: boxed(left)?, regex: regex(pattern)?, wanted: *op == Op::Regex }
            }
            Field::Binary { op: op @ (Op::Equal | Op::NotEqual), left, right }
                if **right == Field::Static(Static::Nil) || **left == Field::Static(Static::Nil) =>
            {
                let of = if **right == Field::Static(Static::Nil) { left } else { right };
                Self::Exists { of: boxed(of)?, wanted: *op == Op::NotEqual }
            }
            Field::Binary { op, left, right } => {
                Self::Binary { op: *op, left: boxed(left)?, right: boxed(right)? }
            }
        })
    }

    pub fn eval(&self, at: &Context<'_>, span: &Span) -> Value {
        match self {
            Self::Value(v) => v.clone(),
            Self::Attribute(a) => at.attribute(a, span),
            Self::Not(of) => match of.eval(at, span) {
                Value::Bool(b) => Value::Bool(!b),
                _ => Value::Nil,
            },
            Self::Negate(of) => calculate(Op::Sub, &Value::Int(0), &of.eval(at, span)),
            Self::Match { of, regex, wanted } => Value::Bool(matches(&of.eval(at, span), regex, *wanted)),
            Self::Exists { of, wanted } => {
                let there = match of.eval(at, span) {
                    Value::Nil => false,
                    Value::Many(items) => !items.is_empty(),
                    _ => true,
                };
                Value::Bool(there == *wanted)
            }
            Self::Binary { op: Op::And, left, right } => {
                Value::Bool(left.eval(at, span).is_true() && right.eval(at, span).is_true())
            }
            Self::Binary { op: Op::Or, left, right } => {
                Value::Bool(left.eval(at, span).is_true() || right.eval(at, span).is_true())
            }
            Self::Binary { op, left, right } if op.is_comparison() => {
                Value::Bool(compare(*op, &left.eval(at, span), &right.eval(at, span)))
            }
            Self::Binary { op, left, right } => calculate(*op, &left.eval(at, span), &right.eval(at, span)),
        }
    }
}

fn matches(value: &Value, regex: &Regex, wanted: bool) -> bool {
    match value {
        Value::String(s) => regex.is_match(s) == wanted,
        Value::Many(items) => items.iter().any(|i| matches(i, regex, wanted)),
        _ => false,
    }
}

/// What a span's expressions may ask about its trace.
pub struct Context<'a> {
    pub trace: &'a Trace,
    pub root: Option<&'a Span>,
    /// Positions in the trace by span id.
    pub index: HashMap<SpanId, usize>,
    children: HashMap<SpanId, i64>,
    duration_ns: i64,
}

impl<'a> Context<'a> {
    pub fn new(trace: &'a Trace) -> Self {
        let start = trace.spans.iter().map(|s| s.start_ns).min().unwrap_or(0);
        let end = trace.spans.iter().map(Span::end_ns).max().unwrap_or(0);
        let mut children = HashMap::new();
        for parent in trace.spans.iter().filter_map(|s| s.parent_span_id) {
            *children.entry(parent).or_insert(0) += 1;
        }
        Self {
            root: trace.spans.iter().find(|s| s.parent_span_id.is_none_or(|p| p.is_zero())),
            index: trace.spans.iter().enumerate().map(|(i, s)| (s.span_id, i)).collect(),
            duration_ns: end.saturating_sub(start),
            children,
            trace,
        }
    }

    pub fn duration_ns(&self) -> i64 {
        self.duration_ns
    }

    fn attribute(&self, attribute: &Attribute, span: &Span) -> Value {
        match attribute {
            Attribute::OfParent(_) => Value::Nil,
            Attribute::Intrinsic(i) => self.intrinsic(*i, span),
            Attribute::Named { scope, name } => named(*scope, name, span),
        }
    }

    fn intrinsic(&self, intrinsic: Intrinsic, span: &Span) -> Value {
        let text = |s: &str| Value::String(s.to_owned());
        match intrinsic {
            Intrinsic::Duration => Value::Int(span.duration_ns),
            Intrinsic::Name => text(&span.name),
            Intrinsic::Status => Value::Status(span.status),
            Intrinsic::StatusMessage => text(&span.status_message),
            Intrinsic::Kind => Value::Kind(span.kind),
            Intrinsic::ChildCount => Value::Int(self.children.get(&span.span_id).copied().unwrap_or(0)),
            Intrinsic::SpanId => text(&span.span_id.to_string()),
            Intrinsic::ParentId => text(&span.parent_span_id.map(|p| p.to_string()).unwrap_or_default()),
            Intrinsic::TraceId => text(&span.trace_id.to_string()),
            Intrinsic::TraceDuration => Value::Int(self.duration_ns),
            Intrinsic::RootName => text(self.root.map(|r| r.name.as_str()).unwrap_or_default()),
            Intrinsic::RootService => text(self.root.map(|r| r.service.as_str()).unwrap_or_default()),
            Intrinsic::EventName => Value::Many(span.events.iter().map(|e| text(&e.name)).collect()),
            Intrinsic::EventTimeSinceStart => {
                Value::Many(span.events.iter().map(|e| Value::Int(e.t_ns - span.start_ns)).collect())
            }
            Intrinsic::LinkTraceId => {
                Value::Many(span.links.iter().map(|l| text(&l.trace_id.to_string())).collect())
            }
            Intrinsic::LinkSpanId => {
                Value::Many(span.links.iter().map(|l| text(&l.span_id.to_string())).collect())
            }
            Intrinsic::ScopeName => text(&span.scope_name),
            Intrinsic::ScopeVersion => text(&span.scope_version),
            Intrinsic::NestedSetLeft | Intrinsic::NestedSetRight | Intrinsic::NestedSetParent => Value::Nil,
        }
    }
}

fn named(scope: Scope, name: &str, span: &Span) -> Value {
    let of_span = || span.attribute(name).map(Value::from);
    let of_resource = || {
        span.resource_attribute(name)
            .map(Value::from)
            .or_else(|| (name == "service.name").then(|| Value::String(span.service.clone())))
    };
    let of_each = |lists: Vec<&Attributes>| {
        let found: Vec<Value> =
            lists.into_iter().flatten().filter(|(k, _)| k == name).map(|(_, v)| v.into()).collect();
        (!found.is_empty()).then_some(Value::Many(found))
    };
    let of_events = || of_each(span.events.iter().map(|e| &e.attributes).collect());
    let of_links = || of_each(span.links.iter().map(|l| &l.attributes).collect());
    let found = match scope {
        Scope::Span => of_span(),
        Scope::Resource => of_resource(),
        Scope::Event => of_events(),
        Scope::Link => of_links(),
        // The store keeps a scope's name and version, not its attributes.
        Scope::Instrumentation => None,
        Scope::Any => of_span().or_else(of_resource).or_else(of_events).or_else(of_links),
    };
    found.unwrap_or(Value::Nil)
}
