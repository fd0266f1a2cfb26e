//! Series selectors and what may follow an operand: ranges, subqueries, `offset`, `@`.

use console_model::{MatchOp, Matcher, labels::METRIC_NAME};

use super::{ParseError, Parser, Token};
use crate::{
    ast::{At, Expr, ExprKind, Selector, Subquery},
    position::Span,
};

impl Parser<'_> {
    /// A selector; the name before the braces, if any, was taken.
    pub(super) fn selector(&mut self, name: Option<String>, start: usize) -> Result<Expr, ParseError> {
        let mut matchers = if self.peek() == &Token::LeftBrace { self.matchers()? } else { Vec::new() };
        let span = Span::new(start, self.last_end());
        match &name {
            Some(name) => {
                if let Some(m) = matchers.iter().find(|m| m.name == METRIC_NAME) {
                    let message = format!("metric name must not be set twice: {name:?} or {:?}", m.value);
                    return self.fail(span, message);
                }
                matchers.push(Matcher::equal(METRIC_NAME, name));
            }
            None => {
                if !matchers.iter().any(|m| !matches_empty(m)) {
                    return self.fail(span, "vector selector must contain at least one non-empty matcher");
                }
            }
        }
        let selector = Selector { name, matchers, offset_ms: 0, at: None };
        Ok(Expr { kind: ExprKind::Selector(selector), span })
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>, ParseError> {
        const CONTEXT: &str = "label matching";
        self.expect(&Token::LeftBrace, CONTEXT, "\"{\"")?;
        let mut out = Vec::new();
        while self.peek() != &Token::RightBrace {
            let span = self.span();
            let (name, quoted) = match self.advance().0 {
                Token::Word => (self.text[span.start..span.end].to_owned(), false),
                Token::Text(bytes) => match String::from_utf8(bytes) {
                    Ok(name) => (name, true),
                    Err(_) => return self.fail(span, "invalid label name"),
                },
                _ => {
                    self.at -= 1;
                    return Err(self.unexpected(CONTEXT, "identifier or \"}\""));
                }
            };
            let op = match self.peek() {
                Token::Assign => MatchOp::Equal,
                Token::NotEqual => MatchOp::NotEqual,
                Token::EqualRegex => MatchOp::Regex,
                Token::NotRegex => MatchOp::NotRegex,
                // `{"name"}` selects by the metric's name.
                Token::Comma | Token::RightBrace if quoted => {
                    out.push(Matcher::equal(METRIC_NAME, name));
                    self.comma(CONTEXT)?;
                    continue;
                }
                _ => return Err(self.unexpected(CONTEXT, "label matching operator")),
            };
            self.advance();
            let value_span = self.span();
            let Token::Text(bytes) = self.advance().0 else {
                self.at -= 1;
                return Err(self.unexpected(CONTEXT, "string"));
            };
            let Ok(value) = String::from_utf8(bytes) else {
                return self.fail(value_span, "invalid UTF-8 in label value");
            };
            if matches!(op, MatchOp::Regex | MatchOp::NotRegex)
                && let Err(e) = regex::Regex::new(&format!("^(?s:{value})$"))
            {
                return self.fail(span.to(value_span), format!("error parsing regexp: {e}"));
            }
            out.push(Matcher { name, op, value });
            self.comma(CONTEXT)?;
        }
        self.advance();
        Ok(out)
    }

    fn comma(&mut self, context: &str) -> Result<(), ParseError> {
        if self.peek() != &Token::RightBrace {
            self.expect(&Token::Comma, context, "\",\" or \"}\"")?;
        }
        Ok(())
    }

    /// Ranges, subqueries and modifiers behind an operand.
    pub(super) fn suffixes(&mut self, mut expr: Expr) -> Result<Expr, ParseError> {
        let mut count = 0;
        loop {
            count += 1;
            if count > super::MAX_DEPTH {
                return self.fail(self.span(), "too many modifiers");
            }
            if self.peek() == &Token::LeftBracket {
                expr = self.brackets(expr)?;
            } else if self.take_keyword("offset") {
                let offset_ms = self.signed_duration("offset")?;
                self.set_offset(&mut expr, offset_ms)?;
                expr.span.end = self.last_end();
            } else if self.peek() == &Token::At {
                self.advance();
                let at = self.at_moment()?;
                self.set_at(&mut expr, at)?;
                expr.span.end = self.last_end();
            } else if self.is_keyword("anchored") || self.is_keyword("smoothed") {
                let name = self.word().unwrap_or_default();
                return self.unsupported(self.span(), &format!("modifier {name:?}"));
            } else {
                return Ok(expr);
            }
        }
    }

    fn brackets(&mut self, expr: Expr) -> Result<Expr, ParseError> {
        self.advance();
        let range_span = self.span();
        let range_ms = self.duration("range")?;
        if range_ms <= 0 {
            return self.fail(range_span, "duration must be greater than 0");
        }
        if self.peek() == &Token::RightBracket {
            self.advance();
            let span = Span::new(expr.span.start, self.last_end());
            return match expr.kind {
                ExprKind::Selector(selector) => {
                    if selector.offset_ms != 0 {
                        return self.fail(span, "no offset modifiers allowed before range");
                    }
                    if selector.at.is_some() {
                        return self.fail(span, "no @ modifiers allowed before range");
                    }
                    Ok(Expr { kind: ExprKind::Range { selector, range_ms }, span })
                }
                _ => self.fail(expr.span, "ranges only allowed for vector selectors"),
            };
        }
        self.expect(&Token::Colon, "subquery or range", "\":\" or \"]\"")?;
        let step_ms = if self.peek() == &Token::RightBracket {
            None
        } else {
            let step_span = self.span();
            let step = self.duration("subquery")?;
            if step <= 0 {
                return self.fail(step_span, "duration must be greater than 0");
            }
            Some(step)
        };
        self.expect(&Token::RightBracket, "subquery selector", "\"]\"")?;
        let span = Span::new(expr.span.start, self.last_end());
        let subquery = Subquery { expr, range_ms, step_ms, offset_ms: 0, at: None };
        Ok(Expr { kind: ExprKind::Subquery(Box::new(subquery)), span })
    }

    /// A duration, or a number of seconds.
    fn duration(&mut self, context: &str) -> Result<i64, ParseError> {
        let span = self.span();
        let ms = match self.advance().0 {
            Token::Duration(ms) => ms,
            Token::Number(seconds) => {
                let ms = seconds * 1000.0;
                if !ms.is_finite() || ms.abs() > (i64::MAX / 1_000_000) as f64 {
                    return self.fail(span, "duration out of range");
                }
                ms.round() as i64
            }
            Token::LeftParen => return self.unsupported(span, "a duration expression"),
            _ => {
                self.at -= 1;
                return Err(self.unexpected(context, "number, duration, step(), or range()"));
            }
        };
        if self.binary_op().is_some() && context != "offset" {
            return self.unsupported(self.span(), "a duration expression");
        }
        Ok(ms)
    }

    fn signed_duration(&mut self, context: &str) -> Result<i64, ParseError> {
        match self.peek() {
            Token::Minus => {
                self.advance();
                self.duration(context).map(|ms| -ms)
            }
            Token::Plus => {
                self.advance();
                self.duration(context)
            }
            _ => self.duration(context),
        }
    }

    fn at_moment(&mut self) -> Result<At, ParseError> {
        for (keyword, at) in [("start", At::Start), ("end", At::End)] {
            if self.take_keyword(keyword) {
                self.expect(&Token::LeftParen, "@", "\"(\"")?;
                self.expect(&Token::RightParen, "@", "\")\"")?;
                return Ok(at);
            }
        }
        let negative = self.peek() == &Token::Minus;
        if negative || self.peek() == &Token::Plus {
            self.advance();
        }
        let span = self.span();
        let seconds = match self.advance().0 {
            Token::Number(n) => n,
            Token::Duration(ms) => ms as f64 / 1000.0,
            _ => {
                self.at -= 1;
                return Err(self.unexpected("@", "timestamp"));
            }
        };
        let seconds = if negative { -seconds } else { seconds };
        if !seconds.is_finite() || seconds.abs() >= i64::MAX as f64 / 1000.0 {
            return self.fail(span, format!("timestamp out of bounds for @ modifier: {seconds:.6}"));
        }
        Ok(At::Time((seconds * 1000.0).round() as i64))
    }

    fn set_offset(&self, expr: &mut Expr, ms: i64) -> Result<(), ParseError> {
        let span = expr.span;
        let slot = match &mut expr.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => &mut s.offset_ms,
            ExprKind::Subquery(s) => &mut s.offset_ms,
            _ => {
                return self.fail(
                    span,
                    "offset modifier must be preceded by an instant vector selector or range vector selector or a \
                     subquery",
                );
            }
        };
        if *slot != 0 {
            return self.fail(span, "offset may not be set multiple times");
        }
        *slot = ms;
        Ok(())
    }

    fn set_at(&self, expr: &mut Expr, at: At) -> Result<(), ParseError> {
        let span = expr.span;
        let slot = match &mut expr.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => &mut s.at,
            ExprKind::Subquery(s) => &mut s.at,
            _ => {
                return self.fail(
                    span,
                    "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
                );
            }
        };
        if slot.is_some() {
            return self.fail(span, "@ <timestamp> may not be set multiple times");
        }
        *slot = Some(at);
        Ok(())
    }
}

/// Whether a series without the label would match.
fn matches_empty(m: &Matcher) -> bool {
    let hit = match m.op {
        MatchOp::Equal | MatchOp::NotEqual => m.value.is_empty(),
        MatchOp::Regex | MatchOp::NotRegex => {
            regex::Regex::new(&format!("^(?s:{})$", m.value)).is_ok_and(|r| r.is_match(""))
        }
    };
    hit != matches!(m.op, MatchOp::NotEqual | MatchOp::NotRegex)
}
