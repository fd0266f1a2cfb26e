//! Reading: selectors and subqueries on a grid of steps.

use console_model::{
    histogram::ResetHint,
    metric::{HistogramSample, PointSeries, Sample, is_stale_nan},
};
use console_storage::{
    SourceError,
    metrics::{Part, Selection},
    parallel,
};

use super::{
    budget::Budget,
    counts::{Looks, is_stale, without_buckets},
    eval::Eval,
    grid::{ABSENT, Row, Steps, Value, Window},
    view::{Gaze, View, advance},
    window::Frame,
};
use crate::{
    ast::{At, Expr, ExprKind, Extent, Selector, Subquery},
    position::Span,
    regexp,
};

/// Series with their samples and where each step's window lies.
pub(crate) struct Windows {
    pub view: View,
    pub series: Vec<Window>,
    /// Samples that the budget holds for it.
    pub held: usize,
}

/// Series of the store, read when asked for.
pub(crate) struct Stored<'a> {
    selection: Box<dyn Selection + 'a>,
    budget: &'a Budget,
    /// Whether only counts and sums are wanted of histograms.
    wants_counts_only: bool,
    looks: Option<Looks>,
}

impl Stored<'_> {
    pub fn len(&self) -> usize {
        self.selection.len()
    }

    /// Samples of all series, about.
    pub fn points(&self) -> usize {
        self.selection.points()
    }

    /// A series, and what the budget holds for it until it is given back.
    pub fn take(&self, at: usize) -> Result<(PointSeries, usize), SourceError> {
        let mut series = self.selection.series(at)?;
        if self.wants_counts_only {
            without_buckets(&mut series, self.looks.as_ref());
        }
        let held = series.samples.len() + series.histograms.iter().map(weight).sum::<usize>();
        self.budget.take(held)?;
        self.budget.count_read(usize::from(held > 0), held);
        Ok((series, held))
    }

    /// The series that have samples, and what the budget holds for them.
    fn take_all(&self) -> Result<(Vec<PointSeries>, usize), SourceError> {
        let (mut all, mut held) = (Vec::with_capacity(self.len()), 0);
        for at in 0..self.len() {
            let (series, weight) = self.take(at)?;
            if weight > 0 {
                held += weight;
                all.push(series);
            }
        }
        Ok((all, held))
    }
}

/// Samples (or steps, which cost as much as some of them) that are worth a thread.
const WORK_PER_THREAD: usize = 200_000;

