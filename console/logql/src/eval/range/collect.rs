//! Lines to samples to series, on as many threads as the store reads with. Each thread fills a table of its own.

use std::{
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
};

use console_model::Labels;
use console_storage::{
    SourceError,
    logs::{LineRef, LogReader},
};

use super::{cell::Sample, gather::Gather, grid::Grid, table::Table};
use crate::{
    ast::*,
    budget::Budget,
    labels::{ERROR, LabelSet},
    reject::Rejects,
    units::{parse_bytes, parse_duration, parse_number},
};

const UNWRAP_ERROR: &str = "SampleExtractionErr";

/// What all threads read of one aggregation.
pub struct Job<'a> {
    pub range: &'a RangeAggregation,
    pub grouping: Option<&'a Grouping>,
    pub grid: &'a Grid,
    pub budget: &'a Budget,
    pub now_ms: i64,
    /// Labels that anybody looks at, where not all.
    pub wanted: Option<Vec<String>>,
    rejects: Rejects,
    /// Names of `by`, ordered.
    by: Option<Vec<&'a str>>,
}

impl<'a> Job<'a> {
    pub fn new(
        range: &'a RangeAggregation,
        grouping: Option<&'a Grouping>,
        grid: &'a Grid,
        budget: &'a Budget,
    ) -> Self {
        let by = grouping.filter(|g| !g.without).map(|g| {
            let mut names: Vec<&str> = g.labels.iter().map(String::as_str).collect();
            names.sort_unstable();
            names.dedup();
            names
        });
        let wanted = range.log.needs(grouping, range.unwrap.as_ref());
        let rejects = Rejects::of(&range.log);
        let now_ms = console_model::clock::now_ms();
        Self { range, grouping, grid, budget, now_ms, wanted, rejects, by }
    }

    /// All series, as one table.
    pub fn collect<G: Gather>(&self, reader: &dyn LogReader) -> Result<Table<G>, SourceError> {
        let idle: Mutex<Vec<Table<G>>> = Mutex::default();
        let failure: Mutex<Option<SourceError>> = Mutex::default();
        let log = &self.range.log;
        let (from, to) = self.grid.span();
        // Before anything is read, and even where there is nothing to read.
        self.budget.time()?;
        reader.scan_unordered(&log.matchers, from, to, &log.hints(), &|stream, lines| {
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut table = taken.unwrap_or_default();
            let done = self.run(&mut table, stream, lines);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(table);
            match done {
                Ok(()) => ControlFlow::Continue(()),
                Err(e) => {
                    failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(e) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(e);
        }
        let mut tables = idle.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter();
        let mut all = tables.next().unwrap_or_default();
        for table in tables {
            all.absorb(table, self.grid, self.budget)?;
        }
        Ok(all)
    }

    fn run<G: Gather>(
        &self,
        table: &mut Table<G>,
        stream: &Labels,
        lines: &[LineRef<'_>],
    ) -> Result<(), SourceError> {
        let bytes = lines.iter().map(|l| l.line.len() as u64).sum();
        self.budget.lines(lines.len() as u64, bytes)?;
        // Lines whose labels are the stream's, grouped, go to one series.
        let mut of_stream = None;
        for entry in lines {
            if self.rejects.drops(stream, entry.line, entry.metadata.iter().map(|(name, _)| *name)) {
                continue;
            }
            let staged = self.range.log.run_ref(stream, entry, self.wanted.as_deref(), self.now_ms);
            let Some((line, mut labels)) = staged else { continue };
            let Some(value) = self.sample(&line, &mut labels) else { continue };
            if let Some(error) = labels.get(ERROR).filter(|e| !e.is_empty()) {
                return Err(self.failed(stream, entry, error));
            }
            let plain = labels.is_stream() && self.range.unwrap.is_none();
            let place = match of_stream.filter(|_| plain) {
                Some(place) => place,
                None => self.place(table, &labels)?,
            };
            if plain {
                of_stream = Some(place);
            }
            let sample = Sample { t_ns: entry.t_ns, value, stream };
            table.series[place].gathered.add(self.grid, &sample, self.budget)?;
        }
        Ok(())
    }

    /// The value of a line; `None`: the line is no sample.
    fn sample(&self, line: &str, labels: &mut LabelSet<'_>) -> Option<f64> {
        let Some(unwrap) = &self.range.unwrap else {
            return Some(match self.range.function {
                RangeFunction::BytesOverTime | RangeFunction::BytesRate => line.len() as f64,
                _ => 1.0,
            });
        };
        let text = labels.get(&unwrap.label)?;
        let number = match unwrap.conversion {
            Conversion::Number => parse_number(text),
            Conversion::Duration => parse_duration(text).map(|ns| ns / 1e9),
            Conversion::Bytes => parse_bytes(text),
        };
        let value = number.unwrap_or_else(|details| {
            labels.fail(UNWRAP_ERROR, details);
            0.0
        });
        unwrap.filters.iter().all(|f| f.keep(labels)).then_some(value)
    }

    /// The series of a line's labels; an unwrapped label is none of them.
    fn place<G: Gather>(&self, table: &mut Table<G>, labels: &LabelSet<'_>) -> Result<usize, SourceError> {
        let unwrapped = self.range.unwrap.as_ref().map(|u| u.label.as_str());
        let mut pairs: Vec<(&str, &str)> = match (&self.by, self.grouping) {
            (Some(names), _) => names
                .iter()
                .filter(|name| Some(**name) != unwrapped)
                .filter_map(|name| Some((*name, labels.get(name)?)))
                .collect(),
            (None, without) => {
                let dropped = |name: &str| without.is_some_and(|g| g.labels.iter().any(|l| l == name));
                labels.pairs().filter(|(name, _)| Some(*name) != unwrapped && !dropped(name)).collect()
            }
        };
        if self.by.is_none() {
            pairs.sort_unstable();
            pairs.dedup_by(|a, b| a.0 == b.0);
        }
        table.place(&pairs, self.grid, self.budget)
    }

    /// An error that no filter removed fails the query. Its text has all labels, wanted or not.
    fn failed(&self, stream: &Labels, entry: &LineRef<'_>, error: &str) -> SourceError {
        let labels = match self.range.log.run_ref(stream, entry, None, self.now_ms) {
            Some((line, mut labels)) => {
                let _ = self.sample(&line, &mut labels);
                labels.finish()
            }
            None => stream.clone(),
        };
        SourceError::Execution(format!(
            "pipeline error: '{error}' for series: '{labels}'.\nUse a label filter to intentionally skip this error. (e.g | \
             __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")",
        ))
    }
}
