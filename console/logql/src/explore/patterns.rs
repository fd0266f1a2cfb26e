//! Patterns of the lines of a log query, with their numbers over time.

use std::ops::ControlFlow;

use console_model::log::Direction;
use console_storage::{SourceError, logs::LogReader, source::LogPattern};

use super::drain::Drain;
use crate::{ast::LogExpr, budget::Budget, eval::each_line};

/// Lines that patterns are made of, from the newest back; more say the same.
const MAX_LINES: u64 = 1_000_000;

pub fn find(
    log: &LogExpr,
    reader: &dyn LogReader,
    range: (i64, i64),
    step_ns: i64,
    budget: &Budget,
) -> Result<Vec<LogPattern>, SourceError> {
    let mut drain = Drain::default();
    let mut looked_at = 0;
    let now_ms = console_model::clock::now_ms();
    let step_ns = step_ns.max(1);
    each_line(log, reader, range, Direction::Backward, budget, &mut |labels, entry| {
        if let Some((line, _)) = log.run(labels, entry, now_ms) {
            drain.learn(&line, entry.t_ns.div_euclid(step_ns) * step_ns);
        }
        looked_at += 1;
        if looked_at >= MAX_LINES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let pattern = |c: super::drain::Cluster| LogPattern {
        pattern: c.pattern(),
        samples: c.steps.into_iter().collect(),
    };
    Ok(drain.finish().into_iter().map(pattern).collect())
}
