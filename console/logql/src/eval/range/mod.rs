//! Range aggregations, evaluated while lines pass: what is kept is a cell a series and piece of time, not the samples.
//!
//! Counts that no line has to be read for come from the store's own.

mod cell;
mod collect;
mod gather;
mod grid;
mod table;

use console_model::{Labels, MatchOp};
use console_storage::{SourceError, logs::LogReader};

use self::{
    cell::{Edge, Extreme, Moments, Sum, Total},
    collect::Job,
    gather::{Gather, Held, Pages},
    grid::Grid,
    table::Table,
};
use super::{LeafSeries, Steps};
use crate::{ast::*, budget::Budget};

/// Time in nanoseconds, and value.
pub(super) type Point = (i64, f64);

/// `grouping` is the aggregation's own, or that of a sum around it.
pub fn evaluate(
    range: &RangeAggregation,
    grouping: Option<&Grouping>,
    reader: &dyn LogReader,
    steps: &Steps,
    budget: &Budget,
) -> Result<LeafSeries, SourceError> {
    if steps.times.is_empty() {
        return Ok(Vec::new());
    }
    let grid = Grid::new(steps, range.range_ns, range.offset_ns);
    if range.function == RangeFunction::AbsentOverTime {
        let none = Grouping { labels: Vec::new(), without: false };
        let job = Job::new(range, Some(&none), &grid, budget);
        return Ok(absent(range, counted(&job, reader)?, steps));
    }
    let job = Job::new(range, grouping, &grid, budget);
    match range.function {
        RangeFunction::CountOverTime | RangeFunction::BytesOverTime | RangeFunction::BytesRate => {
            counted(&job, reader)
        }
        RangeFunction::Rate if range.unwrap.is_none() => counted(&job, reader),
        RangeFunction::Rate | RangeFunction::SumOverTime | RangeFunction::AvgOverTime => {
            streamed::<Pages<Sum>>(&job, reader)
        }
        RangeFunction::MinOverTime => streamed::<Pages<Extreme<false>>>(&job, reader),
        RangeFunction::MaxOverTime => streamed::<Pages<Extreme<true>>>(&job, reader),
        RangeFunction::FirstOverTime => streamed::<Pages<Edge<false>>>(&job, reader),
        RangeFunction::LastOverTime => streamed::<Pages<Edge<true>>>(&job, reader),
        RangeFunction::StddevOverTime | RangeFunction::StdvarOverTime => {
            streamed::<Pages<Moments>>(&job, reader)
        }
        RangeFunction::QuantileOverTime | RangeFunction::RateCounter => streamed::<Held>(&job, reader),
        RangeFunction::AbsentOverTime => Ok(Vec::new()),
    }
}

fn streamed<G: Gather>(job: &Job<'_>, reader: &dyn LogReader) -> Result<LeafSeries, SourceError> {
    finish(job, job.collect::<G>(reader)?)
}

fn finish<G: Gather>(job: &Job<'_>, table: Table<G>) -> Result<LeafSeries, SourceError> {
    let mut out = Vec::with_capacity(table.series.len());
    for entry in table.series {
        job.budget.time()?;
        let values = entry.gathered.windows(job.range, job.grid);
        if values.iter().any(Option::is_some) {
            out.push((entry.labels, values));
        }
    }
    // What the series held is gone; what else the query aggregates may hold as much.
    job.budget.release_all();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

/// Whole numbers: from the store's own counts where they say all that is asked, otherwise line by line.
fn counted(job: &Job<'_>, reader: &dyn LogReader) -> Result<LeafSeries, SourceError> {
    match from_volumes(job, reader)? {
        Some(table) => finish(job, table),
        None => streamed::<Pages<Total>>(job, reader),
    }
}

/// What a store knows of streams without their lines answers only a selector without stages, grouped by labels that its
/// streams have, or of streams whose lines have no metadata: other labels may come from there.
fn from_volumes(job: &Job<'_>, reader: &dyn LogReader) -> Result<Option<Table<Pages<Total>>>, SourceError> {
    let Some(grouping) = job.grouping.filter(|g| !g.without && job.range.log.is_bare()) else {
        return Ok(None);
    };
    if job.range.unwrap.is_some() {
        return Ok(None);
    }
    let Some(windows) = job.grid.volumes(job.budget.max_samples) else { return Ok(None) };
    job.budget.time()?;
    let matchers = &job.range.log.matchers;
    // Streams times windows are what the answer holds.
    let most = job.budget.max_samples / windows.count;
    let ms = |ns: i64| ns.div_euclid(1_000_000);
    let span = console_model::TimeRange { start_ms: ms(windows.start_ns), end_ms: ms(windows.end_ns()) + 1 };
    if reader.streams(matchers, span, most + 1)?.len() > most {
        return Ok(None);
    }
    let volumes = reader.volumes(matchers, windows)?;
    job.budget.time()?;
    let has_all = |labels: &Labels| grouping.labels.iter().all(|name| labels.get(name).is_some());
    if !volumes.iter().all(|v| !v.may_have_metadata || has_all(&v.labels)) {
        return Ok(None);
    }
    let bytes = matches!(job.range.function, RangeFunction::BytesOverTime | RangeFunction::BytesRate);
    let mut table = Table::<Pages<Total>>::default();
    for stream in volumes {
        let labels = stream.labels.filter(|name| grouping.labels.iter().any(|l| l == name));
        let mut place = None;
        for (i, (lines, size)) in stream.entries.iter().zip(&stream.bytes).enumerate() {
            let t = windows.start_ns.saturating_add(windows.step_ns.saturating_mul(i as i64));
            let Some(cell) = job.grid.cell(t).filter(|_| *lines > 0) else { continue };
            let place = match place {
                Some(place) => place,
                None => *place.insert(table.place_of(&labels, job.grid, job.budget)?),
            };
            let total = Total { lines: *lines, sum: if bytes { *size } else { *lines } };
            table.series[place].gathered.put(job.grid, cell, &total, job.budget)?;
        }
    }
    Ok(Some(table))
}

/// One series, with a 1 at every step whose window is empty; its labels are those the selector fixes.
fn absent(range: &RangeAggregation, present: LeafSeries, steps: &Steps) -> LeafSeries {
    let matchers = &range.log.matchers;
    let fixed = matchers.iter().filter(|m| {
        m.op == MatchOp::Equal && matchers.iter().filter(|other| other.name == m.name).count() == 1
    });
    let labels = Labels::from_pairs(fixed.map(|m| (&m.name, &m.value)));
    let missing = |i: usize| present.iter().all(|(_, values)| values[i].is_none());
    vec![(labels, (0..steps.times.len()).map(|i| missing(i).then_some(1.0)).collect())]
}