impl Eval<'_> {
    pub(super) fn lookback_ms(&self) -> i64 {
        i64::try_from(self.limits.lookback.as_millis()).unwrap_or(i64::MAX)
    }

    pub(super) fn gaze(&self, at: Option<At>, offset_ms: i64) -> Gaze {
        let fixed = at.map(|at| match at {
            At::Time(t) => t,
            At::Start => self.range.0,
            At::End => self.range.1,
        });
        Gaze { fixed, offset_ms }
    }

    /// Selects series with samples in `from < t <= to`, or only the newest of each.
    fn open(
        &self,
        s: &Selector,
        (from, to): (i64, i64),
        part: Part,
        looks: Option<Looks>,
    ) -> Result<Stored<'_>, SourceError> {
        self.budget.check()?;
        let matchers = regexp::for_stores(&s.matchers);
        let from = from.saturating_add(1);
        let selection = self.reader.open(&matchers, from, to, self.budget.samples_left(), part)?;
        let wants_counts_only = s.wants_statistics_only;
        Ok(Stored { selection, budget: self.budget, wants_counts_only, looks })
    }

    /// Reads series with samples in `from < t <= to`. The budget holds the samples until they are given back.
    pub(super) fn read(
        &self,
        s: &Selector,
        from: i64,
        to: i64,
    ) -> Result<(Vec<PointSeries>, usize), SourceError> {
        self.open(s, (from, to), Part::All, None)?.take_all()
    }

    pub(crate) fn instant_vector(
        &self,
        s: &Selector,
        span: Span,
        steps: &Steps,
    ) -> Result<Vec<Row>, SourceError> {
        if s.extent == Extent::Smoothed {
            return self.smoothed_rows(s, span, steps);
        }
        self.instant_rows(s, steps, false)
    }

    /// As [`Eval::instant_vector`], with the time of each sample in seconds as value.
    pub(crate) fn sample_times(&self, s: &Selector, steps: &Steps) -> Result<Vec<Row>, SourceError> {
        self.instant_rows(s, steps, true)
    }

    /// The newest sample of each series that is not older than the look-back, at each step.
    fn instant_rows(&self, s: &Selector, steps: &Steps, times: bool) -> Result<Vec<Row>, SourceError> {
        let gaze = self.gaze(s.at, s.offset_ms);
        let lookback = self.lookback_ms();
        let (first, last) = (gaze.at(steps, 0), gaze.at(steps, steps.count - 1));
        // As in Prometheus, times of samples at a fixed moment are those at that moment, whatever the offset; it only says
        // which samples there are.
        let own = Gaze { offset_ms: if times && s.at.is_some() { 0 } else { gaze.offset_ms }, ..gaze };
        let is_newest_enough = first == last && own.offset_ms == gaze.offset_ms && !s.wants_statistics_only;
        let part = if is_newest_enough { Part::Newest } else { Part::All };
        let looks = Looks { gaze, steps: *steps, back_ms: lookback };
        let stored = self.open(s, (first.saturating_sub(lookback), last), part, Some(looks))?;
        // A step of a series costs as much as some samples.
        let work = stored.points().saturating_add(stored.len().saturating_mul(steps.count).saturating_mul(4));
        let rows = self.rows_of(stored.len(), work, |at| {
            let (series, held) = stored.take(at)?;
            let row = instant_row(series, steps, own, lookback, times);
            self.budget.give(held);
            Ok(Some(row))
        })?;
        self.tally(|t| t.rows(&rows));
        Ok(rows)
    }

    /// The rows of `len` series that have a value. `work` is what they cost in all, in samples.
    pub(crate) fn rows_of(
        &self,
        len: usize,
        work: usize,
        row: impl Fn(usize) -> Result<Option<Row>, SourceError> + Sync,
    ) -> Result<Vec<Row>, SourceError> {
        parallel::map(len, work, WORK_PER_THREAD, |part| {
            self.budget.check()?;
            let mut rows = Vec::with_capacity(part.len());
            for at in part {
                rows.extend(row(at)?.filter(|row| !row.is_empty()));
            }
            self.budget.take(rows.iter().map(|row| row.floats.len()).sum())?;
            Ok(rows)
        })
    }

    /// What a range selector or a subquery gives, read as a whole.
    fn windows(&self, expr: &Expr, steps: &Steps) -> Result<Windows, SourceError> {
        let expr = expr.unwrap_parens();
        match &expr.kind {
            ExprKind::Range { selector, range_ms, .. } => {
                let (view, stored) = self.range(selector, *range_ms, steps)?;
                let (series, held) = stored.take_all()?;
                Ok(Windows { view, series: series.into_iter().map(live).collect(), held })
            }
            ExprKind::Subquery(s) => self.subquery(s, steps),
            _ => Err(SourceError::Internal("a range vector was expected".to_owned())),
        }
    }

    /// What a range selector looks at, and its series.
    pub(super) fn range(
        &self,
        selector: &Selector,
        range_ms: i64,
        steps: &Steps,
    ) -> Result<(View, Stored<'_>), SourceError> {
        let gaze = self.gaze(selector.at, selector.offset_ms);
        let (first, last) = (gaze.at(steps, 0), gaze.at(steps, steps.count - 1));
        let reach = match selector.extent {
            Extent::Plain => (0, 0),
            Extent::Anchored => (self.lookback_ms(), 0),
            Extent::Smoothed => (self.lookback_ms(), self.lookback_ms()),
        };
        let back_ms = range_ms.saturating_add(reach.0);
        let looks = Looks { gaze, steps: *steps, back_ms };
        let span = (first.saturating_sub(back_ms), last.saturating_add(reach.1));
        let stored = self.open(selector, span, Part::All, Some(looks))?;
        Ok((View { gaze, range_ms, extent: selector.extent, reach }, stored))
    }

    pub(super) fn subquery(&self, s: &Subquery, steps: &Steps) -> Result<Windows, SourceError> {
        let gaze = self.gaze(s.at, s.offset_ms);
        let range_ms = s.range_ms;
        let (first, last) = (gaze.at(steps, 0), gaze.at(steps, steps.count - 1));
        let default_ms = i64::try_from(self.limits.subquery_step.as_millis()).unwrap_or(i64::MAX);
        let step_ms = s.step_ms.unwrap_or(default_ms).max(1);
        // Steps stand at multiples of the resolution, so that they do not move with the query.
        let from = first.saturating_sub(range_ms);
        let start_ms = (from.div_euclid(step_ms) + 1).saturating_mul(step_ms);
        let view = View { gaze, range_ms, extent: Extent::Plain, reach: (0, 0) };
        let mut windows = Windows { view, series: Vec::new(), held: 0 };
        if start_ms > last {
            return Ok(windows);
        }
        let count = last.abs_diff(start_ms) / step_ms.unsigned_abs() + 1;
        if count > self.limits.max_subquery_steps as u64 {
            return Err(SourceError::Limit(format!(
                "a subquery of {count} steps is over the limit of {}",
                self.limits.max_subquery_steps
            )));
        }
        let grid = Steps { start_ms, step_ms, count: count as usize };
        if grid.count == 1 && start_ms != last {
            self.warn_of_sorts_in(&s.expr);
        }
        self.tally(|t| t.open(grid));
        let rows = match self.eval(&s.expr, &grid)? {
            Value::Vector(rows) => rows,
            _ => return Err(SourceError::Internal("a subquery needs an instant vector".to_owned())),
        };
        self.tally(|t| t.close_subquery(gaze, range_ms));
        let slots = rows.len() * grid.count;
        windows.series = rows.into_iter().map(|row| window(row, &grid)).collect();
        windows.held = windows.series.iter().map(|w| w.samples.len() + w.histograms.len()).sum();
        self.budget.take(windows.held)?;
        self.budget.give(slots);
        Ok(windows)
    }

    /// A range vector as a result: the samples of the only step's window.
    pub(crate) fn matrix(&self, expr: &Expr, steps: &Steps) -> Result<Vec<PointSeries>, SourceError> {
        let Windows { view: windows, series, .. } = self.windows(expr, steps)?;
        let is_subquery = matches!(expr.unwrap_parens().kind, ExprKind::Subquery(_));
        self.tally(|t| t.matrix(&windows, &series, steps, is_subquery));
        let end = windows.gaze.at(steps, 0);
        let start = end.saturating_sub(windows.range_ms);
        let mut out = Vec::new();
        for w in series {
            let mut row =
                Row { labels: w.labels, drop_name: w.drop_name, floats: Vec::new(), histograms: Vec::new() };
            if row.drop_name {
                row.labels = super::grid::nameless(&row.labels);
            }
            let samples = if windows.extent == Extent::Plain {
                w.samples.into_iter().filter(|s| s.t_ms > start && s.t_ms <= end).collect()
            } else {
                if !w.histograms.is_empty() {
                    let name = if windows.extent == Extent::Anchored { "anchored" } else { "smoothed" };
                    let message = format!("{name} modifier is not supported with histograms");
                    return Err(SourceError::Execution(message));
                }
                with_ends(&w.samples, start, end, windows.extent)
            };
            let histograms: Vec<HistogramSample> =
                w.histograms.into_iter().filter(|h| h.t_ms > start && h.t_ms <= end).collect();
            if !samples.is_empty() || !histograms.is_empty() {
                out.push(PointSeries { labels: row.labels, samples, histograms });
            }
        }
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        if out.windows(2).any(|w| w[0].labels == w[1].labels) {
            return Err(super::grid::same_labelset());
        }
        Ok(out)
    }
}

