//! Durations: literals, and expressions of them.

use super::{POWER, ParseError, Parser, Token, precedence};
use crate::{
    ast::{
        BinaryOp,
        duration::{DurationExpr, DurationKind, Extreme},
    },
    position::Span,
};

/// What a duration may be, for errors.
pub(super) const DURATION: &str = "number, duration, step(), or range()";
/// Seconds that fit into 64 bits of nanoseconds.
const MAX_SECONDS: f64 = 9_223_372_036.854_776;

/// A duration as it was written.
pub(super) enum Duration {
    Milliseconds(i64),
    Computed(Box<DurationExpr>),
}

impl From<DurationExpr> for Duration {
    fn from(expr: DurationExpr) -> Self {
        match expr.kind {
            // What Go makes of a number that is none: the least of 64 bits of nanoseconds.
            DurationKind::Seconds { value, .. } if value.is_nan() => Self::Milliseconds(i64::MIN / 1_000_000),
            // Prometheus rounds to nanoseconds and then drops what is below a millisecond.
            DurationKind::Seconds { value, .. } => {
                Self::Milliseconds(((value * 1e9).round() / 1e6).trunc() as i64)
            }
            _ => Self::Computed(Box::new(expr)),
        }
    }
}

impl Duration {
    pub fn split(self) -> (i64, Option<Box<DurationExpr>>) {
        match self {
            Self::Milliseconds(ms) => (ms, None),
            Self::Computed(expr) => (0, Some(expr)),
        }
    }
}

