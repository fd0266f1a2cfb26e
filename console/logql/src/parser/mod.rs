//! Tokens to syntax tree. Metric expressions here; selectors and stages in [`log`], filters in [`filters`].
//!
//! Binary operators, loosest first: `or`; `and unless`; comparisons; `+ -`; `* / %`; `^` (right to left).

mod filters;
mod log;

use crate::{
    ast::*,
    error::Error,
    lexer::{self, Spanned, Token},
};

const MAX_DEPTH: usize = 64;
/// Words and signs of a query: a chain of operators nests as deep as it is long.
const MAX_TOKENS: usize = 2_000;

/// Parses a whole query.
pub fn parse(text: &str) -> Result<Expr, Error> {
    let tokens = lexer::tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    if tokens.len() > MAX_TOKENS {
        parser.at = MAX_TOKENS;
        return parser.error(format!("query has more than {MAX_TOKENS} words and signs"));
    }
    let expr = parser.expr(0)?;
    if *parser.peek() != Token::End {
        return parser.unexpected("");
    }
    Ok(expr)
}

pub(crate) struct Parser<'a> {
    tokens: &'a [Spanned],
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, Error>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.ahead(0)
    }

    fn ahead(&self, n: usize) -> &Token {
        &self.tokens[(self.at + n).min(self.tokens.len() - 1)].token
    }

    fn position(&self) -> usize {
        self.tokens[self.at.min(self.tokens.len() - 1)].position
    }

    fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(Error::Parse { message: message.into(), position: self.position() })
    }

    fn unexpected<T>(&self, expecting: &str) -> Parsed<T> {
        let suffix = if expecting.is_empty() { String::new() } else { format!(", expecting {expecting}") };
        self.error(format!("syntax error: unexpected {}{suffix}", self.peek().describe()))
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(s) if *s == symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.is(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.take(symbol) { Ok(()) } else { self.unexpected(symbol) }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Ident(w) if w == word);
        self.at += usize::from(found);
        found
    }

    fn ident(&mut self) -> Parsed<String> {
        match self.peek().clone() {
            Token::Ident(name) => {
                self.at += 1;
                Ok(name)
            }
            _ => self.unexpected("IDENTIFIER"),
        }
    }

    fn string(&mut self) -> Parsed<String> {
        match self.peek().clone() {
            Token::String(text) => {
                self.at += 1;
                Ok(text)
            }
            _ => self.unexpected("STRING"),
        }
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return self.error(format!("query nests deeper than {MAX_DEPTH}"));
        }
        self.depth += 1;
        let out = inner(self);
        self.depth -= 1;
        out
    }

    fn expr(&mut self, min_level: u8) -> Parsed<Expr> {
        let mut left = self.nested(|p| p.primary())?;
        while let Some((op, level)) = self.binary_op().filter(|(_, level)| *level >= min_level) {
            let position = self.position();
            self.at += 1;
            let mut binary = self.modifiers(op)?;
            let right_level = if op == BinaryOp::Pow { level } else { level + 1 };
            binary.right = self.nested(|p| p.expr(right_level))?;
            binary.left = left;
            check_legs(&binary, position)?;
            left = Expr::Binary(Box::new(binary));
        }
        Ok(left)
    }

    fn binary_op(&self) -> Option<(BinaryOp, u8)> {
        Some(match self.peek() {
            Token::Ident(w) if w == "or" => (BinaryOp::Or, 1),
            Token::Ident(w) if w == "and" => (BinaryOp::And, 2),
            Token::Ident(w) if w == "unless" => (BinaryOp::Unless, 2),
            Token::Symbol(s) => match *s {
                "==" => (BinaryOp::Equal, 3),
                "!=" => (BinaryOp::NotEqual, 3),
                "<" => (BinaryOp::Less, 3),
                "<=" => (BinaryOp::LessEqual, 3),
                ">" => (BinaryOp::Greater, 3),
                ">=" => (BinaryOp::GreaterEqual, 3),
                "+" => (BinaryOp::Add, 4),
                "-" => (BinaryOp::Sub, 4),
                "*" => (BinaryOp::Mul, 5),
                "/" => (BinaryOp::Div, 5),
                "%" => (BinaryOp::Mod, 5),
                "^" => (BinaryOp::Pow, 6),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// `bool`, `on (..)`, `ignoring (..)`, `group_left (..)`, `group_right (..)`; the legs come later.
    fn modifiers(&mut self, op: BinaryOp) -> Parsed<Binary> {
        let mut out = Binary {
            op,
            return_bool: false,
            on: false,
            matching: Vec::new(),
            cardinality: Cardinality::OneToOne,
            include: Vec::new(),
            left: Expr::Number(0.0),
            right: Expr::Number(0.0),
        };
        if matches!(self.peek(), Token::Ident(w) if w == "bool") {
            if !op.is_comparison() {
                return self.unexpected("");
            }
            self.at += 1;
            out.return_bool = true;
        }
        out.on = self.take_word("on");
        if !out.on && !self.take_word("ignoring") {
            return Ok(out);
        }
        out.matching = self.label_list()?;
        let left = self.take_word("group_left");
        if left || self.take_word("group_right") {
            if op.is_set() {
                return self.error(format!("no grouping allowed for {op:?} operation").to_lowercase());
            }
            out.cardinality = if left { Cardinality::ManyToOne } else { Cardinality::OneToMany };
            // An expression may begin with `(` too: a list holds only names and commas.
            if self.is("(") && self.parenthesis_is_label_list() {
                out.include = self.label_list()?;
            }
        }
        Ok(out)
    }

    fn parenthesis_is_label_list(&self) -> bool {
        for n in 1.. {
            match self.ahead(n) {
                Token::Symbol(")") => return true,
                Token::Ident(_) | Token::Symbol(",") => {}
                _ => return false,
            }
        }
        false
    }

    /// `(a, b)`, perhaps empty.
    fn label_list(&mut self) -> Parsed<Vec<String>> {
        self.expect("(")?;
        let mut out = Vec::new();
        while !self.is(")") {
            out.push(self.ident()?);
            if !self.take(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(out)
    }

    fn number(&mut self) -> Parsed<f64> {
        match *self.peek() {
            Token::Number(n) => {
                self.at += 1;
                Ok(n)
            }
            _ => self.unexpected("NUMBER"),
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.peek().clone() {
            Token::Number(n) => {
                self.at += 1;
                Ok(Expr::Number(n))
            }
            Token::Symbol("-") => {
                self.at += 1;
                Ok(Expr::Number(-self.number()?))
            }
            Token::Symbol("+") => {
                self.at += 1;
                Ok(Expr::Number(self.number()?))
            }
            Token::Symbol("{") => self.log_expr().map(Expr::Log),
            Token::Symbol("(") => {
                self.at += 1;
                let mut inner = self.expr(0)?;
                self.expect(")")?;
                if let Expr::Log(log) = &mut inner {
                    self.stages(log)?;
                }
                Ok(inner)
            }
            Token::Ident(word) => self.function(&word),
            _ => self.unexpected(""),
        }
    }

    fn function(&mut self, word: &str) -> Parsed<Expr> {
        if let Some(function) = range_function(word) {
            self.at += 1;
            return self.range_aggregation(function, word);
        }
        if let Some(function) = vector_function(word) {
            self.at += 1;
            return self.vector_aggregation(function, word);
        }
        match word {
            "vector" => {
                self.at += 1;
                self.expect("(")?;
                let n = self.number()?;
                self.expect(")")?;
                Ok(Expr::Vector(n))
            }
            "label_replace" => {
                self.at += 1;
                self.label_replace()
            }
            "variants" => Err(Error::Unsupported(word.to_owned())),
            _ => self.unexpected(""),
        }
    }

    fn label_replace(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        let of = self.expr(0)?;
        self.metric(&of)?;
        let mut texts = Vec::new();
        for _ in 0..3 {
            self.expect(",")?;
            texts.push(self.string()?);
        }
        self.expect(",")?;
        let regex = self.regex_of(|pattern| format!("^(?s:{pattern})$"))?;
        self.expect(")")?;
        let [target, replacement, source] = texts.try_into().unwrap_or_default();
        Ok(Expr::LabelReplace(Box::new(LabelReplace { of, target, replacement, source, regex })))
    }

    fn metric(&self, expr: &Expr) -> Parsed<()> {
        match expr {
            Expr::Log(_) => self.error("syntax error: expected a metric expression, got a log selector"),
            _ => Ok(()),
        }
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        let without = self.take_word("without");
        if !without && !self.take_word("by") {
            return Ok(None);
        }
        Ok(Some(Grouping { labels: self.label_list()?, without }))
    }

    fn vector_aggregation(&mut self, function: VectorFunction, word: &str) -> Parsed<Expr> {
        let before = self.grouping()?;
        self.expect("(")?;
        let mut k = 0;
        if matches!(function, VectorFunction::TopK | VectorFunction::ApproxTopK | VectorFunction::BottomK) {
            let sign = self.is("-");
            self.at += usize::from(sign);
            let Token::Number(n) = *self.peek() else {
                return self.error(format!("parameter required for operation {word}"));
            };
            if n.fract() != 0.0 || n < 1.0 || sign {
                return self
                    .error(format!("invalid parameter {word}({n}, ...): it must be a whole number above 0"));
            }
            self.at += 1;
            k = n as usize;
            self.expect(",")?;
        }
        let of = self.expr(0)?;
        self.metric(&of)?;
        self.expect(")")?;
        let after = if before.is_none() { self.grouping()? } else { None };
        let ungrouped =
            matches!(function, VectorFunction::Sort | VectorFunction::SortDesc | VectorFunction::ApproxTopK);
        let grouping = before.or(after);
        if ungrouped && grouping.is_some() {
            return self.error(format!("grouping not allowed for {word} aggregation"));
        }
        let grouping = grouping.unwrap_or(Grouping { labels: Vec::new(), without: false });
        Ok(Expr::Aggregation(Box::new(VectorAggregation { function, k, grouping, of })))
    }

    fn range_aggregation(&mut self, function: RangeFunction, word: &str) -> Parsed<Expr> {
        let start = self.position();
        let fail = |message: String| Err(Error::Parse { message, position: start });
        self.expect("(")?;
        let mut parameter = 0.0;
        if function == RangeFunction::QuantileOverTime {
            parameter = self.number()?;
            self.expect(",")?;
        }
        let mut range = self.log_range()?;
        self.expect(")")?;
        let Some((range_ns, offset_ns)) = range.range.take() else {
            return fail(format!("syntax error: {word} needs a range such as [5m]"));
        };
        match (function.unwraps(), &range.unwrap) {
            (Some(true), None) => return fail(format!("invalid aggregation {word} without unwrap")),
            (Some(false), Some(_)) => return fail(format!("invalid aggregation {word} with unwrap")),
            _ => {}
        }
        let grouping = self.grouping()?;
        if grouping.is_some() && !function.groups() {
            return fail(format!("grouping not allowed for {word} aggregation"));
        }
        Ok(Expr::Range(Box::new(RangeAggregation {
            function,
            parameter,
            log: range.log,
            unwrap: range.unwrap,
            range_ns,
            offset_ns,
            grouping,
        })))
    }
}

fn check_legs(binary: &Binary, position: usize) -> Parsed<()> {
    let fail = |message: String| Err(Error::Parse { message, position });
    for (leg, side) in [(&binary.left, "left"), (&binary.right, "right")] {
        match leg {
            Expr::Log(_) => {
                return fail(format!("unexpected log expression for {side} leg of binary operation"));
            }
            Expr::Number(n) if binary.op.is_set() => {
                return fail(format!(
                    "unexpected literal for {side} leg of logical/set binary operation ({:?}): {n}",
                    binary.op
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

impl BinaryOp {
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::NotEqual | Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual
        )
    }

    pub fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }
}

impl RangeFunction {
    /// Whether `unwrap` is needed, forbidden, or either way.
    fn unwraps(self) -> Option<bool> {
        match self {
            Self::CountOverTime | Self::BytesOverTime | Self::BytesRate => Some(false),
            Self::Rate | Self::AbsentOverTime => None,
            _ => Some(true),
        }
    }

    /// Whether the value of merged series is the sum of their values.
    pub fn is_additive(self) -> bool {
        matches!(
            self,
            Self::CountOverTime | Self::Rate | Self::BytesOverTime | Self::BytesRate | Self::SumOverTime
        )
    }

    fn groups(self) -> bool {
        matches!(
            self,
            Self::AvgOverTime
                | Self::MinOverTime
                | Self::MaxOverTime
                | Self::QuantileOverTime
                | Self::FirstOverTime
                | Self::LastOverTime
                | Self::StddevOverTime
                | Self::StdvarOverTime
        )
    }
}

fn range_function(word: &str) -> Option<RangeFunction> {
    Some(match word {
        "count_over_time" => RangeFunction::CountOverTime,
        "rate" => RangeFunction::Rate,
        "rate_counter" => RangeFunction::RateCounter,
        "bytes_over_time" => RangeFunction::BytesOverTime,
        "bytes_rate" => RangeFunction::BytesRate,
        "sum_over_time" => RangeFunction::SumOverTime,
        "avg_over_time" => RangeFunction::AvgOverTime,
        "min_over_time" => RangeFunction::MinOverTime,
        "max_over_time" => RangeFunction::MaxOverTime,
        "quantile_over_time" => RangeFunction::QuantileOverTime,
        "first_over_time" => RangeFunction::FirstOverTime,
        "last_over_time" => RangeFunction::LastOverTime,
        "stddev_over_time" => RangeFunction::StddevOverTime,
        "stdvar_over_time" => RangeFunction::StdvarOverTime,
        "absent_over_time" => RangeFunction::AbsentOverTime,
        _ => return None,
    })
}

fn vector_function(word: &str) -> Option<VectorFunction> {
    Some(match word {
        "sum" => VectorFunction::Sum,
        "avg" => VectorFunction::Avg,
        "min" => VectorFunction::Min,
        "max" => VectorFunction::Max,
        "count" => VectorFunction::Count,
        "stddev" => VectorFunction::Stddev,
        "stdvar" => VectorFunction::Stdvar,
        "topk" => VectorFunction::TopK,
        "approx_topk" => VectorFunction::ApproxTopK,
        "bottomk" => VectorFunction::BottomK,
        "sort" => VectorFunction::Sort,
        "sort_desc" => VectorFunction::SortDesc,
        _ => return None,
    })
}
