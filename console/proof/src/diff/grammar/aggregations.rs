//! Aggregations.

use super::{Expr, Generator, Grouping, calls::function_of, render::quoted};
use crate::diff::data::{Family, families};

const PLAIN: &[&str] = &["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];

impl Generator<'_> {
    pub(super) fn grouping(&mut self) -> Option<Grouping> {
        if self.random.percent(20) {
            return None;
        }
        let known =
            ["service", "instance", "code", "room", "n", "le", "text", "kind", "zone", "missing", "__name__"];
        let chance = if self.random.percent(10) { 0 } else { 30 };
        let labels = self.random.some(&known, chance).into_iter().map(str::to_owned).collect();
        Some(Grouping { is_without: self.random.percent(40), labels })
    }

    pub(super) fn aggregation(&mut self, depth: usize) -> Expr {
        let grouping = self.grouping();
        match self.random.below(12) {
            0..8 => {
                let op = function_of(PLAIN, self.random.pick(PLAIN));
                Expr::Aggregate { op, grouping, param: None, of: Box::new(self.vector(depth)) }
            }
            8 => {
                let param = Some(Box::new(self.quantile()));
                Expr::Aggregate { op: "quantile", grouping, param, of: Box::new(self.vector(depth)) }
            }
            9 => {
                let label = self.random.pick(&["value", "n", "service", "__name__"]);
                let param = Some(Box::new(Expr::text(quoted(label))));
                Expr::Aggregate {
                    op: "count_values",
                    grouping,
                    param,
                    of: Box::new(self.vector(depth.min(1))),
                }
            }
            _ => {
                let op = if self.random.percent(50) { "topk" } else { "bottomk" };
                let k = self.random.pick(&[
                    "1",
                    "2",
                    "3",
                    "5",
                    "0",
                    "-1",
                    "1.9",
                    "1e10",
                    "+Inf",
                    "scalar(small{n=\"4\"})",
                ]);
                Expr::Aggregate {
                    op,
                    grouping,
                    param: Some(Box::new(Expr::text(k))),
                    of: Box::new(self.distinct()),
                }
            }
        }
    }

    /// A vector without two equal values, so that which of them are largest is defined.
    fn distinct(&mut self) -> Expr {
        let distinct: Vec<&Family> = families().iter().filter(|f| f.is_distinct).collect();
        let family = distinct[self.random.below(distinct.len())];
        let of = self.selector_of(family);
        match self.random.below(4) {
            0 => Expr::Unary('-', Box::new(of)),
            1 => Expr::call(
                "last_over_time",
                vec![Expr::Range { of: Box::new(of), range_ms: self.range_ms() }],
            ),
            _ => of,
        }
    }

    /// What dashboards do to buckets.
    pub(super) fn summed_buckets(&mut self, of: Expr) -> Expr {
        let of = if self.random.percent(50) {
            Expr::call("rate", vec![Expr::Range { of: Box::new(of), range_ms: self.range_ms() }])
        } else {
            of
        };
        let grouping = Some(Grouping { is_without: false, labels: vec!["le".to_owned()] });
        Expr::Aggregate { op: "sum", grouping, param: None, of: Box::new(of) }
    }
}
