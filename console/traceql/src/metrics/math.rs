//! Arithmetic of series, the highest and lowest of them, and thresholds.

use std::collections::HashMap;

use console_model::span::AttributeValue;
use console_storage::trace_query::{SpanExemplar, SpanSeries};

use super::grid::Grid;
use crate::{
    ast::{Op, Rank},
    value::{arithmetic, compare_numbers},
};

/// One value an interval; no number where there is no point.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: Vec<(String, AttributeValue)>,
    pub values: Vec<f64>,
    pub exemplars: Vec<SpanExemplar>,
}

pub enum Operand {
    Number(f64),
    Series(Vec<Series>),
}

impl Series {
    /// The labels as text, to be ordered and found by.
    pub fn key(&self) -> String {
        let mut parts: Vec<String> =
            self.labels.iter().filter(|(n, _)| n != "__name__").map(|(n, v)| format!("{n}={v:?}")).collect();
        parts.sort();
        parts.join(",")
    }

    /// None without a point.
    pub fn told(self, grid: &Grid) -> Option<SpanSeries> {
        let points = self.values.iter().enumerate().filter(|(_, v)| !v.is_nan());
        let samples: Vec<(i64, f64)> = points.map(|(i, v)| (grid.timestamp_ms(i), *v)).collect();
        let Self { labels, exemplars, .. } = self;
        (!samples.is_empty()).then_some(SpanSeries { labels, samples, exemplars })
    }
}

/// Series meet by their labels; one without labels meets all. A missing point counts as 0, and what has no partner is
/// left out. Division by zero has no point.
pub fn binary(op: Op, left: Operand, right: Operand) -> Operand {
    let number = |n: f64| if n.is_nan() { 0.0 } else { n };
    let combine = |l: f64, r: f64| {
        let out = arithmetic(op, number(l), number(r)).unwrap_or(f64::NAN);
        if out.is_finite() { out } else { f64::NAN }
    };
    let each = |mut series: Vec<Series>, f: &dyn Fn(f64) -> f64| {
        for v in series.iter_mut().flat_map(|s| &mut s.values) {
            *v = f(*v);
        }
        Operand::Series(series)
    };
    match (left, right) {
        (Operand::Number(l), Operand::Number(r)) => Operand::Number(combine(l, r)),
        (Operand::Series(l), Operand::Number(r)) => each(l, &|v| combine(v, r)),
        (Operand::Number(l), Operand::Series(r)) => each(r, &|v| combine(l, v)),
        (Operand::Series(l), Operand::Series(r)) => Operand::Series(meet(l, r, combine)),
    }
}

fn meet(left: Vec<Series>, right: Vec<Series>, combine: impl Fn(f64, f64) -> f64) -> Vec<Series> {
    let by_key = |list: &[Series]| -> HashMap<String, usize> {
        list.iter().enumerate().map(|(i, s)| (s.key(), i)).collect()
    };
    let (lefts, rights) = (by_key(&left), by_key(&right));
    // The side whose series have labels leads; the other may have one without, for all.
    let left_leads = !lefts.contains_key("") || rights.contains_key("");
    let (leading, partners) = if left_leads { (&left, &rights) } else { (&right, &lefts) };
    let mut out = Vec::new();
    for series in leading {
        let Some(partner) = partners.get(&series.key()).or_else(|| partners.get("")) else { continue };
        let (l, r) = if left_leads { (series, &right[*partner]) } else { (&left[*partner], series) };
        let values = l.values.iter().zip(&r.values).map(|(a, b)| combine(*a, *b)).collect();
        let mut exemplars = l.exemplars.clone();
        exemplars.extend(r.exemplars.iter().copied());
        out.push(Series { labels: series.labels.clone(), values, exemplars });
    }
    out
}

/// In each interval by itself; of equal ones the first by labels.
pub fn top_k(of: Operand, order: Rank, k: usize) -> Operand {
    let Operand::Series(mut series) = of else { return of };
    series.sort_by_cached_key(Series::key);
    let intervals = series.iter().map(|s| s.values.len()).max().unwrap_or(0);
    for interval in 0..intervals {
        let mut ranked: Vec<usize> =
            (0..series.len()).filter(|i| !series[*i].values[interval].is_nan()).collect();
        ranked.sort_by(|a, b| {
            let ascending = series[*a].values[interval].total_cmp(&series[*b].values[interval]);
            if order == Rank::Top { ascending.reverse() } else { ascending }
        });
        for i in ranked.into_iter().skip(k) {
            series[i].values[interval] = f64::NAN;
        }
    }
    Operand::Series(series)
}

pub fn filter(of: Operand, op: Op, than: f64) -> Operand {
    let Operand::Series(mut series) = of else { return of };
    for v in series.iter_mut().flat_map(|s| &mut s.values) {
        if v.is_nan() || !compare_numbers(op, *v, than) {
            *v = f64::NAN;
        }
    }
    Operand::Series(series)
}
