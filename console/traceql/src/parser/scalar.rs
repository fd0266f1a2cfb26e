//! Numbers of spansets: aggregates, their arithmetic and comparisons.

use super::Parser;
use crate::{ast::*, error::Error, lexer::Token};

impl Parser<'_> {
    pub(crate) fn scalar_parenthesis(&self) -> bool {
        let inside = self.tokens[self.at..].iter().find(|t| t.token != Token::Symbol("("));
        match inside.map(|t| &t.token) {
            Some(Token::Word(w)) => aggregate(w).is_some() && !self.parenthesis_holds_pipeline(),
            Some(Token::Int(_) | Token::Float(_) | Token::Duration(_) | Token::Symbol("-")) => true,
            _ => false,
        }
    }

    pub(crate) fn parenthesis_holds_pipeline(&self) -> bool {
        let mut depth = 0;
        for t in &self.tokens[self.at..] {
            match t.token {
                Token::Symbol("(" | "{") => depth += 1,
                Token::Symbol(")" | "}") => {
                    depth -= 1;
                    if depth == 0 {
                        return false;
                    }
                }
                Token::Symbol("|") if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }

    pub(crate) fn scalar_filter(&mut self) -> Result<Stage, Error> {
        let left = self.scalar(0)?;
        let Some(op) = self.comparison() else { return self.fail("a comparison") };
        if !has_aggregate(&left) {
            return self.fail("an aggregate on the left of the comparison");
        }
        self.at += 1;
        let right = self.scalar(0)?;
        Ok(Stage::Scalar { left, op, right })
    }

    /// The comparison of numbers that comes next; not taken.
    pub(crate) fn comparison(&self) -> Option<Op> {
        Some(match self.peek() {
            Token::Symbol("=") => Op::Equal,
            Token::Symbol("!=") => Op::NotEqual,
            Token::Symbol("<") => Op::Less,
            Token::Symbol("<=") => Op::LessEqual,
            Token::Symbol(">") => Op::Greater,
            Token::Symbol(">=") => Op::GreaterEqual,
            _ => return None,
        })
    }

    pub(crate) fn scalar(&mut self, level: u8) -> Result<Scalar, Error> {
        let mut left = match level {
            0 | 1 => self.scalar(level + 1)?,
            _ => self.scalar_power()?,
        };
        while let Some(op) = self.arithmetic_op(level) {
            self.at += 1;
            let right = if level >= 1 { self.scalar_power()? } else { self.scalar(level + 1)? };
            left = Scalar::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    pub(crate) fn arithmetic_op(&self, level: u8) -> Option<Op> {
        match (level, self.peek()) {
            (0, Token::Symbol("+")) => Some(Op::Add),
            (0, Token::Symbol("-")) => Some(Op::Sub),
            (1, Token::Symbol("*")) => Some(Op::Mul),
            (1, Token::Symbol("/")) => Some(Op::Div),
            (1, Token::Symbol("%")) => Some(Op::Mod),
            _ => None,
        }
    }

    pub(crate) fn scalar_power(&mut self) -> Result<Scalar, Error> {
        let base = self.scalar_primary()?;
        if self.take("^") {
            let right = self.nested(|p| p.scalar_power())?;
            return Ok(Scalar::Binary { op: Op::Pow, left: Box::new(base), right: Box::new(right) });
        }
        Ok(base)
    }

    pub(crate) fn scalar_primary(&mut self) -> Result<Scalar, Error> {
        let negative = self.take("-");
        let sign = if negative { -1 } else { 1 };
        let number = match *self.peek() {
            Token::Int(i) => Some(Static::Int(sign * i)),
            Token::Float(f) => Some(Static::Float(sign as f64 * f)),
            Token::Duration(d) => Some(Static::Duration(sign * d)),
            _ => None,
        };
        if let Some(number) = number {
            self.at += 1;
            return Ok(Scalar::Static(number));
        }
        if negative {
            return self.fail("a number");
        }
        if self.take("(") {
            let inner = self.nested(|p| p.scalar(0))?;
            self.expect(")")?;
            return Ok(inner);
        }
        let function = match self.peek() {
            Token::Word(w) => aggregate(w),
            _ => None,
        };
        let Some(function) = function else { return self.fail("an aggregate or a number") };
        self.at += 1;
        self.expect("(")?;
        let of = if function == Aggregate::Count { None } else { Some(self.field(0)?) };
        self.expect(")")?;
        Ok(Scalar::Aggregate { function, of })
    }
}

fn has_aggregate(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Aggregate { .. } => true,
        Scalar::Static(_) => false,
        Scalar::Binary { left, right, .. } => has_aggregate(left) || has_aggregate(right),
    }
}

fn aggregate(word: &str) -> Option<Aggregate> {
    Some(match word {
        "count" => Aggregate::Count,
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "sum" => Aggregate::Sum,
        _ => return None,
    })
}
