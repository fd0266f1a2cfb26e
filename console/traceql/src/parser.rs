//! Tokens to syntax tree: span queries. Metrics queries are in [`crate::metrics`].
//!
//! Field operators, loosest first: `&&` and `||` (one level, left to right, as in Tempo), comparisons, `+ -`, `* / %`,
//! `^` (right to left), `! -`.

use console_model::span::{SpanKind, SpanStatus};

use crate::{
    ast::*,
    error::Error,
    lexer::{self, Spanned, Token},
};

const MAX_DEPTH: usize = 48;

/// Parses a query. An empty one means all spans.
pub fn parse(text: &str) -> Result<Query, Error> {
    let tokens = lexer::tokens(text)?;
    if tokens.len() == 1 {
        return Ok(Query::Spans(vec![Stage::Spansets(Spanset::Filter(None))]));
    }
    let mut failures = Vec::new();
    let attempts: [fn(&mut Parser<'_>) -> Result<Query, Error>; 3] = [
        |p| p.pipeline().map(Query::Spans),
        |p| p.scalar_pipelines().map(|()| Query::ScalarPipelines),
        |p| p.metrics_query().map(Query::Metrics),
    ];
    for attempt in attempts {
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, furthest: 0 };
        let result = attempt(&mut parser).and_then(|q| parser.end().map(|()| q));
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
    pub furthest: usize,
}

impl Parser<'_> {
    pub fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)].token
    }

    fn position(&self) -> usize {
        self.tokens[self.at.min(self.tokens.len() - 1)].position
    }

    pub fn fail<T>(&mut self, expected: &str) -> Result<T, Error> {
        self.furthest = self.furthest.max(self.at);
        let message = format!("unexpected {}, expected {expected}", self.peek().describe());
        Err(Error::Parse { message, position: self.position() })
    }

    pub fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(s) if *s == symbol)
    }

    pub fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        self.at += usize::from(found);
        found
    }

    pub fn expect(&mut self, symbol: &str) -> Result<(), Error> {
        if self.take(symbol) { Ok(()) } else { self.fail(&format!("{symbol:?}")) }
    }

    pub fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(w) if w == word)
    }

    pub fn end(&mut self) -> Result<(), Error> {
        if *self.peek() == Token::End { Ok(()) } else { self.fail("the end of the query") }
    }

    pub fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::Invalid(format!("query nests deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let out = inner(self);
        self.depth -= 1;
        out
    }

    /// Stages joined by `|`, up to something that cannot be a stage of a span query.
    pub fn pipeline(&mut self) -> Result<Vec<Stage>, Error> {
        let mut stages = vec![self.stage(true)?];
        while self.is("|") && !self.next_is_metrics() {
            self.at += 1;
            stages.push(self.stage(false)?);
        }
        Ok(stages)
    }

    /// After `|` stands a metrics function, or an aggregate that nothing compares.
    fn next_is_metrics(&self) -> bool {
        let Some(Token::Word(w)) = self.tokens.get(self.at + 1).map(|t| &t.token) else { return false };
        crate::metrics::FUNCTIONS.contains(&w.as_str())
    }

    fn stage(&mut self, first: bool) -> Result<Stage, Error> {
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

    fn scalar_parenthesis(&self) -> bool {
        let inside = self.tokens[self.at..].iter().find(|t| t.token != Token::Symbol("("));
        match inside.map(|t| &t.token) {
            Some(Token::Word(w)) => aggregate(w).is_some() && !self.parenthesis_holds_pipeline(),
            Some(Token::Int(_) | Token::Float(_) | Token::Duration(_) | Token::Symbol("-")) => true,
            _ => false,
        }
    }

    fn parenthesis_holds_pipeline(&self) -> bool {
        let mut depth = 0;
        for t in &self.tokens[self.at..] {
            match t.token {
                Token::Symbol("(" | "{") => depth += 1,
                Token::Symbol(")" | "}") => {
                    depth -= 1;
                    if depth == 0 {
                        return false;
                    }
                }
                Token::Symbol("|") if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }

    /// `(a, b)`, at least one.
    pub fn attributes(&mut self) -> Result<Vec<Attribute>, Error> {
        self.expect("(")?;
        let mut out = Vec::new();
        loop {
            match self.attribute()? {
                Some(attribute) => out.push(attribute),
                None => return self.fail("an attribute"),
            }
            if !self.take(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(out)
    }

    fn spanset(&mut self, level: usize) -> Result<Spanset, Error> {
        const LEVELS: usize = 2;
        if level == LEVELS {
            return self.spanset_primary();
        }
        let mut left = self.spanset(level + 1)?;
        while let Some(op) = self.spanset_op(level) {
            self.at += 1;
            let right = self.spanset(level + 1)?;
            left = Spanset::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    fn spanset_op(&self, level: usize) -> Option<SpansetOp> {
        let Token::Symbol(symbol) = self.peek() else { return None };
        if level == 0 {
            return match *symbol {
                "&&" => Some(SpansetOp::And),
                "||" => Some(SpansetOp::Or),
                _ => None,
            };
        }
        let (mode, rest) = match symbol.as_bytes().first() {
            Some(b'!') => (Mode::Negated, &symbol[1..]),
            Some(b'&') => (Mode::Union, &symbol[1..]),
            _ => (Mode::Plain, *symbol),
        };
        let relation = match rest {
            ">" => Relation::Child,
            ">>" => Relation::Descendant,
            "<" => Relation::Parent,
            "<<" => Relation::Ancestor,
            "~" => Relation::Sibling,
            _ => return None,
        };
        Some(SpansetOp::Structural { relation, mode })
    }

    fn spanset_primary(&mut self) -> Result<Spanset, Error> {
        if self.take("{") {
            if self.take("}") {
                return Ok(Spanset::Filter(None));
            }
            let field = self.field(0)?;
            self.expect("}")?;
            return Ok(Spanset::Filter(Some(field)));
        }
        if !self.take("(") {
            return self.fail("\"{\" or \"(\"");
        }
        let mut stages = self.nested(|p| p.pipeline())?;
        self.expect(")")?;
        if stages.len() == 1 && matches!(stages[0], Stage::Spansets(_)) {
            let Some(Stage::Spansets(only)) = stages.pop() else { return self.fail("a spanset") };
            return Ok(only);
        }
        Ok(Spanset::Pipeline(stages))
    }

    fn scalar_filter(&mut self) -> Result<Stage, Error> {
        let left = self.scalar(0)?;
        let op = match self.peek() {
            Token::Symbol("=") => Op::Equal,
            Token::Symbol("!=") => Op::NotEqual,
            Token::Symbol("<") => Op::Less,
            Token::Symbol("<=") => Op::LessEqual,
            Token::Symbol(">") => Op::Greater,
            Token::Symbol(">=") => Op::GreaterEqual,
            _ => return self.fail("a comparison"),
        };
        if !has_aggregate(&left) {
            return self.fail("an aggregate on the left of the comparison");
        }
        self.at += 1;
        let right = self.scalar(0)?;
        Ok(Stage::Scalar { left, op, right })
    }

    pub fn scalar(&mut self, level: u8) -> Result<Scalar, Error> {
        let mut left = match level {
            0 | 1 => self.scalar(level + 1)?,
            _ => self.scalar_power()?,
        };
        while let Some(op) = self.arithmetic_op(level) {
            self.at += 1;
            let right = if level >= 1 { self.scalar_power()? } else { self.scalar(level + 1)? };
            left = Scalar::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    pub fn arithmetic_op(&self, level: u8) -> Option<Op> {
        match (level, self.peek()) {
            (0, Token::Symbol("+")) => Some(Op::Add),
            (0, Token::Symbol("-")) => Some(Op::Sub),
            (1, Token::Symbol("*")) => Some(Op::Mul),
            (1, Token::Symbol("/")) => Some(Op::Div),
            (1, Token::Symbol("%")) => Some(Op::Mod),
            _ => None,
        }
    }

    fn scalar_power(&mut self) -> Result<Scalar, Error> {
        let base = self.scalar_primary()?;
        if self.take("^") {
            let right = self.nested(|p| p.scalar_power())?;
            return Ok(Scalar::Binary { op: Op::Pow, left: Box::new(base), right: Box::new(right) });
        }
        Ok(base)
    }

    fn scalar_primary(&mut self) -> Result<Scalar, Error> {
        let negative = self.take("-");
        let sign = if negative { -1 } else { 1 };
        let number = match *self.peek() {
            Token::Int(i) => Some(Static::Int(sign * i)),
            Token::Float(f) => Some(Static::Float(sign as f64 * f)),
            Token::Duration(d) => Some(Static::Duration(sign * d)),
            _ => None,
        };
        if let Some(number) = number {
            self.at += 1;
            return Ok(Scalar::Static(number));
        }
        if negative {
            return self.fail("a number");
        }
        if self.take("(") {
            let inner = self.nested(|p| p.scalar(0))?;
            self.expect(")")?;
            return Ok(inner);
        }
        let function = match self.peek() {
            Token::Word(w) => aggregate(w),
            _ => None,
        };
        let Some(function) = function else { return self.fail("an aggregate or a number") };
        self.at += 1;
        self.expect("(")?;
        let of = if function == Aggregate::Count { None } else { Some(self.field(0)?) };
        self.expect(")")?;
        Ok(Scalar::Aggregate { function, of })
    }

    /// An expression over one span. `level` 0: `&& ||`, 1: comparisons, 2: `+ -`, 3: `* / %`.
    pub fn field(&mut self, level: u8) -> Result<Field, Error> {
        if level == 4 {
            return self.field_power();
        }
        let mut left = self.nested(|p| p.field(level + 1))?;
        while let Some(op) = self.field_op(level) {
            self.at += 1;
            let right = self.nested(|p| p.field(level + 1))?;
            left = Field::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    fn field_op(&self, level: u8) -> Option<Op> {
        let Token::Symbol(symbol) = self.peek() else { return None };
        match (level, *symbol) {
            (0, "&&") => Some(Op::And),
            (0, "||") => Some(Op::Or),
            (1, "=") => Some(Op::Equal),
            (1, "!=") => Some(Op::NotEqual),
            (1, "=~") => Some(Op::Regex),
            (1, "!~") => Some(Op::NotRegex),
            (1, "<") => Some(Op::Less),
            (1, "<=") => Some(Op::LessEqual),
            (1, ">") => Some(Op::Greater),
            (1, ">=") => Some(Op::GreaterEqual),
            (2 | 3, _) => self.arithmetic_op(level - 2),
            _ => None,
        }
    }

    fn field_power(&mut self) -> Result<Field, Error> {
        let base = self.field_unary()?;
        if self.take("^") {
            let right = self.nested(|p| p.field_power())?;
            return Ok(Field::Binary { op: Op::Pow, left: Box::new(base), right: Box::new(right) });
        }
        Ok(base)
    }

    fn field_unary(&mut self) -> Result<Field, Error> {
        if self.take("!") {
            return Ok(Field::Not(Box::new(self.nested(|p| p.field_unary())?)));
        }
        if self.take("-") {
            return Ok(Field::Negate(Box::new(self.nested(|p| p.field_unary())?)));
        }
        if self.take("(") {
            let inner = self.nested(|p| p.field(0))?;
            self.expect(")")?;
            return Ok(inner);
        }
        if let Some(literal) = self.literal() {
            self.at += 1;
            return Ok(Field::Static(literal));
        }
        match self.attribute()? {
            Some(attribute) => Ok(Field::Attribute(attribute)),
            None => self.fail("a value or an attribute"),
        }
    }

    fn literal(&self) -> Option<Static> {
        Some(match self.peek() {
            Token::String(s) => Static::String(s.clone()),
            Token::Int(i) => Static::Int(*i),
            Token::Float(f) => Static::Float(*f),
            Token::Duration(d) => Static::Duration(*d),
            Token::Word(w) => match w.as_str() {
                "nil" => Static::Nil,
                "true" => Static::Bool(true),
                "false" => Static::Bool(false),
                "ok" => Static::Status(SpanStatus::Ok),
                "error" => Static::Status(SpanStatus::Error),
                "unset" => Static::Status(SpanStatus::Unset),
                "unspecified" => Static::Kind(SpanKind::Unspecified),
                "internal" => Static::Kind(SpanKind::Internal),
                "server" => Static::Kind(SpanKind::Server),
                "client" => Static::Kind(SpanKind::Client),
                "producer" => Static::Kind(SpanKind::Producer),
                "consumer" => Static::Kind(SpanKind::Consumer),
                _ => return None,
            },
            _ => return None,
        })
    }

    pub fn attribute(&mut self) -> Result<Option<Attribute>, Error> {
        let found = match self.peek() {
            Token::Attribute { scope, name } => {
                let name = name.clone();
                let scope = match scope.as_str() {
                    "" => Scope::Any,
                    "span" => Scope::Span,
                    "resource" => Scope::Resource,
                    "event" => Scope::Event,
                    "link" => Scope::Link,
                    "instrumentation" => Scope::Instrumentation,
                    _ => {
                        let attribute = Attribute::OfParent(format!("{scope}.{name}"));
                        self.at += 1;
                        return Ok(Some(attribute));
                    }
                };
                Attribute::Named { scope, name }
            }
            Token::Word(w) if w == "parent" => Attribute::OfParent("parent".into()),
            Token::Word(w) => match plain_intrinsic(w) {
                Some(i) => Attribute::Intrinsic(i),
                None => return Ok(None),
            },
            Token::Scoped(scope, name) => match scoped_intrinsic(scope, name) {
                Some(i) => Attribute::Intrinsic(i),
                None => return self.fail("an intrinsic such as span:name or trace:id"),
            },
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(found))
    }

    /// `(pipeline | aggregate) op (pipeline | aggregate)`: understood only as far as needed to refuse it by name.
    fn scalar_pipelines(&mut self) -> Result<(), Error> {
        self.scalar_pipeline_math()?;
        let compared = ["=", "!=", "<", "<=", ">", ">="].iter().any(|s| self.take(s));
        if !compared {
            return self.fail("a comparison");
        }
        if matches!(self.peek(), Token::Int(_) | Token::Float(_) | Token::Duration(_)) {
            self.at += 1;
            return Ok(());
        }
        self.scalar_pipeline_math()
    }

    fn scalar_pipeline_math(&mut self) -> Result<(), Error> {
        loop {
            self.expect("(")?;
            self.pipeline_to_aggregate()?;
            self.expect(")")?;
            if !["+", "-", "*", "/", "%", "^"].iter().any(|s| self.take(s)) {
                return Ok(());
            }
        }
    }

    fn pipeline_to_aggregate(&mut self) -> Result<(), Error> {
        self.stage(true)?;
        while self.take("|") {
            let start = self.at;
            if self.stage(false).is_err() {
                self.at = start;
                self.scalar(0)?;
                return Ok(());
            }
        }
        self.fail("an aggregate")
    }
}

fn has_aggregate(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Aggregate { .. } => true,
        Scalar::Static(_) => false,
        Scalar::Binary { left, right, .. } => has_aggregate(left) || has_aggregate(right),
    }
}

fn aggregate(word: &str) -> Option<Aggregate> {
    Some(match word {
        "count" => Aggregate::Count,
        "avg" => Aggregate::Avg,
        "min" => Aggregate::Min,
        "max" => Aggregate::Max,
        "sum" => Aggregate::Sum,
        _ => return None,
    })
}

fn plain_intrinsic(word: &str) -> Option<Intrinsic> {
    Some(match word {
        "duration" => Intrinsic::Duration,
        "name" => Intrinsic::Name,
        "status" => Intrinsic::Status,
        "statusMessage" => Intrinsic::StatusMessage,
        "kind" => Intrinsic::Kind,
        "childCount" => Intrinsic::ChildCount,
        "traceDuration" => Intrinsic::TraceDuration,
        "rootName" => Intrinsic::RootName,
        "rootServiceName" => Intrinsic::RootService,
        "nestedSetLeft" => Intrinsic::NestedSetLeft,
        "nestedSetRight" => Intrinsic::NestedSetRight,
        "nestedSetParent" => Intrinsic::NestedSetParent,
        _ => return None,
    })
}

fn scoped_intrinsic(scope: &str, name: &str) -> Option<Intrinsic> {
    Some(match (scope, name) {
        ("span", "duration") => Intrinsic::Duration,
        ("span", "name") => Intrinsic::Name,
        ("span", "status") => Intrinsic::Status,
        ("span", "statusMessage") => Intrinsic::StatusMessage,
        ("span", "kind") => Intrinsic::Kind,
        ("span", "childCount") => Intrinsic::ChildCount,
        ("span", "id") => Intrinsic::SpanId,
        ("span", "parentID") => Intrinsic::ParentId,
        ("trace", "id") => Intrinsic::TraceId,
        ("trace", "duration") => Intrinsic::TraceDuration,
        ("trace", "rootName") => Intrinsic::RootName,
        ("trace", "rootService") => Intrinsic::RootService,
        ("event", "name") => Intrinsic::EventName,
        ("event", "timeSinceStart") => Intrinsic::EventTimeSinceStart,
        ("link", "traceID") => Intrinsic::LinkTraceId,
        ("link", "spanID") => Intrinsic::LinkSpanId,
        ("instrumentation", "name") => Intrinsic::ScopeName,
        ("instrumentation", "version") => Intrinsic::ScopeVersion,
        _ => return None,
    })
}
