//! Where Prometheus itself changed its answers between 2.42 and the version that the console follows.
//!
//! A change either translates the query for 2.42, so that the comparison stays exact, or excuses one difference after a
//! look at the query and both answers. The references are entries of Prometheus' CHANGELOG.md.

use super::{
    answer::{Outcome, Point},
    compare::{Order, Tolerance, compare},
    grammar::{Asked, Dialect, Expr, INEXACT, Moment},
};

macro_rules! changes {
    ($($variant:ident $name:literal $reference:literal)*) => {
        /// A documented change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Change { $($variant),* }

        impl Change {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// Version and pull request.
            pub fn reference(self) -> &'static str {
                match self { $(Self::$variant => $reference),* }
            }
        }
    };
}

changes! {
    Syntax "quoted names, durations as numbers, 1_000" "3.0.0 #14705 #15111, 2.54.0 #12821"
    LeftOpenRange "ranges and subqueries are left-open" "3.0.0 #13904, 3.0.1 #15431"
    DotMatchesNewline "`.` in regular expressions matches newlines" "3.0.0 #14505"
    LeftOpenRate "extrapolation to the end of a left-open range" "3.0.0 #13904"
    RateAtZero "extrapolation to a counter's zero is bounded" "2.51.0 #13725"
    ScopedAt "later steps of a range query read the window that @ names" "2.51.0 #13559"
    Atan2Name "atan2 drops the metric's name" "2.47.0 #12595"
    HugeAngle "atan2 of what is too far apart" "the C library's, not Go's"
    NoNumberAtTheTop "topk and bottomk of NaN fail" "3.6.0 #16725"
    HoltWinters "holt_winters is double_exponential_smoothing" "3.0.0 #14930"
    Sums "sums and means are compensated" "2.54.0 #14074, 2.55.0 #14413, 3.5.0 #16569"
    DeviationOfInfinity "stddev and stdvar of infinities" "3.0.0 #14941"
    ManyToOneFilter "comparisons always refuse many-to-one matches" "3.9.0 #17668"
    ParameterPerStep "an aggregation's parameter is read at every step" "3.5.0 #16404"
    LabelNames "labels may have any name" "3.0.0 #14705, 3.3.0 #15974"
    NegationCollision "negated series may share labels where they never meet" "3.9.0 #17708"
    ZeroAmongEquals "which of 0 and -0 is least, largest or in the middle" "the order of series is open"
    LastDigit "label values made of the last digit of a logarithm, tangent or power" "the C library's, not Go's"
    TiesAtTheTop "topk and bottomk choose freely among equals" "2.44.0 #12190"
    CountValuesGrouping "count_values by three labels forgets one at later steps: a fault of theirs" "2.52.0 #13744"
    AbsentLabels "absent names no label from which a matcher takes series away" "2.47.0 #12558"
    TimestampOffset "timestamp(x @ t offset o) forgets the offset: a fault of theirs" "in all versions, promql/engine.go"
}

/// How far apart an extrapolation over a range and over one millisecond less may be.
const ONE_MILLISECOND: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-6 };

/// Functions that sum up.
const OVERFLOWING: &[&str] = &[
    "sum",
    "avg",
    "stddev",
    "stdvar",
    "sum_over_time",
    "avg_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "deriv",
    "predict_linear",
    "rate",
    "increase",
];

