//! Modifiers of binary operators: `bool`, `on`, `ignoring`, `group_left`, `group_right`.

use super::{ParseError, Parser, Token};
use crate::ast::{BinaryOp, Cardinality, Matching};

impl Parser<'_> {
    pub(super) fn binary_modifiers(&mut self, op: BinaryOp) -> Result<(bool, Matching), ParseError> {
        let bool_span = self.span();
        let return_bool = self.take_keyword("bool");
        if return_bool && !op.is_comparison() {
            return self.fail(bool_span, "bool modifier can only be used on comparison operators");
        }
        let mut matching = Matching::default();
        let on = self.is_keyword("on");
        if (on || self.is_keyword("ignoring")) && self.peek_after() == &Token::LeftParen {
            self.advance();
            matching.on = on;
            matching.labels = self.label_list()?;
            for (keyword, cardinality) in
                [("group_left", Cardinality::ManyToOne), ("group_right", Cardinality::OneToMany)]
            {
                let span = self.span();
                if !self.take_keyword(keyword) {
                    continue;
                }
                if op.is_set() {
                    let message = format!("no grouping allowed for {:?} operation", op.symbol());
                    return self.fail(span, message);
                }
                matching.cardinality = cardinality;
                if self.peek() == &Token::LeftParen {
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
        self.expect(&Token::LeftParen, "", "")?;
        let is_negative = self.peek() == &Token::Minus;
        if is_negative || self.peek() == &Token::Plus {
            self.advance();
        }
        let value = match self.peek() {
            Token::Number(v) => *v,
            Token::Duration(ms) => *ms as f64 / 1000.0,
            _ => return Err(self.unexpected("", "")),
        };
        self.advance();
        self.expect(&Token::RightParen, "", "")?;
        Ok(if is_negative { -value } else { value })
    }

    /// `(a, b, "c d")`, with a comma allowed at the end.
    pub(super) fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        const CONTEXT: &str = "grouping opts";
        self.expect(&Token::LeftParen, CONTEXT, "\"(\"")?;
        let mut labels = Vec::new();
        while self.peek() != &Token::RightParen {
            let (before, span) = (self.at, self.span());
            match self.advance().0 {
                Token::Word => {
                    let name = &self.text[span.start..span.end];
                    // Of all keywords only `without` names no label (`maybe_label` in Prometheus' grammar).
                    if name.contains(':') || name.eq_ignore_ascii_case("without") {
                        self.at = before;
                        return Err(self.unexpected(CONTEXT, "label"));
                    }
                    labels.push(name.to_owned());
                }
                Token::Text(bytes) => match String::from_utf8(bytes) {
                    Ok(name) if !name.is_empty() => labels.push(name),
                    _ => return self.fail(span, "invalid label name"),
                },
                _ => {
                    self.at = before;
                    return Err(self.unexpected(CONTEXT, "label"));
                }
            }
            if self.peek() != &Token::RightParen {
                self.expect(&Token::Comma, CONTEXT, "\",\" or \")\"")?;
            }
        }
        self.advance();
        Ok(labels)
    }
}
