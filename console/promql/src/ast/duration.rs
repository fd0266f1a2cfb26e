//! Durations that are computed: `[5m * 2]`, `offset -(1m + step())`. Semantics: prometheus/promql/durations.go.

use std::fmt;

use super::BinaryOp;
use crate::{gofmt, parser::format_duration, position::Span};

/// A duration in seconds that depends on the query's step and range.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationExpr {
    pub kind: DurationKind,
    pub span: Span,
    /// Written in parentheses.
    pub is_wrapped: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum DurationKind {
    /// A literal: `90`, or `1m30s` where `is_duration`.
    Seconds {
        value: f64,
        is_duration: bool,
    },
    /// `step()`: the step of a range query, zero at an instant.
    Step,
    /// `range()`: from the first to the last step.
    Range,
    Sign {
        is_negative: bool,
        of: Box<DurationExpr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<DurationExpr>,
        right: Box<DurationExpr>,
    },
    Extreme {
        extreme: Extreme,
        left: Box<DurationExpr>,
        right: Box<DurationExpr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extreme {
    Max,
    Min,
}

/// What `step()` and `range()` say, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuerySpan {
    pub step_s: f64,
    pub range_s: f64,
}

/// Which durations have a meaning where one stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    Positive,
    Any,
}

/// Seconds that fit into 64 bits of nanoseconds.
const MAX_SECONDS: f64 = 9_223_372_036.854_776;

impl DurationExpr {
    pub fn is_literal(&self) -> bool {
        matches!(self.kind, DurationKind::Seconds { .. })
    }

    /// The duration in whole milliseconds. Errors begin with the bytes that they are about, `start:end`.
    pub fn milliseconds(&self, query: QuerySpan, allowed: Allowed) -> Result<i64, String> {
        let seconds = self.seconds(query)?;
        let fail = |message: &str| Err(self.at(message));
        if !seconds.is_finite() {
            return fail("duration is NaN or infinite");
        }
        if seconds <= 0.0 && allowed == Allowed::Positive {
            return fail("duration must be greater than 0");
        }
        if seconds.abs() > MAX_SECONDS {
            return fail("duration is out of range");
        }
        Ok((seconds * 1000.0) as i64)
    }

    fn at(&self, message: &str) -> String {
        format!("{}:{}: {message}", self.span.start, self.span.end)
    }

    fn seconds(&self, query: QuerySpan) -> Result<f64, String> {
        Ok(match &self.kind {
            DurationKind::Seconds { value, .. } => *value,
            DurationKind::Step => query.step_s,
            DurationKind::Range => query.range_s,
            DurationKind::Sign { is_negative: true, of } => -of.seconds(query)?,
            DurationKind::Sign { of, .. } => of.seconds(query)?,
            DurationKind::Binary { op, left, right } => {
                let (l, r) = (left.seconds(query)?, right.seconds(query)?);
                match op {
                    BinaryOp::Add => l + r,
                    BinaryOp::Sub => l - r,
                    BinaryOp::Mul => l * r,
                    BinaryOp::Div if r == 0.0 => return Err(self.at("division by zero")),
                    BinaryOp::Div => l / r,
                    BinaryOp::Mod if r == 0.0 => return Err(self.at("modulo by zero")),
                    BinaryOp::Mod => l % r,
                    _ => l.powf(r),
                }
            }
            DurationKind::Extreme { extreme, left, right } => {
                let (l, r) = (left.seconds(query)?, right.seconds(query)?);
                match extreme {
                    _ if l.is_nan() || r.is_nan() => f64::NAN,
                    Extreme::Max => l.max(r),
                    Extreme::Min => l.min(r),
                }
            }
        })
    }
}

/// As it can be read again.
impl fmt::Display for DurationExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_wrapped {
            f.write_str("(")?;
        }
        match &self.kind {
            DurationKind::Seconds { value, is_duration: true } => {
                let sign = if *value < 0.0 { "-" } else { "" };
                write!(f, "{sign}{}", format_duration((value.abs() * 1000.0).round() as i64))?;
            }
            DurationKind::Seconds { value, .. } => f.write_str(&gofmt::plain(*value))?,
            DurationKind::Step => f.write_str("step()")?,
            DurationKind::Range => f.write_str("range()")?,
            DurationKind::Sign { is_negative: true, of } => write!(f, "-{of}")?,
            DurationKind::Sign { of, .. } => write!(f, "{of}")?,
            DurationKind::Binary { op, left, right } => write!(f, "{left} {} {right}", op.symbol())?,
            DurationKind::Extreme { extreme, left, right } => {
                let name = if *extreme == Extreme::Max { "max_of" } else { "min_of" };
                write!(f, "{name}({left}, {right})")?;
            }
        }
        if self.is_wrapped { f.write_str(")") } else { Ok(()) }
    }
}
