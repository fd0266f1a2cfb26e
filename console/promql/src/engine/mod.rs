//! The evaluator. Semantics: Prometheus 3 (prometheus/promql/engine.go, functions.go).
//!
//! What holds: each part of a query is evaluated once, for all steps; a selector reads its series once for the whole
//! range; every row has one slot a step. Long work on many series is spread over some threads; the answer does not depend on
//! how. All of it is inside the limits of one [`budget`].

mod aggregate;
mod binary;
mod buckets;
mod budget;
mod calendar;
mod call;
mod counts;
mod eval;
mod grid;
mod histograms;
mod info;
mod interpolate;
mod math;
mod notes;
mod over_time;
mod prepare;
mod relabel;
mod select;
mod smooth;
mod sort;
mod tally;
mod view;
mod window;

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use console_model::{
    Labels,
    metric::{HistogramSample, PointSeries, Sample},
};
use console_storage::{SourceError, metrics::SeriesReader};

use crate::{
    ParseOptions,
    ast::{AggregateOp, Expr, ExprKind, ValueType, duration::QuerySpan},
    function::Function,
    limits::PromqlLimits,
    outcome::{Outcome, OutcomeValue},
    parse,
    start_times::StartTimes,
};
use budget::Budget;
use eval::Eval;
use grid::{ABSENT, Row, Steps, Value};
use tally::Tally;

/// The moments at which a query is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moments {
    Instant {
        at_ms: i64,
    },
    /// `start_ms, start_ms + step_ms, ...` up to `end_ms` inclusive. `step_ms > 0`.
    Range {
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    },
}

/// Parses and evaluates a query on the calling thread. Setting `stop` ends it soon with [`SourceError::Canceled`].
pub fn evaluate(
    reader: &dyn SeriesReader,
    text: &str,
    moments: Moments,
    limits: &PromqlLimits,
    stop: &Arc<AtomicBool>,
) -> Result<Outcome, SourceError> {
    let expr = parse(text, ParseOptions { experimental: limits.experimental })?;
    evaluate_parsed(reader, &expr, text, moments, limits, stop)
}

/// As [`evaluate`], of a tree that was parsed from `text`.
pub fn evaluate_parsed(
    reader: &dyn SeriesReader,
    expr: &Expr,
    text: &str,
    moments: Moments,
    limits: &PromqlLimits,
    stop: &Arc<AtomicBool>,
) -> Result<Outcome, SourceError> {
    evaluate_with_start_times(reader, None, expr, text, moments, limits, stop)
}

