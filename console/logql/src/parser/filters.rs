//! Label filters. `and` binds tighter than `or`; a comma and mere adjacency are `and`.

use super::{Parsed, Parser};
use crate::{
    ast::BinaryOp,
    lexer::Token,
    stage::{LabelFilter, Quantity, TextTest},
};

impl Parser<'_> {
    pub(super) fn label_filter(&mut self) -> Parsed<LabelFilter> {
        let mut left = self.label_filter_all()?;
        while self.take_word("or") {
            left = LabelFilter::Or(Box::new(left), Box::new(self.label_filter_all()?));
        }
        Ok(left)
    }

    fn label_filter_all(&mut self) -> Parsed<LabelFilter> {
        let mut left = self.label_filter_one()?;
        loop {
            let joined = self.take_word("and") || self.take(",");
            let adjacent = match self.peek() {
                Token::Ident(w) => w != "or",
                Token::Symbol("(") => true,
                _ => false,
            };
            if !joined && !adjacent {
                return Ok(left);
            }
            left = LabelFilter::And(Box::new(left), Box::new(self.label_filter_one()?));
        }
    }

    fn label_filter_one(&mut self) -> Parsed<LabelFilter> {
        if self.take("(") {
            let inner = self.nested(|p| p.label_filter())?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.ident()?;
        let symbol = match self.peek() {
            Token::Symbol(s) => *s,
            _ => return self.unexpected("a comparison"),
        };
        let next = self.ahead(1).clone();
        if matches!(symbol, "=" | "!=") && matches!(&next, Token::Ident(w) if w == "ip") {
            self.at += 1;
            return Ok(LabelFilter::Ip { name, range: self.ip()?, wanted: symbol == "=" });
        }
        if matches!(next, Token::String(_))
            && let Some(test) = self.text_test()?
        {
            return Ok(LabelFilter::Text { name, test });
        }
        let op = match symbol {
            "=" | "==" => BinaryOp::Equal,
            "!=" => BinaryOp::NotEqual,
            "<" => BinaryOp::Less,
            "<=" => BinaryOp::LessEqual,
            ">" => BinaryOp::Greater,
            ">=" => BinaryOp::GreaterEqual,
            "=~" | "!~" => {
                self.at += 1;
                return self.unexpected("STRING");
            }
            _ => return self.unexpected("a comparison"),
        };
        self.at += 1;
        let negative = self.take("-");
        let (kind, than) = match *self.peek() {
            Token::Number(n) => (Quantity::Number, n),
            Token::Duration(ns) => (Quantity::Duration, ns as f64),
            Token::Bytes(n) => (Quantity::Bytes, n),
            _ => return self.unexpected("NUMBER, DURATION or BYTES"),
        };
        self.at += 1;
        Ok(LabelFilter::Quantity { name, op, kind, than: if negative { -than } else { than } })
    }

    /// `= "x"`, `!~ "x"` and so on, if one stands here.
    pub(super) fn text_test(&mut self) -> Parsed<Option<TextTest>> {
        let Token::Symbol(symbol @ ("=" | "!=" | "=~" | "!~")) = *self.peek() else { return Ok(None) };
        self.at += 1;
        let anchored = |pattern: &str| format!("^(?s:{pattern})$");
        Ok(Some(match symbol {
            "=" => TextTest::Equal(self.string()?),
            "!=" => TextTest::NotEqual(self.string()?),
            "=~" => TextTest::Regex(self.regex_of(anchored)?),
            _ => TextTest::NotRegex(self.regex_of(anchored)?),
        }))
    }
}
