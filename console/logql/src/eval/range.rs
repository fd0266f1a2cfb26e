//! Range aggregations: one scan collects the samples of every series, then each step looks at its window
//! `(t - range, t]`.

use std::{collections::HashMap, ops::ControlFlow};

use console_model::{Labels, MatchOp, log::Direction};
use console_storage::{SourceError, logs::LogReader};

use super::{LeafSeries, Steps, functions};
use crate::{
    ast::*,
    budget::Budget,
    labels::{ERROR, LabelSet},
    units::{parse_bytes, parse_duration, parse_number},
};

const UNWRAP_ERROR: &str = "SampleExtractionErr";

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
    let (Some(first), Some(last)) = (steps.times.first(), steps.times.last()) else { return Ok(Vec::new()) };
    let from = first.saturating_sub(range.offset_ns).saturating_sub(range.range_ns).saturating_add(1);
    let to = last.saturating_sub(range.offset_ns).saturating_add(1);
    let series = collect(range, grouping, reader, from, to, budget)?;
    if range.function == RangeFunction::AbsentOverTime {
        return Ok(absent(range, &series, steps));
    }
    let mut out = Vec::with_capacity(series.len());
    for (labels, points) in series {
        budget.time()?;
        out.push((labels, windows(range, &points, steps)));
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

fn windows(range: &RangeAggregation, points: &[Point], steps: &Steps) -> Vec<Option<f64>> {
    let (mut lo, mut hi) = (0, 0);
    let mut scratch = Vec::new();
    steps
        .times
        .iter()
        .map(|t| {
            let end = t - range.offset_ns;
            let start = end - range.range_ns;
            while points.get(hi).is_some_and(|p| p.0 <= end) {
                hi += 1;
            }
            while points.get(lo).is_some_and(|p| p.0 <= start) {
                lo += 1;
            }
            let window = &points[lo.min(hi)..hi];
            (!window.is_empty()).then(|| functions::over_window(range, window, (start, end), &mut scratch))
        })
        .collect()
}

fn collect(
    range: &RangeAggregation,
    grouping: Option<&Grouping>,
    reader: &dyn LogReader,
    from: i64,
    to: i64,
    budget: &Budget,
) -> Result<Vec<(Labels, Vec<Point>)>, SourceError> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut series: Vec<(Labels, Vec<Point>)> = Vec::new();
    let mut total = 0;
    let mut failure = None;
    let log = &range.log;
    reader.scan(&log.matchers, from, to, Direction::Forward, &log.hints(), &mut |stream, entry| {
        let mut one = || -> Result<(), SourceError> {
            budget.line(entry.line.len())?;
            let Some((line, mut labels)) = log.run(stream, entry) else { return Ok(()) };
            let Some(value) = sample(range, &line, &mut labels) else { return Ok(()) };
            let key = series_labels(range, grouping, &mut labels)?;
            let place = match places.get(&key) {
                Some(place) => *place,
                None => {
                    budget.series(series.len() + 1)?;
                    places.insert(key.clone(), series.len());
                    series.push((key, Vec::new()));
                    series.len() - 1
                }
            };
            total += 1;
            budget.samples(total)?;
            series[place].1.push((entry.t_ns, value));
            Ok(())
        };
        match one() {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => {
                failure = Some(e);
                ControlFlow::Break(())
            }
        }
    })?;
    failure.map_or(Ok(series), Err)
}

/// The value of a line; `None`: the line is no sample.
fn sample(range: &RangeAggregation, line: &str, labels: &mut LabelSet) -> Option<f64> {
    let Some(unwrap) = &range.unwrap else {
        return Some(match range.function {
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

/// The labels of the sample's series; an error that no filter removed fails the query.
fn series_labels(
    range: &RangeAggregation,
    grouping: Option<&Grouping>,
    labels: &mut LabelSet,
) -> Result<Labels, SourceError> {
    if let Some(error) = labels.get(ERROR).filter(|e| !e.is_empty()) {
        return Err(SourceError::Execution(format!(
            "pipeline error: '{error}' for series: '{}'.\nUse a label filter to intentionally skip this error. (e.g | \
             __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")",
            labels.finish()
        )));
    }
    if let Some(unwrap) = &range.unwrap {
        labels.remove(&unwrap.label);
    }
    let all = labels.finish();
    Ok(match grouping {
        None => all,
        Some(g) => all.filter(|name| g.labels.iter().any(|l| l == name) != g.without),
    })
}

/// One series, with a 1 at every step whose window is empty; its labels are those the selector fixes.
fn absent(range: &RangeAggregation, series: &[(Labels, Vec<Point>)], steps: &Steps) -> LeafSeries {
    let mut times: Vec<Point> = series.iter().flat_map(|(_, points)| points.iter().copied()).collect();
    times.sort_by_key(|p| p.0);
    let present = windows(range, &times, steps);
    let matchers = &range.log.matchers;
    let fixed = matchers.iter().filter(|m| {
        m.op == MatchOp::Equal && matchers.iter().filter(|other| other.name == m.name).count() == 1
    });
    let labels = Labels::from_pairs(fixed.map(|m| (&m.name, &m.value)));
    let values = present.iter().map(|p| if p.is_none() { Some(1.0) } else { None }).collect();
    vec![(labels, values)]
}
