//! The syntax tree.

use console_model::span::{SpanKind, SpanStatus};

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// Selects spans.
    Spans(Vec<Stage>),
    /// Compares the scalars of whole pipelines: `({a} | count()) > ({b} | count())`. Parsed to be refused by name.
    ScalarPipelines,
    /// Numbers over time.
    Metrics(Metrics),
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    Spansets(Spanset),
    /// `count() > 2`
    Scalar {
        left: Scalar,
        op: Op,
        right: Scalar,
    },
    GroupBy(Field),
    Coalesce,
    /// Attributes to show; does not change which spans match.
    Select(Vec<Attribute>),
}

/// An expression over sets of spans.
#[derive(Clone, Debug, PartialEq)]
pub enum Spanset {
    /// `{ .. }`; no expression: all spans.
    Filter(Option<Field>),
    /// `({ .. } | count() > 1)`
    Pipeline(Vec<Stage>),
    Binary {
        op: SpansetOp,
        left: Box<Spanset>,
        right: Box<Spanset>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpansetOp {
    And,
    Or,
    Structural { relation: Relation, mode: Mode },
}

/// How a span of the right side stands to one of the left side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `>`: its parent is on the left.
    Child,
    /// `>>`
    Descendant,
    /// `<`: it is the parent of one on the left.
    Parent,
    /// `<<`
    Ancestor,
    /// `~`
    Sibling,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The spans of the right side that stand in the relation.
    Plain,
    /// `!>`: those that do not.
    Negated,
    /// `&>`: those that do, and their partners on the left.
    Union,
}

/// A number of a spanset.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Aggregate { function: Aggregate, of: Option<Field> },
    Static(Static),
    Binary { op: Op, left: Box<Scalar>, right: Box<Scalar> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    Avg,
    Min,
    Max,
    Sum,
}

/// An expression over one span.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    Static(Static),
    Attribute(Attribute),
    Not(Box<Field>),
    Negate(Box<Field>),
    Binary { op: Op, left: Box<Field>, right: Box<Field> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    And,
    Or,
    Equal,
    NotEqual,
    Regex,
    NotRegex,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
}

impl Op {
    pub fn is_comparison(self) -> bool {
        use Op::{Equal, Greater, GreaterEqual, Less, LessEqual, NotEqual, NotRegex, Regex};
        matches!(self, Equal | NotEqual | Regex | NotRegex | Less | LessEqual | Greater | GreaterEqual)
    }

    pub fn is_arithmetic(self) -> bool {
        matches!(self, Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow)
    }
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Static {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    /// Nanoseconds.
    Duration(i64),
    Status(SpanStatus),
    Kind(SpanKind),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    Intrinsic(Intrinsic),
    Named {
        scope: Scope,
        name: String,
    },
    /// Something of the parent span; parsed to be refused by name.
    OfParent(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `.a`: span, then resource, then the others.
    Any,
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intrinsic {
    Duration,
    Name,
    Status,
    StatusMessage,
    Kind,
    ChildCount,
    SpanId,
    ParentId,
    TraceId,
    TraceDuration,
    RootName,
    RootService,
    EventName,
    EventTimeSinceStart,
    LinkTraceId,
    LinkSpanId,
    ScopeName,
    ScopeVersion,
    NestedSetLeft,
    NestedSetRight,
    NestedSetParent,
}

/// A metrics query: kept as far as its checks need.
#[derive(Clone, Debug, PartialEq)]
pub enum Metrics {
    Number(f64),
    Series { pipeline: Vec<Stage>, function: String, args: Vec<Field>, by: Vec<Attribute> },
    Binary { op: Op, left: Box<Metrics>, right: Box<Metrics> },
    Parenthesised(Box<Metrics>),
    TopK { of: Box<Metrics>, k: i64 },
    Filter { of: Box<Metrics>, op: Op },
}