impl Change {
    /// Translations of the query for 2.42, the smallest first; each says which changes it makes up for.
    pub fn translations(expr: &Expr) -> Vec<(Vec<Self>, Dialect)> {
        let has_syntax =
            expr.any(&|e| matches!(e, Expr::Spelled { .. } | Expr::Selector { is_name_quoted: true, .. }));
        let has_smoothing = expr.uses(&["double_exponential_smoothing"]);
        let has_angle = expr.any(&Expr::is_angle);
        let has_range = expr.any(&|e| matches!(e, Expr::Range { .. } | Expr::Subquery { .. }));
        let is_regex = |e: &Expr| match e {
            Expr::Regex(_) => true,
            Expr::Selector { matchers, .. } => matchers.iter().any(|m| m.op.ends_with('~')),
            _ => false,
        };
        let has_regex = expr.any(&is_regex);
        let mut out = Vec::new();
        for (shortens_ranges, dot_is_everything) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            if (shortens_ranges && !has_range) || (dot_is_everything && !has_regex) {
                continue;
            }
            let mut changes = Vec::new();
            changes.extend(has_syntax.then_some(Self::Syntax));
            changes.extend(has_smoothing.then_some(Self::HoltWinters));
            changes.extend(has_angle.then_some(Self::Atan2Name));
            changes.extend(shortens_ranges.then_some(Self::LeftOpenRange));
            changes.extend(dot_is_everything.then_some(Self::DotMatchesNewline));
            out.push((
                changes,
                Dialect { is_old: true, shortens_ranges, dot_is_everything, ..Dialect::default() },
            ));
        }
        out
    }

    /// The change that accounts for a difference between the console's answer and that to the last translation.
    pub fn excusing(asked: &Asked, ours: &Outcome, theirs: &Outcome) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.excuses(asked, ours, theirs))
    }

    /// How the answers differ, told without what an excusable change alone would do.
    pub fn difference(asked: &Asked, ours: &Outcome, theirs: &Outcome) -> Option<String> {
        let is_extrapolated = asked.expr.uses(&["rate", "increase", "delta"]);
        let tolerance = if is_extrapolated { ONE_MILLISECOND } else { Tolerance::STRICT };
        compare(ours, theirs, order_of(asked), tolerance).err()
    }

    fn excuses(self, asked: &Asked, ours: &Outcome, theirs: &Outcome) -> bool {
        let expr = &asked.expr;
        let close = |tolerance| compare(ours, theirs, Order::Any, tolerance).is_ok();
        match self {
            Self::Syntax
            | Self::HoltWinters
            | Self::Atan2Name
            | Self::LeftOpenRange
            | Self::DotMatchesNewline => false,
            Self::LeftOpenRate => {
                let is_counted = || expr.uses(&["count_values"]) && same_values(ours, theirs);
                expr.uses(&["rate", "increase", "delta"]) && (close(ONE_MILLISECOND) || is_counted())
            }
            // At most half of the interval between two samples instead of the whole.
            Self::RateAtZero => {
                expr.extrapolates_to_zero()
                    && (expr.reads(&["odd"]) || close(Tolerance { relative: 0.6, absolute: 0.0 }))
            }
            // The first step, where it can be seen, is right.
            Self::ScopedAt => {
                let is_hidden = expr.any(&|e| matches!(e, Expr::Subquery { .. }));
                let is_right_at_first = match asked.moment {
                    Moment::Range { start_ms, .. } => is_hidden || same_at(start_ms, ours, theirs),
                    Moment::At(_) => is_hidden,
                };
                expr.refixes_windows() && is_right_at_first
            }
            // Where the quotient of the two is too small for a number, Go is half a turn off.
            Self::HugeAngle => expr.any(&Expr::is_angle) && expr.reads(&["huge"]),
            Self::NoNumberAtTheTop => {
                expr.uses(&["topk", "bottomk"]) && has_failed(ours, "Parameter value is NaN")
            }
            // The last digits, or the sign of zero.
            Self::Sums => {
                let means = [
                    "sum",
                    "avg",
                    "avg_over_time",
                    "stddev",
                    "stdvar",
                    "stddev_over_time",
                    "stdvar_over_time",
                ];
                if expr.reads(&["huge"]) && expr.uses(OVERFLOWING) {
                    // Beyond the largest number the two ways end in different infinities.
                    return true;
                }
                let largest =
                    values(ours).into_iter().filter(|v| v.is_finite()).fold(0.0, |a: f64, v| a.max(v.abs()));
                let digits = Tolerance { relative: 1e-9, absolute: (largest * 1e-14).max(1e-9) };
                expr.uses(&means)
                    && (close(digits) || (expr.uses(&["count_values"]) && same_values(ours, theirs)))
            }
            // Reading an index puts such matchers behind the others, where they count for absent.
            Self::AbsentLabels => {
                let contradicts = |e: &Expr| match e {
                    Expr::Selector { matchers, .. } => matchers.iter().any(|m| {
                        m.op.starts_with('!') && matchers.iter().any(|o| o.op == "=" && o.label == m.label)
                    }),
                    _ => false,
                };
                expr.uses(&["absent", "absent_over_time"])
                    && expr.any(&contradicts)
                    && same_values(ours, theirs)
            }
            Self::DeviationOfInfinity => {
                let is_named = || {
                    let text = expr.render(Dialect::default());
                    text.contains("NaN") || text.contains("Inf") || expr.reads(&["odd"])
                };
                expr.uses(&["stddev", "stdvar"]) && (has_infinity(ours) || has_infinity(theirs) || is_named())
            }
            Self::ManyToOneFilter => {
                let is_filter = |op: &str| matches!(op, "==" | "!=" | "<" | ">" | "<=" | ">=");
                expr.any(&|e| matches!(e, Expr::Binary { op, .. } if is_filter(op)))
                    && !theirs.is_failed()
                    && has_failed(ours, "many-to-one matching must be explicit")
            }
            Self::ParameterPerStep => {
                let is_scalar = |p: &Expr| matches!(p, Expr::Text(text) if text.starts_with("scalar("));
                expr.any(&|e| matches!(e, Expr::Aggregate { param: Some(p), .. } if is_scalar(p)))
                    && matches!(asked.moment, Moment::Range { .. })
            }
            Self::LabelNames => {
                let is_named = expr.any(&|e| matches!(e, Expr::Text(text) if text.contains("\"a:b\"")));
                is_named && !ours.is_failed() && theirs.is_failed()
            }
            Self::NegationCollision => {
                expr.any(&|e| matches!(e, Expr::Unary('-', _)))
                    && !ours.is_failed()
                    && has_failed(theirs, "vector cannot contain metrics with the same labelset")
            }
            Self::ZeroAmongEquals => {
                let unsigned = Tolerance { relative: 1e-9, absolute: f64::MIN_POSITIVE };
                expr.uses(&["min", "max", "quantile", "quantile_over_time"]) && close(unsigned)
            }
            Self::LastDigit => {
                let is_power = |e: &Expr| matches!(e, Expr::Binary { op: "^" | "atan2", .. });
                let is_inexact = || expr.uses(INEXACT) || expr.any(&is_power);
                expr.uses(&["count_values"]) && is_inexact() && same_values(ours, theirs)
            }
            Self::TiesAtTheTop => expr.uses(&["topk", "bottomk"]) && same_values(ours, theirs),
            // An append within capacity wrote into the slice that was then sorted: with 3, 5, 6 or 7 labels.
            Self::CountValuesGrouping => {
                let is_overwritten = |e: &Expr| match e {
                    Expr::Aggregate { op: "count_values", grouping: Some(g), .. } => {
                        !g.is_without && g.labels.len() > 2 && !g.labels.len().is_power_of_two()
                    }
                    _ => false,
                };
                let has_steps = matches!(asked.moment, Moment::Range { .. })
                    || expr.any(&|e| matches!(e, Expr::Subquery { .. }));
                has_steps && expr.any(&is_overwritten)
            }
            Self::TimestampOffset => expr.any(&|e| match e {
                Expr::Call { function: "timestamp", args } => args.iter().any(Expr::is_fixed_and_shifted),
                _ => false,
            }),
        }
    }
}

