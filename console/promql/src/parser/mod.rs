//! The parser: recursive descent for what stands before and behind an operand, precedence climbing for binary operators.
//!
//! What holds: an accepted tree is well typed, its counts of arguments fit, and its depth is bounded. Errors are worded
//! as Prometheus does and carry the place of the offending text; of several, the one is told that its parser meets first:
//! a fault that is no break of the grammar is noted and the text read on.

mod check;
mod duration;
mod lexer;
mod literal;
mod matching;
mod operand;
mod selector;
mod token;

use console_storage::SourceError;

use crate::{
    ast::{Binary, BinaryOp, Cardinality, Expr, ExprKind},
    position::Span,
    regexp,
};

use token::Token;

pub use console_model::duration::format_duration_ms as format_duration;
pub use literal::{duration_ms, number};

/// Parentheses, calls and operators inside each other; keeps the stack small whatever the input.
const MAX_DEPTH: u32 = 120;
/// Binary operators of one query: a chain of them is as deep as it is long.
const MAX_OPERATORS: u32 = 960;
/// Bytes of one query.
const MAX_QUERY_BYTES: usize = 256 << 10;

/// Why a text is not a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: parse error: {message}")]
pub struct ParseError {
    /// `line:column`.
    pub place: String,
    pub span: Span,
    pub message: String,
}

impl ParseError {
    pub(crate) fn new(text: &str, span: Span, message: impl Into<String>) -> Self {
        Self { place: span.line_column(text), span, message: message.into() }
    }
}

impl From<ParseError> for SourceError {
    fn from(e: ParseError) -> Self {
        Self::Invalid { message: e.to_string(), position: Some(e.span.start) }
    }
}

/// What the parser accepts beyond the stable language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParseOptions {
    /// What Prometheus keeps behind feature flags: experimental functions and aggregations, `fill` modifiers, `anchored` and
    /// `smoothed` selectors.
    pub experimental: bool,
}

/// Parses a query.
pub fn parse(text: &str, options: ParseOptions) -> Result<Expr, ParseError> {
    let mut p = Parser::new(text, options)?;
    if p.peek() == &Token::End && p.lexer_error.is_none() {
        return Err(ParseError::new(text, Span::new(0, 0), "no expression found in input"));
    }
    let expr = p.expr(0)?;
    if p.peek() != &Token::End || p.lexer_error.is_some() {
        return Err(p.unexpected());
    }
    if let Some(error) = p.noted.take() {
        return Err(error);
    }
    p.check(&expr)?;
    Ok(expr)
}

/// Parses a series selector without range, offset or `@`: what `match[]` takes. Patterns come as stores read them.
pub fn parse_selector(text: &str) -> Result<Vec<console_model::Matcher>, ParseError> {
    let expr = parse(text, ParseOptions::default())?;
    match expr.kind {
        ExprKind::Selector(s) if s.offset_ms == 0 && s.at.is_none() => Ok(regexp::for_stores(&s.matchers)),
        _ => Err(ParseError::new(text, expr.span, "expected a series selector without modifiers")),
    }
}

