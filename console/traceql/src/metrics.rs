//! Metrics queries, parsed so that they are refused by name and not as a syntax error.

use crate::{ast::*, error::Error, lexer::Token, parser::Parser};

pub(crate) const FUNCTIONS: [&str; 9] = [
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
];
/// Parentheses here are tried in two ways, so their depth is kept low.
const MAX_PARENTHESES: usize = 10;

impl Parser<'_> {
    /// `math second-stages with(hints)`
    pub fn metrics_query(&mut self) -> Result<Metrics, Error> {
        let math = self.metrics_math(0)?;
        if !has_series(&math) {
            return self.fail("a metrics function such as rate()");
        }
        let out = self.second_stages(math)?;
        if self.is_word("with") {
            self.hints()?;
        }
        Ok(out)
    }

    fn metrics_math(&mut self, level: u8) -> Result<Metrics, Error> {
        if level == 2 {
            return self.metrics_primary();
        }
        let mut left = self.metrics_math(level + 1)?;
        while let Some(op) = self.arithmetic_op(level).filter(|op| *op != Op::Mod) {
            // Only parenthesised series may stand in arithmetic.
            if bare(&left) {
                return self.fail("parentheses around the metrics query");
            }
            self.at += 1;
            let right = self.metrics_math(level + 1)?;
            if bare(&right) {
                return self.fail("parentheses around the metrics query");
            }
            left = Metrics::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    fn metrics_primary(&mut self) -> Result<Metrics, Error> {
        if let Some(number) = self.metrics_number() {
            return Ok(Metrics::Number(number));
        }
        if self.is("(") && self.depth < MAX_PARENTHESES {
            let start = self.at;
            self.at += 1;
            let wrapped = self.nested(|p| {
                let math = p.metrics_math(0)?;
                let out = if has_series(&math) { p.second_stages(math)? } else { math };
                p.expect(")")?;
                Ok(out)
            });
            match wrapped {
                Ok(inner) if !self.is("|") || has_series(&inner) => {
                    return Ok(Metrics::Parenthesised(Box::new(inner)));
                }
                _ => self.at = start,
            }
        }
        let pipeline = self.pipeline()?;
        self.expect("|")?;
        let Token::Word(function) = self.peek().clone() else { return self.fail("a metrics function") };
        if !FUNCTIONS.contains(&function.as_str()) {
            return self.fail("a metrics function");
        }
        self.at += 1;
        self.expect("(")?;
        let mut args = Vec::new();
        while !self.is(")") {
            if self.is("{") {
                self.at += 1;
                let filter = if self.is("}") { Field::Static(Static::Bool(true)) } else { self.field(0)? };
                self.expect("}")?;
                args.push(filter);
            } else {
                args.push(self.field(0)?);
            }
            if !self.take(",") {
                break;
            }
        }
        self.expect(")")?;
        let by = if self.is_word("by") {
            self.at += 1;
            self.attributes()?
        } else {
            Vec::new()
        };
        Ok(Metrics::Series { pipeline, function, args, by })
    }

    fn metrics_number(&mut self) -> Option<f64> {
        let negative = self.is("-");
        let number = match self.tokens.get(self.at + usize::from(negative))?.token {
            Token::Int(i) => i as f64,
            Token::Float(f) => f,
            _ => return None,
        };
        self.at += 1 + usize::from(negative);
        Some(if negative { -number } else { number })
    }

    fn second_stages(&mut self, mut of: Metrics) -> Result<Metrics, Error> {
        loop {
            let op = match self.peek() {
                Token::Symbol("=") => Op::Equal,
                Token::Symbol("!=") => Op::NotEqual,
                Token::Symbol("<") => Op::Less,
                Token::Symbol("<=") => Op::LessEqual,
                Token::Symbol(">") => Op::Greater,
                Token::Symbol(">=") => Op::GreaterEqual,
                Token::Symbol("|") => {
                    self.at += 1;
                    of = self.top_k(of)?;
                    continue;
                }
                _ => return Ok(of),
            };
            self.at += 1;
            if let Token::Duration(_) = self.peek() {
                self.at += 1;
            } else if has_series(&self.metrics_math(0)?) {
                return self.fail("a number");
            }
            of = Metrics::Filter { of: Box::new(of), op };
        }
    }

    fn top_k(&mut self, of: Metrics) -> Result<Metrics, Error> {
        if !self.is_word("topk") && !self.is_word("bottomk") {
            return self.fail("topk or bottomk");
        }
        self.at += 1;
        self.expect("(")?;
        let Token::Int(k) = *self.peek() else { return self.fail("a whole number") };
        self.at += 1;
        self.expect(")")?;
        Ok(Metrics::TopK { of: Box::new(of), k })
    }

    fn hints(&mut self) -> Result<(), Error> {
        self.at += 1;
        self.expect("(")?;
        loop {
            let Token::Word(_) = self.peek() else { return self.fail("a hint's name") };
            self.at += 1;
            self.expect("=")?;
            self.field(2)?;
            if !self.take(",") {
                return self.expect(")");
            }
        }
    }
}

fn bare(m: &Metrics) -> bool {
    matches!(m, Metrics::Series { .. })
}

fn has_series(m: &Metrics) -> bool {
    match m {
        Metrics::Number(_) => false,
        Metrics::Series { .. } => true,
        Metrics::Binary { left, right, .. } => has_series(left) || has_series(right),
        Metrics::Parenthesised(of) | Metrics::TopK { of, .. } | Metrics::Filter { of, .. } => has_series(of),
    }
}
