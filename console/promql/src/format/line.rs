//! One line.

use std::fmt::{self, Write};

use console_model::labels::METRIC_NAME;

use super::literal;
use crate::{
    ast::{Aggregate, Binary, Cardinality, Expr, ExprKind, Selector, Subquery, ValueType},
    gofmt,
};

/// Writes expressions that were parsed from `text`.
#[derive(Clone, Copy)]
pub struct Line<'t> {
    pub text: &'t str,
}

/// Counts what is written and refuses what is too much.
struct AtMost(usize);

impl Write for AtMost {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0 = self.0.checked_sub(s.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

impl Line<'_> {
    pub fn of(self, expr: &Expr) -> String {
        let mut out = String::new();
        // A string takes all that is written to it.
        let _ = self.write(&mut out, expr);
        out
    }

    /// Whether the line has at most `width` bytes.
    pub fn fits(self, expr: &Expr, width: usize) -> bool {
        self.write(&mut AtMost(width), expr).is_ok()
    }

    fn write(self, out: &mut dyn Write, expr: &Expr) -> fmt::Result {
        match &expr.kind {
            ExprKind::Number(v) => {
                literal::number(out, *v, self.text.get(expr.span.start..expr.span.end).unwrap_or_default())
            }
            ExprKind::String(s) => {
                out.write_str(&gofmt::quote(s.raw.as_deref().unwrap_or(s.value.as_bytes())))
            }
            ExprKind::Selector(s) => {
                series(out, s)?;
                literal::at(out, s.at)?;
                literal::extent(out, s.extent)?;
                literal::offset(out, s.offset_ms, s.offset.as_deref())
            }
            ExprKind::Range { selector, range_ms, range } => {
                series(out, selector)?;
                out.write_char('[')?;
                literal::duration(out, *range_ms, range.as_deref())?;
                out.write_char(']')?;
                literal::extent(out, selector.extent)?;
                literal::at(out, selector.at)?;
                literal::offset(out, selector.offset_ms, selector.offset.as_deref())
            }
            ExprKind::Subquery(s) => {
                self.write(out, &s.expr)?;
                subquery_suffix(out, s)
            }
            ExprKind::Call { function, args } => {
                write!(out, "{}(", function.name())?;
                for (i, arg) in args.iter().enumerate() {
                    if i > 0 {
                        out.write_str(", ")?;
                    }
                    self.write(out, arg)?;
                }
                out.write_char(')')
            }
            ExprKind::Aggregate(a) => {
                Self::aggregate_head(out, a)?;
                out.write_char('(')?;
                if let Some(parameter) = &a.parameter {
                    self.write(out, parameter)?;
                    out.write_str(", ")?;
                }
                self.write(out, &a.expr)?;
                out.write_char(')')
            }
            ExprKind::Negate(inner) => {
                out.write_char('-')?;
                self.write(out, inner)
            }
            ExprKind::Plus(inner) => {
                out.write_char('+')?;
                self.write(out, inner)
            }
            ExprKind::Binary(b) => {
                self.write(out, &b.left)?;
                out.write_char(' ')?;
                operator(out, b)?;
                out.write_char(' ')?;
                self.write(out, &b.right)
            }
            ExprKind::Paren(inner) => {
                out.write_char('(')?;
                self.write(out, inner)?;
                out.write_char(')')
            }
        }
    }

    /// `sum by (job) `, up to the parenthesis of the arguments.
    pub fn aggregate_head(out: &mut dyn Write, a: &Aggregate) -> fmt::Result {
        out.write_str(a.op.name())?;
        if !a.grouping.without && a.grouping.labels.is_empty() {
            return Ok(());
        }
        out.write_str(if a.grouping.without { " without (" } else { " by (" })?;
        literal::label_names(out, &a.grouping.written)?;
        out.write_str(") ")
    }
}

/// Name and matchers. The matchers are sorted by their text.
fn series(out: &mut dyn Write, selector: &Selector) -> fmt::Result {
    let name = selector.name.as_deref().unwrap_or_default();
    out.write_str(name)?;
    let is_name = |m: &&console_model::Matcher| {
        m.name == METRIC_NAME && m.op == console_model::MatchOp::Equal && m.value == name && !name.is_empty()
    };
    let mut matchers: Vec<String> =
        selector.matchers.iter().filter(|m| !is_name(m)).map(literal::matcher).collect();
    if matchers.is_empty() {
        return Ok(());
    }
    matchers.sort();
    write!(out, "{{{}}}", matchers.join(","))
}

/// `[1h:5m] @ start() offset 1m`.
pub fn subquery_suffix(out: &mut dyn Write, s: &Subquery) -> fmt::Result {
    out.write_char('[')?;
    literal::duration(out, s.range_ms, s.range.as_deref())?;
    out.write_char(':')?;
    if s.step_ms.is_some() || s.step.is_some() {
        literal::duration(out, s.step_ms.unwrap_or_default(), s.step.as_deref())?;
    }
    out.write_char(']')?;
    literal::at(out, s.at)?;
    literal::offset(out, s.offset_ms, s.offset.as_deref())
}

/// Whether both sides are vectors, which is when they are matched.
pub fn is_matched(b: &Binary) -> bool {
    b.left.value_type() == ValueType::Vector && b.right.value_type() == ValueType::Vector
}

/// `+ on (job) group_left (version)`.
pub fn operator(out: &mut dyn Write, b: &Binary) -> fmt::Result {
    out.write_str(b.op.symbol())?;
    if b.return_bool {
        out.write_str(" bool")?;
    }
    if !is_matched(b) {
        return Ok(());
    }
    let m = &b.matching;
    let group = match m.cardinality {
        Cardinality::ManyToOne => Some("group_left"),
        Cardinality::OneToMany => Some("group_right"),
        Cardinality::OneToOne | Cardinality::ManyToMany => None,
    };
    if m.on || !m.labels.is_empty() || group.is_some() {
        out.write_str(if m.on { " on (" } else { " ignoring (" })?;
        literal::label_names(out, &m.labels)?;
        out.write_char(')')?;
    }
    if let Some(group) = group {
        write!(out, " {group} (")?;
        literal::label_names(out, &m.include)?;
        out.write_char(')')?;
    }
    match (m.fill_left, m.fill_right) {
        (Some(left), Some(right)) if left == right => write!(out, " fill ({})", gofmt::general(left)),
        (left, right) => {
            let mut side = |name: &str, v: Option<f64>| match v {
                Some(v) => write!(out, " {name} ({})", gofmt::general(v)),
                None => Ok(()),
            };
            side("fill_left", left)?;
            side("fill_right", right)
        }
    }
}
