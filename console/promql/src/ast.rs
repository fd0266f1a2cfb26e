//! The syntax tree of a query. Everything in it was checked by the parser: types, counts of arguments, matching.

pub mod duration;

use std::sync::Arc;

use console_model::Matcher;

use crate::{function::Function, position::Span};
use duration::DurationExpr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Scalar,
    Vector,
    Matrix,
    String,
}

impl ValueType {
    /// As Prometheus' documentation and errors name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::String => "string",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Number(f64),
    String(StringLiteral),
    Selector(Selector),
    Range {
        selector: Selector,
        range_ms: i64,
        /// What `range_ms` is computed from, where it is no literal.
        range: Option<Box<DurationExpr>>,
    },
    Subquery(Box<Subquery>),
    Call {
        function: Function,
        args: Vec<Expr>,
    },
    Aggregate(Box<Aggregate>),
    Negate(Box<Expr>),
    /// Unary plus: keeps even the metric's name.
    Plus(Box<Expr>),
    Binary(Box<Binary>),
    Paren(Box<Expr>),
}

/// A string may hold any bytes (`"\xff"`); those that are not UTF-8 are replaced in `value` and kept in `raw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringLiteral {
    pub value: String,
    pub raw: Option<Arc<[u8]>>,
}

/// A moment that the `@` modifier names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Time(i64),
    Start,
    End,
}

/// Which samples beside those of its range a selector looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    #[default]
    Plain,
    /// The last sample at or before the start of the range, too.
    Anchored,
    /// Values at the ends of the range, interpolated between the samples around them.
    Smoothed,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// The name written before the braces; its matcher is also the last of `matchers`.
    pub name: Option<String>,
    pub matchers: Vec<Matcher>,
    pub offset_ms: i64,
    /// What `offset_ms` is computed from, where it is no literal.
    pub offset: Option<Box<DurationExpr>>,
    pub at: Option<At>,
    pub extent: Extent,
    /// Of native histograms only count and sum matter to what reads them. Set by the engine.
    pub wants_statistics_only: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    pub expr: Expr,
    pub range_ms: i64,
    /// Absent: the engine's default.
    pub step_ms: Option<i64>,
    pub offset_ms: i64,
    pub at: Option<At>,
    /// What the durations are computed from, where they are no literals.
    pub range: Option<Box<DurationExpr>>,
    pub step: Option<Box<DurationExpr>>,
    pub offset: Option<Box<DurationExpr>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateOp {
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    CountValues,
    Quantile,
    Limitk,
    LimitRatio,
}

impl AggregateOp {
    pub const ALL: [Self; 14] = [
        Self::Sum,
        Self::Avg,
        Self::Count,
        Self::Min,
        Self::Max,
        Self::Group,
        Self::Stddev,
        Self::Stdvar,
        Self::Topk,
        Self::Bottomk,
        Self::CountValues,
        Self::Quantile,
        Self::Limitk,
        Self::LimitRatio,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Group => "group",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Topk => "topk",
            Self::Bottomk => "bottomk",
            Self::CountValues => "count_values",
            Self::Quantile => "quantile",
            Self::Limitk => "limitk",
            Self::LimitRatio => "limit_ratio",
        }
    }

    /// The type of the parameter before the vector, where there is one.
    pub fn parameter(self) -> Option<ValueType> {
        match self {
            Self::Topk | Self::Bottomk | Self::Quantile | Self::Limitk | Self::LimitRatio => {
                Some(ValueType::Scalar)
            }
            Self::CountValues => Some(ValueType::String),
            _ => None,
        }
    }

    pub fn is_experimental(self) -> bool {
        matches!(self, Self::Limitk | Self::LimitRatio)
    }
}

/// `by` or `without` with sorted labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    pub without: bool,
    /// In order and without repeats.
    pub labels: Vec<String>,
    /// As the query says them.
    pub written: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    pub op: AggregateOp,
    pub grouping: Grouping,
    pub parameter: Option<Expr>,
    pub expr: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Unless,
    /// `</`: keeps the observations below.
    TrimUpper,
    /// `>/`: keeps the observations above.
    TrimLower,
}

