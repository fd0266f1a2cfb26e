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
        for keyword in ["fill", "fill_left", "fill_right"] {
            if self.is_keyword(keyword) && self.peek_after() == &Token::LeftParen {
                return self.unsupported(self.span(), &format!("modifier {keyword:?}"));
            }
        }
        Ok((return_bool, matching))
    }

    /// `(a, b, "c d")`, with a comma allowed at the end.
    pub(super) fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        const CONTEXT: &str = "grouping opts";
        self.expect(&Token::LeftParen, CONTEXT, "\"(\"")?;
        let mut labels = Vec::new();
        while self.peek() != &Token::RightParen {
            let span = self.span();
            match self.advance().0 {
                Token::Word => {
                    let name = &self.text[span.start..span.end];
                    // Of all keywords only `without` names no label (`maybe_label` in Prometheus' grammar).
                    if name.contains(':') || name.eq_ignore_ascii_case("without") {
                        return self.fail(span, format!("unexpected {name:?} in {CONTEXT}, expected label"));
                    }
                    labels.push(name.to_owned());
                }
                Token::Text(bytes) => match String::from_utf8(bytes) {
                    Ok(name) if !name.is_empty() => labels.push(name),
                    _ => return self.fail(span, "invalid label name"),
                },
                _ => {
                    self.at -= 1;
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
