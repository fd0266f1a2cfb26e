//! Durations: literals, and expressions of them where experimental syntax is on.

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
    pub(super) fn positive_duration(
        &mut self,
        context: &'static str,
        expected: &'static str,
    ) -> Result<Duration, ParseError> {
        self.duration_context = (context, expected);
        let expr = self.duration_expr(0)?;
        match expr.kind {
            DurationKind::Seconds { value, .. } if value <= 0.0 => {
                self.fail(expr.span, "duration must be greater than 0")
            }
            _ => Ok(expr.into()),
        }
    }

    /// What follows `offset`. A literal or a call ends it: `x offset 5m * 2` is a product.
    pub(super) fn offset_duration(&mut self) -> Result<Duration, ParseError> {
        self.duration_context = ("offset", DURATION);
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
        let operand = self.duration_operand()?;
        Ok(self.with_sign(&sign, span, operand)?.into())
    }

    fn duration_expr(&mut self, min: u8) -> Result<DurationExpr, ParseError> {
        self.deeper(|p| p.duration_expr_here(min))
    }

    fn duration_expr_here(&mut self, min: u8) -> Result<DurationExpr, ParseError> {
        let mut left = if matches!(self.peek(), Token::Plus | Token::Minus) {
            let (sign, span) = self.advance();
            let operand = self.duration_expr(POWER)?;
            self.with_sign(&sign, span, operand)?
        } else {
            self.duration_operand()?
        };
        while let Some(op) = self.duration_op() {
            let strength = precedence(op);
            if strength < min {
                break;
            }
            self.count_operator()?;
            self.experimental_duration(left.span)?;
            let (_, op_span) = self.advance();
            let right = self.duration_expr(if op == BinaryOp::Pow { strength } else { strength + 1 })?;
            if matches!(right.kind, DurationKind::Seconds { value: 0.0, .. }) {
                match op {
                    BinaryOp::Div => return self.fail(op_span, "division by zero"),
                    BinaryOp::Mod => return self.fail(op_span, "modulo by zero"),
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
        let span = self.span();
        let literal = |value: f64, is_duration: bool| DurationExpr {
            kind: DurationKind::Seconds { value, is_duration },
            span,
            is_wrapped: false,
        };
        match self.peek().clone() {
            Token::Number(value) => {
                self.advance();
                self.in_range(literal(value, false), span)
            }
            Token::Duration(ms) => {
                self.advance();
                self.in_range(literal(ms as f64 / 1000.0, true), span)
            }
            Token::LeftParen => {
                self.advance();
                let inner = self.duration_expr(0)?;
                self.experimental_duration(inner.span)?;
                self.expect_in_duration(&Token::RightParen)?;
                let whole = Span::new(span.start, self.last_end());
                Ok(match inner.kind {
                    DurationKind::Seconds { .. } => {
                        let kind = DurationKind::Sign { is_negative: false, of: Box::new(inner) };
                        DurationExpr { kind, span: whole, is_wrapped: true }
                    }
                    _ => DurationExpr { is_wrapped: true, ..inner },
                })
            }
            Token::Word => self.duration_call(),
            _ => Err(self.unexpected_in_duration()),
        }
    }

    /// `step()`, `range()`, `max_of(a, b)`, `min_of(a, b)`.
    fn duration_call(&mut self) -> Result<DurationExpr, ParseError> {
        let start = self.span().start;
        let kind = if self.take_keyword("step") {
            self.expect_in_duration(&Token::LeftParen)?;
            DurationKind::Step
        } else if self.take_keyword("range") {
            self.expect_in_duration(&Token::LeftParen)?;
            DurationKind::Range
        } else {
            let extreme = if self.is_keyword("max_of") {
                Extreme::Max
            } else if self.is_keyword("min_of") {
                Extreme::Min
            } else {
                return Err(self.unexpected_in_duration());
            };
            self.advance();
            self.expect_in_duration(&Token::LeftParen)?;
            let left = Box::new(self.duration_expr(0)?);
            self.expect_in_duration(&Token::Comma)?;
            let right = Box::new(self.duration_expr(0)?);
            DurationKind::Extreme { extreme, left, right }
        };
        self.expect_in_duration(&Token::RightParen)?;
        // The place of an operation with two sides is that of its sides, as in Prometheus.
        let whole = Span::new(start, self.last_end());
        self.experimental_duration(whole)?;
        let span = match &kind {
            DurationKind::Extreme { left, right, .. } => left.span.to(right.span),
            _ => whole,
        };
        Ok(DurationExpr { kind, span, is_wrapped: false })
    }

    fn with_sign(&self, sign: &Token, at: Span, mut expr: DurationExpr) -> Result<DurationExpr, ParseError> {
        let is_negative = *sign == Token::Minus;
        if let DurationKind::Seconds { value, .. } = &mut expr.kind {
            if is_negative {
                *value = -*value;
            }
            expr.span.start = at.start;
            return self.in_range(expr, at);
        }
        if !is_negative {
            return Ok(expr);
        }
        let span = Span::new(at.start, expr.span.end);
        let kind = DurationKind::Sign { is_negative, of: Box::new(expr) };
        Ok(DurationExpr { kind, span, is_wrapped: false })
    }

    fn in_range(&self, expr: DurationExpr, at: Span) -> Result<DurationExpr, ParseError> {
        match expr.kind {
            DurationKind::Seconds { value, .. } if value.is_nan() || value.abs() > MAX_SECONDS => {
                self.fail(at, "duration out of range")
            }
            _ => Ok(expr),
        }
    }

    fn experimental_duration(&self, span: Span) -> Result<(), ParseError> {
        if self.options.experimental {
            return Ok(());
        }
        self.fail(span, "experimental duration expression is not enabled")
    }

    fn expect_in_duration(&mut self, token: &Token) -> Result<(), ParseError> {
        if self.peek() == token {
            self.advance();
            return Ok(());
        }
        Err(self.unexpected_in_duration())
    }

    fn unexpected_in_duration(&self) -> ParseError {
        let (context, expected) = self.duration_context;
        self.unexpected(context, expected)
    }
}
