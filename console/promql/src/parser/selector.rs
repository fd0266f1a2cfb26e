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
        self.advance();
        let mut out = Vec::new();
        while self.peek() != &Token::RightBrace {
            let span = self.span();
            let (name, quoted) = match self.peek().clone() {
                Token::Word => (self.text[span.start..span.end].to_owned(), false),
                Token::Text(bytes) => (String::from_utf8_lossy(&bytes).into_owned(), true),
                _ => return Err(self.unexpected_in(CONTEXT, "identifier or \"}\"")),
            };
            self.advance();
            let op = match self.peek() {
                Token::Assign => Some(MatchOp::Equal),
                Token::NotEqual => Some(MatchOp::NotEqual),
                Token::EqualRegex => Some(MatchOp::Regex),
                Token::NotRegex => Some(MatchOp::NotRegex),
                // `{"name"}` selects by the metric's name.
                _ if quoted => None,
                _ => return Err(self.unexpected_in(CONTEXT, "label matching operator")),
            };
            match op {
                Some(op) => out.push(self.matcher(name, op, span)?),
                None => out.push(Matcher::equal(METRIC_NAME, name)),
            }
            match self.peek() {
                Token::RightBrace => {}
                Token::Comma => {
                    self.advance();
                }
                _ => return Err(self.unexpected_in(CONTEXT, "\",\" or \"}\"")),
            }
        }
        self.advance();
        Ok(out)
    }

    /// The operator and value of a matcher whose name is at `name_span`.
    fn matcher(&mut self, name: String, op: MatchOp, name_span: Span) -> Result<Matcher, ParseError> {
        self.advance();
        let value_span = self.span();
        let Token::Text(bytes) = self.peek().clone() else {
            return Err(self.unexpected_in("label matching", "string"));
        };
        self.advance();
        let value = String::from_utf8(bytes).unwrap_or_else(|e| {
            self.note(value_span, "invalid UTF-8 in label value");
            String::from_utf8_lossy(e.as_bytes()).into_owned()
        });
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex)
            && let Err(e) = regexp::anchored(&value)
        {
            self.note(name_span.to(value_span), format!("error parsing regexp: {e}"));
        }
        Ok(Matcher { name, op, value })
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
                let offset = self.within(("offset", DURATION), Self::offset_duration)?;
                self.set_offset(&mut expr, offset);
                expr.span.end = self.last_end();
            } else if self.peek() == &Token::At {
                self.advance();
                let at = self.within(("@", "timestamp"), |p| p.at_moment(expr.span))?;
                self.set_at(&mut expr, at);
                expr.span.end = self.last_end();
            } else if self.take_keyword("anchored") {
                self.set_extent(&mut expr, Extent::Anchored);
            } else if self.take_keyword("smoothed") {
                self.set_extent(&mut expr, Extent::Smoothed);
            } else {
                return Ok(expr);
            }
        }
    }

    fn brackets(&mut self, expr: Expr) -> Result<Expr, ParseError> {
        let (_, bracket) = self.advance();
        let context = ("subquery or range selector", DURATION);
        let (range_ms, range) = self.within(context, Self::positive_duration)?.split();
        if self.peek() == &Token::RightBracket {
            self.advance();
            let brackets = Span::new(bracket.start, self.last_end());
            let span = Span::new(expr.span.start, brackets.end);
            return Ok(match expr.kind {
                ExprKind::Selector(selector) => {
                    if selector.offset_ms != 0 || selector.offset.is_some() {
                        self.note(brackets, "no offset modifiers allowed before range");
                    } else if selector.at.is_some() {
                        self.note(brackets, "no @ modifiers allowed before range");
                    }
                    Expr { kind: ExprKind::Range { selector, range_ms, range }, span }
                }
                kind => {
                    self.note(brackets, "ranges only allowed for vector selectors");
                    Expr { kind, span }
                }
            });
        }
        if self.peek() != &Token::Colon {
            return Err(self.unexpected_in("subquery or range", "\":\" or \"]\""));
        }
        self.advance();
        let (step_ms, step) = if self.peek() == &Token::RightBracket {
            (None, None)
        } else {
            let context = ("subquery selector", "number, duration, step(), range(), or \"]\"");
            match self.within(context, Self::positive_duration)? {
                Duration::Milliseconds(ms) => (Some(ms), None),
                Duration::Computed(step) => (None, Some(step)),
            }
        };
        if self.peek() != &Token::RightBracket {
            return Err(self.unexpected_in("subquery selector", "\"]\""));
        }
        self.advance();
        let span = Span::new(expr.span.start, self.last_end());
        let subquery =
            Subquery { expr, range_ms, step_ms, offset_ms: 0, at: None, range, step, offset: None };
        Ok(Expr { kind: ExprKind::Subquery(Box::new(subquery)), span })
    }

    fn at_moment(&mut self, of: Span) -> Result<At, ParseError> {
        for (keyword, at) in [("start", At::Start), ("end", At::End)] {
            if self.take_keyword(keyword) {
                self.expect(&Token::LeftParen)?;
                self.expect(&Token::RightParen)?;
                return Ok(at);
            }
        }
        let negative = self.peek() == &Token::Minus;
        if negative || self.peek() == &Token::Plus {
            self.advance();
        }
        let seconds = match self.peek() {
            Token::Number(n) => *n,
            Token::Duration(ms) => *ms as f64 / 1000.0,
            _ => return Err(self.unexpected()),
        };
        self.advance();
        let seconds = if negative { -seconds } else { seconds };
        if !seconds.is_finite() || seconds.abs() >= i64::MAX as f64 / 1000.0 {
            let shown = if seconds.is_finite() { format!("{seconds:.6}") } else { gofmt::plain(seconds) };
            self.note(of, format!("timestamp out of bounds for @ modifier: {shown}"));
        }
        Ok(At::Time((seconds * 1000.0).round() as i64))
    }

    fn set_offset(&mut self, expr: &mut Expr, offset: Duration) {
        let (slot, computed) = match &mut expr.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => (&mut s.offset_ms, &mut s.offset),
            ExprKind::Subquery(s) => (&mut s.offset_ms, &mut s.offset),
            _ => {
                return self.note(
                    expr.span,
                    "offset modifier must be preceded by an instant vector selector or range vector selector or a \
                     subquery",
                );
            }
        };
        if *slot != 0 || computed.is_some() {
            return self.note(expr.span, "offset may not be set multiple times");
        }
        (*slot, *computed) = offset.split();
    }

    fn set_extent(&mut self, expr: &mut Expr, extent: Extent) {
        let name = if extent == Extent::Anchored { "anchored" } else { "smoothed" };
        let span = expr.span;
        if !self.options.experimental {
            return self.note(span, format!("{name} modifier is experimental and not enabled"));
        }
        match &mut expr.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => {
                if !matches!(s.extent, Extent::Plain) && s.extent != extent {
                    self.note(span, "anchored and smoothed modifiers cannot be used together");
                }
                s.extent = extent;
            }
            ExprKind::Subquery(_) => {
                self.note(span, format!("{name} modifier is not supported for subqueries"));
            }
            _ => self.note(span, format!("{name} modifier not implemented")),
        }
    }

    fn set_at(&mut self, expr: &mut Expr, at: At) {
        let slot = match &mut expr.kind {
            ExprKind::Selector(s) | ExprKind::Range { selector: s, .. } => &mut s.at,
            ExprKind::Subquery(s) => &mut s.at,
            _ => {
                return self.note(
                    expr.span,
                    "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
                );
            }
        };
        if slot.is_some() {
            return self.note(expr.span, "@ <timestamp> may not be set multiple times");
        }
        *slot = Some(at);
    }
}