fn has_failed(outcome: &Outcome, with: &str) -> bool {
    matches!(outcome, Outcome::Failed { message, .. } if message.contains(with))
}

/// Equal at the first moment of a range query.
fn same_at(start_ms: i64, ours: &Outcome, theirs: &Outcome) -> bool {
    let first = |outcome: &Outcome| match outcome {
        Outcome::Matrix(rows) => {
            let at =
                |points: &[Point]| points.iter().copied().filter(|p| p.t_ms == start_ms).collect::<Vec<_>>();
            let rows = rows.iter().map(|(l, points)| (l.clone(), at(points)));
            Some(Outcome::Matrix(rows.filter(|(_, points)| !points.is_empty()).collect()))
        }
        _ => None,
    };
    match (first(ours), first(theirs)) {
        (Some(ours), Some(theirs)) => compare(&ours, &theirs, Order::Any, Tolerance::STRICT).is_ok(),
        _ => false,
    }
}

fn has_infinity(outcome: &Outcome) -> bool {
    values(outcome).iter().any(|v| v.is_infinite() || v.is_nan())
}

fn values(outcome: &Outcome) -> Vec<f64> {
    match outcome {
        Outcome::Vector(rows) => rows.iter().map(|(_, p)| p.v).collect(),
        Outcome::Matrix(rows) => rows.iter().flat_map(|(_, points)| points.iter().map(|p| p.v)).collect(),
        Outcome::Scalar(p) => vec![p.v],
        Outcome::Failed { .. } | Outcome::Text(_) | Outcome::Malformed(_) => Vec::new(),
    }
}