impl BinaryOp {
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
        }
    }

    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::NotEqual | Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual
        )
    }

    pub fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    /// Whether the result means something else than its operand, so that the metric's name must go.
    pub fn changes_meaning(self) -> bool {
        matches!(self, Self::Add | Self::Sub | Self::Mul | Self::Div | Self::Mod | Self::Pow | Self::Atan2)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    #[default]
    OneToOne,
    ManyToOne,
    OneToMany,
    ManyToMany,
}

/// How the elements of two vectors find each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    pub cardinality: Cardinality,
    /// `on` rather than `ignoring`.
    pub on: bool,
    pub labels: Vec<String>,
    /// Labels of `group_left(...)` and `group_right(...)`.
    pub include: Vec<String>,
    /// What stands for a missing element of a side: `fill_left(...)`, `fill_right(...)`, `fill(...)` for both.
    pub fill_left: Option<f64>,
    pub fill_right: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    pub op: BinaryOp,
    pub left: Expr,
    pub right: Expr,
    pub return_bool: bool,
    pub matching: Matching,
}

impl Expr {
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::String(_) => ValueType::String,
            ExprKind::Selector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::Range { .. } | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Call { function, .. } => function.signature().returns,
            ExprKind::Negate(e) | ExprKind::Plus(e) | ExprKind::Paren(e) => e.value_type(),
            ExprKind::Binary(b) => match (b.left.value_type(), b.right.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
        }
    }

    /// The expression inside any number of parentheses.
    pub fn unwrap_parens(&self) -> &Self {
        let mut e = self;
        while let ExprKind::Paren(inner) = &e.kind {
            e = inner;
        }
        e
    }

    /// The direct parts of this expression.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Selector(_) | ExprKind::Range { .. } => {
                Vec::new()
            }
            ExprKind::Subquery(s) => vec![&s.expr],
            ExprKind::Call { args, .. } => args.iter().collect(),
            ExprKind::Aggregate(a) => a.parameter.iter().chain([&a.expr]).collect(),
            ExprKind::Negate(e) | ExprKind::Plus(e) | ExprKind::Paren(e) => vec![e],
            ExprKind::Binary(b) => vec![&b.left, &b.right],
        }
    }

    /// Visits this expression and all below it, outside in; a part is skipped with all below it where `visit` says false.
    pub fn walk_mut(&mut self, visit: &mut dyn FnMut(&mut Self) -> bool) {
        if !visit(self) {
            return;
        }
        match &mut self.kind {
            ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Selector(_) | ExprKind::Range { .. } => {}
            ExprKind::Subquery(s) => s.expr.walk_mut(visit),
            ExprKind::Call { args, .. } => args.iter_mut().for_each(|a| a.walk_mut(visit)),
            ExprKind::Aggregate(a) => {
                if let Some(p) = &mut a.parameter {
                    p.walk_mut(visit);
                }
                a.expr.walk_mut(visit);
            }
            ExprKind::Negate(e) | ExprKind::Plus(e) | ExprKind::Paren(e) => e.walk_mut(visit),
            ExprKind::Binary(b) => {
                b.left.walk_mut(visit);
                b.right.walk_mut(visit);
            }
        }
    }

    /// Whether the value is the same at every step of a range query.
    pub fn is_step_invariant(&self) -> bool {
        match &self.kind {
            ExprKind::Number(_) | ExprKind::String(_) => true,
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => s.at.is_some(),
            ExprKind::Subquery(s) => s.at.is_some(),
            ExprKind::Call { function, args } => {
                let args_are = args.iter().all(|a| a.unwrap_parens().is_step_invariant());
                let of_selector = *function == Function::Timestamp
                    && args.iter().all(|a| matches!(a.unwrap_parens().kind, ExprKind::Selector(_)));
                args_are && (!function.reads_time() || of_selector)
            }
            // As in Prometheus the parameter does not count: that of the first step then holds for all.
            ExprKind::Aggregate(a) => a.expr.is_step_invariant(),
            ExprKind::Negate(e) | ExprKind::Plus(e) | ExprKind::Paren(e) => e.is_step_invariant(),
            ExprKind::Binary(b) => b.left.is_step_invariant() && b.right.is_step_invariant(),
        }
    }
}
