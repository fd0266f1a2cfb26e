//! Metrics queries.

use super::Parser;
use crate::{ast::*, error::Error, lexer::Token};

pub(super) const FUNCTIONS: [&str; 9] = [
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
/// Values of an attribute that `compare()` tells unless it says otherwise.
const COMPARED_VALUES: i64 = 10;
const MAX_QUANTILES: usize = 32;

impl Parser<'_> {
    /// `math second-stages`
    pub(crate) fn metrics_query(&mut self) -> Result<Metrics, Error> {
        let math = self.metrics_math(0)?;
        if !has_series(&math) {
            return self.fail("a metrics function such as rate()");
        }
        self.second_stages(math)
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
        let function = self.metrics_function()?;
        let by = if self.is_word("by") {
            self.at += 1;
            self.attributes()?
        } else {
            Vec::new()
        };
        Ok(Metrics::Series { pipeline, function, by })
    }

    fn metrics_function(&mut self) -> Result<MetricsFunction, Error> {
        let Token::Word(name) = self.peek().clone() else { return self.fail("a metrics function") };
        if !FUNCTIONS.contains(&name.as_str()) {
            return self.fail("a metrics function");
        }
        self.at += 1;
        self.expect("(")?;
        let over = |aggregate| move |of| MetricsFunction::Over { aggregate, of };
        let function = match name.as_str() {
            "rate" => MetricsFunction::Rate,
            "count_over_time" => MetricsFunction::CountOverTime,
            "min_over_time" => self.field(0).map(over(Aggregate::Min))?,
            "max_over_time" => self.field(0).map(over(Aggregate::Max))?,
            "avg_over_time" => self.field(0).map(over(Aggregate::Avg))?,
            "sum_over_time" => self.field(0).map(over(Aggregate::Sum))?,
            "histogram_over_time" => MetricsFunction::Histogram { of: self.field(0)? },
            "quantile_over_time" => self.quantiles()?,
            _ => self.comparison_of_groups().map(MetricsFunction::Compare)?,
        };
        self.expect(")")?;
        Ok(function)
    }

    fn quantiles(&mut self) -> Result<MetricsFunction, Error> {
        let of = self.field(0)?;
        let mut quantiles = Vec::new();
        while self.take(",") {
            match self.metrics_number() {
                Some(q) if quantiles.len() < MAX_QUANTILES => quantiles.push(q),
                Some(_) => return self.fail(&format!("at most {MAX_QUANTILES} quantiles")),
                None => return self.fail("a quantile"),
            }
        }
        if quantiles.is_empty() {
            return self.fail("\",\" and a quantile");
        }
        Ok(MetricsFunction::Quantile { of, quantiles })
    }

    /// `{selection}, top_n, start, end`
    fn comparison_of_groups(&mut self) -> Result<Comparison, Error> {
        self.expect("{")?;
        let selection = if self.is("}") { Field::Static(Static::Bool(true)) } else { self.field(0)? };
        self.expect("}")?;
        let mut numbers = Vec::new();
        while self.take(",") {
            let Token::Int(n) = *self.peek() else { return self.fail("a whole number") };
            self.at += 1;
            numbers.push(n);
        }
        let (top_n, within) = match numbers[..] {
            [] => (COMPARED_VALUES, None),
            [n] => (n, None),
            [n, start, end] => (n, Some((start, end))),
            _ => return self.fail("the number of values, or it with a start and an end"),
        };
        Ok(Comparison { selection, top_n, within })
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
            if self.is("|") {
                self.at += 1;
                of = self.top_k(of)?;
                continue;
            }
            let Some(op) = self.comparison() else { return Ok(of) };
            self.at += 1;
            let than = self.threshold()?;
            of = Metrics::Filter { of: Box::new(of), op, than };
        }
    }

    /// A number, arithmetic of numbers, or a duration, in seconds.
    fn threshold(&mut self) -> Result<f64, Error> {
        if let Token::Duration(ns) = *self.peek() {
            self.at += 1;
            return Ok(ns as f64 / 1e9);
        }
        match number(&self.metrics_math(0)?) {
            Some(n) => Ok(n),
            None => self.fail("a number"),
        }
    }

    fn top_k(&mut self, of: Metrics) -> Result<Metrics, Error> {
        let order = match self.peek() {
            Token::Word(w) if w == "topk" => Rank::Top,
            Token::Word(w) if w == "bottomk" => Rank::Bottom,
            _ => return self.fail("topk or bottomk"),
        };
        self.at += 1;
        self.expect("(")?;
        let Token::Int(k) = *self.peek() else { return self.fail("a whole number") };
        self.at += 1;
        self.expect(")")?;
        Ok(Metrics::TopK { of: Box::new(of), order, k })
    }
}

fn bare(m: &Metrics) -> bool {
    matches!(m, Metrics::Series { .. })
}

fn has_series(m: &Metrics) -> bool {
    number(m).is_none()
}

/// The value of arithmetic without series.
fn number(m: &Metrics) -> Option<f64> {
    match m {
        Metrics::Number(n) => Some(*n),
        Metrics::Binary { op, left, right } => crate::value::arithmetic(*op, number(left)?, number(right)?),
        Metrics::Parenthesised(of) => number(of),
        Metrics::Series { .. } | Metrics::TopK { .. } | Metrics::Filter { .. } => None,
    }
}
