//! The spellings of a query.

use std::fmt::Write as _;

use super::{Expr, When};

/// What a writer may choose freely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Keywords and operators that are words are in capitals.
    pub is_loud: bool,
    /// `sum(x) by (y)` instead of `sum by (y) (x)`.
    pub groups_behind: bool,
    /// Line breaks, tabs and comments between the parts, a comma behind the last label.
    pub is_loose: bool,
    /// `offset` before `@`.
    pub offset_first: bool,
}

/// How a query is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    pub style: Style,
    /// Syntax that came after 2.42 is spelled as 2.42 has it.
    pub is_old: bool,
    /// Ranges are a millisecond shorter: what is closed on the left then holds the samples that were left-open before.
    pub shortens_ranges: bool,
    /// Regular expressions say that `.` matches newlines.
    pub dot_is_everything: bool,
}

impl Style {
    fn word(self, word: &str) -> String {
        if self.is_loud { word.to_uppercase() } else { word.to_owned() }
    }

    fn gap(self) -> &'static str {
        if self.is_loose { "\n\t # a \"note\" (\n" } else { " " }
    }

    fn last_comma(self, labels: &[String]) -> &'static str {
        if self.is_loose && !labels.is_empty() { "," } else { "" }
    }
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
                write_when(out, when, d.style);
            }
            Self::Call { function, args } => {
                let is_renamed = d.is_old && *function == "double_exponential_smoothing";
                out.push_str(if is_renamed { "holt_winters" } else { function });
                out.push('(');
                write_list(out, args.iter(), d);
                out.push(')');
            }
            Self::Aggregate { op, grouping, param, of } => {
                out.push_str(&d.style.word(op));
                let clause = grouping.as_ref().map(|g| {
                    let word = d.style.word(if g.is_without { "without" } else { "by" });
                    format!(
                        "{}{word} ({}{}) ",
                        d.style.gap(),
                        g.labels.join(", "),
                        d.style.last_comma(&g.labels)
                    )
                });
                let clause = clause.unwrap_or_default();
                if !d.style.groups_behind {
                    out.push_str(&clause);
                }
                out.push('(');
                write_list(out, param.iter().map(|p| &**p).chain([&**of]), d);
                out.push(')');
                if d.style.groups_behind {
                    out.push_str(&clause);
                }
            }
            Self::Binary { op, matching, left, right } => {
                let loses_name = d.is_old && self.is_angle();
                out.push_str(if loses_name { "label_replace(" } else { "" });
                left.write(out, d);
                let (op, gap) = (d.style.word(op), d.style.gap());
                let _ = write!(out, "{gap}{op} {matching}{}", if matching.is_empty() { "" } else { gap });
                right.write(out, d);
                out.push_str(if loses_name { r#", "__name__", "", "", "")"# } else { "" });
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
            let separator = if d.style.is_loose { " , " } else { "," };
            let _ = write!(out, "{{{}{}}}", inside.join(separator), d.style.last_comma(&inside));
        }
        if let Some(ms) = range_ms {
            let _ = write!(out, "[{}]", duration(shortened(ms, d)));
        }
        write_when(out, when, d.style);
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

fn write_when(out: &mut String, when: &When, style: Style) {
    let at = when.at.as_ref().map(|at| format!(" @ {at}")).unwrap_or_default();
    let offset = when.offset_ms.map(|ms| {
        let (word, sign) = (style.word("offset"), if ms < 0 { "-" } else { "" });
        format!(" {word} {sign}{}", duration(ms.abs()))
    });
    let offset = offset.unwrap_or_default();
    let (first, second) = if style.offset_first { (offset, at) } else { (at, offset) };
    out.push_str(&first);
    out.push_str(&second);
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
    for (unit, length) in
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)]
    {
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
        let old =
            Dialect { is_old: true, shortens_ranges: true, dot_is_everything: true, ..Dialect::default() };
        assert_eq!(query.render(old), r#"{__name__="m",a=~"(?s:x.)"}[59s999ms] offset -1m30s"#);
    }
}
