//! Tokens to syntax tree.
//!
//! Field operators, loosest first: `&&` and `||` (one level, left to right, as in Tempo), comparisons, `+ -`, `* / %`,
//! `^` (right to left), `! -`.

pub(crate) mod attribute;
mod field;
mod metrics;
mod pipelines;
mod scalar;
mod spanset;

use crate::{
    ast::*,
    error::Error,
    lexer::{self, Spanned, Token},
};

const MAX_DEPTH: usize = 48;
/// A chain of operators is a tree as deep as it is long.
const MAX_TOKENS: usize = 1024;

/// Parses a query. An empty one means all spans.
pub fn parse(text: &str) -> Result<Query, Error> {
    let tokens = lexer::tokens(text)?;
    if let Some(first) = tokens.get(MAX_TOKENS) {
        return Err(Error::Parse {
            message: format!("the query has more than {MAX_TOKENS} words and signs"),
            position: first.position,
        });
    }
    if tokens.len() == 1 {
        let all = vec![Stage::Spansets(Spanset::Filter(None))];
        return Ok(Query { body: Body::Spans(all), hints: Vec::new() });
    }
    let mut failures = Vec::new();
    let attempts: [fn(&mut Parser<'_>) -> Result<Body, Error>; 3] = [
        |p| p.pipeline().map(Body::Spans),
        |p| p.pipeline_comparison(),
        |p| p.metrics_query().map(Body::Metrics),
    ];
    for attempt in attempts {
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let result = attempt(&mut parser).and_then(|body| {
            let hints = parser.hints()?;
            parser.end().map(|()| Query { body, hints })
        });
        match result {
            Ok(query) => return Ok(query),
            Err(e) => failures.push(e),
        }
    }
    // The attempt that understood most knows best what is missing.
    let position = |e: &Error| match e {
        Error::Parse { position, .. } => *position,
        _ => usize::MAX,
    };
    let mut best = failures.remove(0);
    for e in failures {
        if position(&e) > position(&best) {
            best = e;
        }
    }
    Err(best)
}

pub(crate) struct Parser<'a> {
    pub tokens: &'a [Spanned],
    pub at: usize,
    pub depth: usize,
}

impl Parser<'_> {
    pub(crate) fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)].token
    }

    pub(crate) fn position(&self) -> usize {
        self.tokens[self.at.min(self.tokens.len() - 1)].position
    }

    pub(crate) fn fail<T>(&self, expected: &str) -> Result<T, Error> {
        let message = format!("unexpected {}, expected {expected}", self.peek().describe());
        Err(Error::Parse { message, position: self.position() })
    }

    pub(crate) fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(s) if *s == symbol)
    }

    pub(crate) fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn expect(&mut self, symbol: &str) -> Result<(), Error> {
        if self.take(symbol) { Ok(()) } else { self.fail(&format!("{symbol:?}")) }
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(w) if w == word)
    }

    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if *self.peek() == Token::End { Ok(()) } else { self.fail("the end of the query") }
    }

    pub(crate) fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::Invalid(format!("query nests deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let out = inner(self);
        self.depth -= 1;
        out
    }

    /// Stages joined by `|`, up to something that cannot be a stage of a span query.
    pub(crate) fn pipeline(&mut self) -> Result<Vec<Stage>, Error> {
        let mut stages = vec![self.stage(true)?];
        while self.is("|") && !self.next_is_metrics() {
            self.at += 1;
            stages.push(self.stage(false)?);
        }
        Ok(stages)
    }

    /// `with (name=value, ..)`, or nothing.
    fn hints(&mut self) -> Result<Vec<(String, Static)>, Error> {
        let mut out = Vec::new();
        if !self.is_word("with") {
            return Ok(out);
        }
        self.at += 1;
        self.expect("(")?;
        loop {
            let Token::Word(name) = self.peek().clone() else { return self.fail("a hint's name") };
            self.at += 1;
            self.expect("=")?;
            let Some(value) = self.literal() else { return self.fail("a hint's value") };
            self.at += 1;
            out.push((name, value));
            if !self.take(",") {
                self.expect(")")?;
                return Ok(out);
            }
        }
    }

    /// After `|` stands a metrics function.
    pub(crate) fn next_is_metrics(&self) -> bool {
        let Some(Token::Word(w)) = self.tokens.get(self.at + 1).map(|t| &t.token) else { return false };
        metrics::FUNCTIONS.contains(&w.as_str())
    }

    pub(crate) fn stage(&mut self, first: bool) -> Result<Stage, Error> {
        match self.peek().clone() {
            Token::Word(w) if w == "by" => {
                self.at += 1;
                self.expect("(")?;
                let field = self.field(0)?;
                self.expect(")")?;
                Ok(Stage::GroupBy(field))
            }
            Token::Word(w) if w == "coalesce" && !first => {
                self.at += 1;
                self.expect("(")?;
                self.expect(")")?;
                Ok(Stage::Coalesce)
            }
            Token::Word(w) if w == "select" => {
                self.at += 1;
                self.attributes().map(Stage::Select)
            }
            Token::Symbol("{" | "(") => {
                // A parenthesis may open a spanset or a number; only aggregates and numbers begin the latter.
                if self.scalar_parenthesis() {
                    self.scalar_filter()
                } else {
                    self.spanset(0).map(Stage::Spansets)
                }
            }
            _ => self.scalar_filter(),
        }
    }
}