impl Parser<'_> {
    /// The duration of a range or step, which must not be a literal of zero or less.
    pub(super) fn positive_duration(&mut self) -> Result<Duration, ParseError> {
        let expr = self.duration_expr(0)?;
        if let DurationKind::Seconds { value, .. } = expr.kind
            && value <= 0.0
        {
            self.look();
            self.note(expr.span, "duration must be greater than 0");
        }
        Ok(expr.into())
    }

    /// What follows `offset`. A literal or a call ends it: `x offset 5m * 2` is a product.
    pub(super) fn offset_duration(&mut self) -> Result<Duration, ParseError> {
        let has_sign = matches!(self.peek(), Token::Plus | Token::Minus);
        let first = if has_sign { self.peek_after() } else { self.peek() };
        let ends_itself = match first {
            Token::Number(_) | Token::Duration(_) | Token::Word => true,
            Token::LeftParen => has_sign,
            _ => false,
        };
        if !ends_itself {
            return Ok(self.duration_expr(0)?.into());
        }
        if !has_sign {
            return Ok(self.duration_operand()?.into());
        }
        let (sign, span) = self.advance();
        let operand = match self.peek() {
            Token::LeftParen => self.parenthesised_duration()?,
            Token::Word => self.duration_call()?,
            _ => self.duration_literal(),
        };
        Ok(self.with_sign(&sign, span, operand).into())
    }

    fn duration_expr(&mut self, min: u8) -> Result<DurationExpr, ParseError> {
        self.deeper(|p| p.duration_expr_here(min))
    }

    fn duration_expr_here(&mut self, min: u8) -> Result<DurationExpr, ParseError> {
        let mut left = if matches!(self.peek(), Token::Plus | Token::Minus) {
            let (sign, span) = self.advance();
            let operand = self.duration_expr(POWER)?;
            self.with_sign(&sign, span, operand)
        } else {
            self.duration_operand()?
        };
        while let Some(op) = self.duration_op() {
            let strength = precedence(op);
            if strength < min {
                break;
            }
            self.count_operator()?;
            let (_, op_span) = self.advance();
            let right = self.duration_expr(if op == BinaryOp::Pow { strength } else { strength + 1 })?;
            self.look();
            if matches!(right.kind, DurationKind::Seconds { value: 0.0, .. }) {
                match op {
                    BinaryOp::Div => self.note(op_span, "division by zero"),
                    BinaryOp::Mod => self.note(op_span, "modulo by zero"),
                    _ => {}
                }
            }
            let span = left.span.to(right.span);
            let kind = DurationKind::Binary { op, left: Box::new(left), right: Box::new(right) };
            left = DurationExpr { kind, span, is_wrapped: false };
        }
        Ok(left)
    }

    fn duration_op(&self) -> Option<BinaryOp> {
        use BinaryOp::{Add, Div, Mod, Mul, Pow, Sub};
        self.binary_op().filter(|op| matches!(op, Add | Sub | Mul | Div | Mod | Pow))
    }

    fn duration_operand(&mut self) -> Result<DurationExpr, ParseError> {
        match self.peek() {
            Token::Number(_) | Token::Duration(_) => {
                let literal = self.duration_literal();
                let span = literal.span;
                Ok(self.in_range(literal, span))
            }
            Token::LeftParen => self.parenthesised_duration(),
            Token::Word => self.duration_call(),
            _ => Err(self.unexpected()),
        }
    }

    /// The number or duration that comes next.
    fn duration_literal(&mut self) -> DurationExpr {
        let (token, span) = self.advance();
        let (value, is_duration) = match token {
            Token::Duration(ms) => (ms as f64 / 1000.0, true),
            Token::Number(value) => (value, false),
            _ => (0.0, false),
        };
        DurationExpr { kind: DurationKind::Seconds { value, is_duration }, span, is_wrapped: false }
    }

    fn parenthesised_duration(&mut self) -> Result<DurationExpr, ParseError> {
        let (_, paren) = self.advance();
        let inner = self.duration_expr(0)?;
        self.expect(&Token::RightParen)?;
        Ok(match inner.kind {
            DurationKind::Seconds { .. } => {
                // The place of an operation with one side ends with that.
                let whole = Span::new(paren.start, inner.span.end);
                let kind = DurationKind::Sign { is_negative: false, of: Box::new(inner) };
                DurationExpr { kind, span: whole, is_wrapped: true }
            }
            _ => DurationExpr { is_wrapped: true, ..inner },
        })
    }

    /// `step()`, `range()`, `max_of(a, b)`, `min_of(a, b)`.
    fn duration_call(&mut self) -> Result<DurationExpr, ParseError> {
        let start = self.span().start;
        let kind = if self.take_keyword("step") {
            self.expect(&Token::LeftParen)?;
            DurationKind::Step
        } else if self.take_keyword("range") {
            self.expect(&Token::LeftParen)?;
            DurationKind::Range
        } else {
            let extreme = if self.is_keyword("max_of") {
                Extreme::Max
            } else if self.is_keyword("min_of") {
                Extreme::Min
            } else {
                return Err(self.unexpected());
            };
            self.advance();
            self.expect(&Token::LeftParen)?;
            let left = Box::new(self.duration_expr(0)?);
            self.expect(&Token::Comma)?;
            let right = Box::new(self.duration_expr(0)?);
            DurationKind::Extreme { extreme, left, right }
        };
        self.expect(&Token::RightParen)?;
        // The place of an operation with two sides is that of its sides, as in Prometheus.
        let whole = Span::new(start, self.last_end());
        let span = match &kind {
            DurationKind::Extreme { left, right, .. } => left.span.to(right.span),
            _ => whole,
        };
        Ok(DurationExpr { kind, span, is_wrapped: false })
    }

    fn with_sign(&mut self, sign: &Token, at: Span, mut expr: DurationExpr) -> DurationExpr {
        let is_negative = *sign == Token::Minus;
        if let DurationKind::Seconds { value, .. } = &mut expr.kind {
            if is_negative {
                *value = -*value;
            }
            expr.span.start = at.start;
            return self.in_range(expr, at);
        }
        if !is_negative {
            return expr;
        }
        let span = Span::new(at.start, expr.span.end);
        let kind = DurationKind::Sign { is_negative, of: Box::new(expr) };
        DurationExpr { kind, span, is_wrapped: false }
    }

    fn in_range(&mut self, mut expr: DurationExpr, at: Span) -> DurationExpr {
        if let DurationKind::Seconds { value, .. } = &mut expr.kind
            && value.abs() > MAX_SECONDS
        {
            *value = 0.0;
            self.note(at, "duration out of range");
        }
        expr
    }
}
