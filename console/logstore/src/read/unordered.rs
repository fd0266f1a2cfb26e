//! Rows in no order, from several threads.

use std::{
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
};

use console_blockkit::part::PartError;
use console_storage::{
    logs::{LineRef, LineVisitor},
    parallel,
};

use super::{
    plan::Plan,
    repeated::repeated,
    rows::{Context, Rows},
};

/// Rows that a visitor sees at once.
const ROWS_PER_VISIT: usize = 1024;
/// Bytes of lines that are worth a thread.
const WORTH: usize = 4 << 20;

/// Visits the wanted rows of a plan; answers the bytes of their lines. `visited` is set before the first visit.
pub fn scan_unordered(
    plan: &Plan,
    context: &Context<'_>,
    visited: &AtomicBool,
    visit: &LineVisitor<'_>,
) -> Result<u64, PartError> {
    let (tasks, work) = tasks(plan);
    let stopped = AtomicBool::new(false);
    let sums = parallel::map(tasks.len(), work, WORTH, |range| {
        let mut bytes = 0;
        for (s, r) in &tasks[range] {
            if stopped.load(Ordering::Relaxed) {
                break;
            }
            let stream = &plan[*s];
            let Some(rows) = stream.runs[*r].open(context)? else { continue };
            let mut wanted = rows.wanted(rows.range(context), context.needles);
            if wanted.is_empty() {
                continue;
            }
            let gone = repeated(&stream.runs, *r, context)?;
            if !gone.is_empty() {
                wanted.retain(|row| gone.binary_search(row).is_err());
            }
            visited.store(true, Ordering::Relaxed);
            let run = visit_run(&rows, &wanted, &mut |lines| visit(&stream.labels, lines));
            bytes += run.0;
            if run.1.is_break() {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        Ok::<_, PartError>(vec![bytes])
    })?;
    Ok(sums.into_iter().sum())
}

/// Stream and run of every run, those of one block side by side; and the bytes of their lines.
pub fn tasks(plan: &Plan) -> (Vec<(usize, usize)>, usize) {
    let mut all: Vec<_> = plan
        .iter()
        .enumerate()
        .flat_map(|(s, stream)| stream.runs.iter().enumerate().map(move |(r, run)| (run.place(), s, r)))
        .collect();
    all.sort_unstable();
    let work = plan.iter().flat_map(|s| &s.runs).map(|r| r.volume().1).sum::<u64>();
    (all.into_iter().map(|(_, s, r)| (s, r)).collect(), usize::try_from(work).unwrap_or(usize::MAX))
}

fn visit_run(
    rows: &Rows,
    wanted: &[u32],
    visit: &mut dyn FnMut(&[LineRef<'_>]) -> ControlFlow<()>,
) -> (u64, ControlFlow<()>) {
    let (mut pairs, mut ends) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for wanted in wanted.chunks(ROWS_PER_VISIT) {
        pairs.clear();
        ends.clear();
        for row in wanted {
            rows.metadata(*row as usize, &mut pairs);
            ends.push(pairs.len());
        }
        let mut begin = 0;
        let line = |(row, end): (&u32, &usize)| {
            let metadata = &pairs[std::mem::replace(&mut begin, *end)..*end];
            LineRef { t_ns: rows.t_ns(*row as usize), line: rows.line(*row as usize), metadata }
        };
        let lines: Vec<LineRef<'_>> = wanted.iter().zip(&ends).map(line).collect();
        bytes += lines.iter().map(|l| l.line.len() as u64).sum::<u64>();
        if visit(&lines).is_break() {
            return (bytes, ControlFlow::Break(()));
        }
    }
    (bytes, ControlFlow::Continue(()))
}
