//! Operands: literals, selectors, calls, aggregations, parentheses, signs.

use super::{POWER, ParseError, Parser, Token, token::is_keyword};
use crate::{
    ast::{Aggregate, AggregateOp, Expr, ExprKind, Grouping, StringLiteral},
    function::Function,
    gofmt,
    position::Span,
};

/// Keywords that name no metric, other than `sum`, `by`, `and`, `offset` and the rest (`metric_identifier` in Prometheus'
/// grammar, promql/parser/generated_parser.y).
const NEVER_METRICS: [&str; 6] = ["bool", "on", "ignoring", "group_left", "group_right", "atan2"];

impl Parser<'_> {
    pub(super) fn operand(&mut self) -> Result<Expr, ParseError> {
        let span = self.span();
        if matches!(self.peek(), Token::Plus | Token::Minus) {
            return self.signed();
        }
        let expr = match self.peek().clone() {
            Token::Number(n) => {
                self.advance();
                Expr { kind: ExprKind::Number(n), span }
            }
            Token::Duration(ms) => {
                self.advance();
                Expr { kind: ExprKind::Number(ms as f64 / 1000.0), span }
            }
            Token::Text(bytes) => {
                self.advance();
                Expr { kind: ExprKind::String(literal(bytes)), span }
            }
            Token::LeftParen => {
                self.advance();
                let inner = self.expr(0)?;
                self.expect(&Token::RightParen)?;
                Expr { kind: ExprKind::Paren(Box::new(inner)), span: Span::new(span.start, self.last_end()) }
            }
            Token::LeftBrace => self.selector(None, span.start)?,
            Token::Word => self.named()?,
            _ => return Err(self.unexpected()),
        };
        self.suffixes(expr)
    }

    fn signed(&mut self) -> Result<Expr, ParseError> {
        let (sign, span) = self.advance();
        let inner = self.expr(POWER)?;
        let span = Span::new(span.start, inner.span.end);
        let negative = sign == Token::Minus;
        let kind = match inner.kind {
            ExprKind::Number(n) => ExprKind::Number(if negative { -n } else { n }),
            _ if negative => ExprKind::Negate(Box::new(inner)),
            _ => ExprKind::Plus(Box::new(inner)),
        };
        Ok(Expr { kind, span })
    }

    /// What starts with a word: an aggregation, a call, or a metric's name.
    fn named(&mut self) -> Result<Expr, ParseError> {
        let span = self.span();
        let name = self.text[span.start..span.end].to_owned();
        let lower = name.to_ascii_lowercase();
        let next_is_paren = self.peek_after() == &Token::LeftParen;
        if let Some(op) = AggregateOp::ALL.into_iter().find(|op| op.name() == lower)
            && (next_is_paren || self.is_grouping_next())
        {
            return self.aggregate(op);
        }
        if NEVER_METRICS.contains(&lower.as_str()) {
            return Err(self.unexpected());
        }
        if next_is_paren && !is_keyword(&lower) && !name.contains(':') {
            return self.call(&name);
        }
        self.advance();
        self.selector(Some(name), span.start)
    }

    /// Whether `by` or `without` follows the next token.
    fn is_grouping_next(&self) -> bool {
        let word = self.tokens.get(self.at + 1).filter(|(t, _)| *t == Token::Word);
        word.is_some_and(|(_, s)| {
            let word = &self.text[s.start..s.end];
            word.eq_ignore_ascii_case("by") || word.eq_ignore_ascii_case("without")
        })
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = self.is_keyword("without");
        if !without && !self.is_keyword("by") {
            return Ok(None);
        }
        self.advance();
        let written = self.label_list()?;
        let mut labels = written.clone();
        labels.sort();
        labels.dedup();
        Ok(Some(Grouping { without, labels, written }))
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<Expr, ParseError> {
        let (_, start) = self.advance();
        self.within(("aggregation", ""), |p| p.aggregate_behind(op, start))
    }

    /// What follows the name of an aggregation.
    fn aggregate_behind(&mut self, op: AggregateOp, start: Span) -> Result<Expr, ParseError> {
        let before = self.grouping()?;
        let mut args = self.arguments()?;
        let mut end = self.last_end();
        let grouping = match before {
            Some(g) => g,
            None => match self.grouping()? {
                Some(g) => {
                    end = self.last_end();
                    g
                }
                None => {
                    self.look();
                    Grouping::default()
                }
            },
        };
        let span = Span::new(start.start, end);
        let wanted = 1 + usize::from(op.parameter().is_some());
        if args.is_empty() {
            self.note(span, "no arguments for aggregate expression provided");
        } else if op.is_experimental() && !self.options.experimental {
            let name = op.name();
            self.note(
                span,
                format!(
                    "{name}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
                ),
            );
        } else if args.len() != wanted {
            let got = args.len();
            self.note(
                span,
                format!(
                    "wrong number of arguments for aggregate expression provided, expected {wanted}, got {got}"
                ),
            );
        }
        let Some(expr) = args.pop() else { return Ok(nothing(span)) };
        let aggregate = Aggregate { op, grouping, parameter: args.pop(), expr };
        Ok(Expr { kind: ExprKind::Aggregate(Box::new(aggregate)), span })
    }

    fn call(&mut self, name: &str) -> Result<Expr, ParseError> {
        let (_, start) = self.advance();
        let args = self.arguments()?;
        let span = Span::new(start.start, self.last_end());
        let Some(function) = Function::find(name) else {
            self.note(start, format!("unknown function with name {}", gofmt::quote(name.as_bytes())));
            return Ok(nothing(span));
        };
        if function.signature().is_experimental && !self.options.experimental {
            self.note(start, format!("function {name:?} is not enabled"));
        }
        Ok(Expr { kind: ExprKind::Call { function, args }, span })
    }

    fn arguments(&mut self) -> Result<Vec<Expr>, ParseError> {
        self.expect(&Token::LeftParen)?;
        let mut args = Vec::new();
        if self.peek() != &Token::RightParen {
            args.push(self.expr(0)?);
            while self.peek() == &Token::Comma {
                let (_, comma) = self.advance();
                self.look();
                if self.starts_operand() {
                    args.push(self.expr(0)?);
                } else {
                    self.note(comma, "trailing commas not allowed in function call args");
                }
            }
        }
        self.expect(&Token::RightParen)?;
        Ok(args)
    }

    pub(super) fn starts_operand(&self) -> bool {
        match self.peek() {
            Token::Word => {
                !self.word().is_some_and(|w| NEVER_METRICS.contains(&w.to_ascii_lowercase().as_str()))
            }
            Token::Number(_)
            | Token::Duration(_)
            | Token::Text(_)
            | Token::LeftParen
            | Token::LeftBrace
            | Token::Plus
            | Token::Minus => true,
            _ => false,
        }
    }
}

/// Stands for what was noted to be wrong.
fn nothing(span: Span) -> Expr {
    Expr { kind: ExprKind::Number(0.0), span }
}

fn literal(bytes: Vec<u8>) -> StringLiteral {
    match String::from_utf8(bytes) {
        Ok(value) => StringLiteral { value, raw: None },
        Err(e) => StringLiteral {
            value: String::from_utf8_lossy(e.as_bytes()).into_owned(),
            raw: Some(e.into_bytes().into()),
        },
    }
}