/// The floats of an anchored or smoothed window, with values at both of its ends.
fn with_ends(floats: &[Sample], start_ms: i64, end_ms: i64, extent: Extent) -> Vec<Sample> {
    let frame = Frame { floats, start_ms, end_ms, at_ms: end_ms, extent, ..Frame::default() };
    let Some((left, right)) = super::window::float_ends(&frame, super::interpolate::Kind::Gauge) else {
        return Vec::new();
    };
    let mut out = vec![Sample { t_ms: start_ms, v: left }];
    out.extend_from_slice(super::window::floats_inside(&frame));
    out.push(Sample { t_ms: end_ms, v: right });
    out
}

/// What a histogram weighs against the limit, in floats.
fn weight(h: &HistogramSample) -> usize {
    8 + h.h.positive.len() + h.h.negative.len()
}

/// Staleness markers end a series for instant vectors; windows just do not have them.
pub(super) fn live(series: PointSeries) -> Window {
    let PointSeries { labels, mut samples, mut histograms } = series;
    // Most have none, which is seen much faster than all are moved.
    if samples.iter().any(|s| is_stale_nan(s.v)) {
        samples.retain(|s| !is_stale_nan(s.v));
    }
    histograms.retain(|h| !is_stale(h));
    Window { labels, drop_name: false, is_stored: true, samples, histograms }
}