/// As [`evaluate_parsed`], of a store that knows when its counters started.
pub fn evaluate_with_start_times(
    reader: &dyn SeriesReader,
    start_times: Option<&dyn StartTimes>,
    expr: &Expr,
    text: &str,
    moments: Moments,
    limits: &PromqlLimits,
    stop: &Arc<AtomicBool>,
) -> Result<Outcome, SourceError> {
    let begun = Instant::now();
    let steps = steps(moments, limits)?;
    let (range, step_ms) = match moments {
        Moments::Instant { at_ms } => ((at_ms, at_ms), 0),
        Moments::Range { start_ms, end_ms, step_ms } => ((start_ms, end_ms), step_ms),
    };
    if let Moments::Range { .. } = moments {
        check_ranged(expr)?;
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let query = QuerySpan { step_s: seconds(step_ms), range_s: seconds(range.1.saturating_sub(range.0)) };
    let expr = &prepare::prepared(expr, query)?;
    // Each time with one damaged part of the store less.
    loop {
        let budget = Budget::new(Arc::clone(stop), limits, begun, reader.working_memory());
        let mut eval = Eval::new(reader, start_times, limits, &budget, range, step_ms);
        eval.tally = limits.profiled.then(|| Tally::new(steps, begun));
        let value = match moments {
            Moments::Instant { at_ms } => instant(&eval, expr, at_ms, &steps),
            Moments::Range { .. } => ranged(&eval, expr, &steps),
        };
        let value = match value {
            Err(SourceError::ReadAgain) => continue,
            value => value?,
        };
        budget.check()?;
        let (warnings, infos) = eval.notes.render(text);
        let (samples, series) = (budget.samples_read(), budget.series_read());
        let profile = eval.tally.map(|t| t.profile(budget.peak()));
        return Ok(Outcome { value, warnings, infos, samples, series, profile });
    }
}

fn steps(moments: Moments, limits: &PromqlLimits) -> Result<Steps, SourceError> {
    let (start_ms, end_ms, step_ms) = match moments {
        Moments::Instant { at_ms } => return Ok(Steps { start_ms: at_ms, step_ms: 1, count: 1 }),
        Moments::Range { start_ms, end_ms, step_ms } => (start_ms, end_ms, step_ms),
    };
    let invalid = |message: &str| SourceError::Invalid { message: message.to_owned(), position: None };
    if step_ms <= 0 {
        return Err(invalid(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    let length = end_ms
        .checked_sub(start_ms)
        .filter(|l| *l >= 0)
        .ok_or_else(|| invalid("end timestamp must not be before start time"))?;
    let count = (length / step_ms) as u64 + 1;
    if count > limits.max_steps as u64 {
        return Err(SourceError::Limit(format!(
            "exceeded maximum resolution of {} points per timeseries. Try decreasing the query resolution (?step=XX)",
            limits.max_steps
        )));
    }
    Ok(Steps { start_ms, step_ms, count: count as usize })
}

fn instant(eval: &Eval<'_>, expr: &Expr, at_ms: i64, steps: &Steps) -> Result<OutcomeValue, SourceError> {
    if expr.value_type() == ValueType::Matrix {
        return Ok(OutcomeValue::Matrix(eval.matrix(expr, steps)?));
    }
    Ok(match eval.eval(expr, steps)? {
        Value::Scalar(v) => {
            OutcomeValue::Scalar(Sample { t_ms: at_ms, v: v.first().copied().unwrap_or(f64::NAN) })
        }
        Value::String(value) => OutcomeValue::String { t_ms: at_ms, value },
        Value::Vector(rows) => {
            let mut rows = eval.finished(rows)?;
            if !has_order(expr) {
                rows.sort_by(|a, b| a.labels.cmp(&b.labels));
            }
            let elements = rows.into_iter().filter_map(|row| Some((row.labels.clone(), row.point(0)?)));
            OutcomeValue::Vector { t_ms: at_ms, elements: elements.collect() }
        }
    })
}

/// Whether the order of the rows of an instant result means something.
fn has_order(expr: &Expr) -> bool {
    match &expr.unwrap_parens().kind {
        ExprKind::Call { function, .. } => matches!(
            function,
            Function::Sort | Function::SortDesc | Function::SortByLabel | Function::SortByLabelDesc
        ),
        ExprKind::Aggregate(a) => matches!(a.op, AggregateOp::Topk | AggregateOp::Bottomk),
        _ => false,
    }
}

fn check_ranged(expr: &Expr) -> Result<(), SourceError> {
    let kind = expr.value_type();
    if matches!(kind, ValueType::Scalar | ValueType::Vector) {
        return Ok(());
    }
    let message = format!(
        "invalid expression type {:?} for range query, must be Scalar or instant Vector",
        kind.name()
    );
    Err(SourceError::Invalid { message, position: Some(expr.span.start) })
}

fn ranged(eval: &Eval<'_>, expr: &Expr, steps: &Steps) -> Result<OutcomeValue, SourceError> {
    if steps.count == 1 && eval.range.0 != eval.range.1 {
        eval.warn_of_sorts_in(expr);
    }
    let rows = match eval.eval(expr, steps)? {
        Value::Scalar(values) => {
            vec![Row { labels: Labels::default(), drop_name: false, floats: values, histograms: Vec::new() }]
        }
        Value::Vector(rows) => eval.finished(rows)?,
        Value::String(_) => Vec::new(),
    };
    let mut series: Vec<PointSeries> =
        rows.into_iter().filter(|r| !r.is_empty()).map(|r| points(r, steps)).collect();
    eval.tally(Tally::begin_sort);
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(OutcomeValue::Matrix(series))
}

/// A row with the times of its steps.
fn points(row: Row, steps: &Steps) -> PointSeries {
    let sample = |(i, v): (usize, &f64)| {
        (v.to_bits() != ABSENT.to_bits()).then(|| Sample { t_ms: steps.at(i), v: *v })
    };
    // Most rows have a sample at nearly every step.
    let mut samples = Vec::with_capacity(row.floats.len());
    samples.extend(row.floats.iter().enumerate().filter_map(sample));
    if samples.len() < samples.capacity() / 2 {
        samples.shrink_to_fit();
    }
    let histogram = |(i, h)| HistogramSample { t_ms: steps.at(i), h };
    let histograms = row.histograms.into_iter().map(histogram).collect();
    PointSeries { labels: row.labels, samples, histograms }
}
