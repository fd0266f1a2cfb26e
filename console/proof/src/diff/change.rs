//! Where Prometheus itself changed its answers between 2.42 and the version that the console follows.
//!
//! A change either translates the query for 2.42, so that the comparison stays exact, or excuses one difference after a
//! look at the query and both answers. The references are entries of Prometheus' CHANGELOG.md.

use super::{
    answer::Outcome,
    compare::{Order, Tolerance, compare},
    grammar::{Asked, Dialect, Expr, Moment},
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
    HoltWinters "holt_winters is double_exponential_smoothing, experimental" "3.0.0 #14930"
    Mean "avg and deviations: compensated sums" "2.55.0 #14413, 3.5.0 #16569"
    DeviationOfInfinity "stddev and stdvar of infinities" "3.0.0 #14941"
    TiesAtTheTop "topk and bottomk choose freely among equals" "2.44.0 #12190"
}

/// How far apart an extrapolation over a range and over one millisecond less may be.
const ONE_MILLISECOND: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-6 };

impl Change {
    /// Translations of the query for 2.42, the smallest first; each says which changes it makes up for.
    pub fn translations(expr: &Expr) -> Vec<(Vec<Self>, Dialect)> {
        let has_syntax =
            expr.any(&|e| matches!(e, Expr::Spelled { .. } | Expr::Selector { is_name_quoted: true, .. }));
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
            changes.extend(shortens_ranges.then_some(Self::LeftOpenRange));
            changes.extend(dot_is_everything.then_some(Self::DotMatchesNewline));
            out.push((changes, Dialect { is_old: true, shortens_ranges, dot_is_everything }));
        }
        out
    }

    /// The change that accounts for a difference between the console's answer and that to the last translation.
    pub fn excusing(asked: &Asked, ours: &Outcome, theirs: &Outcome) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.excuses(asked, ours, theirs))
    }

    fn excuses(self, asked: &Asked, ours: &Outcome, theirs: &Outcome) -> bool {
        let expr = &asked.expr;
        let close = |tolerance| compare(ours, theirs, Order::Any, tolerance).is_ok();
        match self {
            Self::Syntax | Self::LeftOpenRange | Self::DotMatchesNewline => false,
            Self::LeftOpenRate => expr.uses(&["rate", "increase", "delta"]) && close(ONE_MILLISECOND),
            Self::RateAtZero => expr.uses(&["rate", "increase"]) && expr.reads(&["fresh_total"]),
            Self::HoltWinters => {
                let is_unknown =
                    matches!(ours, Outcome::Failed { status: 400, kind, .. } if kind == "bad_data");
                expr.uses(&["holt_winters"]) && is_unknown
            }
            Self::Mean => {
                let means =
                    ["avg", "avg_over_time", "stddev", "stdvar", "stddev_over_time", "stdvar_over_time"];
                expr.uses(&means) && close(Tolerance { relative: 1e-9, absolute: 1e-9 })
            }
            Self::DeviationOfInfinity => {
                expr.uses(&["stddev", "stdvar"])
                    && (has_infinity(ours) || has_infinity(theirs) || expr.reads(&["odd"]))
            }
            Self::TiesAtTheTop => expr.uses(&["topk", "bottomk"]) && same_values(ours, theirs),
        }
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
    if is_ordered && matches!(asked.moment, Moment::At(_)) { Order::ByValue } else { Order::Any }
}
