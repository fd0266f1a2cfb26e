//! The spellings of a query.

use std::fmt::Write as _;

use super::{Expr, When};

/// How a query is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Syntax that came after 2.42 is spelled as 2.42 has it.
    pub is_old: bool,
    /// Ranges are a millisecond shorter: what is closed on the left then holds the samples that were left-open before.
    pub shortens_ranges: bool,
    /// Regular expressions say that `.` matches newlines.
    pub dot_is_everything: bool,
}

impl Expr {
    pub fn render(&self, dialect: Dialect) -> String {
        let mut out = String::new();
        self.write(&mut out, dialect);
        out
    }

    fn write(&self, out: &mut String, d: Dialect) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Spelled { now, then } => out.push_str(if d.is_old { then } else { now }),
            Self::Regex(pattern) => out.push_str(&quoted(&regex(pattern, d))),
            Self::Selector { .. } => self.write_selector(out, d, None),
            Self::Range { of, range_ms } => of.write_selector(out, d, Some(*range_ms)),
            Self::Subquery { of, range_ms, step_ms, when } => {
                of.write(out, d);
                let step = step_ms.map(duration).unwrap_or_default();
                let _ = write!(out, "[{}:{step}]", duration(shortened(*range_ms, d)));
                write_when(out, when);
            }
            Self::Call { function, args } => {
                out.push_str(function);
                out.push('(');
                write_list(out, args.iter(), d);
                out.push(')');
            }
            Self::Aggregate { op, grouping, param, of } => {
                out.push_str(op);
                if let Some(g) = grouping {
                    let word = if g.is_without { "without" } else { "by" };
                    let _ = write!(out, " {word} ({}) ", g.labels.join(", "));
                }
                out.push('(');
                write_list(out, param.iter().map(|p| &**p).chain([&**of]), d);
                out.push(')');
            }
            Self::Binary { op, matching, left, right } => {
                left.write(out, d);
                let _ = write!(out, " {op} {matching}{}", if matching.is_empty() { "" } else { " " });
                right.write(out, d);
            }
            Self::Unary(sign, of) => {
                out.push(*sign);
                of.write(out, d);
            }
            Self::Paren(of) => {
                out.push('(');
                of.write(out, d);
                out.push(')');
            }
        }
    }

    fn write_selector(&self, out: &mut String, d: Dialect, range_ms: Option<i64>) {
        let Self::Selector { name, matchers, when, is_name_quoted } = self else {
            self.write(out, d);
            if let Some(ms) = range_ms {
                let _ = write!(out, "[{}]", duration(shortened(ms, d)));
            }
            return;
        };
        let mut inside: Vec<String> = Vec::new();
        match name {
            Some(name) if *is_name_quoted && d.is_old => inside.push(format!("__name__={}", quoted(name))),
            Some(name) if *is_name_quoted => inside.push(quoted(name)),
            Some(name) => out.push_str(name),
            None => {}
        }
        for m in matchers {
            let is_regex = m.op.ends_with('~');
            let value = if is_regex { regex(&m.value, d) } else { m.value.clone() };
            inside.push(format!("{}{}{}", m.label, m.op, quoted(&value)));
        }
        if !inside.is_empty() || name.is_none() {
            let _ = write!(out, "{{{}}}", inside.join(","));
        }
        if let Some(ms) = range_ms {
            let _ = write!(out, "[{}]", duration(shortened(ms, d)));
        }
        write_when(out, when);
    }
}

fn write_list<'a>(out: &mut String, items: impl Iterator<Item = &'a Expr>, d: Dialect) {
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        item.write(out, d);
    }
}

fn write_when(out: &mut String, when: &When) {
    if let Some(at) = &when.at {
        let _ = write!(out, " @ {at}");
    }
    if let Some(ms) = when.offset_ms {
        let sign = if ms < 0 { "-" } else { "" };
        let _ = write!(out, " offset {sign}{}", duration(ms.abs()));
    }
}

fn shortened(ms: i64, d: Dialect) -> i64 {
    if d.shortens_ranges { ms - 1 } else { ms }
}

fn regex(pattern: &str, d: Dialect) -> String {
    if d.dot_is_everything { format!("(?s:{pattern})") } else { pattern.to_owned() }
}

/// In the units of the language, largest first.
pub fn duration(ms: i64) -> String {
    let mut out = String::new();
    let mut rest = ms;
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if rest / length > 0 {
            let _ = write!(out, "{}{unit}", rest / length);
            rest %= length;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

pub fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::grammar::Matcher;

    #[test]
    fn spellings_differ_where_the_languages_do() {
        let matcher = Matcher { label: "a".to_owned(), op: "=~", value: "x.".to_owned() };
        let selector = Expr::Selector {
            name: Some("m".to_owned()),
            matchers: vec![matcher],
            when: When { at: None, offset_ms: Some(-90_000) },
            is_name_quoted: true,
        };
        let query = Expr::Range { of: Box::new(selector), range_ms: 60_000 };
        assert_eq!(query.render(Dialect::default()), r#"{"m",a=~"x."}[1m] offset -1m30s"#);
        let old = Dialect { is_old: true, shortens_ranges: true, dot_is_everything: true };
        assert_eq!(query.render(old), r#"{__name__="m",a=~"(?s:x.)"}[59s999ms] offset -1m30s"#);
    }
}
