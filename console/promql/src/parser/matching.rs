//! Modifiers of binary operators: `bool`, `on`, `ignoring`, `group_left`, `group_right`.

use super::{ParseError, Parser, Token};
use crate::{
    ast::{Cardinality, Matching},
    gofmt,
};

impl Parser<'_> {
    pub(super) fn binary_modifiers(&mut self) -> Result<(bool, Matching), ParseError> {
        let return_bool = self.take_keyword("bool");
        let mut matching = Matching::default();
        let on = self.is_keyword("on");
        if on || self.is_keyword("ignoring") {
            self.advance();
            matching.on = on;
            matching.labels = self.label_list()?;
            for (keyword, cardinality) in
                [("group_left", Cardinality::ManyToOne), ("group_right", Cardinality::OneToMany)]
            {
                if !self.take_keyword(keyword) {
                    continue;
                }
                matching.cardinality = cardinality;
                if self.peek() == &Token::LeftParen || !self.starts_operand() {
                    matching.include = self.label_list()?;
                }
                break;
            }
        }
        self.fill_modifiers(&mut matching)?;
        Ok((return_bool, matching))
    }

    /// `fill(0)`, or `fill_left(0)` and `fill_right(0)` in any order. Without a parenthesis these words are metrics.
    fn fill_modifiers(&mut self, matching: &mut Matching) -> Result<(), ParseError> {
        let is_next = |p: &Self, name: &str| p.is_keyword(name) && p.peek_after() == &Token::LeftParen;
        if is_next(self, "fill") {
            let value = self.fill_value()?;
            (matching.fill_left, matching.fill_right) = (Some(value), Some(value));
            return Ok(());
        }
        loop {
            if matching.fill_left.is_none() && is_next(self, "fill_left") {
                matching.fill_left = Some(self.fill_value()?);
            } else if matching.fill_right.is_none() && is_next(self, "fill_right") {
                matching.fill_right = Some(self.fill_value()?);
            } else {
                return Ok(());
            }
        }
    }

    fn fill_value(&mut self) -> Result<f64, ParseError> {
        self.advance();
        self.expect(&Token::LeftParen)?;
        let is_negative = self.peek() == &Token::Minus;
        if is_negative || self.peek() == &Token::Plus {
            self.advance();
        }
        let value = match self.peek() {
            Token::Number(v) => *v,
            Token::Duration(ms) => *ms as f64 / 1000.0,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        self.expect(&Token::RightParen)?;
        Ok(if is_negative { -value } else { value })
    }

    /// `(a, b, "c d")`, with a comma allowed at the end.
    pub(super) fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        const CONTEXT: &str = "grouping opts";
        if self.peek() != &Token::LeftParen {
            return Err(self.unexpected_in(CONTEXT, "\"(\""));
        }
        self.advance();
        let mut labels = Vec::new();
        while self.peek() != &Token::RightParen {
            let span = self.span();
            let name = match self.peek().clone() {
                // Of all keywords only `without` names no label (`maybe_label` in Prometheus' grammar).
                Token::Word if !self.is_keyword("without") => {
                    self.advance();
                    self.text.as_bytes()[span.start..span.end].to_vec()
                }
                Token::Text(bytes) => {
                    self.advance();
                    bytes
                }
                _ => return Err(self.unexpected_in(CONTEXT, "label")),
            };
            if name.is_empty() || std::str::from_utf8(&name).is_err() {
                self.note(span, format!("invalid label name for grouping: {}", gofmt::quote(&name)));
            }
            labels.push(String::from_utf8_lossy(&name).into_owned());
            match self.peek() {
                Token::RightParen => {}
                Token::Comma => {
                    self.advance();
                }
                _ => return Err(self.unexpected_in(CONTEXT, "\",\" or \")\"")),
            }
        }
        self.advance();
        Ok(labels)
    }
}
