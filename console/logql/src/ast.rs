//! The syntax tree. Pipeline stages are compiled while parsing, so that their errors have positions.

use console_model::Matcher;

use crate::stage::{LabelFilter, Stage};

/// A whole query, or a part of one.
#[derive(Debug)]
pub enum Expr {
    Log(LogExpr),
    Number(f64),
    /// `vector(1)`
    Vector(f64),
    Range(Box<RangeAggregation>),
    Aggregation(Box<VectorAggregation>),
    Binary(Box<Binary>),
    LabelReplace(Box<LabelReplace>),
}

/// `{selector} | stages`
#[derive(Debug)]
pub struct LogExpr {
    pub matchers: Vec<Matcher>,
    pub stages: Vec<Stage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeFunction {
    CountOverTime,
    Rate,
    RateCounter,
    BytesOverTime,
    BytesRate,
    SumOverTime,
    AvgOverTime,
    MinOverTime,
    MaxOverTime,
    QuantileOverTime,
    FirstOverTime,
    LastOverTime,
    StddevOverTime,
    StdvarOverTime,
    AbsentOverTime,
}

#[derive(Debug)]
pub struct RangeAggregation {
    pub function: RangeFunction,
    /// Of `quantile_over_time`.
    pub parameter: f64,
    pub log: LogExpr,
    pub unwrap: Option<Unwrap>,
    pub range_ns: i64,
    pub offset_ns: i64,
    pub grouping: Option<Grouping>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    Number,
    /// Seconds.
    Duration,
    Bytes,
}

/// `| unwrap label | filters`
#[derive(Debug)]
pub struct Unwrap {
    pub label: String,
    pub conversion: Conversion,
    pub filters: Vec<LabelFilter>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    pub labels: Vec<String>,
    pub without: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VectorFunction {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Stddev,
    Stdvar,
    TopK,
    /// Instant queries only. Exact here: what Loki estimates, this counts.
    ApproxTopK,
    BottomK,
    Sort,
    SortDesc,
}

#[derive(Debug)]
pub struct VectorAggregation {
    pub function: VectorFunction,
    /// Of `topk`, `approx_topk` and `bottomk`.
    pub k: usize,
    pub grouping: Grouping,
    pub of: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Or,
    And,
    Unless,
    Equal,
    NotEqual,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

#[derive(Debug)]
pub struct Binary {
    pub op: BinaryOp,
    pub return_bool: bool,
    pub on: bool,
    pub matching: Vec<String>,
    pub cardinality: Cardinality,
    pub include: Vec<String>,
    pub left: Expr,
    pub right: Expr,
}

#[derive(Debug)]
pub struct LabelReplace {
    pub of: Expr,
    pub target: String,
    pub replacement: String,
    pub source: String,
    pub regex: regex::Regex,
}
