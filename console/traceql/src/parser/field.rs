//! Expressions over one span.

use console_model::span::{SpanKind, SpanStatus};

use super::Parser;
use crate::{ast::*, error::Error, lexer::Token};

impl Parser<'_> {
    /// An expression over one span. `level` 0: `&& ||`, 1: comparisons, 2: `+ -`, 3: `* / %`.
    pub(crate) fn field(&mut self, level: u8) -> Result<Field, Error> {
        if level == 4 {
            return self.field_power();
        }
        let mut left = self.nested(|p| p.field(level + 1))?;
        while let Some(op) = self.field_op(level) {
            self.at += 1;
            let position = self.position();
            let right = self.nested(|p| p.field(level + 1))?;
            if matches!(op, Op::Regex | Op::NotRegex) && !matches!(right, Field::Static(_)) {
                return Err(Error::Unsupported {
                    what: "a regular expression that is not a literal".to_owned(),
                    position: Some(position),
                });
            }
            left = Field::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    pub(crate) fn field_op(&self, level: u8) -> Option<Op> {
        let Token::Symbol(symbol) = self.peek() else { return None };
        match (level, *symbol) {
            (0, "&&") => Some(Op::And),
            (0, "||") => Some(Op::Or),
            (1, "=") => Some(Op::Equal),
            (1, "!=") => Some(Op::NotEqual),
            (1, "=~") => Some(Op::Regex),
            (1, "!~") => Some(Op::NotRegex),
            (1, "<") => Some(Op::Less),
            (1, "<=") => Some(Op::LessEqual),
            (1, ">") => Some(Op::Greater),
            (1, ">=") => Some(Op::GreaterEqual),
            (2 | 3, _) => self.arithmetic_op(level - 2),
            _ => None,
        }
    }

    pub(crate) fn field_power(&mut self) -> Result<Field, Error> {
        let base = self.field_unary()?;
        if self.take("^") {
            let right = self.nested(|p| p.field_power())?;
            return Ok(Field::Binary { op: Op::Pow, left: Box::new(base), right: Box::new(right) });
        }
        Ok(base)
    }

    pub(crate) fn field_unary(&mut self) -> Result<Field, Error> {
        if self.take("!") {
            return Ok(Field::Not(Box::new(self.nested(|p| p.field_unary())?)));
        }
        if self.take("-") {
            return Ok(Field::Negate(Box::new(self.nested(|p| p.field_unary())?)));
        }
        if self.take("(") {
            let inner = self.nested(|p| p.field(0))?;
            self.expect(")")?;
            return Ok(inner);
        }
        if let Some(literal) = self.literal() {
            self.at += 1;
            return Ok(Field::Static(literal));
        }
        match self.attribute()? {
            Some(attribute) => Ok(Field::Attribute(attribute)),
            None => self.fail("a value or an attribute"),
        }
    }

    pub(crate) fn literal(&self) -> Option<Static> {
        Some(match self.peek() {
            Token::String(s) => Static::String(s.clone()),
            Token::Int(i) => Static::Int(*i),
            Token::Float(f) => Static::Float(*f),
            Token::Duration(d) => Static::Duration(*d),
            Token::Word(w) => match w.as_str() {
                "nil" => Static::Nil,
                "true" => Static::Bool(true),
                "false" => Static::Bool(false),
                "minInt" => Static::Int(i64::MIN),
                "maxInt" => Static::Int(i64::MAX),
                "ok" => Static::Status(SpanStatus::Ok),
                "error" => Static::Status(SpanStatus::Error),
                "unset" => Static::Status(SpanStatus::Unset),
                "unspecified" => Static::Kind(SpanKind::Unspecified),
                "internal" => Static::Kind(SpanKind::Internal),
                "server" => Static::Kind(SpanKind::Server),
                "client" => Static::Kind(SpanKind::Client),
                "producer" => Static::Kind(SpanKind::Producer),
                "consumer" => Static::Kind(SpanKind::Consumer),
                _ => return None,
            },
            _ => return None,
        })
    }
}
