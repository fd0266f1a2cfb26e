//! Functions over range vectors: all steps of a series in one pass.

use console_storage::SourceError;

use super::{
    eval::Eval,
    grid::{Row, Steps, Window, has_same_labelset, nameless, same_labelset},
    select::{Windows, live, without_hints},
    view::View,
    window::{Frame, Scope, over, rates, totals},
};
use crate::{
    ast::{Expr, ExprKind, Extent, ValueType},
    function::Function,
    gofmt::Quoted,
    position::Span,
};

/// Names of counters end so; others are worth a note.
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

/// A function and what it is applied to.
#[derive(Clone, Copy)]
struct Over<'a> {
    function: Function,
    view: View,
    scalars: &'a [Vec<f64>],
    span: Span,
}

impl Over<'_> {
    /// Samples that are looked at in the windows of `series` series with `samples` samples, about.
    fn work(&self, series: usize, samples: usize, steps: &Steps) -> usize {
        // Windows overlap where they are longer than the steps.
        let overlap = self.view.range_ms / steps.step_ms.max(1) + 1;
        let windows = match self.function {
            // These do not go through their windows.
            Function::Rate | Function::Increase | Function::Delta => 1,
            _ => steps.count.min(overlap.unsigned_abs() as usize),
        };
        samples.saturating_mul(windows).saturating_add(series.saturating_mul(steps.count))
    }
}

