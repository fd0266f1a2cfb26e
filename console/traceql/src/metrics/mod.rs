//! Metrics queries: spans become numbers over time, trace by trace.
//!
//! What holds: memory is bounded by [`Room`], whatever the number of spans; a query that needs more is refused with the
//! limit's name. A point at `t` stands for spans that start in `(t - step, t]`.

mod buckets;
mod compare;
mod grid;
mod leaf;
mod math;
mod room;

use console_model::TimeRange;
use console_storage::{
    SourceError,
    trace_query::{MetricsRange, SpanSeries},
};

pub use self::room::Room;
use self::{grid::Grid, leaf::Leaf, math::Series};
use crate::{ast::*, context::Context, error::Error};

/// A metrics query over a time range, taking in traces.
pub struct Evaluation {
    grid: Grid,
    plan: Plan,
    leaves: Vec<Leaf>,
    room: Room,
}

/// What is done with the leaves at the end.
enum Plan {
    Number(f64),
    /// A position among the leaves.
    Leaf(usize),
    Binary {
        op: Op,
        left: Box<Plan>,
        right: Box<Plan>,
    },
    TopK {
        of: Box<Plan>,
        order: Rank,
        k: usize,
    },
    Filter {
        of: Box<Plan>,
        op: Op,
        than: f64,
    },
}

impl Evaluation {
    pub fn new(metrics: &Metrics, range: MetricsRange, room: Room) -> Result<Self, SourceError> {
        let grid = Grid::new(range, room.max_points)?;
        let mut leaves = Vec::new();
        let plan = plan(metrics, range.exemplars, &mut leaves)?;
        Ok(Self { grid, plan, leaves, room })
    }

    /// Where spans that count start.
    pub fn range(&self) -> TimeRange {
        self.grid.range()
    }

    pub fn observe(&mut self, at: &Context<'_>) -> Result<(), SourceError> {
        for leaf in &mut self.leaves {
            leaf.observe(at, &self.grid, &mut self.room)?;
        }
        Ok(())
    }

    pub fn finish(self) -> Vec<SpanSeries> {
        let mut leaves: Vec<Option<Vec<Series>>> =
            self.leaves.into_iter().map(|l| Some(l.finish(&self.grid))).collect();
        let mut out = match finish(&self.plan, &mut leaves) {
            math::Operand::Series(series) => series,
            math::Operand::Number(_) => Vec::new(),
        };
        out.sort_by_cached_key(Series::key);
        out.into_iter().filter_map(|s| s.told(&self.grid)).collect()
    }
}

fn plan(metrics: &Metrics, exemplars: usize, leaves: &mut Vec<Leaf>) -> Result<Plan, Error> {
    let mut inner = |m: &Metrics| plan(m, exemplars, leaves).map(Box::new);
    Ok(match metrics {
        Metrics::Number(n) => Plan::Number(*n),
        Metrics::Parenthesised(of) => plan(of, exemplars, leaves)?,
        Metrics::Binary { op, left, right } => {
            Plan::Binary { op: *op, left: inner(left)?, right: inner(right)? }
        }
        Metrics::TopK { of, order, k } => {
            Plan::TopK { of: inner(of)?, order: *order, k: usize::try_from(*k).unwrap_or(usize::MAX) }
        }
        Metrics::Filter { of, op, than } => Plan::Filter { of: inner(of)?, op: *op, than: *than },
        Metrics::Series { pipeline, function, by } => {
            leaves.push(Leaf::new(pipeline, function, by, exemplars)?);
            Plan::Leaf(leaves.len() - 1)
        }
    })
}

fn finish(plan: &Plan, leaves: &mut [Option<Vec<Series>>]) -> math::Operand {
    match plan {
        Plan::Number(n) => math::Operand::Number(*n),
        Plan::Leaf(i) => math::Operand::Series(leaves[*i].take().unwrap_or_default()),
        Plan::Binary { op, left, right } => {
            let left = finish(left, leaves);
            math::binary(*op, left, finish(right, leaves))
        }
        Plan::TopK { of, order, k } => math::top_k(finish(of, leaves), *order, *k),
        Plan::Filter { of, op, than } => math::filter(finish(of, leaves), *op, *than),
    }
}
