//! Series selectors and what may follow an operand: ranges, subqueries, `offset`, `@`.

use console_model::{MatchOp, Matcher, labels::METRIC_NAME};

use super::{
    ParseError, Parser, Token,
    duration::{DURATION, Duration},
};
use crate::{
    ast::{At, Expr, ExprKind, Extent, Selector, Subquery},
    gofmt,
    position::Span,
    regexp,
};

impl Parser<'_> {
    /// A selector; the name before the braces, if any, was taken.
    pub(super) fn selector(&mut self, name: Option<String>, start: usize) -> Result<Expr, ParseError> {
        let mut matchers = if self.peek() == &Token::LeftBrace { self.matchers()? } else { Vec::new() };
        let span = Span::new(start, self.last_end());
        if let Some(name) = &name {
            matchers.push(Matcher::equal(METRIC_NAME, name));
        }
        let selector = Selector { name, matchers, ..Selector::default() };
        Ok(Expr { kind: ExprKind::Selector(selector), span })
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>, ParseError> {
        const CONTEXT: &str = "label matching";
        self.expect(&Token::LeftBrace, CONTEXT, "\"{\"")?;
        let mut out = Vec::new();
        while self.peek() != &Token::RightBrace {
            let (before, span) = (self.at, self.span());
            let (name, quoted) = match self.advance().0 {
                Token::Word => (self.text[span.start..span.end].to_owned(), false),
                Token::Text(bytes) => match String::from_utf8(bytes) {
                    Ok(name) => (name, true),
                    Err(_) => return self.fail(span, "invalid label name"),
                },
                _ => {
                    self.at = before;
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
            let (before, value_span) = (self.at, self.span());
            let Token::Text(bytes) = self.advance().0 else {
                self.at = before;
                return Err(self.unexpected(CONTEXT, "string"));
            };
            let Ok(value) = String::from_utf8(bytes) else {
                return self.fail(value_span, "invalid UTF-8 in label value");
            };
            if matches!(op, MatchOp::Regex | MatchOp::NotRegex)
                && let Err(e) = regexp::anchored(&value)
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
                let offset = self.offset_duration()?;
                self.set_offset(&mut expr, offset)?;
                expr.span.end = self.last_end();
            } else if self.peek() == &Token::At {
                self.advance();
                let at = self.at_moment(expr.span)?;
                self.set_at(&mut expr, at)?;
                expr.span.end = self.last_end();
            } else if self.take_keyword("anchored") {
                self.set_extent(&mut expr, Extent::Anchored)?;
            } else if self.take_keyword("smoothed") {
                self.set_extent(&mut expr, Extent::Smoothed)?;
            } else {
                return Ok(expr);
            }
        }
    }

    fn brackets(&mut self, expr: Expr) -> Result<Expr, ParseError> {
        let (_, bracket) = self.advance();
        let (range_ms, range) = self.positive_duration("subquery or range selector", DURATION)?.split();
        if self.peek() == &Token::RightBracket {
            self.advance();
            let brackets = Span::new(bracket.start, self.last_end());
            let span = Span::new(expr.span.start, brackets.end);
            return match expr.kind {
                ExprKind::Selector(selector) => {
                    if selector.offset_ms != 0 || selector.offset.is_some() {
                        return self.fail(brackets, "no offset modifiers allowed before range");
                    }
                    if selector.at.is_some() {
                        return self.fail(brackets, "no @ modifiers allowed before range");
                    }
                    Ok(Expr { kind: ExprKind::Range { selector, range_ms, range }, span })
                }
                _ => self.fail(brackets, "ranges only allowed for vector selectors"),
            };
        }
        self.expect(&Token::Colon, "subquery or range", "\":\" or \"]\"")?;
        const STEP: &str = "number, duration, step(), range(), or \"]\"";
        let (step_ms, step) = if self.peek() == &Token::RightBracket {
            (None, None)
        } else {
            match self.positive_duration("subquery selector", STEP)? {
                Duration::Milliseconds(ms) => (Some(ms), None),
                Duration::Computed(step) => (None, Some(step)),
            }
        };
        self.expect(&Token::RightBracket, "subquery selector", "\"]\"")?;
        let span = Span::new(expr.span.start, self.last_end());
        let subquery =
            Subquery { expr, range_ms, step_ms, offset_ms: 0, at: None, range, step, offset: None };
        Ok(Expr { kind: ExprKind::Subquery(Box::new(subquery)), span })
    }

    fn at_moment(&mut self, of: Span) -> Result<At, ParseError> {
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
        let before = self.at;
        let seconds = match self.advance().0 {
            Token::Number(n) => n,
            Token::Duration(ms) => ms as f64 / 1000.0,
            _ => {
                self.at = before;
                return Err(self.unexpected("@", "timestamp"));
            }
        };
        let seconds = if negative { -seconds } else { seconds };
        if !seconds.is_finite() || seconds.abs() >= i64::MAX as f64 / 1000.0 {
            let shown = if seconds.is_finite() { format!("{seconds:.6}") } else { gofmt::plain(seconds) };
            return self.fail(of, format!("timestamp out of bounds for @ modifier: {shown}"));
        }
        Ok(At::Time((seconds * 1000.0).round() as i64))
    }

    fn set_offset(&self, expr: &mut Expr, offset: Duration) -> Result<(), ParseError> {
        let span = expr.span;
        let (slot, computed) = match &mut expr.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => (&mut s.offset_ms, &mut s.offset),
            ExprKind::Subquery(s) => (&mut s.offset_ms, &mut s.offset),
            _ => {
                return self.fail(
                    span,
                    "offset modifier must be preceded by an instant vector selector or range vector selector or a \
                     subquery",
                );
            }
        };
        if *slot != 0 || computed.is_some() {
            return self.fail(span, "offset may not be set multiple times");
        }
        (*slot, *computed) = offset.split();
        Ok(())
    }

    fn set_extent(&self, expr: &mut Expr, extent: Extent) -> Result<(), ParseError> {
        let name = if extent == Extent::Anchored { "anchored" } else { "smoothed" };
        if !self.options.experimental {
            return self.fail(expr.span, format!("{name} modifier is experimental and not enabled"));
        }
        let span = expr.span;
        match &mut expr.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => {
                if !matches!(s.extent, Extent::Plain) && s.extent != extent {
                    return self.fail(span, "anchored and smoothed modifiers cannot be used together");
                }
                s.extent = extent;
                Ok(())
            }
            ExprKind::Subquery(_) => {
                self.fail(span, format!("{name} modifier is not supported for subqueries"))
            }
            _ => self.fail(span, format!("{name} modifier not implemented")),
        }
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
