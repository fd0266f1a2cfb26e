//! The syntax tree.

use std::fmt;

use console_model::span::{SpanKind, SpanStatus};

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub body: Body,
    /// `with (name=value, ..)`: what an engine may do differently without another answer.
    pub hints: Vec<(String, Static)>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Selects spans.
    Spans(Vec<Stage>),
    /// Compares numbers of whole pipelines: `({a} | count()) > ({b} | count())`.
    Compare { left: PipelineNumber, op: Op, right: PipelineNumber },
    /// Numbers over time.
    Metrics(Metrics),
}

/// A number of a whole pipeline, and arithmetic on such.
#[derive(Clone, Debug, PartialEq)]
pub enum PipelineNumber {
    Static(Static),
    Pipeline { stages: Vec<Stage>, of: Scalar },
    Binary { op: Op, left: Box<PipelineNumber>, right: Box<PipelineNumber> },
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
    /// Something of the span's parent.
    OfParent(Box<Attribute>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `.a`: of the span, or else of its resource.
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
    /// The parent span itself: there or not.
    Parent,
}

/// A metrics query.
#[derive(Clone, Debug, PartialEq)]
pub enum Metrics {
    Number(f64),
    Series {
        pipeline: Vec<Stage>,
        function: MetricsFunction,
        by: Vec<Attribute>,
    },
    Binary {
        op: Op,
        left: Box<Metrics>,
        right: Box<Metrics>,
    },
    Parenthesised(Box<Metrics>),
    TopK {
        of: Box<Metrics>,
        order: Rank,
        k: i64,
    },
    /// Keeps the points that compare so.
    Filter {
        of: Box<Metrics>,
        op: Op,
        than: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    Top,
    Bottom,
}

/// What turns spans into numbers over time.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricsFunction {
    Rate,
    CountOverTime,
    Over { aggregate: Aggregate, of: Field },
    Quantile { of: Field, quantiles: Vec<f64> },
    Histogram { of: Field },
    Compare(Comparison),
}

/// `compare({selection}, top_n, start, end)`
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub selection: Field,
    /// How many values of an attribute are told.
    pub top_n: i64,
    /// Nanoseconds: the selection is only of spans that start within.
    pub within: Option<(i64, i64)>,
}

/// As a query writes it: the name of a label.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intrinsic(i) => f.write_str(i.name()),
            Self::OfParent(of) => match &**of {
                Self::Named { scope: Scope::Any, name } => write!(f, "parent.{name}"),
                other => write!(f, "parent.{other}"),
            },
            Self::Named { scope, name } => match scope {
                Scope::Any => write!(f, ".{name}"),
                Scope::Span => write!(f, "span.{name}"),
                Scope::Resource => write!(f, "resource.{name}"),
                Scope::Event => write!(f, "event.{name}"),
                Scope::Link => write!(f, "link.{name}"),
                Scope::Instrumentation => write!(f, "instrumentation.{name}"),
            },
        }
    }
}

impl Intrinsic {
    pub fn name(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Name => "name",
            Self::Status => "status",
            Self::StatusMessage => "statusMessage",
            Self::Kind => "kind",
            Self::ChildCount => "span:childCount",
            Self::SpanId => "span:id",
            Self::ParentId => "span:parentID",
            Self::TraceId => "trace:id",
            Self::TraceDuration => "traceDuration",
            Self::RootName => "rootName",
            Self::RootService => "rootServiceName",
            Self::EventName => "event:name",
            Self::EventTimeSinceStart => "event:timeSinceStart",
            Self::LinkTraceId => "link:traceID",
            Self::LinkSpanId => "link:spanID",
            Self::ScopeName => "instrumentation:name",
            Self::ScopeVersion => "instrumentation:version",
            Self::NestedSetLeft => "nestedSetLeft",
            Self::NestedSetRight => "nestedSetRight",
            Self::NestedSetParent => "nestedSetParent",
            Self::Parent => "parent",
        }
    }
}
