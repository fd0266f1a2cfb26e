//! Several lines. A part that fits into the width stays on its line; one that does not is divided at its outermost
//! place, and its parts are indented by two blanks.

use std::fmt::Write;

use super::line::{Line, operator, subquery_suffix};
use crate::ast::{Expr, ExprKind};

pub struct Pretty<'t> {
    line: Line<'t>,
    width: usize,
}

impl<'t> Pretty<'t> {
    pub fn new(text: &'t str, width: usize) -> Self {
        Self { line: Line { text }, width }
    }

    pub fn of(&self, expr: &Expr) -> String {
        let mut out = String::new();
        self.write(&mut out, expr, 0);
        out
    }

    fn write(&self, out: &mut String, expr: &Expr, level: usize) {
        // A string takes all that is written to it.
        let fits = || self.line.fits(expr, self.width);
        match &expr.kind {
            // As in Prometheus, a short subquery starts its line without indentation.
            ExprKind::Subquery(_) if fits() => out.push_str(&self.line.of(expr)),
            ExprKind::Subquery(s) => {
                self.write(out, &s.expr, level);
                let _ = subquery_suffix(out, s);
            }
            ExprKind::Negate(inner) => self.signed(out, '-', inner, level),
            ExprKind::Plus(inner) => self.signed(out, '+', inner, level),
            ExprKind::Call { function, args } if !fits() => {
                indent(out, level);
                let _ = writeln!(out, "{}(", function.name());
                for (i, arg) in args.iter().enumerate() {
                    if i > 0 {
                        out.push_str(",\n");
                    }
                    self.write(out, arg, level + 1);
                }
                close(out, level);
            }
            ExprKind::Aggregate(a) if !fits() => {
                indent(out, level);
                let _ = Line::aggregate_head(out, a);
                out.push_str("(\n");
                if let Some(parameter) = &a.parameter {
                    self.write(out, parameter, level + 1);
                    out.push_str(",\n");
                }
                self.write(out, &a.expr, level + 1);
                close(out, level);
            }
            ExprKind::Binary(b) if !fits() => {
                self.write(out, &b.left, level + 1);
                out.push('\n');
                indent(out, level);
                let _ = operator(out, b);
                out.push('\n');
                self.write(out, &b.right, level + 1);
            }
            ExprKind::Paren(inner) if !fits() => {
                indent(out, level);
                out.push_str("(\n");
                self.write(out, inner, level + 1);
                close(out, level);
            }
            _ => {
                indent(out, level);
                out.push_str(&self.line.of(expr));
            }
        }
    }

    fn signed(&self, out: &mut String, sign: char, inner: &Expr, level: usize) {
        let mut child = String::new();
        self.write(&mut child, inner, level);
        indent(out, level);
        out.push(sign);
        out.push_str(child.trim());
    }
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n("  ", level));
}

fn close(out: &mut String, level: usize) {
    out.push('\n');
    indent(out, level);
    out.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParseOptions, parse};

    /// Queries and what they become at a width of ten, from Prometheus' promql/parser/prettier_test.go.
    const CASES: &[(&str, &str)] = &[
        ("sum(foo)", "sum(foo)"),
        ("sum by() (task:errors:rate10s{job=\"s\"})", "sum(\n  task:errors:rate10s{job=\"s\"}\n)"),
        (
            "sum(task:errors:rate10s{job=\"s\"}) without(job,foo)",
            "sum without (job, foo) (\n  task:errors:rate10s{job=\"s\"}\n)",
        ),
        ("topk(10, ask:errors:rate10s{job=\"s\"})", "topk(\n  10,\n  ask:errors:rate10s{job=\"s\"}\n)"),
        (
            "sum by(job,foo) # Comment 1.\n(sum by(job,foo) ( # Comment 2.\ntask:errors:rate10s{job=\"s\"}))",
            "sum by (job, foo) (\n  sum by (job, foo) (\n    task:errors:rate10s{job=\"s\"}\n  )\n)",
        ),
        ("a+b", "a + b"),
        ("a == bool 1", "  a\n== bool\n  1"),
        ("foo_1 + foo_2 + foo_3", "    foo_1\n  +\n    foo_2\n+\n  foo_3"),
        (
            "foo_1 + ignoring(foo) foo_2 + ignoring(job) group_left foo_3 + on(instance) group_right foo_4",
            "      foo_1\n    + ignoring (foo)\n      foo_2\n  + ignoring (job) group_left ()\n    foo_3\n+ on \
             (instance) group_right ()\n  foo_4",
        ),
        (
            "rate(long_vector_selector[10m:1m] @ start() offset 1m)",
            "rate(\n  long_vector_selector[10m:1m] @ start() offset 1m\n)",
        ),
        ("((_foo_long_))", "(\n  (\n    _foo_long_\n  )\n)"),
        ("(((foo_long)))", "(\n  (\n    (foo_long)\n  )\n)"),
        (
            "((foo_long + bar_long) + bar_2_long)",
            "(\n    (\n        foo_long\n      +\n        bar_long\n    )\n  +\n    bar_2_long\n)",
        ),
        (
            "label_replace(up{job=\"api-server\",service=\"a:c\"}, \"foo\", \"$1\", \"service\", \"(.*):.*\")",
            "label_replace(\n  up{job=\"api-server\",service=\"a:c\"},\n  \"foo\",\n  \"$1\",\n  \"service\",\n  \
             \"(.*):.*\"\n)",
        ),
        (
            "-histogram_quantile(0.9, -rate(foo[1m] @ start()))",
            "-histogram_quantile(\n  0.9,\n  -rate(\n    foo[1m] @ start()\n  )\n)",
        ),
        (
            "(count by (job) (changes(process_start_time_seconds{job=\"alertmanager\"}[10m]) > 4) / count by (job) \
             (up{job=\"alertmanager\"})) >= 0.5",
            "  (\n      count by (job) (\n          changes(\n            \
             process_start_time_seconds{job=\"alertmanager\"}[10m]\n          )\n        >\n          4\n      )\n    \
             /\n      count by (job) (\n        up{job=\"alertmanager\"}\n      )\n  )\n>=\n  0.5",
        ),
    ];

    #[test]
    fn long_queries_are_divided_as_prometheus_does() {
        for (query, wanted) in CASES {
            let expr = parse(query, ParseOptions::default()).unwrap();
            let got = Pretty::new(query, 10).of(&expr);
            assert_eq!(got, *wanted, "{query}");
            let again = parse(&got, ParseOptions::default()).unwrap();
            assert_eq!(Pretty::new(&got, 10).of(&again), got, "{query}");
        }
    }
}
