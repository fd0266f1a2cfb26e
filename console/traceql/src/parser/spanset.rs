//! Expressions over sets of spans.

use super::Parser;
use crate::{ast::*, error::Error, lexer::Token};

impl Parser<'_> {
    pub(crate) fn spanset(&mut self, level: usize) -> Result<Spanset, Error> {
        const LEVELS: usize = 2;
        if level == LEVELS {
            return self.spanset_primary();
        }
        let mut left = self.spanset(level + 1)?;
        while let Some(op) = self.spanset_op(level) {
            self.at += 1;
            let right = self.spanset(level + 1)?;
            left = Spanset::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    pub(crate) fn spanset_op(&self, level: usize) -> Option<SpansetOp> {
        let Token::Symbol(symbol) = self.peek() else { return None };
        if level == 0 {
            return match *symbol {
                "&&" => Some(SpansetOp::And),
                "||" => Some(SpansetOp::Or),
                _ => None,
            };
        }
        let (mode, rest) = match symbol.as_bytes().first() {
            Some(b'!') => (Mode::Negated, &symbol[1..]),
            Some(b'&') => (Mode::Union, &symbol[1..]),
            _ => (Mode::Plain, *symbol),
        };
        let relation = match rest {
            ">" => Relation::Child,
            ">>" => Relation::Descendant,
            "<" => Relation::Parent,
            "<<" => Relation::Ancestor,
            "~" => Relation::Sibling,
            _ => return None,
        };
        Some(SpansetOp::Structural { relation, mode })
    }

    pub(crate) fn spanset_primary(&mut self) -> Result<Spanset, Error> {
        if self.take("{") {
            if self.take("}") {
                return Ok(Spanset::Filter(None));
            }
            let field = self.field(0)?;
            self.expect("}")?;
            return Ok(Spanset::Filter(Some(field)));
        }
        if !self.take("(") {
            return self.fail("\"{\" or \"(\"");
        }
        let mut stages = self.nested(|p| p.pipeline())?;
        self.expect(")")?;
        if stages.len() == 1 && matches!(stages[0], Stage::Spansets(_)) {
            let Some(Stage::Spansets(only)) = stages.pop() else { return self.fail("a spanset") };
            return Ok(only);
        }
        Ok(Spanset::Pipeline(stages))
    }
}