struct Parser<'a> {
    text: &'a str,
    options: ParseOptions,
    tokens: Vec<(Token, Span)>,
    /// What the end of the tokens is, where it is not that of the text.
    lexer_error: Option<ParseError>,
    faults: Vec<(usize, ParseError)>,
    /// The first fault that does not end the reading.
    noted: Option<ParseError>,
    at: usize,
    depth: u32,
    operators: u32,
    /// What the parts around belong to and what is expected of them, for errors.
    contexts: Vec<(&'static str, &'static str)>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, options: ParseOptions) -> Result<Self, ParseError> {
        if text.len() > MAX_QUERY_BYTES {
            let message = format!("query of {} bytes is over the limit of {MAX_QUERY_BYTES}", text.len());
            return Err(ParseError::new(text, Span::new(0, 0), message));
        }
        let found = lexer::tokens(text);
        Ok(Self {
            text,
            options,
            tokens: found.all,
            lexer_error: found.error,
            faults: found.faults,
            noted: None,
            at: 0,
            depth: 0,
            operators: 0,
            contexts: Vec::new(),
        })
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn peek_after(&self) -> &Token {
        self.tokens.get(self.at + 1).map_or(&Token::End, |(t, _)| t)
    }

    fn span(&self) -> Span {
        self.tokens[self.at].1
    }

    /// The end of the token taken last.
    fn last_end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |i| self.tokens[i].1.end)
    }

    fn word(&self) -> Option<&'a str> {
        let span = self.span();
        (self.peek() == &Token::Word).then(|| &self.text[span.start..span.end])
    }

    /// Whether the next token is this keyword, in any case.
    fn is_keyword(&self, keyword: &str) -> bool {
        self.word().is_some_and(|w| w.eq_ignore_ascii_case(keyword))
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.is_keyword(keyword);
        if found {
            self.advance();
        }
        found
    }

    fn advance(&mut self) -> (Token, Span) {
        let taken = self.tokens[self.at].clone();
        if let Some((_, fault)) = self.faults.iter().find(|(at, _)| *at == self.at) {
            self.noted.get_or_insert_with(|| fault.clone());
        }
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        taken
    }

    fn expect(&mut self, token: &Token) -> Result<Span, ParseError> {
        if self.peek() == token { Ok(self.advance().1) } else { Err(self.unexpected()) }
    }

    /// Parses a part inside of which everything unexpected is told in one way.
    fn within<T>(
        &mut self,
        context: (&'static str, &'static str),
        parse: impl FnOnce(&mut Self) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        self.contexts.push(context);
        let out = parse(self);
        self.contexts.pop();
        out
    }

    /// Notes a fault that does not end the reading.
    fn note(&mut self, span: Span, message: impl Into<String>) {
        if self.noted.is_none() {
            self.noted = Some(ParseError::new(self.text, span, message));
        }
    }

    /// Comes to the next token, which Prometheus' parser reads before it closes the part at hand.
    fn look(&mut self) {
        if let (Token::End, None, Some(error)) = (self.peek(), &self.noted, &self.lexer_error) {
            self.noted = Some(error.clone());
        }
    }

    fn fail<T>(&self, span: Span, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::new(self.text, span, message))
    }

    /// The next token cannot stand where it does.
    fn unexpected(&self) -> ParseError {
        let (context, expected) = self.contexts.last().copied().unwrap_or_default();
        self.unexpected_in(context, expected)
    }

    fn unexpected_in(&self, context: &str, expected: &str) -> ParseError {
        if let Some(error) = &self.noted {
            return error.clone();
        }
        if let (Token::End, Some(error)) = (self.peek(), &self.lexer_error) {
            return error.clone();
        }
        let span = self.span();
        let written = &self.text[span.start..span.end];
        let what = match self.peek() {
            // Names in braces are never keywords.
            Token::Word if context == "label matching" => format!("identifier {written:?}"),
            token => token.describe(written, self.peek_after()),
        };
        let context = if context.is_empty() { String::new() } else { format!(" in {context}") };
        let expected = if expected.is_empty() { String::new() } else { format!(", expected {expected}") };
        ParseError::new(self.text, span, format!("unexpected {what}{context}{expected}"))
    }

    fn count_operator(&mut self) -> Result<(), ParseError> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            return self.fail(self.span(), format!("more than {MAX_OPERATORS} operators in a query"));
        }
        Ok(())
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail(self.span(), format!("expression is nested deeper than {MAX_DEPTH}"));
        }
        let out = parse(self);
        self.depth -= 1;
        out
    }

    /// An expression whose binary operators all bind at least as strongly as `min`.
    fn expr(&mut self, min: u8) -> Result<Expr, ParseError> {
        self.deeper(|p| p.expr_here(min))
    }

    fn expr_here(&mut self, min: u8) -> Result<Expr, ParseError> {
        let mut left = self.operand()?;
        while let Some(op) = self.binary_op() {
            let strength = precedence(op);
            if strength < min {
                break;
            }
            self.count_operator()?;
            self.advance();
            let (return_bool, mut matching) = self.binary_modifiers()?;
            // Only the power operator groups to the right.
            let right = self.expr(if op == BinaryOp::Pow { strength } else { strength + 1 })?;
            if op.is_set() && matching.cardinality == Cardinality::OneToOne {
                matching.cardinality = Cardinality::ManyToMany;
            }
            let span = left.span.to(right.span);
            if !self.options.experimental && (matching.fill_left.is_some() || matching.fill_right.is_some()) {
                self.look();
                self.note(span, "binop fill modifiers are experimental and not enabled");
            }
            let binary = Binary { op, left, right, return_bool, matching };
            left = Expr { kind: ExprKind::Binary(Box::new(binary)), span };
        }
        Ok(left)
    }

    fn binary_op(&self) -> Option<BinaryOp> {
        Some(match self.peek() {
            Token::Plus => BinaryOp::Add,
            Token::Minus => BinaryOp::Sub,
            Token::Star => BinaryOp::Mul,
            Token::Slash => BinaryOp::Div,
            Token::Percent => BinaryOp::Mod,
            Token::Caret => BinaryOp::Pow,
            Token::Equal => BinaryOp::Equal,
            Token::NotEqual => BinaryOp::NotEqual,
            Token::Less => BinaryOp::Less,
            Token::LessEqual => BinaryOp::LessEqual,
            Token::Greater => BinaryOp::Greater,
            Token::GreaterEqual => BinaryOp::GreaterEqual,
            Token::TrimUpper => BinaryOp::TrimUpper,
            Token::TrimLower => BinaryOp::TrimLower,
            Token::Word => {
                let word = self.word()?;
                let ops = [BinaryOp::And, BinaryOp::Or, BinaryOp::Unless, BinaryOp::Atan2];
                return ops.into_iter().find(|op| word.eq_ignore_ascii_case(op.symbol()));
            }
            _ => return None,
        })
    }
}

/// How strongly an operator binds.
pub(crate) fn precedence(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Less
        | BinaryOp::LessEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterEqual
        | BinaryOp::TrimUpper
        | BinaryOp::TrimLower => 3,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Atan2 => 5,
        BinaryOp::Pow => POWER,
    }
}

/// The strength of `^`: what a sign before an operand leaves to it.
const POWER: u8 = 6;
