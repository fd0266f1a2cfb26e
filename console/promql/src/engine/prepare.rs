//! What is known of a query before it is evaluated: durations that are computed, and selectors of which only counts and
//! sums matter.

use console_storage::SourceError;

use crate::{
    ast::{
        BinaryOp, Expr, ExprKind, Selector,
        duration::{Allowed, DurationExpr, QuerySpan},
    },
    function::Function,
};

/// What stands around a selector (prometheus/promql/engine.go: `detectHistogramStatsDecoding`).
#[derive(Clone, Copy, Default)]
struct Around {
    /// A function that reads count or sum of a native histogram.
    wants_statistics: bool,
    /// Something that needs the buckets too.
    wants_buckets: bool,
}

impl Around {
    fn and(self, expr: &Expr) -> Self {
        let wants_statistics = matches!(
            &expr.kind,
            ExprKind::Call {
                function: Function::HistogramCount | Function::HistogramSum | Function::HistogramAvg,
                ..
            }
        );
        let wants_buckets = match &expr.kind {
            // Resets between the points of a subquery are seen in the buckets alone.
            ExprKind::Subquery(_) => true,
            ExprKind::Call { function, .. } => matches!(
                function,
                Function::HistogramQuantile | Function::HistogramQuantiles | Function::HistogramFraction
            ),
            ExprKind::Binary(b) => matches!(b.op, BinaryOp::TrimUpper | BinaryOp::TrimLower),
            _ => false,
        };
        Self {
            wants_statistics: self.wants_statistics || wants_statistics,
            wants_buckets: self.wants_buckets || wants_buckets,
        }
    }
}

/// A copy of the query that is ready for evaluation.
pub(super) fn prepared(expr: &Expr, query: QuerySpan) -> Result<Expr, SourceError> {
    let mut out = expr.clone();
    prepare(&mut out, Around::default(), query)
        .map_err(|message| SourceError::Invalid { message, position: None })?;
    Ok(out)
}

fn prepare(expr: &mut Expr, around: Around, query: QuerySpan) -> Result<(), String> {
    let inside = around.and(expr);
    match &mut expr.kind {
        ExprKind::Number(_) | ExprKind::String(_) => Ok(()),
        ExprKind::Selector(s) => selector(s, inside, query),
        ExprKind::Range { selector: s, range_ms, range } => {
            selector(s, inside, query)?;
            computed(range_ms, range, Allowed::Positive, query)
        }
        ExprKind::Subquery(s) => {
            computed(&mut s.offset_ms, &mut s.offset, Allowed::Any, query)?;
            if let Some(step) = s.step.take() {
                s.step_ms = Some(step.milliseconds(query, Allowed::Positive)?);
            }
            computed(&mut s.range_ms, &mut s.range, Allowed::Positive, query)?;
            prepare(&mut s.expr, inside, query)
        }
        ExprKind::Call { args, .. } => args.iter_mut().try_for_each(|a| prepare(a, inside, query)),
        ExprKind::Aggregate(a) => {
            a.parameter.iter_mut().chain([&mut a.expr]).try_for_each(|e| prepare(e, inside, query))
        }
        ExprKind::Negate(e) | ExprKind::Plus(e) | ExprKind::Paren(e) => prepare(e, inside, query),
        ExprKind::Binary(b) => {
            prepare(&mut b.left, inside, query)?;
            prepare(&mut b.right, inside, query)
        }
    }
}

fn selector(s: &mut Selector, around: Around, query: QuerySpan) -> Result<(), String> {
    s.wants_statistics_only = around.wants_statistics && !around.wants_buckets;
    computed(&mut s.offset_ms, &mut s.offset, Allowed::Any, query)
}

/// Puts the value of a duration expression, if there is one, into its place.
fn computed(
    ms: &mut i64,
    expr: &mut Option<Box<DurationExpr>>,
    allowed: Allowed,
    query: QuerySpan,
) -> Result<(), String> {
    if let Some(expr) = expr.take() {
        *ms = expr.milliseconds(query, allowed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParseOptions, parse, selectors};

    fn ready(text: &str) -> Result<Expr, SourceError> {
        let expr = parse(text, ParseOptions { experimental: true }).unwrap();
        prepared(&expr, QuerySpan { step_s: 15.0, range_s: 600.0 })
    }

    #[test]
    fn buckets_are_left_out_only_where_nothing_reads_them() {
        for (text, wanted) in [
            ("h", false),
            ("histogram_count(h)", true),
            ("histogram_sum(rate(h[5m]))", true),
            ("histogram_count(max_over_time(h[5m:1m]))", false),
            ("histogram_count(h </ 5)", false),
            ("histogram_quantile(0.5, histogram_count(h))", false),
        ] {
            let expr = ready(text).unwrap();
            assert_eq!(selectors(&expr)[0].wants_statistics_only, wanted, "{text}");
        }
    }

    #[test]
    fn durations_are_computed_from_the_query() {
        for (text, wanted) in [
            ("x offset (1m + 30s)", 90_000),
            ("x offset -step()", -15_000),
            ("x offset (range() / 2 ^ 3)", 75_000),
            ("x offset max_of(step(), 20s)", 20_000),
            ("x offset -min_of(step(), 20s)", -15_000),
            ("x offset -(-1m)", 60_000),
            ("x offset (7 % 4)", 3000),
        ] {
            let expr = ready(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(selectors(&expr)[0].offset_ms, wanted, "{text}");
        }
        let ExprKind::Range { range_ms, .. } = ready("x[2 * step() + 1]").unwrap().kind else {
            panic!("no range")
        };
        assert_eq!(range_ms, 31_000);
    }

    #[test]
    fn durations_without_a_meaning_are_refused() {
        for (text, wanted) in [
            ("x[1m - 2m]", "2:9: duration must be greater than 0"),
            ("x[5m % (step() - step())]", "2:23: modulo by zero"),
            ("x[5m / (1 - 1)]", "2:13: division by zero"),
            ("x offset (10 ^ 10)", "10:17: duration is out of range"),
        ] {
            assert_eq!(ready(text).expect_err(text).to_string(), wanted, "{text}");
        }
    }
}