impl Eval<'_> {
    pub(crate) fn over_time(
        &self,
        function: Function,
        args: &[Expr],
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        let rows = self.named_over_time(function, args, steps)?;
        if self.limits.delayed_name_removal {
            return Ok(rows);
        }
        // A name that these were given inside of a subquery stays.
        let rows = if keeps_names(function) { rows } else { without_names(rows) };
        if has_same_labelset(&rows) { Err(same_labelset()) } else { Ok(rows) }
    }

    /// As [`Eval::over_time`], with the names that have to go still in the labels, and nobody asking whether the labels
    /// differ without them.
    pub(crate) fn named_over_time(
        &self,
        function: Function,
        args: &[Expr],
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        let mut scalars = Vec::new();
        let mut ranged = None;
        for arg in args {
            if arg.value_type() == ValueType::Matrix {
                ranged = Some(arg.unwrap_parens());
            } else {
                scalars.push(self.scalar(arg, steps)?);
            }
        }
        let first_is_subquery = matches!(args[0].unwrap_parens().kind, ExprKind::Subquery(_));
        let span = if first_is_subquery { Span::default() } else { args[0].unwrap_parens().span };
        let rows = match ranged.map(|arg| &arg.kind) {
            Some(ExprKind::Range { selector, range_ms, .. }) => {
                let (view, stored) = self.range(selector, *range_ms, steps)?;
                check_extent(function, view.extent)?;
                let over = Over { function, view, scalars: &scalars, span };
                self.rows_of(stored.len(), over.work(stored.len(), stored.points(), steps), |at| {
                    let (series, held) = stored.take(at)?;
                    let series = live(series);
                    self.tally(|t| t.windows(&view, &series, steps));
                    let row = self.row_over_time(&over, &series, steps);
                    self.budget.give(held);
                    row
                })?
            }
            Some(ExprKind::Subquery(s)) => {
                let Windows { view, mut series, held } = self.subquery(s, steps)?;
                without_hints(&mut series);
                for series in &series {
                    self.tally(|t| t.windows(&view, series, steps));
                }
                let over = Over { function, view, scalars: &scalars, span };
                let samples: usize = series.iter().map(|s| s.samples.len() + 8 * s.histograms.len()).sum();
                let work = over.work(series.len(), samples, steps);
                let rows =
                    self.rows_of(series.len(), work, |at| self.row_over_time(&over, &series[at], steps))?;
                self.budget.give(held);
                rows
            }
            _ => return Err(SourceError::Internal("a range vector was expected".to_owned())),
        };
        if function == Function::AbsentOverTime {
            let range = args.iter().find(|a| a.value_type() == ValueType::Matrix);
            let present: Vec<bool> = (0..steps.count).map(|i| rows.iter().any(|row| row.has(i))).collect();
            return Ok(range.map_or_else(Vec::new, |range| Self::absence(range, &present)));
        }
        Ok(rows)
    }

    /// One series at all steps; none when the function has no value at any of them.
    fn row_over_time(
        &self,
        with: &Over<'_>,
        series: &Window,
        steps: &Steps,
    ) -> Result<Option<Row>, SourceError> {
        let Over { function, view, span, .. } = *with;
        let starts = self.starts_over(function, series);
        let is_plain = series.histograms.is_empty() && starts.is_empty() && view.extent == Extent::Plain;
        let of_floats = |floats| Row { floats, ..Row::empty(series.labels.clone(), series.drop_name, 0) };
        let (samples, pace) = (series.samples.as_slice(), self.budget.pace());
        let mut row = match function {
            Function::Rate | Function::Increase | Function::Delta if is_plain => {
                of_floats(rates::at_steps(function, samples, view, steps, pace)?)
            }
            Function::SumOverTime | Function::AvgOverTime if is_plain => {
                let is_mean = function == Function::AvgOverTime;
                of_floats(totals::at_steps(is_mean, samples, view, steps, pace)?)
            }
            _ => self.window_by_window(with, series, &starts, steps)?,
        };
        if row.is_empty() {
            return Ok(None);
        }
        self.note_counter(function, &row, series.labels.metric_name(), span);
        if !keeps_names(function) {
            row.drop_name = true;
        }
        Ok(Some(row))
    }

    fn window_by_window(
        &self,
        with: &Over<'_>,
        series: &Window,
        starts: &[(i64, i64)],
        steps: &Steps,
    ) -> Result<Row, SourceError> {
        let Over { function, view, scalars, span } = *with;
        let scope = Scope {
            function,
            notes: &self.notes,
            span,
            metric: series.labels.metric_name(),
            may_reset: series.samples.windows(2).any(|w| w[1].v < w[0].v),
        };
        let mut row = Row::empty(series.labels.clone(), series.drop_name, steps.count);
        let mut pace = self.budget.pace();
        let floats = view.windows(&series.samples, *steps, |s| s.t_ms);
        let histograms = view.windows(&series.histograms, *steps, |h| h.t_ms);
        for (i, (float, histogram)) in floats.zip(histograms).enumerate() {
            let (start_ms, end_ms) = (float.start_ms, float.end_ms);
            let (floats, histograms) = (&series.samples[float.places], &series.histograms[histogram.places]);
            if floats.is_empty() && histograms.is_empty() {
                continue;
            }
            pace.count(floats.len() + histograms.len())?;
            let arg = |n: usize| scalars.get(n).map_or(f64::NAN, |s| s[i]);
            let args = [arg(0), arg(1)];
            let extent = view.extent;
            let frame =
                Frame { floats, histograms, start_ms, end_ms, at_ms: steps.at(i), args, extent, starts };
            if let Some(point) = over(&scope, &frame)? {
                row.set(i, point);
            }
        }
        Ok(row)
    }

    /// When the counters of a series started, where the function and the store know of that.
    fn starts_over(&self, function: Function, series: &Window) -> Vec<(i64, i64)> {
        let reads =
            matches!(function, Function::Rate | Function::Irate | Function::Increase | Function::Resets);
        match self.start_times {
            Some(store) if reads && series.is_stored => store.start_times(&series.labels),
            _ => Vec::new(),
        }
    }

    fn note_counter(&self, function: Function, row: &Row, metric: &str, span: Span) {
        let has_floats = row.floats.iter().any(|v| !super::grid::is_absent(*v));
        if matches!(function, Function::Rate | Function::Increase)
            && has_floats
            && !metric.is_empty()
            && !COUNTER_SUFFIXES.iter().any(|s| metric.ends_with(s))
        {
            let message = format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
                Quoted(metric)
            );
            self.notes.info(span, message);
        }
    }
}

fn keeps_names(function: Function) -> bool {
    matches!(function, Function::LastOverTime | Function::FirstOverTime)
}

/// Takes away the names that have to go.
pub(crate) fn without_names(mut rows: Vec<Row>) -> Vec<Row> {
    for row in rows.iter_mut().filter(|row| row.drop_name) {
        row.labels = nameless(&row.labels);
    }
    rows
}

/// Windows that reach beyond their range have a meaning for few functions.
fn check_extent(function: Function, extent: Extent) -> Result<(), SourceError> {
    let (name, allowed): (_, &[&str]) = match extent {
        Extent::Plain => return Ok(()),
        Extent::Anchored => ("anchored", &["changes", "delta", "increase", "rate", "resets"]),
        Extent::Smoothed => ("smoothed", &["delta", "increase", "rate"]),
    };
    if allowed.contains(&function.name()) {
        return Ok(());
    }
    let allowed = allowed.join(", ");
    let message = format!("{name} modifier can only be used with: {allowed} - not with {}", function.name());
    Err(SourceError::Execution(message))
}
