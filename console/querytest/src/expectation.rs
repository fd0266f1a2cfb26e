//! What an evaluation must give: a value, an order, annotations, or a failure.

use console_model::Labels;
use console_promql::parser::duration_ms;
use regex::Regex;

use crate::{
    notation::{self, Slot},
    script::{ScriptError, When},
};

/// A message, as a whole or as a pattern. An annotation may be written without its place in the query and what is told with
/// it, as scripts of Prometheus 3.14 and before do.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Any,
    Message(String),
    Fits(Regex),
}

impl Pattern {
    pub fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Message(m) => {
                text.strip_prefix(m.as_str()).is_some_and(|rest| rest.is_empty() || is_detail(rest))
            }
            Self::Fits(regex) => regex.is_match(text),
        }
    }
}

/// What an annotation says beside its message: its place, and before it how often it was said, or of which buckets and samples.
fn is_detail(text: &str) -> bool {
    let (detail, place) = text.split_at(text.rfind(" (").unwrap_or_default());
    let is_known =
        detail.is_empty() || detail.starts_with(", from buckets ") || detail.ends_with(" occurrences)");
    is_known && is_place(place)
}

/// ` (1:25)`: line and column.
fn is_place(text: &str) -> bool {
    let inside = text.strip_prefix(" (").and_then(|t| t.strip_suffix(')'));
    let numbers = inside.and_then(|t| t.split_once(':'));
    let is_number = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    numbers.is_some_and(|(line, column)| is_number(line) && is_number(column))
}

/// A series that must be in the result, at its place among the lines.
#[derive(Clone, Debug)]
pub(crate) struct ExpectedSeries {
    pub labels: Labels,
    pub slots: Vec<Slot>,
    pub position: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Expected {
    Scalar(f64),
    Text(String),
    Series(Vec<ExpectedSeries>),
}

/// Annotations of one kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Annotations {
    pub wanted: Vec<Pattern>,
    pub must_be_absent: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    pub value: Expected,
    pub is_ordered: bool,
    pub failure: Option<Pattern>,
    pub warnings: Annotations,
    pub infos: Annotations,
    /// Times of a range vector that an instant query gives: start, end, step.
    pub range_vector: Option<(i64, i64, i64)>,
}

impl Expectation {
    /// Reads the lines after an `eval`; the second value is how many belong to it.
    pub fn read(modifier: &str, when: When, block: &[(usize, &str)]) -> Result<(Self, usize), ScriptError> {
        let mut out = Self {
            value: Expected::Series(Vec::new()),
            is_ordered: modifier == "ordered",
            failure: (modifier == "fail").then_some(Pattern::Any),
            warnings: Annotations::default(),
            infos: Annotations::default(),
            range_vector: None,
        };
        match modifier {
            "" | "ordered" | "fail" => {}
            "warn" => out.warnings.wanted.push(Pattern::Any),
            "info" => out.infos.wanted.push(Pattern::Any),
            _ => {
                let line = block.first().map_or(0, |l| l.0);
                return Err(ScriptError { line, message: format!("unknown evaluation {modifier:?}") });
            }
        }
        let mut series = Vec::new();
        for (at, (line, text)) in block.iter().enumerate() {
            let fail = |message: String| ScriptError { line: *line, message };
            if text.split(' ').next() == Some("expect") {
                out.expect(text).map_err(fail)?;
                out.consistent().map_err(fail)?;
            } else if let Some(message) = text.strip_prefix("expected_fail_message") {
                out.failure = Some(Pattern::Message(message.trim().to_owned()));
                return Ok((out, at + 1));
            } else if let Some(pattern) = text.strip_prefix("expected_fail_regexp") {
                let regex = Regex::new(pattern.trim()).map_err(|e| fail(e.to_string()))?;
                out.failure = Some(Pattern::Fits(regex));
                return Ok((out, at + 1));
            } else if let Some(v) = notation::number(text) {
                out.value = Expected::Scalar(v);
                return Ok((out, at + 1));
            } else {
                let (labels, slots) = notation::series(text).map_err(fail)?;
                if slots.len() > 1 && matches!(when, When::Instant(_)) && out.range_vector.is_none() {
                    return Err(fail("several values of an instant".to_owned()));
                }
                series.push(ExpectedSeries { labels, slots, position: series.len() });
            }
        }
        if let Expected::Series(all) = &mut out.value {
            *all = series;
        }
        Ok((out, block.len()))
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        let rest = text.trim_start_matches("expect").trim();
        if let Some(range) = rest.strip_prefix("range vector") {
            let words: Vec<&str> = range.split_whitespace().collect();
            let ["from", from, "to", to, "step", step] = words.as_slice() else {
                return Err(format!("invalid range vector {range:?}"));
            };
            let ms = |t: &str| duration_ms(t).ok_or_else(|| format!("invalid duration {t:?}"));
            let (from, to) = (ms(from)?, ms(to)?);
            if to < from {
                return Err("the end of a range vector is before its start".to_owned());
            }
            self.range_vector = Some((from, to, ms(step)?));
            return Ok(());
        }
        if let Some(text) = rest.strip_prefix("string") {
            self.value = Expected::Text(unquoted(text.trim())?);
            return Ok(());
        }
        let (kind, detail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if matches!(kind, "ordered" | "no_warn" | "no_info") && !detail.trim().is_empty() {
            return Err(format!("{kind} has no message"));
        }
        let pattern = pattern(detail.trim())?;
        match kind {
            "ordered" => self.is_ordered = true,
            "fail" if matches!(self.failure, Some(Pattern::Message(_) | Pattern::Fits(_))) => {
                return Err("a query fails once".to_owned());
            }
            "fail" => self.failure = Some(pattern),
            "warn" => self.warnings.wanted.push(pattern),
            "info" => self.infos.wanted.push(pattern),
            "no_warn" => self.warnings.must_be_absent = true,
            "no_info" => self.infos.must_be_absent = true,
            _ => return Err(format!("unknown expectation {kind:?}")),
        }
        Ok(())
    }
}

impl Expectation {
    /// The same annotation cannot be wanted and unwanted.
    fn consistent(&self) -> Result<(), String> {
        for (name, of) in [("warn", &self.warnings), ("info", &self.infos)] {
            if of.must_be_absent && !of.wanted.is_empty() {
                return Err(format!("{name} and no_{name} cannot be expected together"));
            }
        }
        Ok(())
    }
}

fn pattern(detail: &str) -> Result<Pattern, String> {
    if let Some(message) = detail.strip_prefix("msg:") {
        return Ok(Pattern::Message(message.trim().to_owned()));
    }
    if let Some(pattern) = detail.strip_prefix("regex:") {
        return Ok(Pattern::Fits(Regex::new(pattern.trim()).map_err(|e| e.to_string())?));
    }
    if detail.is_empty() { Ok(Pattern::Any) } else { Err(format!("expected msg or regex, got {detail:?}")) }
}

/// A Go string literal, read as PromQL reads the same.
fn unquoted(text: &str) -> Result<String, String> {
    let expr =
        console_promql::parse(text, console_promql::ParseOptions::default()).map_err(|e| e.to_string())?;
    match expr.kind {
        console_promql::ast::ExprKind::String(s) => Ok(s.value),
        _ => Err(format!("expected a string literal, got {text:?}")),
    }
}
