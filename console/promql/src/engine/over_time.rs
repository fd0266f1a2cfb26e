//! Functions over range vectors: all steps of a series in one pass.

use console_storage::SourceError;

use super::{
    eval::Eval,
    grid::{Row, Steps, Window, has_same_labelset, same_labelset},
    parallel,
    select::{Windows, advance},
    window::{Frame, Scope, over},
};
use crate::{
    ast::{Expr, ExprKind, Extent, ValueType},
    function::Function,
    position::Span,
};

/// Samples in windows between two looks at the clock.
const CHECK_EVERY: usize = 1 << 20;
/// Names of counters end so; others are worth a note.
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

/// A function and what it is applied to.
#[derive(Clone, Copy)]
struct Over<'a> {
    function: Function,
    windows: &'a Windows,
    scalars: &'a [Vec<f64>],
    span: Span,
}

impl Over<'_> {
    /// Samples that are looked at in all windows of all series, about.
    fn work(&self, steps: &Steps) -> usize {
        let samples: usize =
            self.windows.series.iter().map(|s| s.samples.len() + 8 * s.histograms.len()).sum();
        // Windows overlap where they are longer than the steps.
        let overlap = self.windows.range_ms / steps.step_ms.max(1) + 1;
        samples.saturating_mul(steps.count.min(overlap.unsigned_abs() as usize))
    }
}

impl Eval<'_> {
    pub(crate) fn over_time(
        &self,
        function: Function,
        args: &[Expr],
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        let mut scalars = Vec::new();
        let mut range = None;
        for arg in args {
            if arg.value_type() == ValueType::Matrix {
                range = Some(self.windows(arg, steps)?);
            } else {
                scalars.push(self.scalar(arg, steps)?);
            }
        }
        let Some(windows) = range else {
            return Err(SourceError::Internal("a range vector was expected".to_owned()));
        };
        check_extent(function, windows.extent)?;
        self.tally(|t| t.windows(&windows, steps));
        let first_is_subquery = matches!(args[0].unwrap_parens().kind, ExprKind::Subquery(_));
        let span = if first_is_subquery { Span::default() } else { args[0].unwrap_parens().span };
        let over = Over { function, windows: &windows, scalars: &scalars, span };
        let rows = parallel::map(&windows.series, over.work(steps), |series| {
            self.budget.check()?;
            self.row_over_time(&over, series, steps)
        })?;
        let rows: Vec<Row> = rows.into_iter().flatten().collect();
        self.budget.give(windows.held);
        if function == Function::AbsentOverTime {
            let range = args.iter().find(|a| a.value_type() == ValueType::Matrix);
            let present: Vec<bool> = (0..steps.count).map(|i| rows.iter().any(|row| row.has(i))).collect();
            return Ok(range.map_or_else(Vec::new, |range| Self::absence(range, &present)));
        }
        if !self.limits.delayed_name_removal && has_same_labelset(&rows) {
            return Err(same_labelset());
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
        let Over { function, windows, scalars, span } = *with;
        let scope = Scope {
            function,
            notes: &self.notes,
            span,
            metric: series.labels.metric_name(),
            may_reset: series.samples.windows(2).any(|w| w[1].v < w[0].v),
        };
        let starts = self.starts_over(function, series);
        let mut row = Row::empty(series.labels.clone(), series.drop_name, steps.count);
        let (mut float, mut histogram, mut seen) = ((0, 0), (0, 0), 0);
        for i in 0..steps.count {
            let end_ms = windows.gaze.at(steps, i);
            let start_ms = end_ms.saturating_sub(windows.range_ms);
            let from = start_ms.saturating_sub(windows.reach.0);
            let to = end_ms.saturating_add(windows.reach.1);
            float.0 = advance(&series.samples, float.0, |s| s.t_ms <= from);
            float.1 = advance(&series.samples, float.1.max(float.0), |s| s.t_ms <= to);
            histogram.0 = advance(&series.histograms, histogram.0, |h| h.t_ms <= from);
            histogram.1 = advance(&series.histograms, histogram.1.max(histogram.0), |h| h.t_ms <= to);
            let floats = &series.samples[float.0..float.1];
            let histograms = &series.histograms[histogram.0..histogram.1];
            if floats.is_empty() && histograms.is_empty() {
                continue;
            }
            seen += floats.len() + histograms.len();
            if seen >= CHECK_EVERY {
                self.budget.check()?;
                seen = 0;
            }
            let arg = |n: usize| scalars.get(n).map_or(f64::NAN, |s| s[i]);
            let args = [arg(0), arg(1)];
            let extent = windows.extent;
            let starts = &starts;
            let frame =
                Frame { floats, histograms, start_ms, end_ms, at_ms: steps.at(i), args, extent, starts };
            if let Some(point) = over(&scope, &frame)? {
                row.set(i, point);
            }
        }
        if row.is_empty() {
            return Ok(None);
        }
        self.note_counter(function, &row, series.labels.metric_name(), span);
        if !matches!(function, Function::LastOverTime | Function::FirstOverTime) {
            self.drop_name(&mut row);
        }
        self.budget.take(row.floats.len())?;
        Ok(Some(row))
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
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {metric:?}"
            );
            self.notes.info(span, message);
        }
    }
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
