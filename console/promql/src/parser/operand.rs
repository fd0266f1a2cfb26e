//! Operands: literals, selectors, calls, aggregations, parentheses, signs.

use super::{POWER, ParseError, Parser, Token};
use crate::{
    ast::{Aggregate, AggregateOp, Expr, ExprKind, Grouping, StringLiteral},
    function::Function,
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
                self.expect(&Token::RightParen, "paren expression", "\")\"")?;
                Expr { kind: ExprKind::Paren(Box::new(inner)), span: Span::new(span.start, self.last_end()) }
            }
            Token::LeftBrace => self.selector(None, span.start)?,
            Token::Word => self.named()?,
            _ => return Err(self.unexpected("", "")),
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
        if next_is_paren {
            return self.call(&name);
        }
        if NEVER_METRICS.contains(&lower.as_str()) {
            return Err(self.unexpected("", ""));
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
        let mut labels = self.label_list()?;
        labels.sort();
        labels.dedup();
        Ok(Some(Grouping { without, labels }))
    }

    fn aggregate(&mut self, op: AggregateOp) -> Result<Expr, ParseError> {
        let (_, start) = self.advance();
        let before = self.grouping()?;
        let mut args = self.arguments("aggregation")?;
        let grouping = match before {
            Some(g) => g,
            None => self.grouping()?.unwrap_or_default(),
        };
        let span = Span::new(start.start, self.last_end());
        if op.is_experimental() && !self.options.experimental {
            let message = format!(
                "{}() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
                op.name()
            );
            return self.fail(span, message);
        }
        let wanted = 1 + usize::from(op.parameter().is_some());
        if args.is_empty() {
            return self.fail(span, "no arguments for aggregate expression provided");
        }
        if args.len() != wanted {
            let message = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                args.len()
            );
            return self.fail(span, message);
        }
        let (parameter, expr) = match (args.pop(), args.pop()) {
            (Some(expr), parameter) => (parameter, expr),
            (None, _) => return self.fail(span, "no arguments for aggregate expression provided"),
        };
        let aggregate = Aggregate { op, grouping, parameter, expr };
        Ok(Expr { kind: ExprKind::Aggregate(Box::new(aggregate)), span })
    }

    fn call(&mut self, name: &str) -> Result<Expr, ParseError> {
        let (_, start) = self.advance();
        let Some(function) = Function::find(name) else {
            return self.fail(start, format!("unknown function with name {name:?}"));
        };
        if function.signature().is_experimental && !self.options.experimental {
            let message = format!("function {name:?} is not enabled");
            return self.fail(start, message);
        }
        let args = self.arguments("function call")?;
        let span = Span::new(start.start, self.last_end());
        Ok(Expr { kind: ExprKind::Call { function, args }, span })
    }

    fn arguments(&mut self, context: &str) -> Result<Vec<Expr>, ParseError> {
        self.expect(&Token::LeftParen, context, "\"(\"")?;
        let mut args = Vec::new();
        if self.peek() != &Token::RightParen {
            loop {
                args.push(self.expr(0)?);
                if self.peek() != &Token::Comma {
                    break;
                }
                let (_, comma) = self.advance();
                if self.peek() == &Token::RightParen {
                    return self.fail(comma, "trailing commas not allowed in function call args");
                }
            }
        }
        self.expect(&Token::RightParen, context, "\",\" or \")\"")?;
        Ok(args)
    }
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