/// The same values at the same times, whatever their labels.
fn same_values(ours: &Outcome, theirs: &Outcome) -> bool {
    let bits = |outcome: &Outcome| {
        let mut all: Vec<(i64, u64)> = match outcome {
            Outcome::Vector(rows) => rows.iter().map(|(_, p)| (p.t_ms, p.v.to_bits())).collect(),
            Outcome::Matrix(rows) => {
                rows.iter().flat_map(|(_, points)| points.iter().map(|p| (p.t_ms, p.v.to_bits()))).collect()
            }
            _ => return None,
        };
        all.sort_unstable();
        Some(all)
    };
    bits(ours).is_some_and(|ours| Some(ours) == bits(theirs))
}

/// Where the language defines the order of the answer.
pub fn order_of(asked: &Asked) -> Order {
    let is_ordered = match &asked.expr {
        Expr::Call { function, .. } => matches!(*function, "sort" | "sort_desc"),
        Expr::Aggregate { op, grouping, .. } => matches!(*op, "topk" | "bottomk") && grouping.is_none(),
        _ => false,
    };
    match asked.moment {
        Moment::At(_) if is_ordered => Order::ByValue,
        Moment::At(_) => Order::Any,
        Moment::Range { .. } => Order::ByLabels,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{answer::Labels, grammar::Style};

    fn asked(expr: Expr) -> Asked {
        Asked { expr, style: Style::default(), moment: Moment::At(0) }
    }

    fn vector(v: f64) -> Outcome {
        Outcome::Vector(vec![(Labels::new(), Point { t_ms: 0, v })])
    }

    fn rate_of(name: &str) -> Expr {
        let selector = Expr::Selector {
            name: Some(name.to_owned()),
            matchers: Vec::new(),
            when: Default::default(),
            is_name_quoted: false,
        };
        Expr::call("rate", vec![Expr::Range { of: Box::new(selector), range_ms: 60_000 }])
    }

    #[test]
    fn a_rate_is_excused_by_a_millisecond_and_no_more() {
        let asked = asked(rate_of("req_total"));
        let excused = |theirs: f64| Change::excusing(&asked, &vector(1.0), &vector(theirs));
        assert_eq!(excused(1.000_01), Some(Change::LeftOpenRate));
        assert_eq!(excused(1.1), None);
        assert_eq!(excused(f64::NAN), None);
    }

    #[test]
    fn a_difference_without_a_documented_change_stays_one() {
        let asked = asked(Expr::call("abs", vec![Expr::text("temp")]));
        assert_eq!(Change::excusing(&asked, &vector(1.0), &vector(1.000_001)), None);
        assert_eq!(Change::excusing(&asked, &vector(0.0), &vector(-0.0)), None);
    }

    #[test]
    fn translations_go_from_the_text_itself_to_everything() {
        let all = Change::translations(&rate_of("req_total"));
        assert_eq!(all.iter().map(|(c, _)| c.len()).collect::<Vec<_>>(), [0, 1]);
        assert!(all[1].1.shortens_ranges && !all[0].1.shortens_ranges);
    }
}