fn window(row: Row, grid: &Steps) -> Window {
    let drop_name = row.drop_name;
    let PointSeries { labels, samples, histograms } = super::points(row, grid);
    Window { labels, drop_name, is_stored: false, samples, histograms }
}

/// A subquery may leave out the sample that a hint is about, or return it more than once: no function may trust it.
pub(super) fn without_hints(windows: &mut [Window]) {
    for h in windows.iter_mut().flat_map(|w| &mut w.histograms) {
        if matches!(h.h.reset_hint, ResetHint::Reset | ResetHint::NotReset) {
            let mut unknown = (*h.h).clone();
            unknown.reset_hint = ResetHint::Unknown;
            h.h = unknown.into();
        }
    }
}

fn instant_row(series: PointSeries, steps: &Steps, gaze: Gaze, lookback: i64, times: bool) -> Row {
    let PointSeries { labels, samples, histograms } = series;
    let (samples, histograms) = (&samples[..], &histograms[..]);
    let mut row =
        Row { labels, drop_name: false, floats: Vec::with_capacity(steps.count), histograms: Vec::new() };
    let (mut floats_seen, mut histograms_seen) = (0, 0);
    if histograms.is_empty() && !times {
        // Nearly all series are such.
        for i in 0..steps.count {
            let moment = gaze.at(steps, i);
            floats_seen = advance(samples, floats_seen, |s| s.t_ms <= moment);
            let newest = samples[..floats_seen].last();
            let newest = newest.filter(|s| s.t_ms > moment.saturating_sub(lookback) && !is_stale_nan(s.v));
            row.floats.push(newest.map_or(ABSENT, |s| s.v));
        }
        return row;
    }
    for i in 0..steps.count {
        let moment = gaze.at(steps, i);
        let oldest = moment.saturating_sub(lookback);
        floats_seen = advance(samples, floats_seen, |s| s.t_ms <= moment);
        histograms_seen = advance(histograms, histograms_seen, |h| h.t_ms <= moment);
        let float = floats_seen.checked_sub(1).map(|at| &samples[at]).filter(|s| s.t_ms > oldest);
        let histogram = histograms_seen.checked_sub(1).map(|at| &histograms[at]).filter(|h| h.t_ms > oldest);
        let newer_histogram = histogram.filter(|h| float.is_none_or(|f| f.t_ms < h.t_ms));
        let seconds = |t_ms: i64| t_ms as f64 / 1000.0;
        row.floats.push(match (newer_histogram, float) {
            (Some(h), _) if is_stale(h) => ABSENT,
            (Some(h), _) if times => seconds(h.t_ms),
            (Some(h), _) => {
                row.histograms.push((i, std::sync::Arc::clone(&h.h)));
                ABSENT
            }
            (None, Some(f)) if is_stale_nan(f.v) => ABSENT,
            (None, Some(f)) if times => seconds(f.t_ms),
            (None, Some(f)) => f.v,
            (None, None) => ABSENT,
        });
    }
    row
}
