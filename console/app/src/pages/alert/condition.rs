//! What a rule compares: the measured side of its expression, the limit, and the unit of both.
//!
//! Told from the text: the console's engines are not for pages. Where the text is not understood the whole expression
//! stands for itself.

use crate::view::{chart::Unit, format};

/// A rule's expression taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// PromQL of what is measured, without the comparison.
    pub measured: String,
    /// Operator and number, when the expression compares with a plain number.
    pub limit: Option<(&'static str, f64)>,
    pub unit: Unit,
}

const OPERATORS: [&str; 6] = [">=", "<=", "==", "!=", ">", "<"];
/// Set operators end the part that is measured.
const SET_WORDS: [&str; 3] = ["and", "or", "unless"];

impl Condition {
    pub fn of(expr: &str) -> Self {
        let whole = || Self { measured: expr.trim().to_owned(), limit: None, unit: unit_of(expr) };
        let Some((at, operator)) = comparison(expr) else { return whole() };
        let measured = expr[..at].trim();
        let rest = expr[at + operator.len()..].trim_start();
        let number: String = rest
            .chars()
            .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'))
            .collect();
        let after = rest[number.len()..].trim_start();
        let stands_alone = after.is_empty() || SET_WORDS.iter().any(|w| after.starts_with(w));
        match number.parse::<f64>() {
            Ok(limit) if stands_alone && !measured.is_empty() => Self {
                measured: measured.to_owned(),
                limit: Some((operator, limit)),
                unit: unit_of(measured),
            },
            _ => whole(),
        }
    }

    /// `> 25 %`.
    pub fn limit_words(&self) -> Option<String> {
        self.limit.map(|(operator, limit)| {
            let sign = match operator {
                ">=" => "≥",
                "<=" => "≤",
                "==" => "=",
                "!=" => "≠",
                other => other,
            };
            format!("{sign} {}", words(self.unit, limit))
        })
    }
}

/// A value with its unit.
pub fn words(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Number => format::number(value),
        Unit::Seconds => format::seconds(value),
        Unit::Ratio => format::percent(value),
        Unit::Bytes => format::bytes(value),
        Unit::PerSecond => format::per_second(value),
    }
}

/// The first comparison outside of brackets and quotes, before any set operator.
fn comparison(expr: &str) -> Option<(usize, &'static str)> {
    let (mut depth, mut quote, mut word) = (0_i32, None, String::new());
    let mut skip = 0;
    for (at, c) in expr.char_indices() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        if let Some(open) = quote {
            match c {
                '\\' if open != '`' => skip = 1,
                c if c == open => quote = None,
                _ => {}
            }
            continue;
        }
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if depth == 0 && SET_WORDS.contains(&word.as_str()) {
            return None;
        }
        word.clear();
        match c {
            '"' | '\'' | '`' => quote = Some(c),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ if depth == 0 => {
                if let Some(operator) = OPERATORS.iter().find(|o| expr[at..].starts_with(**o)) {
                    return Some((at, operator));
                }
            }
            _ => {}
        }
    }
    None
}

/// From the names that the expression uses: a quotient of rates is a share, a quantile of seconds is seconds.
fn unit_of(expr: &str) -> Unit {
    let mut quote = false;
    let divides = expr.chars().any(|c| {
        quote ^= c == '"';
        c == '/' && !quote
    });
    if divides {
        Unit::Ratio
    } else if expr.contains("histogram_quantile") && expr.contains("_seconds")
        || expr.contains("_lag_seconds")
    {
        Unit::Seconds
    } else if expr.contains("_bytes") {
        Unit::Bytes
    } else if expr.contains("rate(") {
        Unit::PerSecond
    } else {
        Unit::Number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(expr: &str) -> (String, Option<(&'static str, f64)>, Unit) {
        let c = Condition::of(expr);
        (c.measured, c.limit, c.unit)
    }

    #[test]
    fn the_measured_side_is_told_from_the_limit() {
        assert_eq!(
            condition("(\n sum by (job) (rate(a_total{outcome=~\"x > 1\"}[20s]))\n / sum by (job) (rate(a_total[20s]))\n) > 0.25\nand\nsum(b) > 1.5"),
            (
                "(\n sum by (job) (rate(a_total{outcome=~\"x > 1\"}[20s]))\n / sum by (job) (rate(a_total[20s]))\n)"
                    .to_owned(),
                Some((">", 0.25)),
                Unit::Ratio
            )
        );
        let latency =
            "histogram_quantile(0.95, sum by (job, le) (rate(d_seconds_bucket{job!=\"console\"}[30s]))) > 1";
        assert_eq!(
            (Condition::of(latency).limit, Condition::of(latency).unit),
            (Some((">", 1.0)), Unit::Seconds)
        );
        assert_eq!(condition("max by (job) (shop_outbox_lag_seconds) > 20").2, Unit::Seconds);
    }

    #[test]
    fn what_is_not_understood_stays_whole() {
        for expr in
            ["vector(1)", "a > b", "(a == 0) or (b unless c)", "a unless b > 1", "> 3", "a > 3 * b", ""]
        {
            assert_eq!(condition(expr).1, None, "{expr}");
            assert_eq!(condition(expr).0, expr);
        }
    }

    #[test]
    fn limits_are_written_with_units() {
        assert_eq!(Condition::of("a / b >= 0.05").limit_words().as_deref(), Some("≥ 5 %"));
        assert_eq!(Condition::of("up == 0").limit_words().as_deref(), Some("= 0"));
    }
}
